"""One job in an executor's hands: what is known of it while it runs."""

from __future__ import annotations

from dataclasses import replace
from time import monotonic

from desktop.jobs.estimate import TimeLeft
from desktop.jobs.events import Done, Failed, Produced, Progressed
from desktop.jobs.executor import JobExecutor, JobFuture
from desktop.jobs.process import Outcome
from desktop.jobs.rows import Row
from desktop.jobs.states import State

KILL_GRACE_S = 3.0
_SAVE_EVERY_S = 1.0


class Run:
    """A job that an executor has.

    Attributes:
        row: the job as it is at this moment.
        executor: who runs it.
        future: how it is spoken to.
        ending: the state that it is being brought to by force (cancelled, interrupted), None otherwise.
        deadline: when more force is used if it has not ended by then.
        was_killed: its worker was killed.
    """

    def __init__(self, row: Row, executor: JobExecutor, future: JobFuture) -> None:
        self.row = row
        self.executor = executor
        self.future = future
        self.ending: State | None = None
        self.deadline: float | None = None
        self.was_killed = False
        self._left = TimeLeft()
        self._saved_at = 0.0

    def meet(self) -> bool:
        """Take in which worker has the job; returns whether that is anything new."""
        before = (self.row.node, self.row.worker_pid)
        self.row = replace(self.row, node=self.future.node, worker_pid=self.future.worker_pid)
        return before != (self.row.node, self.row.worker_pid)

    def progress(self, event: Progressed) -> bool:
        """Take in how far the work is; returns whether it is time to save that."""
        self._left.update(event.fraction)
        message = event.message or self.row.message
        if self.ending is None:
            self.row = replace(self.row, fraction=event.fraction, message=message, remaining_s=self._left.remaining)
        now = monotonic()
        if now - self._saved_at < _SAVE_EVERY_S:
            return False
        self._saved_at = now
        return True

    def produced(self, event: Produced) -> None:
        """Take in a finished file."""
        self.row = replace(self.row, artifacts=[*self.row.artifacts, event])

    def hold(self) -> None:
        """The work stands still."""
        self._left.pause()
        self.row = replace(self.row, state=State.PAUSED)

    def go_on(self) -> None:
        """The work goes on after a pause."""
        self._left.resume()
        self.row = replace(self.row, state=State.RUNNING)

    def end(self, state: State, message: str, grace_s: float) -> None:
        """Ask for an early end and say after how long it will be forced; asking again does not put it off."""
        self.ending = state
        self.deadline = min(self.deadline or float("inf"), monotonic() + grace_s)
        self.row = replace(self.row, message=message, remaining_s=None)
        self.future.cancel_job()

    def press(self) -> None:
        """Use force where the early end did not come in time: kill the worker, and at last do without its answer."""
        if self.deadline is None or monotonic() <= self.deadline:
            return
        if not self.was_killed:
            self.kill()
        else:
            self.future.abandon()

    def kill(self) -> None:
        """End the worker now."""
        self.was_killed = True
        self.deadline = monotonic() + KILL_GRACE_S
        self.future.kill()

    def last_state(self, last: Done | Failed | Outcome) -> State:
        """The state that the job ends in when ``last`` was the last thing heard of it."""
        if isinstance(last, Done):
            return State.DONE
        if isinstance(last, Outcome):
            return self.ending or State.FAILED
        if last.cancelled:
            return self.ending or State.CANCELLED
        return State.FAILED
