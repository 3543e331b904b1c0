"""Jobs that only serve the window: asked for, answered, forgotten."""

from __future__ import annotations

import contextlib

from PySide6.QtCore import QObject, Signal

from desktop.errors import UserError
from desktop.jobs.events import Failed, Previewed
from desktop.jobs.job import AnyJob
from desktop.jobs.rows import Row
from desktop.jobs.states import State
from desktop.ui.bridge import QueueBridge, failure


class Newest(QObject):
    """One job at a time; of what is asked meanwhile only the newest is done afterwards.

    So a slider may ask with every step, and a worker is never interrupted for it.

    Signals:
        answered: a job and what its run returned.
        failed: a job and why it failed.
        previewed: a job and part of its result.
        progressed: row of the job that is being done, with how far it is.
        busy_changed: began or ended to wait for an answer.
    """

    answered = Signal(object, object)
    failed = Signal(object, object)
    previewed = Signal(object, object)
    progressed = Signal(object)
    busy_changed = Signal()

    def __init__(self, bridge: QueueBridge, priority: int, parent: QObject) -> None:
        super().__init__(parent)
        self._bridge, self._priority = bridge, priority
        self._number = 0
        self._left = False
        self._job: AnyJob | None = None
        self._next: AnyJob | None = None
        bridge.rows_changed.connect(self._rows_changed)
        bridge.heard.connect(self._heard)

    @property
    def busy(self) -> bool:
        """Whether an answer is awaited."""
        return self._job is not None

    @property
    def asked(self) -> AnyJob | None:
        """The newest job that is not answered yet."""
        return self._next or self._job

    def ask(self, job: AnyJob) -> None:
        """Do a job, now or right after the one that is being done; the same one is not done twice."""
        if self._job is None:
            self._submit(job)
        elif job == self._job:
            self._next = None
        else:
            self._next = job

    def drop(self) -> None:
        """Wait for nothing any more."""
        self._next = None
        if self._job is not None:
            self._bridge.queue.cancel(self._number)
            self._job, self._number = None, 0
            self.busy_changed.emit()

    def leave(self) -> None:
        """The window closes."""
        self.drop()
        if not self._left:
            self._left = True
            self._bridge.rows_changed.disconnect(self._rows_changed)
            self._bridge.heard.disconnect(self._heard)

    def _submit(self, job: AnyJob) -> None:
        try:
            number = self._bridge.submit(job, priority=self._priority)
        except UserError as error:
            self.failed.emit(job, Failed(error.message, error.path, error.remedy))
            return
        self._job, self._number = job, number
        self.busy_changed.emit()

    def _heard(self, number: int, event: object) -> None:
        if number == self._number and isinstance(event, Previewed):
            self.previewed.emit(self._job, event)

    def _rows_changed(self, rows: list[Row]) -> None:
        for row in rows:
            if row.id == self._number:
                if row.state.is_over:
                    self._ended(row)
                else:
                    self.progressed.emit(row)

    def _ended(self, row: Row) -> None:
        job, self._job, self._number = self._job, None, 0
        with contextlib.suppress(UserError):
            # What only served the window is no history.
            self._bridge.queue.remove(row.id)
        waiting, self._next = self._next, None
        if waiting is not None:
            self._submit(waiting)
        self.busy_changed.emit()
        if row.state is State.DONE:
            self.answered.emit(job, row.result or {})
        elif row.state is State.FAILED:
            self.failed.emit(job, failure(row))
