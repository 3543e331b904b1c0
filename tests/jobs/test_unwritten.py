"""Ends of jobs that cannot be written down at once, because another program holds the queue's file."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from desktop.jobs import schema
from desktop.jobs.events import Logged
from desktop.jobs.queue import Queue
from desktop.jobs.rows import Update
from desktop.jobs.states import State
from desktop.jobs.store import Store
from tests.jobs.bench import Bench, runner_of, until


def test_an_end_waits_until_it_can_be_written(
    home: Path, extra_runners: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "BUSY_MS", 50)
    store = Store()
    bench = Bench(store, Queue(store, runner_of=runner_of))
    bench.queue.subscribe(bench.updates.append)
    try:
        number = bench.submit("naps", str(tmp_path / "song"))
        bench.running(number)
        with closing(sqlite3.connect(store.path, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            until(lambda: any("cannot be written" in update.event.text for update in _logged(bench)), 20)
            assert bench.queue.row(number).state is State.RUNNING and store.row(number).state is State.RUNNING
            other.execute("ROLLBACK")
        assert bench.queue.wait(number, 20).state is State.DONE and store.row(number).state is State.DONE
        assert bench.run("quick", str(tmp_path / "next")).state is State.DONE, "the next one has a slot"
    finally:
        bench.queue.close()
        store.close()


def _logged(bench: Bench) -> list[Update]:
    return [update for update in list(bench.updates) if isinstance(update.event, Logged)]
