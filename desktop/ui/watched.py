"""A job of the queue that a page started, or found there, and follows to its end."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Signal

from desktop.jobs.events import Logged, Previewed
from desktop.jobs.job import AnyJob
from desktop.jobs.rows import Row
from desktop.jobs.states import State
from desktop.ui.bridge import QueueBridge, failure


class Watched(QObject):
    """See the module's docstring.

    Attributes:
        row: the job as it is now; None before one was started.

    Signals:
        changed: its state or progress.
        done: its row, which has a result.
        failed: its row, and why.
        previewed: part of its result as it comes (Previewed).
        logged: a line of its log (Logged).
    """

    changed = Signal()
    done = Signal(object)
    failed = Signal(object, object)
    previewed = Signal(object)
    logged = Signal(object)

    def __init__(self, bridge: QueueBridge, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self.row: Row | None = None
        bridge.rows_changed.connect(self._rows_changed)
        bridge.heard.connect(self._heard)

    @property
    def going(self) -> bool:
        """Whether it waits, runs or is paused."""
        return self.row is not None and not self.row.state.is_over

    def start(self, job: AnyJob, *, priority: int = 0) -> None:
        """Queue a job and follow it; raises UserError when it cannot be queued."""
        self.follow(self._bridge.queue.row(self._bridge.submit(job, priority=priority)))

    def find(self, is_it: Callable[[AnyJob], bool]) -> None:
        """Follow the newest job of a kind that is not over; none when there is none."""
        rows = [row for row in self._bridge.queue.rows() if not row.state.is_over and is_it(row.job)]
        self.follow(max(rows, key=lambda row: row.id, default=None))

    def follow(self, row: Row | None) -> None:
        """Follow a job, or none."""
        self.row = row
        self.changed.emit()

    def cancel(self) -> None:
        """End it."""
        if self.row is not None and self.going:
            self._bridge.queue.cancel(self.row.id)

    def _rows_changed(self, rows: list[Row]) -> None:
        for row in rows:
            if self.row is None or row.id != self.row.id:
                continue
            was_going, self.row = self.going, row
            self.changed.emit()
            if was_going and row.state is State.DONE:
                self.done.emit(row)
            elif was_going and row.state is State.FAILED:
                self.failed.emit(row, failure(row))

    def _heard(self, number: int, event: object) -> None:
        if self.row is not None and number == self.row.id:
            if isinstance(event, Previewed):
                self.previewed.emit(event)
            elif isinstance(event, Logged):
                self.logged.emit(event)
