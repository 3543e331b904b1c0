"""The database of jobs: transitions, claims between processes, damage, upgrades."""

from __future__ import annotations

import os
import random
import resource
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from desktop.errors import UserError
from desktop.jobs import ledger_store, schema
from desktop.jobs.database import NotWritten
from desktop.jobs.events import Failed, Logged, Measured, Produced
from desktop.jobs.job import CoverJob, ListenJob
from desktop.jobs.rows import Owner
from desktop.jobs.states import TRANSITIONS, InvalidTransition, State, advance
from desktop.jobs.store import LOG_LINES, Store

ME = Owner.me()
DEAD = Owner(2**22 + 1, "1")
JOB = ListenJob(source="song.mp3")


@pytest.fixture
def store(tmp_path: Path):
    store = Store(tmp_path / "queue.sqlite")
    yield store
    store.close()


def test_every_transition_is_in_the_table() -> None:
    assert set(TRANSITIONS) == set(State)
    for before in State:
        for after in State:
            if after in TRANSITIONS[before]:
                assert advance(before, after) is after
            else:
                with pytest.raises(InvalidTransition, match=f"from {before} to {after}"):
                    advance(before, after)
    assert all(state.is_over != (state.is_active or state is State.QUEUED) for state in State)


def test_a_job_comes_back_as_it_was(store: Store, tmp_path: Path) -> None:
    job = CoverJob(source="söng.mp3", output=str(tmp_path), style="stride")
    number = store.add(job, ME, priority=2)
    row = store.row(number)
    assert (row.job, row.state, row.priority, row.owner) == (job, State.QUEUED, 2, ME)
    assert store.claim(number, ME) and not store.claim(number, ME)
    store.set_worker(number, 77)
    store.save_progress(number, 0.5, "half", 12.0)
    store.record(number, Produced("midi", "a.mid", "A"))
    store.record(number, Measured("loss", 0.5, 3))
    row = store.row(number)
    assert (row.state, row.fraction, row.message, row.remaining_s, row.device, row.worker_pid) == (
        State.RUNNING,
        0.5,
        "half",
        12.0,
        "",
        77,
    )
    store.move(number, State.DONE, result={"device": "CUDA", "files": {"midi": "a.mid"}})
    row = store.row(number)
    assert row.state is State.DONE and row.device == "CUDA" and row.fraction == 1 and row.remaining_s is None
    assert row.result == {"device": "CUDA", "files": {"midi": "a.mid"}} and row.artifacts == [Produced("midi", "a.mid", "A")]
    assert store.metrics(number) == [Measured("loss", 0.5, 3)]
    with pytest.raises(InvalidTransition):
        store.move(number, State.RUNNING)
    with pytest.raises(InvalidTransition):
        store.requeue(number, ME)
    assert store.row(number) == row


def test_retry_forgets_the_last_try(store: Store) -> None:
    number = store.add(JOB, DEAD)
    store.claim(number, DEAD)
    store.record(number, Produced("midi", "a.mid"))
    store.move(number, State.FAILED, error=Failed("no", "song.mp3", "try", "details"))
    assert store.row(number).error == Failed("no", "song.mp3", "try", "details")
    store.requeue(number, ME)
    row = store.row(number)
    assert row.state is State.QUEUED and row.owner == ME
    assert row.error is row.ended is row.started is None and row.artifacts == []


def test_only_the_last_lines_of_a_log_are_kept(store: Store) -> None:
    first, second = store.add(JOB, ME), store.add(JOB, ME)
    store.record(second, Logged("info", "other"))
    for n in range(LOG_LINES + 50):
        store.record(first, Logged("info", str(n)))
    assert [line.text for _, line in store.logs(first)] == [str(n) for n in range(50, LOG_LINES + 50)]
    assert [line.text for _, line in store.logs(second)] == ["other"]


def test_candidates_are_mine_and_the_orphans_when_adopting(store: Store) -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    from desktop.alive import start_token

    other = Owner(child.pid, start_token(child.pid) or "")
    low, orphan, foreign, high = store.add(JOB, ME), store.add(JOB, DEAD), store.add(JOB, other), store.add(JOB, ME, 5)
    assert [row.id for row in store.candidates(ME, adopt=False)] == [high, low]
    assert [row.id for row in store.candidates(ME, adopt=True)] == [high, low, orphan]
    child.communicate()
    assert [row.id for row in store.candidates(ME, adopt=True)] == [high, low, orphan, foreign]


