"""A queue with the tests' own runners."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop.jobs.queue import Queue
from desktop.jobs.store import Store
from tests.jobs.bench import Bench, runner_of


@pytest.fixture
def extra_runners(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let workers run what the tests define."""
    monkeypatch.setenv("REPRISE_EXTRA_RUNNERS", "tests.jobs.runners")


@pytest.fixture
def bench(home: Path, extra_runners: None) -> Iterator[Bench]:
    store = Store()
    bench = Bench(store, Queue(store, runner_of=runner_of))
    bench.queue.subscribe(bench.updates.append)
    yield bench
    bench.queue.close()
    store.close()
