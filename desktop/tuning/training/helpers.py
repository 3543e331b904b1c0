"""More processes for one training: the worker is the first of them, and tells the others what to do by their stdin.

They are in the worker's process group, and the end of their stdin ends them, so none outlives it.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import msgspec

from desktop.errors import UserError
from desktop.jobs.executors import program_command, program_environment
from desktop.models import cpu
from desktop.tuning.devices import gpu_names
from desktop.tuning.training.setup import Setup

SWITCH = "--trainer"
_SAID = 4000


class Begin(msgspec.Struct, frozen=True, tag="begin"):
    """Join the training; ``checkpoint`` is a folder to go on from, or ""."""

    setup: Setup
    meeting: str
    processes: int
    process: int
    checkpoint: str


class Step(msgspec.Struct, frozen=True, tag="step"):
    """Make a step."""

    number: int
    batch: int
    rate: float


class Helpers:
    """The other processes of a training."""

    def __init__(self, children: list[subprocess.Popen[bytes]]) -> None:
        self._children = children
        self._said = [""] * len(children)
        self._readers = [
            threading.Thread(target=self._read, args=(number,), name=f"trainer-{number + 1}", daemon=True)
            for number in range(len(children))
        ]
        for reader in self._readers:
            reader.start()

    def tell(self, order: Begin | Step) -> None:
        """Give all of them an order; raises UserError when one is gone."""
        self.tell_each([order] * len(self._children))

    def tell_each(self, orders: list[Begin] | list[Begin | Step]) -> None:
        """Give each its own order."""
        for number, (child, order) in enumerate(zip(self._children, orders, strict=True)):
            try:
                stdin = _pipe(child.stdin)
                stdin.write(msgspec.json.encode(order) + b"\n")
                stdin.flush()
            except OSError:
                raise self.lost(number) from None

    def lost(self, number: int | None = None) -> UserError:
        """What to say when a process is gone."""
        gone = [index for index, child in enumerate(self._children) if _ended(child)]
        number = number if number is not None else next(iter(gone), 0)
        self._readers[number].join(1.0)
        lines = [line for line in self._said[number].splitlines() if line.strip()]
        last = f": {lines[-1]}" if lines else ""
        return UserError(
            f"Training process {number + 2} of {len(self._children) + 1} ended (exit code {self._children[number].poll()}){last}",
            remedy="Resume the run, or use fewer processes.",
        )

    def any_lost(self) -> bool:
        """Whether one of them has ended."""
        return any(_ended(child) for child in self._children)

    def end(self) -> None:
        """End all of them."""
        for child in self._children:
            with contextlib.suppress(OSError):
                _pipe(child.stdin).close()
        for child in self._children:
            with contextlib.suppress(OSError):
                child.kill()
            child.wait()
        for reader in self._readers:
            reader.join(1.0)

    def _read(self, number: int) -> None:
        with _pipe(self._children[number].stderr) as stderr:
            while line := stderr.readline(_SAID):
                self._said[number] = (self._said[number] + line.decode("utf-8", "replace"))[-_SAID:]


@contextlib.contextmanager
def helpers(setup: Setup, processes: int, meeting: Path, checkpoint: Path | None) -> Iterator[Helpers]:
    """Start ``processes - 1`` helpers that join at ``meeting``; they are ended at the end.

    Raises:
        UserError: one cannot be started.
    """
    children: list[subprocess.Popen[bytes]] = []
    threads = str(max(1, cpu.granted() // processes))
    try:
        for process in range(1, processes):
            children.append(_start(_variables(setup.device, process, threads)))
    except OSError as error:
        Helpers(children).end()
        raise UserError(f"No training process could be started: {error.strerror or error}", path=sys.executable) from error
    group = Helpers(children)
    try:
        group.tell_each(
            [
                Begin(setup, str(meeting), processes, process, str(checkpoint) if checkpoint else "")
                for process in range(1, processes)
            ]
        )
        yield group
    finally:
        group.end()


def _variables(device: str, process: int, threads: str) -> dict[str, str]:
    found = {"REPRISE_THREADS": threads, "OMP_NUM_THREADS": threads}
    if device == "cuda":
        found["CUDA_VISIBLE_DEVICES"] = gpu_names(process + 1)[process]
    return found


def _start(variables: dict[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*program_command(), SWITCH],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=program_environment(variables),
    )


def _ended(child: subprocess.Popen[bytes]) -> bool:
    return child.poll() is not None


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream is not None
    return stream
