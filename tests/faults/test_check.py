"""The suite's own eyes: each kind of broken promise, planted by hand, is seen."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.faults.check import check
from tests.faults.sources import results_of, source_of
from tests.faults.world import MODELS, World

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux: signals, /proc and inotify")


@pytest.fixture
def world(tmp_path: Path, machine_models: Path, installed: Callable[[str], Path]) -> Iterator[World]:
    """Four scores, all made."""
    for model in MODELS:
        installed(model)
    made = World(tmp_path, machine_models, 4, mix=("score",))
    try:
        assert made.finish(made.work(), 100) == 0
        yield made
    finally:
        made.close()


def test_what_is_broken_is_seen(world: World) -> None:
    found = check(world)
    assert found.problems == [] and found.states == {"done": 4}
    results = [results_of(job)[0] for job in world.jobs.values()]
    results[0].write_bytes(results[0].read_bytes()[:-20])
    shutil.copy(results[1], results[1].with_name(".copy"))
    results[1].with_name(".copy").rename(results[1])
    results[2].unlink()
    results[3].with_name(".004.musicxml.99-0123abcd.part").touch()
    source_of(world.jobs[4]).write_bytes(b"other")
    (world.temp / "forgotten").touch()
    with closing(sqlite3.connect(world.home / "data" / "queue.sqlite", isolation_level=None)) as db:
        db.execute("DELETE FROM jobs WHERE id = 4")
        db.execute("UPDATE jobs SET state = 'running', owner_pid = 1, owner_token = '' WHERE id = 1")
    orphan = subprocess.Popen(["sleep", "60"], env=world.processes.environment)
    try:
        found = check(world, patience=0.5)
    finally:
        orphan.kill()
        orphan.wait()
    assert found.orphans == 1 and found.changed == 1 and found.twice == 1 and not found.opens
    # Cut short; of nobody, as its job is gone.
    assert found.partial == 2, found.problems
    # Job 4 is gone, job 1 runs for ever, job 3 is done without its result.
    assert found.lost == 3, found.problems
    assert found.scratch == 2, found.problems
