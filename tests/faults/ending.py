"""Faults of processes: ended, stopped, doubled, and with a clock that is put back."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from pathlib import Path

from tests.faults.catching import caught, close_window, excuse_cut_short, state_of
from tests.faults.processes import is_stopped, send, until
from tests.faults.world import World


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
        until(lambda row=row: state_of(world, row.id) != "running", "the queue hears of it")  # type: ignore[misc]
    world.finish(child)
    failed = [row for row in world.rows() if row.state == "failed"]
    assert failed and all("SIGKILL" in row.why for row in failed) and len(failed) <= kills, [row.why for row in failed]
    assert world.states() == {"done": len(world.jobs) - len(failed), "failed": len(failed)}, world.states()


def _kill(world: World, child: subprocess.Popen[bytes]) -> None:
    """End what works through the queue by SIGKILL in the middle; what it was at is cut short."""
    world.until_done(0.3, child)
    child.kill()
    world.finish(child)
    until(lambda: not world.processes.alive(), "the workers go with it", 30)
    excuse_cut_short(world)


def command_killed(world: World) -> None:
    """The command that works is ended by SIGKILL; its workers go with it."""
    _kill(world, world.work())


def window_killed(world: World) -> None:
    """The window is ended by SIGKILL and opened again: it goes on with what waited; what it was at is offered for a retry."""
    _kill(world, world.open_window())
    again = world.open_window()
    world.until_over()
    close_window(again)
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
    close_window(one)
    left = world.states()
    assert left["interrupted"] <= 2 and left["done"] + left["interrupted"] == len(world.jobs), left


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
