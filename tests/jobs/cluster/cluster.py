"""A cluster on this computer: real processes of the command line, found by what they print."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from desktop.jobs.cluster.keys import Keys, read_keys
from desktop.jobs.executor import JobFuture, Task
from desktop.jobs.job import CoverJob
from desktop.jobs.messages import AnyReply
from tests.waiting import PATIENCE_S

ROOT = Path(__file__).resolve().parents[3]


def wait_until(is_so: Callable[[], bool], seconds: float = 2 * PATIENCE_S) -> None:
    """Wait until something is so; fails the test when it does not come to be."""
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "it did not come to be in time"
        time.sleep(0.02)


class Member:
    """A process of ``reprise cluster``, with what it has printed."""

    def __init__(self, home: Path, *arguments: str, program: Sequence[str] = ("-m", "desktop")) -> None:
        environment = os.environ | {"REPRISE_HOME": str(home), "REPRISE_EXTRA_RUNNERS": "tests.jobs.cluster.runners"}
        environment["PYTHONPATH"] = str(ROOT)
        self.process = subprocess.Popen(
            [sys.executable, "-P", *program, "cluster", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment | {"PYTHONUNBUFFERED": "1"},
        )
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def said(self, text: str) -> str:
        """The line with ``text``, waited for."""
        wait_until(lambda: any(text in line for line in self.lines) or self.process.poll() is not None)
        found = [line for line in self.lines if text in line]
        assert found, self.lines
        return found[0]

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and wait; returns the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(15)
        self._reader.join(5)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.strip())


class Cluster:
    """A scheduler without slots, and nodes as the test wants them."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.key_file = home / "config" / "cluster" / "cluster.key"
        self.nodes: dict[str, Member] = {}
        self.address = "127.0.0.1:0"
        self.start()

    def start(self) -> None:
        """Start the scheduler, again at the same address where it was started before."""
        self.scheduler = Member(self.home, "start", "--address", self.address, "--workers", "0")
        self.address = self.scheduler.said("listens at").split()[-1]

    @property
    def keys(self) -> Keys:
        return read_keys(self.key_file)

    def scratch_of(self, name: str) -> list[Path]:
        """What a node keeps of jobs."""
        folder = self.home / name / "cache" / "cluster"
        return list(folder.iterdir()) if folder.is_dir() else []

    def join(self, name: str, *options: str) -> Member:
        """A node with one slot, with its own home."""
        home = self.home / name
        arguments = ("join", self.address, "--key", str(self.key_file), "--workers", "1", "--name", name, *options)
        self.nodes[name] = Member(home, *arguments)
        return self.nodes[name]

    def close(self) -> None:
        for member in (*self.nodes.values(), self.scheduler):
            member.end()


class Heard:
    """What is heard of jobs."""

    def __init__(self) -> None:
        self.events: list[tuple[JobFuture, AnyReply]] = []

    def __call__(self, future: JobFuture, reply: AnyReply) -> None:
        self.events.append((future, reply))

    def kinds(self, future: JobFuture) -> list[str]:
        """Names of the events of a job, in order, repeats left out."""
        names = [type(reply).__name__ for one, reply in list(self.events) if one is future]
        return [name for position, name in enumerate(names) if position == 0 or names[position - 1] != name]


def task(runner: str, source: Path, output: Path, **fields: Any) -> Task:
    """A job with one of the tests' runners."""
    job = CoverJob(source=str(source), output=str(output), **fields)
    return Task(1, job, f"tests.jobs.cluster.runners:{runner}", Path(), 0)
