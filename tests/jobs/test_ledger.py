"""Sources are watched while they are read, and what was made of them is known again."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path
from typing import Any

import pytest

from desktop.errors import UserError
from desktop.jobs.job import CoverJob, DoctorJob
from desktop.jobs.ledger import Fate, content_hash, fate_of, guarded, recipe_of, see
from desktop.jobs.rows import Owner
from desktop.jobs.states import State
from desktop.jobs.store import Store
from desktop.paths import atomic_write
from tests.jobs.bench import Bench
from tests.waiting import quickest


def test_no_result_lands_once_the_source_has_changed(tmp_path: Path) -> None:
    song, result = tmp_path / "song.mp3", tmp_path / "song.mid"
    song.write_bytes(b"one")
    job = CoverJob(source=str(song), output=str(tmp_path))
    with guarded(job) as sources, atomic_write(result) as file:
        file.write(b"notes")
    assert sources.facts()["sources"] == {str(song): hashlib.sha256(b"one").hexdigest()}
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
    number = bench.submit("naps", str(song))
    bench.running(number, "asleep")
    song.write_bytes(b"changed")
    row = bench.wait(number)
    assert row.state is State.FAILED and row.error and row.error.message == "The song changed while it was read"
    assert row.error.path == str(song)


def test_the_same_work_is_known_again(tmp_path: Path) -> None:
    song, moved, project = tmp_path / "a.mp3", tmp_path / "b.mp3", tmp_path / "a.reprise"
    song.write_bytes(b"one")
    project.write_bytes(b"notes")
    job = CoverJob(source=str(song), output=str(tmp_path))
    result = {
        "files": {"project": str(project)},
        "sources": {str(song): content_hash(song)},
        "stamps": {str(song): see(song).stamp},
        "models": {"beats": "1"},
    }
    store = Store(tmp_path / "queue.sqlite")
    number = store.add(job, Owner.me())
    store.claim(number, Owner.me())
    assert store.made([job.place]) == {}
    store.move(number, State.DONE, result=result)
    made = store.made([job.place])[job.place]
    assert made.sources == (hashlib.sha256(b"one").hexdigest(),) and made.sizes == (3,) and made.models == {"beats": "1"}
    assert fate_of(made.files["project"]) is Fate.INTACT
    assert store.hashes([str(song)]) == {str(song): (see(song).stamp, made.sources[0])}
    song.rename(moved)
    again = CoverJob(source=str(moved), output=str(tmp_path), name="a", device="cpu", also=("pdf",))
    assert again.place == job.place and recipe_of(again) == made.recipe
    assert recipe_of(CoverJob(source=str(moved), output=str(tmp_path), style="rock")) != made.recipe
    os.utime(project, (1, 1))
    assert fate_of(made.files["project"]) is Fate.ALTERED
    project.unlink()
    assert fate_of(made.files["project"]) is Fate.GONE
    assert store.prune(-1) == 1 and store.rows() == [] and store.made([job.place]), "the ledger outlives the history"
    store.close()


def test_a_result_that_says_too_little_is_not_remembered(tmp_path: Path) -> None:
    store = Store(tmp_path / "queue.sqlite")
    job = CoverJob(source=str(tmp_path / "a.mp3"), output=str(tmp_path))
    silent: list[dict[str, Any]] = [
        {},
        {"sources": {}, "models": {}},
        {"files": {"midi": "gone"}, "sources": {job.source: "1"}, "models": {}},
    ]
    for result in silent:
        store.note_made(job, result)
    store.note_made(DoctorJob(), {"sources": {}, "models": {}, "files": {"a": str(tmp_path)}})
    assert store.made([job.place, ""]) == {}
    store.close()


def test_an_abandoned_source_is_not_read_to_its_end(tmp_path: Path) -> None:
    large = tmp_path / "clip.mkv"
    with large.open("wb") as file:
        file.truncate(64 << 30)

    def left() -> float:
        began = time.monotonic()
        with pytest.raises(RuntimeError), guarded(CoverJob(source=str(large), output=str(tmp_path))) as sources:
            raise RuntimeError
        assert sources.facts() == {}
        return time.monotonic() - began

    assert quickest(left, 2.0) < 2.0
