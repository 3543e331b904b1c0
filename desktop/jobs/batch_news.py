"""What the queue tells of batches: their sums, not too often, however many jobs they have."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

from desktop.errors import UserError
from desktop.jobs.batch_store import BatchStore
from desktop.jobs.batches import Batch
from desktop.jobs.rows import NO_ROW, Update

EVERY_S = 0.25
"""Seconds between two updates of a batch."""


class BatchNews:
    """Collects which batches have changed and tells how they are now; for the queue's thread alone."""

    def __init__(self, store: BatchStore, tell: Callable[[Update], None]) -> None:
        self._store = store
        self._tell = tell
        self._due: dict[int, float] = {}
        self._told: dict[int, Batch] = {}
        self._told_at: dict[int, float] = {}
        self._newest = max(store.batches_after(0), default=0)

    def changed(self, batch: int, *, at_once: bool = False) -> None:
        """Something happened to a batch."""
        soonest = 0.0 if at_once else self._told_at.get(batch, 0.0) + EVERY_S
        self._due[batch] = min(self._due.get(batch, soonest), soonest)

    def look(self) -> None:
        """Another process has written: whatever is unfinished, or was when it was last told, may have changed.

        A batch may begin and end between two looks.
        """
        made = self._store.batches_after(self._newest)
        self._newest = max(made, default=self._newest)
        unfinished = (number for number, told in self._told.items() if not told.is_over)
        for batch in {*made, *self._store.open_batches(), *unfinished}:
            self.changed(batch)

    def tell(self) -> None:
        """Tell of the batches whose time has come, if they differ from what was told before."""
        now = monotonic()
        for number in [number for number, due in self._due.items() if due <= now]:
            del self._due[number]
            try:
                batch = self._store.batch(number)
            except UserError:
                self._told.pop(number, None)
                continue
            self._told_at[number] = now
            if batch != self._told.get(number):
                self._told[number] = batch
                self._tell(Update(NO_ROW, removed=True, batch=batch))

    def forget(self, batch: int) -> None:
        """A batch has left the history."""
        for known in (self._due, self._told, self._told_at):
            known.pop(batch, None)
