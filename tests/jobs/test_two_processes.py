"""Two processes on one store: nothing runs twice, and each sees what the other does."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from desktop.errors import UserError
from desktop.jobs.job import CoverJob
from desktop.jobs.queue import Queue, Update
from desktop.jobs.rows import Owner
from desktop.jobs.states import State
from desktop.jobs.store import Store
from tests.jobs.bench import RUNNERS, Bench, runner_of, until
from tests.waiting import PATIENCE_S

ROOT = Path(__file__).resolve().parents[2]
COUNT = 60

RUNS_ALL = """
import sys, time
from desktop.jobs.queue import Queue
from desktop.jobs.states import State
from desktop.jobs.store import Store
store = Store()
print("ready", flush=True)
sys.stdin.readline()
queue = Queue(store, runner_of=lambda job: "tests.jobs.runners:leaves_a_mark_beside_another")
while store.rows(State.QUEUED, State.RUNNING):
    time.sleep(0.05)
queue.close()
"""


def test_orphaned_jobs_are_shared_out_and_run_once_each(home: Path, extra_runners: None, tmp_path: Path) -> None:
    store, dead = Store(), Owner(2**22 + 1, "1")
    for n in range(COUNT):
        store.add(CoverJob(source=str(tmp_path / f"{n}.mark"), output=str(tmp_path)), dead)
    children = [
        subprocess.Popen([sys.executable, "-c", RUNS_ALL], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        for _ in range(2)
    ]
    for child in children:
        assert child.stdout and child.stdout.readline() == "ready\n"
    for child in children:
        assert child.stdin
        child.stdin.write("go\n")
        child.stdin.flush()
    for child in children:
        child.communicate(timeout=240)
    runs = Counter(path.name for path in tmp_path.glob("*.mark") for _ in path.read_text().splitlines())
    assert runs == {f"{n}.mark": 1 for n in range(COUNT)}
    workers = {path.read_text().strip() for path in tmp_path.glob("*.mark")}
    assert len(workers) == 2, "both took their part"
    assert {row.state for row in store.rows()} == {State.DONE}
    store.close()


def test_a_queue_tells_what_another_process_does(bench: Bench) -> None:
    """The other process is a second store and an owner of its own, alive as we are."""
    other = Store()
    elsewhere = Owner(1, "")
    seen: list[Update] = []
    bench.queue.subscribe(seen.append)
    number = other.add(CoverJob(source="theirs.mp3", output="/o"), elsewhere)
    until(lambda: [update.row.state for update in seen] == [State.QUEUED])
    other.claim(number, elsewhere)
    until(lambda: seen[-1].row.state is State.RUNNING)
    other.save_progress(number, 0.5, "half way", 3.0)
    until(lambda: seen[-1].row.message == "half way" and seen[-1].row.fraction == 0.5)
    bench.queue.cancel(number)
    until(lambda: other.take_requests(elsewhere) == [(number, "cancel")])
    other.move(number, State.CANCELLED)
    until(lambda: seen[-1].row.state is State.CANCELLED)
    queued = other.add(CoverJob(source="theirs.mp3", output="/o"), elsewhere)
    until(lambda: seen[-1].row.id == queued)
    other.delete(queued)
    until(lambda: seen[-1].removed and seen[-1].row.id == queued)
    assert bench.run("quick").state is State.DONE
    other.close()


def test_jobs_of_a_process_that_dies_meanwhile_are_noticed(bench: Bench) -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    from desktop.alive import start_token

    theirs = Owner(child.pid, start_token(child.pid) or "")
    other = Store()
    number = other.add(CoverJob(source="theirs.mp3", output="/o"), theirs)
    other.claim(number, theirs)
    until(lambda: any(update.row.id == number for update in bench.updates))
    child.kill()
    child.communicate()
    until(lambda: bench.updates[-1].row.state is State.INTERRUPTED)
    other.close()


def test_a_queue_that_does_not_adopt_leaves_the_orphans_alone(home: Path, extra_runners: None) -> None:
    store = Store()
    orphan = store.add(CoverJob(source="orphan.mp3", output="/o"), Owner(2**22 + 1, "1"))
    queue = Queue(store, runner_of=runner_of, adopt=False)
    bench = Bench(store, queue)
    assert bench.run("quick").state is State.DONE
    assert queue.row(orphan).state is State.QUEUED
    RUNNERS["orphan.mp3"] = "quick"
    assert queue.retry(orphan) == orphan and queue.wait(orphan, PATIENCE_S).state is State.DONE
    foreign = store.add(CoverJob(source="theirs.mp3", output="/o"), Owner(1, ""))
    with pytest.raises(UserError, match="is queued and cannot be retried"):
        queue.retry(foreign)
    queue.close()
    store.close()
