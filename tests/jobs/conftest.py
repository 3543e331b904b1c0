"""A queue with the tests' own runners: the job's ``source`` is "runner" or "runner|argument"."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from desktop.jobs.job import AnyJob, ListenJob
from desktop.jobs.queue import Queue, Row, Update
from desktop.jobs.store import Store


def runner_of(job: AnyJob) -> str:
    """The test runner that a job's device field cannot carry: it is named by the class variable of its source's prefix."""
    assert isinstance(job, ListenJob)
    return f"tests.jobs.runners:{RUNNERS[job.source]}"


RUNNERS: dict[str, str] = {}


@dataclass
class Bench:
    """A queue under test and everything it said."""

    store: Store
    queue: Queue
    updates: list[Update] = field(default_factory=list)

    def submit(self, runner: str, source: str = "", *, priority: int = 0, device: str = "auto") -> int:
        source = source or f"{runner}-{len(RUNNERS)}"
        RUNNERS[source] = runner
        return self.queue.submit(ListenJob(source=source, device=device), priority=priority)

    def run(self, runner: str, source: str = "", timeout: float = 20) -> Row:
        return self.queue.wait(self.submit(runner, source), timeout)

    def until(self, what: Callable[[], object], timeout: float = 10) -> None:
        deadline = time.monotonic() + timeout
        while not what():
            assert time.monotonic() < deadline, "it did not happen in time"
            time.sleep(0.01)

    def running(self, number: int, message: str = "") -> Row:
        """Wait until job ``number`` says ``message``."""
        self.until(lambda: message in self.queue.row(number).message and self.queue.row(number).worker_pid)
        self.until(lambda: not message or self.queue.row(number).message == message)
        return self.queue.row(number)


@pytest.fixture
def extra_runners(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPRISE_EXTRA_RUNNERS", "tests.jobs.runners")


@pytest.fixture
def bench(home: Path, extra_runners: None) -> Iterator[Bench]:
    store = Store()
    bench = Bench(store, Queue(store, runner_of=runner_of))
    bench.queue.subscribe(bench.updates.append)
    yield bench
    bench.queue.close()
    store.close()
