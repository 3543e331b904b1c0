"""The queue: jobs in, events out; which executor does which job, and when, is decided here.

One thread owns all of it. Callers put work in from any thread; callbacks come on the queue's thread.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Sequence
from functools import partial
from queue import Empty, SimpleQueue
from time import monotonic

from desktop.errors import UserError
from desktop.jobs.batch_calls import BatchCalls
from desktop.jobs.batches import STOPPED, OnError
from desktop.jobs.database import NotWritten
from desktop.jobs.executor import JobExecutor
from desktop.jobs.executors import local_slots
from desktop.jobs.holds import Holds
from desktop.jobs.job import AnyJob
from desktop.jobs.local import LocalExecutor
from desktop.jobs.recovery import clear_after, recover
from desktop.jobs.rows import NO_ROW, Row, Update
from desktop.jobs.runs import Runs
from desktop.jobs.scratch import remove_scratch
from desktop.jobs.states import State
from desktop.jobs.store import Store

__all__ = ["Queue", "Row", "State", "Update"]

CLOSE_GRACE_S = 1.5
_TICK_S = 0.25
_OWNERS_EVERY_S = 5.0

_log = logging.getLogger(__name__)

Callback = Callable[[Update], None]


def product_runner(job: AnyJob) -> str:
    """The runner that a job's kind names."""
    return job.runner


