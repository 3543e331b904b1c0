"""The guards of the window's queue: what they say, as notes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QObject, Signal

from desktop.jobs.guards.keeper import Keeper, Notice
from desktop.jobs.guards.rules import Guard
from desktop.jobs.joblogs import JobLogs
from desktop.jobs.queue import Queue
from desktop.jobs.store import Store
from desktop.ui.notify import Note, Severity
from desktop.ui.prefs import Prefs

OVERRULED = (Guard.BATTERY, Guard.HOURS)
"""Guards that the user may overrule for once; a disk that is full would only make the work fail."""


class Guarding(QObject):
    """Watches over the window's queue from now until ``close``; notices wait until there is someone to show them.

    Signals:
        noticed: a Notice, in the window's thread.
    """

    noticed = Signal(object)

    def __init__(self, queue: Queue, store: Store, prefs: Prefs) -> None:
        super().__init__()
        self._say: Callable[[Note], None] | None = None
        self._early: list[Notice] = []
        self.noticed.connect(self._show)
        self._queue = queue
        queue.subscribe(JobLogs(prefs.now.log_days).heard)
        self._keeper = Keeper(queue, lambda: prefs.now, store=store, tell=self.noticed.emit)

    def show_by(self, say: Callable[[Note], None]) -> None:
        """Show notices with ``say``, those that came already as well."""
        self._say = say
        early, self._early = self._early, []
        for notice in early:
            self._show(notice)

    def overrule(self, guard: str) -> None:
        """Let the work go on although a guard holds it; nothing happens when none of that name does."""
        if guard in self._queue.holds and guard in tuple(Guard):
            self._keeper.overrule(Guard(guard))

    def close(self) -> None:
        """Watch no more."""
        self._say = None
        self._keeper.close()

    def _show(self, notice: Notice) -> None:
        if self._say is None:
            self._early.append(notice)
            return
        severity = Severity.WARNING if notice.is_warning else Severity.INFO
        actions: list[tuple[str, Callable[[], None]]] = []
        if notice.call_off is not None:
            actions.append(("Call it off", notice.call_off))
        if notice.guard in OVERRULED:
            actions.append(("Go on anyway", partial(self.overrule, str(notice.guard))))
        self._say(Note(severity, notice.text, remedy=notice.remedy, actions=actions))
