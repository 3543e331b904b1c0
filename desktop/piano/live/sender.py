"""The thread that sends a cover's messages when they are due, whatever the window is busy with."""

from __future__ import annotations

import atexit
import sys
import threading
import time
from collections.abc import Callable
from time import perf_counter

from desktop.piano.live.course import Course
from desktop.piano.live.links import Outlet
from desktop.piano.live.schedule import HANDS, Bytes, Schedule

SWITCH_S = 0.001
"""How long other threads may keep the interpreter once a message is due; Python's own 5 ms can be heard."""
SLEEP_S = 0.02
"""The last stretch before a message is slept, not waited: on some systems waiting for a lock is coarse, sleeping is not."""
END_S = 2.0
"""Seconds that the program waits at its end for a port that hangs."""


class Sender:
    """Sends to an Outlet what a Course says is due.

    ``played``, ``heard`` and ``stop`` say what the player does. Whatever ends playing, keys and pedal are let go; also when the
    program ends. Only the thread sends, and it holds no lock meanwhile: a port that does not take what it gets, as some do
    that hang, holds up nobody else.
    """

    def __init__(self, outlet: Outlet, clock: Callable[[], float] = perf_counter) -> None:
        self.outlet = outlet
        self._clock = clock
        self._course = Course()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._letting_go = False

    @property
    def running(self) -> bool:
        """Whether anything was played since the last stop."""
        return self._course.running

    def set_schedule(self, schedule: Schedule | None) -> None:
        """Play other messages from now on."""
        with self._changed:
            self._course.set_schedule(schedule)
            self._changed.notify()

    def set_latency(self, seconds: float) -> None:
        """Send later, or earlier when negative, than the sound of the computer is heard."""
        with self._changed:
            self._course.latency = seconds
            self._changed.notify()

    def played(self, first: float, last: float, speed: float = 1.0, ahead: float = 0.0) -> None:
        """The player has mixed seconds ``first``..``last`` of the song, to be heard after what it has mixed before.

        ``ahead``: real seconds until it is heard, which only counts for the first block after a stop.
        """
        with self._changed:
            if self._closed:
                return
            self._course.add(first, last, speed, self._clock() + ahead)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="midi-out", daemon=True)
                sys.setswitchinterval(min(SWITCH_S, sys.getswitchinterval()))
                self._thread.start()
                atexit.register(self.close)
            self._changed.notify()

    def heard(self, second: float) -> None:
        """Second of the song that is heard now."""
        with self._changed:
            self._course.heard(second, self._clock())
            self._changed.notify()

    def stop(self) -> None:
        """Playing stops, or goes on elsewhere."""
        with self._changed:
            self._course.stop()
            self._letting_go = True
            self._changed.notify()

    def close(self) -> None:
        """Let go of keys and pedal, and end the thread."""
        self.stop()
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(END_S)
            atexit.unregister(self.close)

    def _run(self) -> None:
        while True:
            with self._changed:
                due = self._due()
                if not due:
                    if self._closed:
                        return
                    left = self._left()
                    if left is None or left > SLEEP_S:
                        self._changed.wait(None if left is None else left - SLEEP_S / 2)
                        continue
            if due:
                self._send(due)
            elif left is not None and left > 0:
                time.sleep(left)

    def _due(self) -> list[Bytes | None]:
        """What is to be sent now; None to let go."""
        if self._letting_go:
            self._letting_go = False
            return [None]
        return [data for _, data in self._course.due(self._clock())]

    def _left(self) -> float | None:
        """Seconds until the next message; None when there is none."""
        due = self._course.next()
        return None if due is None else due - self._clock()

    def _send(self, messages: list[Bytes | None]) -> None:
        for data in messages:
            if data is None:
                self.outlet.release(HANDS)
            else:
                self.outlet.send((data,))
