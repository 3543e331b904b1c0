"""Sources are watched while they are read, and what was made of them is known again."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from desktop.errors import UserError
from desktop.jobs.events import Produced
from desktop.jobs.job import CoverJob
from desktop.jobs.ledger import content_hash, guarded, job_key
from desktop.jobs.states import State
from desktop.jobs.store import Store
from desktop.paths import atomic_write
from tests.jobs.bench import Bench


def test_no_result_lands_once_the_source_has_changed(tmp_path: Path) -> None:
    song, result = tmp_path / "song.mp3", tmp_path / "song.mid"
    song.write_bytes(b"one")
    job = CoverJob(source=str(song), output=str(tmp_path))
    with guarded(job) as sources, atomic_write(result) as file:
        file.write(b"notes")
    assert sources.hashes() == {str(song): hashlib.sha256(b"one").hexdigest()}
    for change in (lambda: song.write_bytes(b"longer"), song.unlink):
        with pytest.raises(UserError, match="The song changed while it was read"), guarded(job), atomic_write(result) as file:
            file.write(b"other notes")
            change()
    assert result.read_bytes() == b"notes" and [path.name for path in tmp_path.iterdir()] == ["song.mid"]
    with atomic_write(result) as file:
        file.write(b"after")


def test_a_worker_says_what_it_read(bench: Bench, tmp_path: Path) -> None:
    song = tmp_path / "song.mp3"
    song.write_bytes(b"one")
    row = bench.run("quick", str(song))
    assert row.state is State.DONE and row.result and row.result["sources"] == {str(song): hashlib.sha256(b"one").hexdigest()}


def test_a_worker_fails_when_the_source_changes_meanwhile(bench: Bench, tmp_path: Path) -> None:
    song = tmp_path / "song.mp3"
    song.write_bytes(b"one")
    number = bench.submit("steps", str(song))
    bench.running(number, "step")
    song.write_bytes(b"changed")
    row = bench.queue.wait(number, 10)
    assert row.state is State.FAILED and row.error and row.error.message == "The song changed while it was read"
    assert row.error.path == str(song)


def test_the_same_work_is_known_again(tmp_path: Path) -> None:
    song, moved, result = tmp_path / "a.mp3", tmp_path / "b.mp3", tmp_path / "a.mid"
    song.write_bytes(b"one")
    job = CoverJob(source=str(song), output="there")
    key = job_key(job, {str(song): content_hash(song)}, {"beats": "1"})
    song.rename(moved)
    again = CoverJob(source=str(moved), output="elsewhere")
    hashes = {str(moved): content_hash(moved)}
    assert job_key(again, hashes, {"beats": "1"}) == key != job_key(again, hashes, {"beats": "2"})
    assert job_key(CoverJob(source=str(moved), output="there", style="rock"), hashes, {"beats": "1"}) != key
    store = Store(tmp_path / "queue.sqlite")
    result.write_bytes(b"notes")
    files = [Produced("midi", str(result), "A")]
    assert store.made(key) is None
    store.note_made(key, files)
    assert store.made(key) == files
    os.utime(result, (1, 1))
    assert store.made(key) is None
    store.close()
