"""One job on a worker: what is known of it while it runs."""

from __future__ import annotations

from dataclasses import replace
from time import monotonic

from desktop.jobs.estimate import TimeLeft
from desktop.jobs.events import Done, Failed, Produced, Progressed
from desktop.jobs.process import Outcome, WorkerProcess
from desktop.jobs.rows import Row
from desktop.jobs.states import State

PING_EVERY_S = 2.0
SILENT_AFTER_S = 10.0
_SAVE_EVERY_S = 1.0


class Run:
    """A job that a worker has.

    Attributes:
        row: the job as it is at this moment.
        worker: who runs it.
        ending: the state that it is being brought to by force (cancelled, interrupted), None otherwise.
        deadline: when the worker is killed if it has not ended the job by then.
        is_silent: the worker does not answer.
        was_warm: the worker had done other jobs before.
        has_begun: the worker has taken the job up.
    """

    def __init__(self, row: Row, worker: WorkerProcess, *, was_warm: bool = False) -> None:
        self.row = row
        self.worker = worker
        self.was_warm = was_warm
        self.has_begun = False
        self.ending: State | None = None
        self.deadline: float | None = None
        self.is_silent = False
        self._left = TimeLeft()
        self._saved_at = 0.0
        self._pinged_at = monotonic()

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
        self.worker.cancel()

    @property
    def is_overdue(self) -> bool:
        """Whether the early end did not come in time."""
        return self.deadline is not None and monotonic() > self.deadline

    @property
    def is_lost_on_the_way(self) -> bool:
        """Whether a warm worker had died before the job reached it, so that another one can do it."""
        return self.was_warm and not self.has_begun and self.ending is None

    def look_after(self) -> bool:
        """Ask for a sign of life now and then; returns whether the worker's silence began or ended just now."""
        now = monotonic()
        since = self.worker.waiting_since
        if since is None and now - self._pinged_at > PING_EVERY_S:
            self._pinged_at = now
            self.worker.ping()
        silent = since is not None and now - since > SILENT_AFTER_S
        changed, self.is_silent = silent != self.is_silent, silent
        return changed

    def last_state(self, last: Done | Failed | Outcome) -> State:
        """The state that the job ends in when ``last`` was the last thing heard of it."""
        if isinstance(last, Done):
            return State.DONE
        if isinstance(last, Outcome):
            return self.ending or State.FAILED
        if last.cancelled:
            return self.ending or State.CANCELLED
        return State.FAILED
