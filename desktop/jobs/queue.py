"""The queue: jobs in, events out; workers are started, kept warm, watched and ended here.

One thread owns all of it. Callers put work in from any thread; callbacks come on the queue's thread.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from queue import Empty, SimpleQueue
from time import monotonic

from desktop.errors import UserError
from desktop.jobs.batch_calls import BatchCalls
from desktop.jobs.batches import STOPPED, OnError
from desktop.jobs.events import AnyEvent, Done, Failed, Logged, Measured, Previewed, Produced, Progressed
from desktop.jobs.executors import Slot, local_slots
from desktop.jobs.holds import Holds
from desktop.jobs.job import AnyJob
from desktop.jobs.messages import AnyReply, Begun, Going, Held
from desktop.jobs.process import Outcome, WorkerProcess
from desktop.jobs.recovery import clear_after, recover
from desktop.jobs.rows import NO_ROW, Row, Update
from desktop.jobs.run import Run
from desktop.jobs.scratch import remove_scratch, scratch_folder
from desktop.jobs.states import InvalidTransition, State
from desktop.jobs.store import Store

__all__ = ["Queue", "Row", "State", "Update"]

CANCEL_GRACE_S = 2.0
CLOSE_GRACE_S = 1.5
IDLE_S = 180.0
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
        workers: jobs that may run at the same time.
        threads: threads for native code, of all workers together; 0 for one a CPU core.
        adopt: also run queued jobs that dead processes left behind.
        runner_of: names the runner of a job.
        slots: where workers may run; this computer's when None.
        idle_s: seconds after which an idle worker is released.
    """

    def __init__(
        self,
        store: Store,
        *,
        workers: int = 1,
        threads: int = 0,
        adopt: bool = True,
        runner_of: Callable[[AnyJob], str] = product_runner,
        slots: tuple[Slot, ...] | None = None,
        idle_s: float = IDLE_S,
    ) -> None:
        super().__init__(store)
        self._adopt = adopt
        self._runner_of = runner_of
        self._slots = local_slots(workers, threads=threads) if slots is None else slots
        self._gpus = any(slot.device == "cuda" for slot in self._slots)
        self._idle_s = idle_s
        self._callbacks: list[Callback] = []
        self._runs: dict[str, Run] = {}
        self._idle: dict[str, tuple[WorkerProcess, float]] = {}
        self._holds = Holds()
        self._closing = False
        self._owners_seen = 0.0
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

    def rows(self) -> list[Row]:
        """All jobs, by number, as they are at this moment."""
        running = {run.row.id: run.row for run in list(self._runs.values())}
        return [running.get(row.id, row) for row in self._store.rows()]

    def row(self, number: int) -> Row:
        """One job; raises UserError when there is none with that number."""
        running = {run.row.id: run.row for run in list(self._runs.values())}
        return running.get(number) or self._store.row(number)

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
        for worker, _ in self._idle.values():
            worker.release()
        for worker, _ in self._idle.values():
            if not worker.join(1.0):
                worker.kill()
                worker.join(5.0)
        self._idle.clear()

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
        for run in list(self._runs.values()):
            if run.is_overdue:
                run.worker.kill()
            elif run.look_after():
                text = "The worker does not answer." if run.is_silent else "The worker answers again."
                self._heard(run, Logged("warning" if run.is_silent else "info", text))
        now = monotonic()
        for name, (worker, since) in list(self._idle.items()):
            if now - since > self._idle_s:
                del self._idle[name]
                worker.release()
        if self._store.changed():
            self._look = True
            for number, request in self._store.take_requests(self._me):
                self._request(number, request)
            self._compare()
        elif now - self._owners_seen > _OWNERS_EVERY_S and self._has_others():
            self._owners_seen = now
            for row in self._store.interrupt_dead():
                clear_after(row)
                self._tell(Update(row))
            self._look = self._look or self._adopt

    def _has_others(self) -> bool:
        return any(row.owner != self._me for row in self._watched.values())

    def _compare(self) -> None:
        """Tell what other processes changed."""
        mine = {run.row.id for run in self._runs.values()}
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
            for run in self._runs.values():
                if run.row.state is State.RUNNING and run.row.priority <= 0:
                    self._holds.take(run.row.id)
                    run.worker.pause()
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
        for run in self._runs.values():
            if run.row.id in held:
                run.worker.resume()

    def _queued(self, number: int) -> None:
        self._look = True
        self._tell(Update(self._store.row(number)))

    def _request(self, number: int, request: str) -> None:
        run = next((run for run in self._runs.values() if run.row.id == number), None)
        if run is not None:
            self._request_here(run, request)
            return
        row = self._store.row(number)
        if row.state is State.QUEUED and request in ("cancel", "kill"):
            self._store.move(number, State.CANCELLED)
            self._tell(Update(self._store.row(number)))
        elif row.state.is_active and row.owner != self._me:
            self._store.ask(number, "cancel" if request == "kill" else request)

    def _request_here(self, run: Run, request: str) -> None:
        self._holds.forget(run.row.id)
        if request == "cancel" and run.ending is None:
            run.end(State.CANCELLED, "Cancelling", CANCEL_GRACE_S)
            self._tell(Update(run.row))
        elif request == "kill":
            run.end(State.CANCELLED, "Cancelling", 0.0)
            run.worker.kill()
        elif request == "pause":
            run.worker.pause()
        elif request == "resume":
            run.worker.resume()

    def _dispatch(self) -> None:
        free = [slot for slot in self._slots if slot.name not in self._runs]
        if not free:
            return
        for row in self._store.candidates(self._me, adopt=self._adopt):
            if self._holds and row.priority <= 0:
                continue
            slot = next((slot for slot in free if slot.suits(row.job, row.priority, gpus=self._gpus)), None)
            if slot is not None and self._store.claim(row.id, self._me):
                free.remove(slot)
                self._start(slot, self._store.row(row.id))
        self._look = False

    def _start(self, slot: Slot, row: Row) -> None:
        worker, _ = self._idle.get(slot.name, (None, 0.0))
        was_warm = worker is not None and worker.is_alive
        try:
            if worker is None or not was_warm:
                worker = WorkerProcess(self._hear, slot)
                self._idle[slot.name] = (worker, monotonic())
            self._store.set_worker(row.id, worker.pid)
        except UserError as error:
            failed = Failed(error.message, error.path, error.remedy)
            self._store.move(row.id, State.FAILED, error=failed)
            self._tell(Update(self._store.row(row.id), failed))
            return
        del self._idle[slot.name]
        run = self._runs[slot.name] = Run(replace(row, worker_pid=worker.pid), worker, was_warm=was_warm)
        worker.start(row.job, self._runner_of(row.job), scratch_folder(row.id))
        self._tell(Update(run.row))

    def _hear(self, worker: WorkerProcess, reply: AnyReply | Outcome) -> None:
        """Called by a worker's thread."""
        self._inbox.put(partial(self._handle, worker, reply))

    def _handle(self, worker: WorkerProcess, reply: AnyReply | Outcome) -> None:
        run = self._runs.get(worker.slot.name)
        if run is None or run.worker is not worker:
            if isinstance(reply, Outcome) and self._idle.get(worker.slot.name, (None, 0.0))[0] is worker:
                del self._idle[worker.slot.name]
            return
        if isinstance(reply, Begun):
            run.has_begun = True
        elif isinstance(reply, Outcome) and run.is_lost_on_the_way:
            del self._runs[worker.slot.name]
            self._start(worker.slot, run.row)
        elif isinstance(reply, Done | Failed | Outcome):
            self._finish(run, reply)
        elif isinstance(reply, Held | Going):
            self._paused(run, isinstance(reply, Held))
        elif isinstance(reply, Progressed | Previewed | Measured | Produced | Logged):
            self._heard(run, reply)

    def _paused(self, run: Run, held: bool) -> None:
        if held:
            run.hold()
        else:
            run.go_on()
        self._store.move(run.row.id, run.row.state)
        self._tell(Update(run.row))

    def _heard(self, run: Run, event: AnyEvent) -> None:
        try:
            if isinstance(event, Progressed):
                if run.progress(event):
                    self._store.save_progress(run.row.id, run.row.fraction, run.row.message, run.row.remaining_s)
            elif isinstance(event, Measured | Logged | Produced):
                if isinstance(event, Produced):
                    run.produced(event)
                self._store.record(run.row.id, event)
        except UserError as error:
            # A full disk must not lose the job for the sake of its log.
            _log.warning("%s", error)
        self._tell(Update(run.row, event))

    def _finish(self, run: Run, last: Done | Failed | Outcome) -> None:
        slot, number = run.worker.slot, run.row.id
        state = run.last_state(last)
        event = last.failed() if isinstance(last, Outcome) else last
        error = event if isinstance(event, Failed) and state is State.FAILED else None
        result = event.result if isinstance(event, Done) else None
        message = {State.DONE: "", State.FAILED: run.row.message}.get(state, str(state).capitalize())
        try:
            self._store.save_progress(number, run.row.fraction, message, None)
            self._store.move(number, state, error=error, result=result)
            row = self._store.row(number)
        except (UserError, InvalidTransition) as problem:
            _log.error("%s", problem)
            row = replace(run.row, state=state, error=error, result=result, message=message, remaining_s=None)
        _log.info("job %d (%s) is %s%s", number, row.job.title, state, f": {error.message}\n{error.details}" if error else "")
        del self._runs[slot.name]
        self._holds.forget(number)
        self._look = True
        if isinstance(last, Outcome):
            clear_after(row)
        else:
            self._idle[slot.name] = (run.worker, monotonic())
        if not (row.job.resumable and state.can_retry):
            remove_scratch(number)
        if state is State.FAILED and row.batch:
            self._stop_batch(row.batch)
        if state in (State.CANCELLED, State.INTERRUPTED):
            event = Failed(str(state).capitalize(), cancelled=True)
        self._tell(Update(row, event))

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
        for run in self._runs.values():
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