def test_jobs_of_dead_processes_become_interrupted(store: Store) -> None:
    alive, dead, paused, _queued = (store.add(JOB, owner) for owner in (ME, DEAD, DEAD, DEAD))
    for number, owner in ((alive, ME), (dead, DEAD), (paused, DEAD)):
        store.claim(number, owner)
    store.move(paused, State.PAUSED)
    assert [row.id for row in store.interrupt_dead()] == [dead, paused]
    assert [row.state for row in store.rows()] == [State.RUNNING, State.INTERRUPTED, State.INTERRUPTED, State.QUEUED]
    assert store.interrupt_dead() == []


def test_requests_reach_the_process_that_has_the_job(store: Store) -> None:
    number = store.add(JOB, ME)
    store.claim(number, ME)
    other = Store(store.path)
    assert not store.changed()
    other.ask(number, "cancel")
    assert store.changed() and not store.changed()
    assert other.take_requests(DEAD) == []
    assert store.take_requests(ME) == [(number, "cancel")]
    assert store.take_requests(ME) == []
    other.close()


def test_delete_and_prune(store: Store) -> None:
    running, old, fresh = (store.add(JOB, ME) for _ in range(3))
    for number in (running, old, fresh):
        store.claim(number, ME)
    store.record(old, Logged("info", "gone with it"))
    store.move(old, State.DONE, result={})
    store.move(fresh, State.CANCELLED)
    store._connection.execute("UPDATE jobs SET ended = ? WHERE id = ?", (time.time() - 40 * 86400, old))
    assert store.prune(30) == 1
    assert [row.id for row in store.rows()] == [running, fresh] and store.logs(old) == []
    with pytest.raises(UserError, match="is running"):
        store.delete(running)
    store.delete(fresh)
    with pytest.raises(UserError, match="no job number"):
        store.delete(fresh)


CLAIMER = """
import sys
from pathlib import Path
from desktop.jobs.rows import Owner
from desktop.jobs.store import Store
store, mine = Store(Path(sys.argv[1])), []
sys.stdin.readline()
for number in range(1, 201):
    if store.claim(number, Owner.me()):
        mine.append(number)
print(*mine)
"""


