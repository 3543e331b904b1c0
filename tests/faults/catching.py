"""Catching real programs in the middle of their work, and ending them."""

from __future__ import annotations

import signal
import subprocess
import time

from tests.faults.processes import is_stopped, send, until
from tests.faults.world import Seen, World


class Ended(AssertionError):
    """The command has ended before it could be caught at work."""


def caught(world: World, child: subprocess.Popen[bytes], *, remembered: bool = False) -> Seen:
    """A job in the middle, its worker stopped; ``remembered`` for one whose sources are watched."""
    while True:
        if child.poll() is not None:
            raise Ended(world.processes.said(child)[-2000:])
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
        if state_of(world, row.id) != "running":
            return False
        time.sleep(0.05)
    return True


def state_of(world: World, number: int) -> str:
    return next((row.state for row in world.rows() if row.id == number), "gone")


def excuse_cut_short(world: World) -> None:
    """What a killed program was at may have had its result already, and is made again."""
    world.again.update(row.id for row in world.rows() if row.state in ("running", "interrupted"))


def close_window(window: subprocess.Popen[bytes]) -> None:
    window.terminate()
    window.wait(30)


def end_workers(world: World) -> None:
    for row in world.running():
        world.again.add(row.id)
    for pid in world.processes.workers():
        send(pid, signal.SIGKILL)
