"""What callers ask of the queue about batches, and how the queue tells of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import partial
from queue import SimpleQueue

from desktop.jobs.batch_news import BatchNews
from desktop.jobs.batches import Batch, BatchSpec
from desktop.jobs.job import AnyJob
from desktop.jobs.rows import NO_ROW, Owner, Row, Update
from desktop.jobs.scratch import remove_scratch, scratch_numbers
from desktop.jobs.states import State
from desktop.jobs.store import Store

_MOST_ACTIVE = 10_000


class BatchCalls(ABC):
    """The part of the queue that has to do with many jobs at once and with their order; to be called from any thread."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._me = Owner.me()
        self._inbox: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._watched: dict[int, Row] = {}
        self._look = True
        self._batches = BatchNews(store, self._tell)

    def submit_batch(self, spec: BatchSpec, jobs: Sequence[AnyJob], *, priority: int = 0, skipped: int = 0) -> int:
        """Queue many jobs together, in their order; returns the batch's number. ``skipped`` were done before.

        Of its jobs only those that begin are told one by one.
        """
        batch = self._store.add_batch(spec, jobs, self._me, priority, skipped)
        self._inbox.put(partial(self._batch_changed, batch))
        return batch

    def extend_batch(self, batch: int, jobs: Sequence[AnyJob], *, priority: int = 0) -> list[int]:
        """Queue more jobs of a batch; returns their numbers."""
        added = self._store.extend_batch(batch, jobs, self._me, priority)
        self._inbox.put(partial(self._batch_changed, batch))
        return added

    def cancel_batch(self, batch: int) -> None:
        """Cancel what waits and what runs of a batch; nothing happens when it is over already."""
        self._store.cancel_queued(batch, str(State.CANCELLED).capitalize())
        self._store.pause_batch(batch, False)
        self._ask_batch(batch, "cancel")

    def pause_batch(self, batch: int) -> None:
        """Let what runs of a batch stand still, and begin no more of it until it is resumed, in whatever process."""
        self._store.pause_batch(batch, True)
        self._ask_batch(batch, "pause")

    def resume_batch(self, batch: int) -> None:
        """Let a paused batch go on."""
        self._store.pause_batch(batch, False)
        self._ask_batch(batch, "resume")

    def retry_batch(self, batch: int, jobs: Sequence[int] | None = None) -> int:
        """Queue what failed, was interrupted or not begun after an error again, or those of ``jobs``; returns how many."""
        again = self._store.retry_failed(batch, self._me, jobs)
        self._inbox.put(partial(self._batch_changed, batch))
        return len(again)

    def put(self, *, first: bool, batch: int = 0, job: int = 0) -> None:
        """Let what waits of a batch, or one job, begin before or after the others that wait."""
        self._store.put(first=first, batch=batch, job=job)
        self._inbox.put(partial(self._batch_changed, batch) if batch else partial(self._ranked, job))

    def remove_jobs(self, jobs: Sequence[int]) -> None:
        """Remove many jobs from the history; those at work stay."""
        gone = self._store.delete_jobs(jobs)
        for number in scratch_numbers().intersection(row.id for row in gone):
            remove_scratch(number)
        self._inbox.put(partial(self._removed, gone))

    def remove_batch(self, batch: int) -> None:
        """Remove a batch and its jobs from the history; raises UserError while one of them runs."""
        before = self._store.batch(batch)
        gone = self._store.delete_batch(batch)
        for number in scratch_numbers().intersection(gone):
            remove_scratch(number)
        self._inbox.put(partial(self._batch_removed, before, gone))

    def batches(self) -> list[Batch]:
        """The newest batches, newest first."""
        return self._store.batches()

    def batch(self, number: int) -> Batch:
        """One batch; raises UserError when there is none with that number."""
        return self._store.batch(number)

    # On the queue's thread from here on, but for ``_ask_batch``.

    def _ask_batch(self, batch: int, request: str) -> None:
        active = self._store.page(batch=batch, states=(State.RUNNING, State.PAUSED), limit=_MOST_ACTIVE)
        for row in active:
            self._inbox.put(partial(self._request, row.id, request))
        self._inbox.put(partial(self._batch_changed, batch))

    def _batch_changed(self, batch: int) -> None:
        self._look = True
        for number in [number for number, row in self._watched.items() if row.batch == batch and row.state is State.QUEUED]:
            self._tell(Update(self._store.row(number)))
        self._batches.changed(batch, at_once=True)

    def _ranked(self, job: int) -> None:
        self._look = True
        self._tell(Update(self._store.row(job)))

    def _removed(self, gone: Sequence[Row]) -> None:
        for row in gone:
            self._tell(Update(row, removed=True))

    def _batch_removed(self, batch: Batch, gone: Sequence[int]) -> None:
        for number in self._watched.keys() & set(gone):
            self._tell(Update(self._watched[number], removed=True))
        self._batches.forget(batch.id)
        self._tell(Update(NO_ROW, removed=True, batch=batch))

    @abstractmethod
    def _request(self, number: int, request: str) -> None:
        """Do to a job what was asked."""

    @abstractmethod
    def _tell(self, update: Update) -> None:
        """Let every listener know."""
