"""Jobs on this computer: a worker process for each slot, kept warm between jobs, replaced when it died, released when idle."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures import wait as wait_for
from dataclasses import dataclass
from functools import partial
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Any

from desktop.jobs.events import Done, Failed
from desktop.jobs.executor import JobExecutor, JobFuture, Listen, Task
from desktop.jobs.executors import Slot, local_slots
from desktop.jobs.failures import failure
from desktop.jobs.job import AnyJob
from desktop.jobs.messages import AnyReply, Begun
from desktop.jobs.process import Outcome, WorkerProcess

IDLE_S = 180.0
PING_EVERY_S = 2.0
SILENT_AFTER_S = 10.0
_LEAVE_S = 1.0
_DIE_S = 5.0


class LocalFuture(JobFuture):
    """A job that waits for a slot of this computer or has a worker in one.

    Attributes:
        task: what is to be run.
        listen: who is told what is heard of it.
        was_warm: its worker had done other jobs before.
        has_begun: its worker has taken it up.
    """

    def __init__(self, task: Task, listen: Listen) -> None:
        super().__init__()
        self.task = task
        self.listen = listen
        self.was_warm = self.has_begun = False
        self._worker: WorkerProcess | None = None
        self._asked: list[Callable[[WorkerProcess], None]] = []
        self._is_to_end = False
        self._pinged_at = 0.0
        self._lock = threading.RLock()

    def cancel_job(self) -> None:
        self._end_by(WorkerProcess.cancel)

    def pause(self) -> None:
        self._ask(WorkerProcess.pause)

    def resume(self) -> None:
        self._ask(WorkerProcess.resume)

    def kill(self) -> None:
        self._end_by(WorkerProcess.kill)

    def take(self) -> bool:
        """Leave the line for a slot; False when the job is over already."""
        with self._lock:
            return not self.done() and self.set_running_or_notify_cancel()

    def start(self, worker: WorkerProcess, *, warm: bool) -> None:
        """Let an idle worker do the job."""
        with self._lock:
            self._worker, self.was_warm = worker, warm
            self.place, self.worker_pid, self._pinged_at = worker.slot.name, worker.pid, monotonic()
            worker.start(self.task.job, self.task.runner, self.task.scratch)
            for request in self._asked:
                request(worker)

    def lose(self) -> bool:
        """The worker has died; returns whether another one can do the job, as it had not reached this one."""
        with self._lock:
            self._worker = None
            return self.was_warm and not self.has_begun and not self._is_to_end

    def look_after(self) -> bool:
        worker = self._worker
        if worker is None:
            return False
        now, since = monotonic(), worker.waiting_since
        if since is None and now - self._pinged_at > PING_EVERY_S:
            self._pinged_at = now
            worker.ping()
        silent = since is not None and now - since > SILENT_AFTER_S
        changed, self.is_silent = silent != self.is_silent, silent
        return changed

    def _ask(self, request: Callable[[WorkerProcess], None]) -> None:
        with self._lock:
            self._asked.append(request)
            if self._worker is not None:
                request(self._worker)

    def _end_by(self, request: Callable[[WorkerProcess], None]) -> None:
        with self._lock:
            self._is_to_end = True
            if not self.running():
                self.end(Failed("Cancelled", cancelled=True))
            else:
                self._ask(request)


@dataclass
class _Place:
    """A slot, the worker in it and the job that the worker has; ``since`` is when it became idle."""

    slot: Slot
    worker: WorkerProcess | None = None
    future: LocalFuture | None = None
    since: float = 0.0


class LocalExecutor(JobExecutor):
    """Runs jobs in worker processes of this computer; those that find no slot wait in line.

    Args:
        slots: where workers may run; one CPU worker and the GPUs when None.
        idle_s: seconds after which an idle worker is released.
    """

    def __init__(self, slots: Sequence[Slot] | None = None, *, idle_s: float = IDLE_S) -> None:
        self.name = "this computer"
        self._places = [_Place(slot) for slot in (local_slots() if slots is None else slots)]
        self._gpus = any(place.slot.device == "cuda" for place in self._places)
        self._idle_s = idle_s
        self._waiting: list[LocalFuture] = []
        self._lock = threading.RLock()
        self._closed = False
        # Linux ends a worker with the thread that started it: all are started on one that stays until they have gone.
        self._inbox: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._thread = threading.Thread(target=self._loop, name="local-executor", daemon=True)
        self._thread.start()

    @property
    def slots(self) -> tuple[Slot, ...]:
        """Where workers may run."""
        return tuple(place.slot for place in self._places)

    def room_for(self, job: AnyJob, priority: int) -> bool:
        with self._lock:
            return not self._closed and self._free_for(job, priority) is not None

    def submit(self, perform: Any, task: Task, listen: Listen) -> LocalFuture:  # type: ignore[override]  # noqa: ARG002 - workers have their own
        """As in JobExecutor. Where there is room, a worker is there on return; raises UserError when none can be started."""
        future = LocalFuture(task, listen)
        with self._lock:
            if self._closed:
                raise RuntimeError("cannot schedule new futures after shutdown")
            place = self._free_for(task.job, task.priority)
            if place is None:
                self._waiting.append(future)
                return future
            self._seat(place, future)
            if place.worker is not None:
                return future
        started: Future[None] = Future()
        self._inbox.put(partial(self._spawn, place, future, started))
        started.result()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the workers as soon as their jobs and those in line are over, or with ``cancel_futures`` cancelled."""
        with self._lock:
            self._closed = True
            futures = [place.future for place in self._places if place.future is not None] + self._waiting
        if cancel_futures:
            for future in futures:
                future.cancel_job()
        self._inbox.put(_nothing)
        if wait:
            wait_for(futures)
            self._thread.join()

    # With the lock.

    def _free_for(self, job: AnyJob, priority: int) -> _Place | None:
        free = (place for place in self._places if place.future is None)
        return next((place for place in free if place.slot.suits(job, priority, gpus=self._gpus)), None)

    def _seat(self, place: _Place, future: LocalFuture) -> bool:
        """Give a slot to a job that is not over; an idle worker begins with it at once."""
        if not future.take():
            return False
        place.future = future
        if place.worker is not None and not place.worker.is_alive:
            place.worker = None
        if place.worker is not None:
            future.start(place.worker, warm=True)
        return True

    def _fill(self) -> None:
        """Give free slots to jobs that wait."""
        for future in list(self._waiting):
            place = self._free_for(future.task.job, future.task.priority)
            if place is None and not future.done():
                continue
            self._waiting.remove(future)
            if place is not None and self._seat(place, future) and place.worker is None:
                self._inbox.put(partial(self._spawn, place, future))

    # On the executor's thread.

    def _loop(self) -> None:
        while not self._is_over():
            with contextlib.suppress(Empty):
                self._inbox.get(timeout=self._idle_s / 2)()
            self._release_idle()
        workers = [place.worker for place in self._places if place.worker is not None]
        for worker in workers:
            worker.release()
        for worker in workers:
            if not worker.join(_LEAVE_S):
                worker.kill()
                worker.join(_DIE_S)

    def _is_over(self) -> bool:
        with self._lock:
            if self._closed:
                self._fill()
            return self._closed and not self._waiting and all(place.future is None for place in self._places)

    def _release_idle(self) -> None:
        with self._lock:
            for place in self._places:
                if place.worker is not None and place.future is None and monotonic() - place.since > self._idle_s:
                    place.worker.release()
                    place.worker = None

    def _spawn(self, place: _Place, future: LocalFuture, started: Future[None] | None = None) -> None:
        """Start a worker in a slot for the job that has it; what goes wrong goes to ``started``, else it is the job's end."""
        try:
            # What the worker says at once is heard after this.
            with self._lock:
                place.worker = WorkerProcess(partial(self._hear, place), place.slot)
                future.start(place.worker, warm=False)
        except Exception as error:
            with self._lock:
                place.future = None
                self._fill()
            if started is not None:
                started.set_exception(error)
            else:
                future.end(failure(error))
            return
        if started is not None:
            started.set_result(None)

    # On the threads of the workers.

    def _hear(self, place: _Place, worker: WorkerProcess, reply: AnyReply | Outcome) -> None:
        with self._lock:
            if place.worker is not worker:
                return
            future = place.future
            if isinstance(reply, Outcome):
                place.worker = None
            if future is None:
                return
            if isinstance(reply, Begun):
                future.has_begun = True
            elif isinstance(reply, Outcome) and future.lose():
                self._inbox.put(partial(self._spawn, place, future))
                return
            elif isinstance(reply, Done | Failed | Outcome):
                place.future, place.since = None, monotonic()
                self._fill()
        if isinstance(reply, Done | Failed | Outcome):
            future.end(reply)
            if self._closed:
                self._inbox.put(_nothing)
        else:
            future.listen(future, reply)


def _nothing() -> None:
    """Only wakes the executor's thread."""
