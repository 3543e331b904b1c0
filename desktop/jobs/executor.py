"""Where jobs run, as the queue sees it: executors as of ``concurrent.futures`` whose futures are jobs that can be spoken to."""

from __future__ import annotations

import contextlib
from abc import abstractmethod
from collections.abc import Callable
from concurrent.futures import Executor, Future, InvalidStateError
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desktop.jobs.events import Done, Failed
from desktop.jobs.job import AnyJob
from desktop.jobs.messages import AnyReply
from desktop.jobs.process import Outcome


@dataclass(frozen=True)
class Task:
    """A job that is to be run: its number in the queue, its runner, its folder for unfinished work, and its priority."""

    number: int
    job: AnyJob
    runner: str
    scratch: Path
    priority: int


class JobFuture(Future[Done | Failed | Outcome]):
    """A job in an executor's hands.

    Attributes:
        place: which slot has it, "" before one does.
        node: which computer has it, "" for this one.
        worker_pid: process number of its worker there, 0 before there is one.
        is_silent: its worker does not answer.
    """

    place: str = ""
    node: str = ""
    worker_pid: int = 0
    is_silent: bool = False

    def end(self, last: Done | Failed | Outcome) -> None:
        """The job is over; only the first end counts."""
        with contextlib.suppress(InvalidStateError):
            self.set_result(last)

    @abstractmethod
    def cancel_job(self) -> None:
        """Ask the job to end at its next checkpoint."""

    @abstractmethod
    def pause(self) -> None:
        """Ask the job to stand still at its next checkpoint."""

    @abstractmethod
    def resume(self) -> None:
        """Let the job go on."""

    @abstractmethod
    def kill(self) -> None:
        """End the job's worker now."""

    def abandon(self) -> None:
        """Do without the answer of a worker that could not be ended; what it still says is not heard."""
        self.end(Failed("The worker could not be ended", cancelled=True))

    def look_after(self) -> bool:
        """Ask the worker for a sign of life now and then; returns whether its silence began or ended just now."""
        return False


class GivenBack(Exception):
    """The exception of a future whose executor cannot do the job after all, through no fault of the job: others may.

    ``str`` of it says why, for people.
    """


Listen = Callable[[JobFuture, AnyReply], None]


class JobExecutor(Executor):
    """Runs jobs in slots of its own.

    Attributes:
        name: for people.
        changed: set by whoever submits; called, on any thread, when there may be more room than before, or none any more.
    """

    name: str = ""
    changed: Callable[[], None] = staticmethod(lambda: None)

    @abstractmethod
    def room_for(self, job: AnyJob, priority: int) -> bool:
        """Whether ``job`` would start at once."""

    @abstractmethod
    def submit(self, perform: Any, task: Task, listen: Listen) -> JobFuture:  # type: ignore[override]
        """Run ``task``; ``listen`` is called on any thread with what is heard of it, before the future has its end.

        Begun is among that when ``node`` and ``worker_pid`` of the future are known or have changed; ``listen`` must not raise.
        """
