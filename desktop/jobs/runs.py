"""All jobs at work: handed to executors, listened to, brought to their end. For the queue's thread alone, but for ``rows``."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from queue import SimpleQueue
from time import monotonic

from desktop.errors import UserError
from desktop.jobs.database import NotWritten
from desktop.jobs.events import AnyEvent, Done, Failed, Logged, Measured, Previewed, Produced, Progressed
from desktop.jobs.executor import GivenBack, JobExecutor, JobFuture, Task
from desktop.jobs.failures import failure
from desktop.jobs.messages import AnyReply, Begun, Going, Held
from desktop.jobs.process import Outcome
from desktop.jobs.recovery import clear_after, clear_before
from desktop.jobs.rows import Owner, Row, Update
from desktop.jobs.run import Run
from desktop.jobs.scratch import remove_scratch, scratch_folder
from desktop.jobs.states import InvalidTransition, State
from desktop.jobs.store import Store

CANCEL_GRACE_S = 2.0
_WRITE_EVERY_S = 1.0

_log = logging.getLogger(__name__)


class Runs:
    """The jobs that executors have.

    Args:
        store: where it is written down what becomes of them.
        inbox: where work for the queue's thread is put.
        tell: lets every listener of the queue know.
        over: is called with a job that no executor has any more, before listeners are told.
    """

    def __init__(
        self, store: Store, inbox: SimpleQueue[Callable[[], None]], tell: Callable[[Update], None], over: Callable[[Row], None]
    ) -> None:
        self._store = store
        self._inbox = inbox
        self._tell = tell
        self._over = over
        self._runs: dict[int, Run] = {}
        self._to_pause: set[int] = set()
        self._unwritten: dict[int, tuple[Row, Callable[[], Update]]] = {}
        self._write_at = 0.0

    def __iter__(self) -> Iterator[Run]:
        return iter(list(self._runs.values()))

    def __len__(self) -> int:
        return len(self._runs)

    def get(self, number: int) -> Run | None:
        """What is known of a job at work, None for any other."""
        return self._runs.get(number)

    def rows(self) -> dict[int, Row]:
        """The jobs at work by their numbers, as they are now, and those whose end is to be written; from any thread."""
        return {number: row for number, (row, _) in list(self._unwritten.items())} | {run.row.id: run.row for run in self}

    def start(self, executor: JobExecutor, row: Row, runner: str) -> None:
        """Hand a claimed job to an executor that has room for it; one that cannot be handed over has failed."""
        task = Task(row.id, row.job, runner, scratch_folder(row.id), row.priority)
        clear_before(row)
        row = replace(row, worker_pid=0, node="")
        try:
            future = executor.submit(None, task, partial(self._hear, row.id))
        except Exception as error:
            self._leave(row, partial(self._concluded, row, State.FAILED, failure(error)))
            return
        run = self._runs[row.id] = Run(row, executor, future)
        if row.id in self._to_pause:
            self._to_pause.discard(row.id)
            future.pause()
        self._meet(run)
        future.add_done_callback(lambda _: self._inbox.put(partial(self._ended, run)))
        self._tell(Update(run.row))

    def obey(self, run: Run, request: str) -> None:
        """Do to a job what was asked: "cancel", "kill", "pause" or "resume"."""
        if request == "cancel" and run.ending is None:
            run.end(State.CANCELLED, "Cancelling", CANCEL_GRACE_S)
            self._tell(Update(run.row))
        elif request == "kill":
            run.end(State.CANCELLED, "Cancelling", 0.0)
            run.kill()
        elif request == "pause":
            run.future.pause()
        elif request == "resume":
            run.future.resume()

    def forget_pause(self, number: int) -> None:
        """A job that was paused when its executor gave it back is not to be paused when it begins again."""
        self._to_pause.discard(number)

    def look_after(self) -> None:
        """Use force on what does not end, and see who does not answer."""
        for run in self:
            run.press()
            if not run.future.done() and run.future.look_after():
                silent = run.future.is_silent
                text = "The worker does not answer." if silent else "The worker answers again."
                self._heard(run, Logged("warning" if silent else "info", text))
        if self._unwritten and monotonic() > self._write_at:
            self.write()

    def write(self) -> None:
        """Try again to write down how jobs ended, where the database did not let us."""
        for row, end in list(self._unwritten.values()):
            self._leave(row, end)
            if row.id in self._unwritten:
                break
        self._write_at = monotonic() + _WRITE_EVERY_S

    def _hear(self, number: int, future: JobFuture, reply: AnyReply) -> None:
        """Called on an executor's thread."""
        self._inbox.put(partial(self._handle, number, future, reply))

    def _handle(self, number: int, future: JobFuture, reply: AnyReply) -> None:
        run = self._runs.get(number)
        if run is None or run.future is not future:
            return
        if isinstance(reply, Begun):
            if self._meet(run):
                self._tell(Update(run.row))
        elif isinstance(reply, Held | Going):
            self._paused(run, isinstance(reply, Held))
        elif isinstance(reply, Progressed | Previewed | Measured | Produced | Logged):
            self._heard(run, reply)

    def _meet(self, run: Run) -> bool:
        """Note which worker has the job; returns whether that is anything new."""
        before = run.row
        if not run.meet():
            return False
        if before.worker_pid and before.worker_pid != run.row.worker_pid:
            # That one was lost with its node, which nobody else clears up after.
            clear_after(before)
        try:
            self._store.set_worker(run.row.id, run.row.worker_pid, run.row.node)
        except UserError as error:
            _log.warning("%s", error)
        return True

    def _paused(self, run: Run, held: bool) -> None:
        if held:
            run.hold()
        else:
            run.go_on()
        try:
            self._store.move(run.row.id, run.row.state)
        except NotWritten as error:
            _log.warning("%s", error)
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

    def _ended(self, run: Run) -> None:
        last = _last_of(run.future)
        if isinstance(last, GivenBack):
            end = partial(self._given_back, run, last)
        else:
            end = partial(self._concluded, run.row, run.last_state(last), last)
        self._leave(run.row, end)

    def _leave(self, row: Row, end: Callable[[], Update]) -> None:
        """A job is at work no more: ``end`` writes down what became of it, now or when the database lets it."""
        try:
            update = end()
        except NotWritten as error:
            if row.id not in self._unwritten:
                _log.warning("the end of job %d: %s", row.id, error)
                self._unwritten[row.id] = (row, end)
                self._runs.pop(row.id, None)
                self._tell(Update(row, Logged("warning", f"{error.message}. This is tried until it can be. {error.remedy}")))
            return
        except BaseException:
            self._forget(row.id)
            raise
        # Who is told looks at the job, which must not be at work any more.
        self._forget(row.id)
        self._over(update.row)
        self._tell(update)

    def _forget(self, number: int) -> None:
        self._runs.pop(number, None)
        self._unwritten.pop(number, None)

    def _given_back(self, run: Run, reason: GivenBack) -> Update:
        """The executor cannot do the job after all: it waits for one that can, unless it was to end anyway."""
        if run.ending is not None:
            return self._concluded(run.row, run.ending, Failed(str(reason), cancelled=True))
        number = run.row.id
        self._store.put_back(number, Owner.me())
        event = Logged("warning", f"{reason}; the job is done anew as soon as there is room")
        with contextlib.suppress(NotWritten):
            self._store.record(number, event)
        if run.row.state is State.PAUSED:
            self._to_pause.add(number)
        return Update(self._store.row(number), event)

    def _concluded(self, row: Row, state: State, last: Done | Failed | Outcome) -> Update:
        """Write down how a job has ended and clear up after it; raises NotWritten before anything is cleared."""
        event = last.failed() if isinstance(last, Outcome) else last
        error = event if isinstance(event, Failed) and state is State.FAILED else None
        result = event.result if isinstance(event, Done) else None
        message = {State.DONE: "", State.FAILED: row.message}.get(state, str(state).capitalize())
        try:
            self._store.save_progress(row.id, row.fraction, message, None)
            self._store.move(row.id, state, error=error, result=result)
            row = self._store.row(row.id)
        except NotWritten:
            raise
        except (UserError, InvalidTransition) as problem:
            _log.error("%s", problem)
            row = replace(row, state=state, error=error, result=result, message=message, remaining_s=None)
        _log.info("job %d (%s) is %s%s", row.id, row.job.title, state, f": {error.message}\n{error.details}" if error else "")
        if isinstance(last, Outcome):
            clear_after(row)
        if not (row.job.resumable and state.can_retry):
            remove_scratch(row.id)
        if state in (State.CANCELLED, State.INTERRUPTED):
            event = Failed(str(state).capitalize(), cancelled=True)
        return Update(row, event)


def _last_of(future: JobFuture) -> Done | Failed | Outcome | GivenBack:
    """The last thing heard of a job whose future is done."""
    if future.cancelled():
        return Failed("Cancelled", cancelled=True)
    error = future.exception()
    if isinstance(error, GivenBack):
        return error
    return future.result() if error is None else failure(error)
