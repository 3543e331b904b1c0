"""Batches: thousands of jobs at once, in the database and through the queue."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

import pytest

from desktop.errors import UserError
from desktop.jobs import schema
from desktop.jobs.batch_news import EVERY_S
from desktop.jobs.batches import STOPPED, BatchSpec, OnError, group_failures
from desktop.jobs.events import Failed, Produced
from desktop.jobs.job import CoverJob, ListenJob
from desktop.jobs.queue import Queue
from desktop.jobs.rows import Owner
from desktop.jobs.states import State
from desktop.jobs.store import Store
from tests.jobs.bench import RUNNERS, Bench, runner_of, until

ME = Owner.me()
SPEC = BatchSpec(title="Tapes", kind="cover", output="out")


def covers(runner: str, *names: str) -> list[CoverJob]:
    """Jobs for a runner of the tests."""
    RUNNERS.update(dict.fromkeys(names, runner))
    return [CoverJob(source=name, output="out") for name in names]


@pytest.fixture
def store(tmp_path: Path):
    store = Store(tmp_path / "queue.sqlite")
    yield store
    store.close()


def test_a_database_of_version_1_opens_with_its_jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "queue.sqlite"
    with sqlite3.connect(path) as old:
        old.executescript(schema.UPGRADES[0])
        add = "INSERT INTO jobs (job, state, owner_pid, owner_token, created) VALUES (?, 'done', 1, 'x', 5)"
        old.execute(add, ('{"kind": "cover", "source": "/songs/Ärger.mp3", "output": "/out"}',))
        old.execute(add, ("no JSON at all",))
        old.execute("PRAGMA user_version = 1")
    old.close()
    store = Store(path)
    (row,) = store.rows()
    assert row.job == CoverJob(source="/songs/Ärger.mp3", output="/out") and (row.batch, row.node) == (0, "")
    assert [row.id for row in store.page(search="äRGER", kinds=["cover"])] == [1] and store.count(search="missing") == 0
    assert store.batches() == [] and store.batch(store.add_batch(SPEC, [], ME, skipped=3)).total == 3
    store.close()


def test_pages_counts_and_searches(store: Store) -> None:
    single = store.add(ListenJob(source="Single.mp3"), ME)
    batch = store.add_batch(SPEC, covers("quick", *(f"Song {n}.mp3" for n in range(30))), ME, skipped=2)
    first = single + 1
    assert [row.id for row in store.page(batch=batch, newest_first=False, offset=5, limit=3)] == [first + 5, first + 6, first + 7]
    assert [row.id for row in store.page(batch=0)] == [single] and store.count() == 31 and store.count(batch=batch) == 30
    assert [row.job.title for row in store.page(search="song 12")] == ["Song 12.mp3"] and store.count(kinds=["listen"]) == 1
    store.claim(first, ME)
    store.record(first, Produced("midi", "a.mid", "A"))
    store.move(first, State.FAILED, error=Failed("Not a tune"))
    assert [row.artifacts for row in store.page(states=[State.FAILED], search="TUNE")] == [[Produced("midi", "a.mid", "A")]]
    store.claim(first + 1, ME)
    store.save_progress(first + 1, 0.5, "half", None)
    now = store.batch(batch)
    assert now.counts == {State.QUEUED: 28, State.RUNNING: 1, State.FAILED: 1}
    assert (now.total, now.skipped, now.is_over, now.state) == (32, 2, False, State.RUNNING)
    assert now.fraction == pytest.approx(3.5 / 32) and now.rate_per_h and now.remaining_s and now.ended is None
    assert store.extend_batch(batch, covers("quick", "late"), ME) == [first + 30] and store.batch(batch).total == 33
    with pytest.raises(UserError, match="running"):
        store.delete_batch(batch)
    with pytest.raises(UserError, match="no batch"):
        store.extend_batch(99, [], ME)


def test_failures_are_grouped_and_queued_again(store: Store) -> None:
    batch = store.add_batch(SPEC, covers("quick", *(f"s{n}" for n in range(4))), ME)
    for number in (1, 2, 3):
        store.claim(number, ME)
        message = "No sound" if number == 3 else f"/songs/s{number} is damaged at byte {number * 7}"
        store.move(number, State.FAILED, error=Failed(message, f"/songs/s{number}", "Copy it again."))
    damaged, silent = store.failure_groups(batch)
    assert (damaged.reason, damaged.count, damaged.jobs, damaged.remedy) == (
        "… is damaged at byte …",
        2,
        (1, 2),
        "Copy it again.",
    )
    assert (silent.reason, silent.jobs) == ("No sound", (3,))
    assert store.retry_failed(batch, ME, [3, 4]) == [3] and store.retry_failed(batch, ME) == [1, 2]
    assert store.batch(batch).counts == {State.QUEUED: 4} and store.row(1).error is None
    same = [(n, Failed("Take 5 is silent")) for n in (1, 2)]
    assert group_failures(same)[0].reason == "Take 5 is silent"


def test_a_paused_batch_is_passed_over(store: Store) -> None:
    batch = store.add_batch(SPEC, covers("quick", "a", "b"), ME)
    single = store.add(ListenJob(source="c"), ME)
    store.pause_batch(batch, True)
    assert [row.id for row in store.candidates(ME, adopt=True)] == [single] and store.batch(batch).state is State.PAUSED
    store.pause_batch(batch, False)
    assert [row.id for row in store.candidates(ME, adopt=True)] == [1, 2, single]


def test_what_waits_is_put_first_or_last_and_stays_work(store: Store) -> None:
    batch = store.add_batch(SPEC, covers("quick", "a", "b"), ME)
    single = store.add(ListenJob(source="c"), ME)
    urgent = store.add(ListenJob(source="d"), ME, priority=1)
    for first, chosen, order in (
        (True, {"job": single}, [urgent, single, 1, 2]),
        (True, {"batch": batch}, [urgent, 1, 2, single]),
        (False, {"batch": batch}, [urgent, single, 1, 2]),
    ):
        store.put(first=first, **chosen)
        assert [row.id for row in store.candidates(ME, adopt=True)] == order
        rows = store.page(states=[State.QUEUED], next_first=True)
        assert [row.id for row in rows] == order and max(row.priority for row in rows if row.id != urgent) <= 0
    assert [row.id for row in store.page(without=[1, urgent])] == [single, 2]
    store.claim(1, ME)
    assert [row.id for row in store.delete_jobs([1, single, 99])] == [single], "what a worker has stays"


def test_ten_thousand_jobs(store: Store) -> None:
    jobs = covers("quick", *(f"/songs/Song {n}.mp3" for n in range(10_000)))
    began = time.process_time()
    batch = store.add_batch(SPEC, jobs, ME)
    added = time.process_time()
    again = Store(store.path)
    opened = time.process_time()
    for _ in range(20):
        again.candidates(ME, adopt=True)
        again.single_rows()
        again.batch(batch)
    asked = time.process_time()
    again.close()
    assert added - began < 3 and opened - added < 1 and (asked - opened) / 20 < 0.015


def test_a_batch_runs_in_order_and_tells_how_far_it_is(bench: Bench) -> None:
    began = time.monotonic()
    batch = bench.queue.submit_batch(SPEC, covers("quick", *"abcdefgh"))
    until(lambda: bench.queue.batch(batch).is_over)
    until(lambda: any(update.batch and update.batch.is_over for update in bench.updates))
    rows = bench.store.page(batch=batch, newest_first=False)
    assert [row.result and row.result["source"] for row in sorted(rows, key=lambda row: row.ended or 0)] == list("abcdefgh")
    told = [update.batch for update in bench.updates if update.batch]
    fractions = [one.fraction for one in told]
    assert fractions == sorted(fractions) and told[-1].state is State.DONE and told[-1].ended
    assert len(told) <= 4 + (time.monotonic() - began) / EVERY_S
    bench.queue.remove_batch(batch)
    assert bench.queue.batches() == [] and bench.store.count() == 0


def test_the_first_error_ends_a_batch_that_asked_for_it(bench: Bench) -> None:
    spec = BatchSpec(title="Tapes", kind="cover", on_error=OnError.STOP)
    jobs = [*covers("quick", "fine"), *covers("raises_user_error", "bad"), *covers("quick", *"abc")]
    batch = bench.queue.submit_batch(spec, jobs)
    until(lambda: bench.queue.batch(batch).is_over)
    now = bench.queue.batch(batch)
    assert now.counts == {State.DONE: 1, State.FAILED: 1, State.CANCELLED: 3} and now.state is State.FAILED
    assert {row.message for row in bench.store.page(batch=batch, states=[State.CANCELLED])} == {STOPPED}
    RUNNERS["bad"] = "quick"
    assert bench.queue.retry_batch(batch) == 4
    until(lambda: bench.queue.batch(batch).counts == {State.DONE: 5})


def test_a_batch_is_paused_resumed_and_cancelled(bench: Bench, tmp_path: Path) -> None:
    batch = bench.queue.submit_batch(SPEC, covers("long", *(str(tmp_path / name) for name in "abc")))
    first = bench.store.page(batch=batch, newest_first=False)[0].id
    bench.running(first, "working")
    bench.queue.pause_batch(batch)
    until(lambda: bench.queue.row(first).state is State.PAUSED)
    assert bench.queue.batch(batch).state is State.PAUSED
    with pytest.raises(UserError, match="running"):
        bench.queue.remove_batch(batch)
    bench.queue.resume_batch(batch)
    until(lambda: bench.queue.row(first).state is State.RUNNING)
    bench.queue.cancel_batch(batch)
    assert bench.wait(first + 2).state is State.CANCELLED
    until(lambda: bench.queue.batch(batch).counts == {State.CANCELLED: 3})


def test_holds_keep_jobs_from_beginning_and_let_running_ones_stand_still(bench: Bench, tmp_path: Path) -> None:
    running = bench.submit("long", str(tmp_path / "long"))
    bench.running(running, "working")
    bench.queue.hold("battery", "On battery", pause_running=True)
    bench.queue.hold("disk", "The disk is nearly full")
    until(lambda: bench.queue.row(running).state is State.PAUSED)
    bench.queue.release("battery")
    until(lambda: bench.queue.row(running).state is State.RUNNING)
    bench.queue.cancel(running)
    assert bench.wait(running).state is State.CANCELLED
    waiting, urgent = bench.submit("quick"), bench.submit("quick", priority=1)
    assert bench.wait(urgent).state is State.DONE, "what the user waits for is not held"
    assert bench.queue.holds == {"disk": "The disk is nearly full"} and bench.queue.row(waiting).state is State.QUEUED
    bench.queue.release("disk")
    assert bench.wait(waiting).state is State.DONE and bench.queue.holds == {}
    told = [update.holds for update in bench.updates if update.holds is not None]
    assert [sorted(holds) for holds in told] == [["battery"], ["battery", "disk"], ["disk"], []]


def test_another_process_sees_a_batch_as_it_goes_on(bench: Bench) -> None:
    store = Store()
    other, told = Queue(store, runner_of=runner_of, adopt=False), []
    other.subscribe(lambda update: told.append(update.batch) if update.batch else None)
    bench.queue.submit_batch(SPEC, covers("quick", *"abc"))
    until(lambda: told and told[-1].counts == {State.DONE: 3})
    other.close()
    store.close()