def test_two_processes_never_claim_the_same_job(store: Store) -> None:
    for _ in range(200):
        store.add(JOB, ME)
    children = [
        subprocess.Popen(
            [sys.executable, "-c", CLAIMER, str(store.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    for child in children:
        assert child.stdin
        child.stdin.write("go\n")
        child.stdin.flush()
    claimed = [int(word) for child in children for word in child.communicate(timeout=240)[0].split()]
    assert sorted(claimed) == list(range(1, 201))


@pytest.mark.parametrize("damage", ["text", "pages", "header"])
def test_a_damaged_file_is_put_aside(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "queue.sqlite"
    store = Store(path)
    for _ in range(300):
        store.add(JOB, ME)
    store.close()
    content = bytearray(path.read_bytes())
    if damage == "text":
        content[:] = b"this is no database " * 100
    elif damage == "header":
        content[:16] = bytes(16)
    else:
        content[4096 * 2 :] = random.Random(1).randbytes(len(content) - 4096 * 2)
    path.write_bytes(content)
    store = Store(path)
    assert "damaged" in store.note and store.rows() == []
    (aside,) = tmp_path.glob("*.broken-*")
    assert str(aside) in store.note and aside.read_bytes() == content
    assert store.add(JOB, ME) == 1
    store.close()
    again = Store(path)
    assert again.note == "" and len(again.rows()) == 1
    again.close()


def test_a_database_of_a_later_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "queue.sqlite"
    Store(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version = {len(schema.UPGRADES) + 1}")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(UserError, match="later version"):
        Store(path)
    assert path.read_bytes() == before


def test_upgrade_steps_run_once_and_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "queue.sqlite"
    store = Store(path)
    store.add(JOB, ME)
    store.close()
    more = ("CREATE TABLE one (x)", "INSERT INTO one VALUES (7)")
    monkeypatch.setattr(schema, "UPGRADES", schema.UPGRADES + more)
    for _ in range(2):
        store = Store(path)
        assert len(store.rows()) == 1
        assert store._connection.execute("SELECT x FROM one").fetchall() == [(7,)]
        store.close()
    monkeypatch.setattr(schema, "UPGRADES", (*schema.UPGRADES, "CREATE TABLE two (x); this is no SQL"))
    with pytest.raises(UserError, match="cannot be opened"):
        Store(path)
    with sqlite3.connect(path) as connection:
        assert not connection.execute("SELECT name FROM sqlite_master WHERE name = 'two'").fetchall()
    connection.close()


def test_a_job_of_a_kind_that_is_not_known_is_left_out(store: Store) -> None:
    number = store.add(JOB, ME)
    store._connection.execute("UPDATE jobs SET job = ? WHERE id = ?", ('{"kind": "teleport"}', number))
    kept = store.add(JOB, ME)
    assert [row.id for row in store.rows()] == [kept]


def test_an_old_job_stays_readable_when_its_beats_have_gone(store: Store, tmp_path: Path) -> None:
    beats = tmp_path / "beats.txt"
    beats.write_text("0.5\t1\n")
    number = store.add(CoverJob(source="s", output="o", beats=str(beats)), ME)
    beats.unlink()
    assert store.row(number).job == CoverJob(source="s", output="o", beats=str(beats))


def test_a_folder_that_cannot_be_written_is_an_error_for_people(tmp_path: Path) -> None:
    (tmp_path / "queue.sqlite").mkdir()
    with pytest.raises(UserError, match="cannot be opened"):
        Store(tmp_path / "queue.sqlite")


@pytest.mark.skipif(os.name != "posix", reason="limits as POSIX has them")
def test_a_full_disk_is_an_error_for_people_and_loses_nothing(store: Store) -> None:
    kept = [store.add(JOB, ME) for _ in range(5)]
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(UserError, match="cannot be written"):
            for _ in range(2000):
                kept.append(store.add(JOB, ME))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    kept.append(store.add(JOB, ME))
    assert [row.id for row in store.rows()] == kept


def test_recovery_clears_what_the_dead_left_and_nothing_else(home: Path, tmp_path: Path) -> None:
    from desktop.jobs.recovery import recover
    from desktop.jobs.scratch import scratch_folder

    store = Store()
    out = tmp_path / "out"
    out.mkdir()
    dead, mine = (store.add(CoverJob(source="s", output=str(out)), owner) for owner in (DEAD, ME))
    for number, owner, worker in ((dead, DEAD, 2**22 + 5), (mine, ME, os.getpid())):
        store.claim(number, owner)
        store.set_worker(number, worker)
        scratch_folder(number).mkdir(parents=True)
        (out / f".x.mid.{worker}-01234567.part").touch()
    scratch_folder(99).mkdir()
    assert [row.id for row in recover(store)] == [dead] and recover(store) == []
    assert [path.name for path in out.iterdir()] == [f".x.mid.{os.getpid()}-01234567.part"]
    assert [number for number in (dead, mine, 99) if scratch_folder(number).exists()] == [mine]
    store.close()


def test_what_a_worker_could_not_remove_goes_before_the_next_try(home: Path, tmp_path: Path) -> None:
    from desktop.jobs.recovery import clear_before

    store = Store()
    number = store.add(CoverJob(source="s", output=str(tmp_path)), ME)
    for worker, stays in ((os.getpid(), True), (2**22 + 5, False)):
        left = tmp_path / f".x.mid.{worker}-01234567.part"
        left.touch()
        store.set_worker(number, worker)
        clear_before(store.row(number))
        assert left.exists() is stays, "a worker that lives may be writing something else"
    store.close()


@pytest.mark.parametrize(
    ("fault", "said", "remedy"), [("busy", "another program holds it", "End"), ("full", "disk is full", "Free")]
)
def test_what_cannot_be_written_is_told_and_can_be_written_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str, said: str, remedy: str
) -> None:
    monkeypatch.setattr(schema, "BUSY_MS", 20)
    store = Store(tmp_path / "queue.sqlite")
    first = store.add(JOB, ME)
    other = sqlite3.connect(store.path, isolation_level=None)
    if fault == "busy":
        other.execute("BEGIN IMMEDIATE")
    else:
        (pages,) = store._connection.execute("PRAGMA page_count").fetchone()
        store._connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(NotWritten, match=f"The list of jobs cannot be written: .*{said}") as caught:
        for _ in range(300):
            store.add(CoverJob(source="a" * 1000, output="there"), ME)
    assert caught.value.remedy.startswith(remedy) and caught.value.path == str(store.path)
    assert store.row(first).state is State.QUEUED
    other.execute("ROLLBACK") if fault == "busy" else store._connection.execute("PRAGMA max_page_count = 100000")
    assert store.add(JOB, ME) > first
    other.close()
    store.close()


def test_the_oldest_of_very_much_is_forgotten(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_store, "MOST", 2)
    for name in ("a", "b", "c", "a"):
        store.keep_hashes({name: ("stamp", "hash")})
    store.prune(1)
    assert list(store.hashes("abc")) == ["a", "c"]
