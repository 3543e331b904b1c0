"""From the queue's thread to the window's: updates as signals, at most ten times a second."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from desktop.jobs.batches import Batch
from desktop.jobs.events import Failed
from desktop.jobs.job import AnyJob
from desktop.jobs.rows import NO_ROW, Row, Update

if TYPE_CHECKING:
    from desktop.jobs.queue import Queue
    from desktop.ui.clustering import Clustering

PERIOD_MS = 100
"""Updates are gathered for as long as this; the first one after a pause passes at once."""


class QueueBridge(QObject):
    """The queue as the window sees it. Methods are called, and signals arrive, in the window's thread.

    Attributes:
        cluster: the other computers' part in it.

    Signals:
        rows_changed: list of the rows that changed (the newest state of each).
        removed: number of a job that left the history.
        batch_changed: a batch as it is now.
        holds_changed: who keeps the queue from beginning jobs, and why; empty when nobody does.
        heard: number of a job and what its run said (no event is left out).
    """

    rows_changed = Signal(list)
    removed = Signal(int)
    batch_changed = Signal(object)
    holds_changed = Signal(dict)
    heard = Signal(int, object)
    _woken = Signal()

    def __init__(self, queue: Queue, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.queue = queue
        self.cluster: Clustering | None = None
        self._lock = threading.Lock()
        self._waiting: list[Update] = []
        self._timer = QTimer(self, singleShot=True, interval=PERIOD_MS)
        self._timer.timeout.connect(self._flush)
        self._woken.connect(self._wake)
        self._unsubscribe = queue.subscribe(self._receive)

    def submit(self, job: AnyJob, *, priority: int = 0) -> int:
        """Queue a job; raises UserError when the queue cannot be written."""
        return self.queue.submit(job, priority=priority)

    def close(self) -> None:
        """Hear no more."""
        self._unsubscribe()
        self._timer.stop()

    def _receive(self, update: Update) -> None:
        with self._lock:
            self._waiting.append(update)
            first = len(self._waiting) == 1
        if first:
            self._woken.emit()

    def _wake(self) -> None:
        if not self._timer.isActive():
            self._flush()

    def _flush(self) -> None:
        with self._lock:
            updates, self._waiting = self._waiting, []
        if not updates:
            return
        self._timer.start()
        newest: dict[int, Row] = {}
        batches: dict[int, Batch] = {}
        holds = next((update.holds for update in reversed(updates) if update.holds is not None), None)
        for update in updates:
            if update.batch is not None:
                batches[update.batch.id] = update.batch
            if update.row is NO_ROW:
                continue
            if update.removed:
                newest.pop(update.row.id, None)
                self.removed.emit(update.row.id)
                continue
            newest[update.row.id] = update.row
            if update.event is not None:
                self.heard.emit(update.row.id, update.event)
        if newest:
            self.rows_changed.emit(list(newest.values()))
        for batch in batches.values():
            self.batch_changed.emit(batch)
        if holds is not None:
            self.holds_changed.emit(holds)


def failure(row: Row) -> Failed:
    """Why a job failed, in the worst case in general words."""
    return row.error or Failed(f"{row.job.title} did not finish", remedy="Try again.")
