"""A queue under test, with runners of the tests' own."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path

from desktop.jobs.job import AnyJob, CoverJob
from desktop.jobs.queue import Queue, Row, Update
from desktop.jobs.store import Store
from tests.waiting import PATIENCE_S, until

RUNNERS: dict[str, str] = {}
"""Which runner a job has, by its source."""


def runner_of(job: AnyJob) -> str:
    """The test runner that was chosen for a job."""
    assert isinstance(job, CoverJob)
    return f"tests.jobs.runners:{RUNNERS[job.source]}"


@dataclass
class Bench:
    """A queue and everything it said."""

    store: Store
    queue: Queue
    updates: list[Update] = field(default_factory=list)

    def submit(self, runner: str, source: str = "", *, priority: int = 0, device: str = "auto") -> int:
        """Queue a job for a test runner; ``source`` is what it gets."""
        source = source or f"{runner}-{len(RUNNERS)}"
        RUNNERS[source] = runner
        job = CoverJob(source=source, output=str(Path(source).parent), device=device)
        return self.queue.submit(job, priority=priority)

    def run(self, runner: str, source: str = "", timeout: float = PATIENCE_S) -> Row:
        """Queue a job and wait for its end."""
        row = self.wait(self.submit(runner, source), timeout)
        assert row.state.is_over, f"{runner} is still {row.state}"
        return row

    def wait(self, number: int, timeout: float = PATIENCE_S) -> Row:
        """Wait for a job's end, and until everybody who listens has been told of it."""
        row = self.queue.wait(number, timeout)
        told = threading.Event()
        self.queue._inbox.put(told.set)
        assert told.wait(timeout), "the queue's thread stands still"
        return row

    def running(self, number: int, message: str = "", timeout: float = PATIENCE_S) -> Row:
        """Wait until a job is at work and says ``message``."""
        until(lambda: self.queue.row(number).worker_pid and message in self.queue.row(number).message, timeout)
        return self.queue.row(number)

    def events(self, number: int) -> list[str]:
        """Names of the events that a job sent."""
        return [type(update.event).__name__ for update in self.updates if update.row.id == number and update.event]
