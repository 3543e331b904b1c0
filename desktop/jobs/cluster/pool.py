"""The slots of a node, with a warm worker in each."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from queue import SimpleQueue
from time import monotonic

from desktop.jobs.executors import Slot
from desktop.jobs.job import AnyJob
from desktop.jobs.messages import AnyReply
from desktop.jobs.process import Outcome, WorkerProcess

_LOOK_S = 0.5


class Unwanted(Exception):
    """Nobody waits for the job any more: it was taken back, or its client or the scheduler has gone."""


class Seat:
    """One slot.

    Attributes:
        slot: where its worker runs.
        inbox: what its worker says.
        title: the job it has at the moment, "" for none.
        since: when it became free.
    """

    def __init__(self, slot: Slot) -> None:
        self.slot = slot
        self.inbox: SimpleQueue[AnyReply | Outcome] = SimpleQueue()
        self.title = ""
        self.since = 0.0
        self._worker: WorkerProcess | None = None

    def worker(self) -> tuple[WorkerProcess, bool]:
        """A worker that is idle, and whether it is a warm one; raises UserError when none can be started."""
        if self._worker is not None and self._worker.is_alive:
            return self._worker, True
        # A queue of its own: what the last one still says is not mistaken for it.
        inbox = self.inbox = SimpleQueue()
        self._worker = WorkerProcess(lambda _, reply: inbox.put(reply), self.slot)
        return self._worker, False

    def kill(self) -> None:
        """End the worker."""
        if self._worker is not None:
            self._worker.kill()
            self._worker.join(2.0)
            self._worker = None

    def release(self) -> None:
        """Let the idle worker go, which gives its memory back."""
        if self._worker is not None:
            self._worker.release()
            self._worker = None

    @property
    def pid(self) -> int:
        """The worker's process number, 0 for none."""
        return self._worker.pid if self._worker is not None else 0


class Pool:
    """All seats of a node; each is taken by one job at a time."""

    def __init__(self, slots: Sequence[Slot]) -> None:
        self.seats = [Seat(slot) for slot in slots]
        self._free = list(self.seats)
        self._changed = threading.Condition()

    @property
    def gpus(self) -> int:
        """Slots with a GPU."""
        return sum(seat.slot.device == "cuda" for seat in self.seats)

    @contextlib.contextmanager
    def seat(self, job: AnyJob, title: str, priority: int, is_unwanted: Callable[[], bool]) -> Iterator[Seat]:
        """A seat for ``job``, waited for; raises Unwanted."""
        with self._changed:
            while (seat := self._suiting(job, priority)) is None:
                self._changed.wait(_LOOK_S)
                if is_unwanted():
                    raise Unwanted
            self._free.remove(seat)
        seat.title = title
        try:
            yield seat
        finally:
            seat.title, seat.since = "", monotonic()
            with self._changed:
                # In the order of the slots, so that GPUs come first.
                self._free = [one for one in self.seats if one in self._free or one is seat]
                self._changed.notify_all()

    def release_idle(self, seconds: float) -> None:
        """Let the workers go that have had nothing to do for so long."""
        with self._changed:
            for seat in self._free:
                if monotonic() - seat.since > seconds:
                    seat.release()

    def close(self) -> None:
        """End all workers."""
        for seat in self.seats:
            seat.kill()

    def _suiting(self, job: AnyJob, priority: int) -> Seat | None:
        return next((seat for seat in self._free if seat.slot.suits(job, priority, gpus=self.gpus > 0)), None)