class Queue(BatchCalls):
    """Runs the jobs of a store.

    Args:
        store: where queue and history are kept; other processes may use it at the same time.
        workers, threads: of this computer, as of ``local_slots``; where there are no ``executors``.
        adopt: also run queued jobs that dead processes left behind.
        runner_of: names the runner of a job.
        executors: who runs jobs, the first choice first; this computer alone when None. ``close`` shuts them down.
    """

    def __init__(
        self,
        store: Store,
        *,
        workers: int = 1,
        threads: int = 0,
        adopt: bool = True,
        runner_of: Callable[[AnyJob], str] = product_runner,
        executors: Sequence[JobExecutor] | None = None,
    ) -> None:
        super().__init__(store)
        self._adopt = adopt
        self._runner_of = runner_of
        self._executors: list[JobExecutor] = []
        self._leaving: list[JobExecutor] = []
        self._callbacks: list[Callback] = []
        self._is_barred = False
        self._runs = Runs(store, self._inbox, self._tell, self._over)
        self._holds = Holds()
        self._closing = False
        self._owners_seen = 0.0
        self._use([LocalExecutor(local_slots(workers, threads=threads))] if executors is None else executors)
        self._thread = threading.Thread(target=self._loop, name="queue", daemon=True)
        self._thread.start()

    # For callers, from any thread.

    def submit(self, job: AnyJob, *, priority: int = 0) -> int:
        """Queue a job; returns its number. A priority above 0 overtakes the others."""
        number = self._store.add(job, self._me, priority)
        self._inbox.put(partial(self._queued, number))
        return number

    def cancel(self, number: int, *, at_once: bool = False) -> None:
        """End a job, or take it out of the queue; nothing happens when it is over already. Another process's job too.

        With ``at_once`` its worker is killed without waiting for the next checkpoint, if it is ours.
        """
        self._inbox.put(partial(self._request, number, "kill" if at_once else "cancel"))

    def pause(self, number: int) -> None:
        """Let a running job stand still at its next checkpoint."""
        self._inbox.put(partial(self._request, number, "pause"))

    def resume(self, number: int) -> None:
        """Let a paused job go on."""
        self._inbox.put(partial(self._request, number, "resume"))

    def retry(self, number: int) -> int:
        """Queue a failed, cancelled or interrupted job again, under its number; raises UserError for any other.

        A queued one whose process died is taken over.
        """
        row = self._store.row(number)
        if row.state.can_retry:
            self._store.requeue(number, self._me)
        elif row.state is not State.QUEUED or not self._store.take_over(row, self._me):
            raise UserError(f"Job {number} is {row.state} and cannot be retried")
        self._inbox.put(partial(self._queued, number))
        return number

    def remove(self, number: int) -> None:
        """Remove a job that no worker has from queue and history; raises UserError for one that runs."""
        row = self._store.row(number)
        self._store.delete(number)
        remove_scratch(number)
        self._inbox.put(partial(self._tell, Update(row, removed=True)))

    def hold(self, source: str, reason: str, *, pause_running: bool = False) -> None:
        """Begin no more jobs until ``source`` releases the queue; with ``pause_running`` those at work stand still too.

        Jobs with a priority above 0, for which somebody waits at the screen, run all the same.
        """
        self._inbox.put(partial(self._hold, source, reason, pause_running))

    def release(self, source: str) -> None:
        """Take back what ``source`` asked for with ``hold``; jobs go on when no other one holds them."""
        self._inbox.put(partial(self._release, source))

    @property
    def holds(self) -> dict[str, str]:
        """Who holds the queue, and why."""
        return self._holds.reasons

    def use(self, executors: Sequence[JobExecutor]) -> None:
        """Let jobs run on other executors from now on; those left out are shut down when their last job is over."""
        self._inbox.put(partial(self._use, executors))

    def rows(self) -> list[Row]:
        """All jobs, by number, as they are at this moment."""
        running = self._runs.rows()
        return [running.get(row.id, row) for row in self._store.rows()]

    def row(self, number: int) -> Row:
        """One job; raises UserError when there is none with that number."""
        return self._runs.rows().get(number) or self._store.row(number)

    def subscribe(self, callback: Callback) -> Callable[[], None]:
        """Call ``callback`` with every update, on the queue's thread; returns what ends that."""
        self._callbacks.append(callback)

        def unsubscribe() -> None:
            if callback in self._callbacks:
                self._callbacks.remove(callback)

        return unsubscribe

    def wait(self, number: int, timeout: float | None = None) -> Row:
        """Block until a job is over (or ``timeout`` seconds have passed) and return it. Not from a callback."""
        deadline = None if timeout is None else monotonic() + timeout
        heard: SimpleQueue[None] = SimpleQueue()
        unsubscribe = self.subscribe(
            # Jobs of a batch that are cancelled or queued again together are not told one by one.
            lambda update: heard.put(None) if update.row.id == number or update.batch is not None else None
        )
        try:
            # The row counts, not the update: one that was told late may be of an earlier try.
            while not (row := self.row(number)).state.is_over and (deadline is None or monotonic() < deadline):
                with contextlib.suppress(Empty):
                    heard.get(timeout=None if deadline is None else max(0.0, deadline - monotonic()))
            return row
        finally:
            unsubscribe()

    def close(self) -> None:
        """End all workers; running jobs become interrupted, queued ones stay queued."""
        self._inbox.put(self._close)
        self._thread.join(CLOSE_GRACE_S + 10.0)

    # On the queue's thread from here on.

    def _loop(self) -> None:
        self._guard(self._recover)
        next_tick = 0.0
        while not (self._closing and not self._runs):
            with contextlib.suppress(Empty):
                self._guard(self._inbox.get(timeout=_TICK_S))
            if monotonic() >= next_tick:
                self._guard(self._tick)
                next_tick = monotonic() + _TICK_S
            if self._look and not self._closing:
                self._guard(self._dispatch)
            self._guard(self._batches.tell)
        self._guard(self._runs.write)
        for executor in (*self._executors, *self._leaving):
            self._guard(executor.shutdown)

    def _guard(self, task: Callable[[], None]) -> None:
        """Nothing that goes wrong with one job or one callback may end the queue."""
        try:
            task()
        except Exception:
            _log.exception("the queue could not do a step")

    def _recover(self) -> None:
        for row in recover(self._store):
            self._tell(Update(row))
        self._compare()

    def _tick(self) -> None:
        self._runs.look_after()
        self._let_go()
        if self._store.changed():
            self._look = True
            for number, request in self._store.take_requests(self._me):
                self._request(number, request)
            self._compare()
        elif monotonic() - self._owners_seen > _OWNERS_EVERY_S and self._has_others():
            self._owners_seen = monotonic()
            for row in self._store.interrupt_dead():
                clear_after(row)
                self._tell(Update(row))
            self._look = self._look or self._adopt

    def _has_others(self) -> bool:
        return any(row.owner != self._me for row in self._watched.values())

    def _compare(self) -> None:
        """Tell what other processes changed."""
        mine = self._runs.rows().keys()
        now = {row.id: row for row in self._store.single_rows()}
        before = dict(self._watched)
        self._batches.look()
        for number, row in now.items():
            if number not in mine and row != before.get(number):
                self._tell(Update(row))
        for number in before.keys() - now.keys() - mine:
            try:
                self._tell(Update(self._store.row(number)))
            except UserError:
                self._tell(Update(before[number], removed=True))

    def _hold(self, source: str, reason: str, pause_running: bool) -> None:
        if not self._holds.add(source, reason, pauses=pause_running):
            return
        if pause_running:
            for run in self._runs:
                if run.row.state is State.RUNNING and run.row.priority <= 0:
                    self._holds.take(run.row.id)
                    run.future.pause()
        else:
            self._go_on()
        self._tell(Update(NO_ROW, removed=True, holds=self.holds))

    def _release(self, source: str) -> None:
        if not self._holds.remove(source):
            return
        self._go_on()
        self._look = True
        self._tell(Update(NO_ROW, removed=True, holds=self.holds))

    def _go_on(self) -> None:
        """Let what a hold had paused go on, if nobody holds running jobs any more."""
        held = self._holds.give_back()
        for run in self._runs:
            if run.row.id in held:
                run.future.resume()

    def _queued(self, number: int) -> None:
        self._look = True
        self._tell(Update(self._store.row(number)))

    def _request(self, number: int, request: str) -> None:
        run = self._runs.get(number)
        if run is not None:
            self._holds.forget(number)
            self._runs.obey(run, request)
            return
        self._runs.forget_pause(number)
        row = self._store.row(number)
        if row.state is State.QUEUED and request in ("cancel", "kill"):
            self._store.move(number, State.CANCELLED)
            self._tell(Update(self._store.row(number)))
        elif row.state.is_active and row.owner != self._me:
            self._store.ask(number, "cancel" if request == "kill" else request)

    def _use(self, executors: Sequence[JobExecutor]) -> None:
        self._leaving = [one for one in (*self._leaving, *self._executors) if one not in executors]
        self._executors = list(executors)
        for executor in executors:
            executor.changed = lambda: self._inbox.put(self._look_again)
        self._look_again()

    def _look_again(self) -> None:
        self._look = True

    def _let_go(self) -> None:
        """Shut down the executors that have done their last job; some take a while for that."""
        busy = [run.executor for run in self._runs]
        for executor in [executor for executor in self._leaving if executor not in busy]:
            self._leaving.remove(executor)
            threading.Thread(target=executor.shutdown, name="leaving-executor", daemon=True).start()

    def _dispatch(self) -> None:
        try:
            self._begin_jobs()
            self._is_barred = False
        except NotWritten as error:
            # A full disk may stay so for long; jobs begin when it has room again.
            if not self._is_barred:
                _log.warning("no job can begin: %s", error)
            self._is_barred = True

    def _begin_jobs(self) -> None:
        begun, rows = 0, self._store.candidates(self._me, adopt=self._adopt)
        for row in rows:
            if self._holds and row.priority <= 0:
                continue
            executor = next((one for one in self._executors if one.room_for(row.job, row.priority)), None)
            if executor is not None and self._store.claim(row.id, self._me):
                self._runs.start(executor, self._store.row(row.id), self._runner_of(row.job))
                begun += 1
        # Where all of them have begun, there may be more and room for those as well.
        self._look = 0 < begun == len(rows)

    def _over(self, row: Row) -> None:
        """No executor has the job any more."""
        self._holds.forget(row.id)
        self._look = True
        if row.state is State.FAILED and row.batch:
            self._stop_batch(row.batch)

    def _stop_batch(self, batch: int) -> None:
        """A job of the batch has failed: where that ends the batch, what waits is not begun."""
        try:
            if self._store.batch(batch).spec.on_error is OnError.STOP:
                self._store.cancel_queued(batch, STOPPED)
                self._batch_changed(batch)
        except UserError as error:
            # The failed job's own end must be told all the same.
            _log.error("batch %d could not be stopped: %s", batch, error)

    def _close(self) -> None:
        self._closing = True
        for run in self._runs:
            run.end(run.ending or State.INTERRUPTED, "Stopping", CLOSE_GRACE_S)

    def _tell(self, update: Update) -> None:
        row = update.row
        if update.removed or row.state.is_over:
            self._watched.pop(row.id, None)
        else:
            self._watched[row.id] = row
        if row.batch:
            self._batches.changed(row.batch)
        for callback in list(self._callbacks):
            try:
                callback(update)
            except Exception:
                _log.exception("a listener of the queue failed")
