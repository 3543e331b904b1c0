"""The guards of the window's queue: what they say, as notes."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Signal

from desktop.jobs.guards.keeper import Keeper, Notice
from desktop.jobs.joblogs import JobLogs
from desktop.jobs.queue import Queue
from desktop.jobs.store import Store
from desktop.ui.notify import Note, Severity
from desktop.ui.prefs import Prefs


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
        queue.subscribe(JobLogs(prefs.now.log_days).heard)
        self._keeper = Keeper(queue, lambda: prefs.now, store=store, tell=self.noticed.emit)

    def show_by(self, say: Callable[[Note], None]) -> None:
        """Show notices with ``say``, those that came already as well."""
        self._say = say
        early, self._early = self._early, []
        for notice in early:
            self._show(notice)

    def close(self) -> None:
        """Watch no more."""
        self._say = None
        self._keeper.close()

    def _show(self, notice: Notice) -> None:
        if self._say is None:
            self._early.append(notice)
            return
        severity = Severity.WARNING if notice.is_warning else Severity.INFO
        actions = [("Call it off", notice.call_off)] if notice.call_off is not None else []
        self._say(Note(severity, notice.text, remedy=notice.remedy, actions=actions))
