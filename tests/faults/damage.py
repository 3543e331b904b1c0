"""Faults of what jobs read and write: disks, permissions, sources, models, the queue's own file."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sqlite3
import time
from pathlib import Path

from tests.faults.catching import Ended, caught, end_workers, state_of
from tests.faults.processes import send, until
from tests.faults.sources import results_of, source_of, write_anew
from tests.faults.world import World

_NO_OVERRIDE = "-dac_override,-dac_read_search"
_BOUND = ("setpriv", "--bounding-set", _NO_OVERRIDE, "--inh-caps", _NO_OVERRIDE)
"""In front of a command: permissions bind it although it is the superuser's."""


def disk_full(world: World) -> None:
    """The disk of the results is filled up; jobs fail and say so, or wait for room."""
    _fill(world, world.output)


def everything_full(world: World) -> None:
    """The disk that also holds the queue itself is filled up."""
    _fill(world, world.home)


def permission_lost(world: World) -> None:
    """Nobody may write into some of the results' folders any more, nor read some sources."""
    child = world.work(before=_BOUND if os.geteuid() == 0 else ())
    world.until_done(0.2, child)
    waiting = [row.id for row in world.rows() if row.state == "queued"]
    closed = world.output / "scores"
    hidden = [source_of(world.jobs[number]) for number in waiting[-max(1, len(waiting) // 10) :]]
    for path in (closed, *hidden):
        mode = path.stat().st_mode & 0o777
        path.chmod(0o500 if path.is_dir() else 0)
        world.mending.append(lambda path=path, mode=mode: path.chmod(mode))  # type: ignore[misc]
    assert world.finish(child) == 1
    failed = [row for row in world.rows() if row.state == "failed"]
    assert failed and all("ermission" in row.why for row in failed), [row.why for row in failed]
    refused = {row.id for row in failed}
    out_of_reach = {number for number in waiting if source_of(world.jobs[number]) in hidden}
    assert out_of_reach <= refused, "what cannot be read is told"


def sources_deleted(world: World) -> None:
    """Sources of waiting jobs are deleted, and that of one that runs."""
    child = world.work()
    world.until_done(0.2, child)
    row = caught(world, child)
    waiting = [one for one in world.rows() if one.state == "queued"]
    gone = [source_of(world.jobs[one.id]) for one in (row, *waiting[-max(1, len(waiting) // 10) :])]
    kept = world.folder / "kept"
    kept.mkdir()
    for path in gone:
        shutil.move(path, kept / path.name)
        world.mending.append(lambda path=path: shutil.move(kept / path.name, path))  # type: ignore[misc]
    world.excused.update(gone)
    send(row.worker, signal.SIGCONT)
    assert world.finish(child) == 1
    failed = {one.id: one.why for one in world.rows() if one.state == "failed"}
    missed = [number for number, job in world.jobs.items() if source_of(job) in gone and number != row.id]
    assert set(missed) <= failed.keys() <= {row.id, *missed}, failed
    assert all(source_of(world.jobs[number]).name in why for number, why in failed.items()), failed


def sources_changed(world: World) -> None:
    """Sources are written anew while a worker reads them: no result may come of it."""
    child, wanted, tries = world.work(), max(1, len(world.jobs) // 50), 0
    changed: set[int] = set()
    world.until_done(0.1, child)
    while child.poll() is None and tries < 10 * wanted and world.states()["failed"] < wanted:
        tries += 1
        with contextlib.suppress(Ended):
            row = caught(world, child, remembered=True)
            source = source_of(world.jobs[row.id])
            world.excused.add(source)
            changed.add(row.id)
            write_anew(source)
            send(row.worker, signal.SIGCONT)
            until(lambda row=row: state_of(world, row.id) != "running", "it has ended")  # type: ignore[misc]
    world.finish(child)
    failed = [row for row in world.rows() if row.state == "failed"]
    assert failed and all("changed" in row.why and row.id in changed for row in failed), [row.why for row in failed]
    # One whose result was in place just before its source changed keeps that.
    without = [row.id for row in failed if not any(path.exists() for path in results_of(world.jobs[row.id]))]
    assert without, "nothing gets its final name"


def model_corrupted(world: World) -> None:
    """A byte of an installed model's file turns; workers that load it from then on say which, and how to mend it."""
    model = next(world.models.glob("basic-pitch/*/*.onnx"))
    whole = model.read_bytes()
    child = world.work()
    world.until_done(0.2, child)
    broken = bytearray(whole)
    broken[len(broken) // 2] ^= 0xFF
    model.chmod(0o600)
    model.write_bytes(broken)
    world.mending.append(lambda: _mend_model(world, whole))
    end_workers(world)
    world.finish(child)
    failed = [row for row in world.rows() if row.state == "failed" and "SIGKILL" not in row.why]
    assert failed and all("reprise models install basic-pitch" in row.why for row in failed), [row.why for row in failed]
    assert all(b'"cover"' in row.job for row in failed), "the others need it not"


def database_locked(world: World) -> None:
    """Another program holds the queue's file for longer than anybody waits for it."""
    child = world.work()
    world.until_done(0.2, child)
    for seconds in (8, 3):
        with contextlib.closing(sqlite3.connect(world.home / "data" / "queue.sqlite", timeout=30, isolation_level=None)) as db:
            db.execute("BEGIN EXCLUSIVE")
            began = time.monotonic()
            until(lambda began=began, seconds=seconds: time.monotonic() - began > seconds, "held")  # type: ignore[misc]
            db.execute("ROLLBACK")
    assert world.finish(child) == 0
    assert world.states() == {"done": len(world.jobs)}


def _fill(world: World, place: Path) -> None:
    """Fill a disk up in the middle of the work, make room after a while, and let the work end."""
    child = world.work()
    world.until_done(0.2, child)
    ballast = place / ".ballast"
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
        while file.write(bytes(65536)):
            pass
    with contextlib.suppress(OSError), ballast.open("ab", buffering=0) as file:
        while file.write(bytes(512)):
            pass
    began = time.monotonic()
    until(lambda: time.monotonic() - began > 8 or child.poll() is not None, "it is full for a while")
    ballast.unlink()
    world.finish(child)
    failed = [row for row in world.rows() if row.state == "failed"]
    assert all("full" in row.why or "space" in row.why for row in failed), [row.why for row in failed]


def _mend_model(world: World, whole: bytes) -> None:
    """As the message says, from a file that the user has."""
    good = world.folder / "nmp.onnx"
    good.write_bytes(whole)
    code, said = world.processes.run("models", "import", "basic-pitch", good)
    assert code == 0, said
