"""Neither a command nor the window listens for anybody: no port is open while they run, nor in their workers."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import psutil
import pytest

from tests.e2e.command import command, environment


def listening(pid: int) -> tuple[set[str], int]:
    """Addresses at which a process and those it started listen, and how many these processes are."""
    found: set[str] = set()
    count = 0
    with contextlib.suppress(psutil.NoSuchProcess):
        parent = psutil.Process(pid)
        for process in (parent, *parent.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
                places = process.net_connections(kind="inet")
                found |= {str(place.laddr) for place in places if place.status == psutil.CONN_LISTEN or place.type != 1}
                count += 1
    return found, count


def watched(words: Sequence[str], home: Path, seconds: float) -> tuple[set[str], int]:
    """Run a program for at most so long; where it listened meanwhile, and the most processes that it was."""
    extra = {"REPRISE_HOME": str(home), "QT_QPA_PLATFORM": "offscreen"}
    with subprocess.Popen(words, env=environment(extra), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as child:
        found: set[str] = set()
        most = 0
        end = time.monotonic() + seconds
        try:
            while child.poll() is None and time.monotonic() < end:
                places, count = listening(child.pid)
                found, most = found | places, max(most, count)
                time.sleep(0.05)
        finally:
            child.kill()
    return found, most


def test_an_open_port_would_be_seen(tmp_path: Path) -> None:
    program = "import socket, time; s = socket.create_server(('127.0.0.1', 0)); time.sleep(1.5)"
    assert watched([sys.executable, "-c", program], tmp_path, 60.0)[0]


@pytest.mark.parametrize(("words", "seconds"), [(("doctor",), 30.0), ((), 2.5)], ids=["command", "window"])
def test_nobody_listens(tmp_path: Path, words: tuple[str, ...], seconds: float) -> None:
    found, processes = watched(command(*words), tmp_path, seconds)
    assert not found
    assert processes >= (2 if words else 1), "the command has a worker, which was looked at, too"
