"""The faults, each injected for real into real programs at work."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from tests.faults.processes import is_stopped, send, until
from tests.faults.sources import results_of, source_of, write_anew
from tests.faults.world import Seen, World

_NO_OVERRIDE = "-dac_override,-dac_read_search"
BOUND = ("setpriv", "--bounding-set", _NO_OVERRIDE, "--inh-caps", _NO_OVERRIDE)
"""In front of a command: permissions bind it although it is the superuser's."""


def nothing(world: World) -> None:
    """No fault: what the others are compared with."""
    assert world.finish(world.work()) == 0


def worker_killed(world: World) -> None:
    """Workers are ended by SIGKILL in the middle of jobs, one for each twenty jobs."""
    child, kills = world.work(), max(2, len(world.jobs) // 20)
    for kill in range(1, kills + 1):
        world.until_done(kill / (kills + 2), child)
        row = caught(world, child)
        world.again.add(row.id)
        send(row.worker, signal.SIGKILL)
        until(lambda row=row: _state(world, row.id) != "running", "the queue hears of it")  # type: ignore[misc]
    world.finish(child)
    failed = [row for row in world.rows() if row.state == "failed"]
    assert failed and all("SIGKILL" in row.why for row in failed) and len(failed) <= kills, [row.why for row in failed]
    assert world.states() == {"done": len(world.jobs) - len(failed), "failed": len(failed)}, world.states()


def command_killed(world: World) -> None:
    """The command that works is ended by SIGKILL; its workers go with it."""
    child = world.work()
    world.until_done(0.3, child)
    child.kill()
    world.finish(child)
    until(lambda: not world.processes.alive(), "the workers go with it", 30)
    excuse_cut_short(world)


def window_killed(world: World) -> None:
    """The window is ended by SIGKILL and opened again: it goes on with what waited; what it was at is offered for a retry."""
    child = world.open_window()
    world.until_done(0.3, child)
    child.kill()
    world.finish(child)
    until(lambda: not world.processes.alive(), "the workers go with it", 30)
    excuse_cut_short(world)
    again = world.open_window()
    world.until_over()
    _close_window(again)
    left = world.states()
    assert left["interrupted"] <= 2 and left["done"] + left["interrupted"] == len(world.jobs), left


def stopped(world: World) -> None:
    """A worker stands still (SIGSTOP) for longer than it may be silent, then the whole command does."""
    child = world.work()
    world.until_done(0.2, child)
    row = caught(world, child)
    # It is said after ten seconds that a worker does not answer.
    began, done = time.monotonic(), world.states()["done"]
    rest = len(world.jobs) - done > 6
    until(lambda: time.monotonic() - began > 12, "it is silent for long")
    assert not rest or world.states()["done"] > done, "the other worker goes on"
    send(row.worker, signal.SIGCONT)
    world.until_done(0.6, child)
    send(child.pid, signal.SIGSTOP)
    until(lambda: is_stopped(child.pid) or child.poll() is not None, "it stands")
    began = time.monotonic()
    until(lambda: time.monotonic() - began > 3, "it stands for a while")
    send(child.pid, signal.SIGCONT)
    assert world.finish(child) == 0


def disk_full(world: World) -> None:
    """The disk of the results is filled up; jobs fail and say so, or wait for room."""
    _fill(world, world.output)


def everything_full(world: World) -> None:
    """The disk that also holds the queue itself is filled up."""
    _fill(world, world.home)


def permission_lost(world: World) -> None:
    """Nobody may write into some of the results' folders any more, nor read some sources."""
    child = world.work(before=BOUND if os.geteuid() == 0 else ())
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
    while child.poll() is None and tries < 10 * wanted and len(_failed(world)) < wanted:
        tries += 1
        with contextlib.suppress(_Ended):
            row = caught(world, child, remembered=True)
            source = source_of(world.jobs[row.id])
            world.excused.add(source)
            changed.add(row.id)
            write_anew(source)
            send(row.worker, signal.SIGCONT)
            until(lambda row=row: _state(world, row.id) != "running", "it has ended")  # type: ignore[misc]
    world.finish(child)
    failed = [row for row in world.rows() if row.state == "failed"]
    assert failed and all("changed" in row.why and row.id in changed for row in failed), [row.why for row in failed]
    for row in failed:
        assert not any(path.exists() for path in results_of(world.jobs[row.id])), "nothing under the final name"


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
    _end_workers(world)
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


def clock_back(world: World) -> None:
    """The clock is put back by a day in the middle; the programs see it through the C library's own functions."""
    library, offset = _shifted_clock(world.folder), world.folder / "offset"
    offset.write_text("0")
    extra = {"LD_PRELOAD": str(library), "CLOCK_OFFSET": str(offset)}
    child = world.work(extra=extra)
    world.until_done(0.3, child)
    offset.write_text("-86400")
    assert world.finish(child) == 0
    assert world.states() == {"done": len(world.jobs)}
    code, said = world.processes.run("batch", "show", "1", "--json")
    assert code == 0 and '"done"' in said, said


def two_windows(world: World) -> None:
    """Two windows on one queue take up what waits, each what the other has not; one is killed on the way."""
    one, two = world.open_window(), world.open_window()
    world.until_done(0.2, one)
    until(lambda: len({row.owner for row in world.rows() if row.state in ("running", "done")}) == 2, "both work")
    world.until_done(0.5, one)
    two.kill()
    world.finish(two)
    world.until_over()
    excuse_cut_short(world)
    _close_window(one)
    left = world.states()
    assert left["interrupted"] <= 2 and left["done"] + left["interrupted"] == len(world.jobs), left


class _Ended(Exception):
    """The command has ended before it could be caught at work."""


def caught(world: World, child: subprocess.Popen[bytes], *, remembered: bool = False) -> Seen:
    """A job in the middle, its worker stopped; ``remembered`` for one whose sources are watched."""
    while True:
        if child.poll() is not None:
            raise _Ended(world.processes.said(child)[-2000:])
        for row in world.running():
            if remembered and not world.jobs[row.id].is_remembered:
                continue
            send(row.worker, signal.SIGSTOP)
            until(lambda row=row: is_stopped(row.worker) or row.worker not in world.processes.workers(), "it stands")  # type: ignore[misc]
            if _keeps(world, row):
                return row
            send(row.worker, signal.SIGCONT)
        time.sleep(0.01)


def _keeps(world: World, row: Seen) -> bool:
    """Whether a stopped worker still has the job when what it had said before has been heard."""
    began = time.monotonic()
    while time.monotonic() - began < 0.4:
        if _state(world, row.id) != "running":
            return False
        time.sleep(0.05)
    return True


def _state(world: World, number: int) -> str:
    return next((row.state for row in world.rows() if row.id == number), "gone")


def _failed(world: World) -> list[int]:
    return [row.id for row in world.rows() if row.state == "failed"]


def excuse_cut_short(world: World) -> None:
    """What a killed program was at may have had its result already, and is made again."""
    world.again.update(row.id for row in world.rows() if row.state in ("running", "interrupted"))


def _close_window(window: subprocess.Popen[bytes]) -> None:
    window.terminate()
    window.wait(30)


def _end_workers(world: World) -> None:
    for row in world.running():
        world.again.add(row.id)
    for pid in world.processes.workers():
        send(pid, signal.SIGKILL)


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


def _shifted_clock(folder: Path) -> Path:
    """A library that takes the offset in the file CLOCK_OFFSET off the time of day, for whoever preloads it."""
    library = folder / "clock.so"
    source = Path(__file__).with_name("clock.c")
    program = compiler()
    assert program is not None
    subprocess.run([program, "-shared", "-fPIC", "-O2", "-o", str(library), str(source), "-ldl"], check=True)
    return library


def compiler() -> str | None:
    """A C compiler, if there is one."""
    return next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)


Fault = Callable[[World], None]

LOCAL: dict[str, Fault] = {
    "no fault": nothing,
    "worker kill -9": worker_killed,
    "command kill -9": command_killed,
    "window kill -9": window_killed,
    "SIGSTOP": stopped,
    "disk full (results)": disk_full,
    "disk full (all)": everything_full,
    "permission lost": permission_lost,
    "source deleted": sources_deleted,
    "source changed": sources_changed,
    "model file corrupted": model_corrupted,
    "database locked": database_locked,
    "clock jumped back": clock_back,
    "two windows": two_windows,
}
