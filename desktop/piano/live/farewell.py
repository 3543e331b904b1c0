"""Keys are let go when the system ends the program: a sound module that hears nothing more would hold them for ever.

Nothing can be done against SIGKILL, nor when native code crashes.
"""

from __future__ import annotations

import os
import signal
import threading
import weakref
from types import FrameType

from desktop.piano.live.links import Outlet

ENDINGS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name))
_outlets: weakref.WeakSet[Outlet] = weakref.WeakSet()


def let_go_when_ended(outlet: Outlet) -> None:
    """Let go of the outlet's keys when a signal ends the program, which it does after that as it would have done anyway.

    Signals that the program handles are left to it. Only the main thread may set this up; elsewhere nothing happens. Python looks
    after signals between its own steps: a program that does nothing in Python for long, as an idle window, ends that much later.
    """
    _outlets.add(outlet)
    if threading.current_thread() is not threading.main_thread():
        return
    for number in ENDINGS:
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _end)


def end_as_usual(outlet: Outlet) -> None:
    """Nothing is to be let go any more; signals do again what they did when no other outlet is left."""
    _outlets.discard(outlet)
    if not _outlets and threading.current_thread() is threading.main_thread():
        for number in ENDINGS:
            if signal.getsignal(number) is _end:
                signal.signal(number, signal.SIG_DFL)


def _end(number: int, _frame: FrameType | None) -> None:
    for outlet in list(_outlets):
        outlet.release()
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
