"""Real processes of the product under homes of their own, found by their environment in /proc."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def until(is_so: Callable[[], object], what: str, seconds: float = 240.0) -> None:
    """Wait until something is so; the machine may be busy with other things."""
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.03)


class Processes:
    """Starts the product's programs with homes below one folder, and finds whatever came of them.

    Attributes:
        environment: of all that is started.
    """

    def __init__(self, folder: Path, home: Path, models: Path, temp: Path) -> None:
        kept = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
        self.environment = kept | {
            "REPRISE_HOME": str(home),
            "REPRISE_MODELS": str(models),
            "REPRISE_OFFLINE": "1",
            "PYTHONPATH": str(ROOT),
            "QT_QPA_PLATFORM": "offscreen",
            "COLUMNS": "200",
            "TMPDIR": str(temp),
        }
        self._mark = os.fsencode(f"REPRISE_HOME={folder}/")
        self._logs = folder / "logs"
        self._started: list[subprocess.Popen[bytes]] = []

    def start(
        self, *words: str | Path, before: Sequence[str] = (), extra: dict[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """Start a command (the window without words); what it says goes into a file of its own."""
        return self.start_module("desktop", *words, before=before, extra=extra)

    def start_module(
        self, module: str, *words: str | Path, before: Sequence[str] = (), extra: dict[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """Start a module of this checkout."""
        with (self._logs / f"{len(self._started)}.txt").open("wb") as said:
            child = subprocess.Popen(
                [*before, sys.executable, "-P", "-u", "-m", module, *map(str, words)],
                env=self.environment | (extra or {}),
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._started.append(child)
        return child

    def run(self, *words: str | Path, seconds: float = 300.0) -> tuple[int, str]:
        """Run a command to its end; returns its exit code and what it said."""
        child = self.start(*words)
        return child.wait(seconds), self.said(child)

    def said(self, child: subprocess.Popen[bytes]) -> str:
        """What a process has printed so far."""
        return (self._logs / f"{self._started.index(child)}.txt").read_text(encoding="utf-8", errors="replace")

    def alive(self) -> list[int]:
        """Numbers of all processes whose home is below the folder, however they were started."""
        return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit() and self._is_ours(entry)]

    def workers(self) -> list[int]:
        """Numbers of the worker processes."""
        return [pid for pid in self.alive() if b"--worker" in _words(pid)]

    def orphans(self, patience: float) -> list[int]:
        """Processes that are left when all that were started have ended; some may need a moment to go."""
        for child in self._started:
            child.poll()
        with contextlib.suppress(AssertionError):
            until(lambda: not self.alive(), "all gone", patience)
        return self.alive()

    def end(self) -> None:
        """Let nothing behind, also after a test that failed."""
        for pid in self.alive():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for child in self._started:
            child.wait(30)

    def _is_ours(self, entry: Path) -> bool:
        try:
            return self._mark in (entry / "environ").read_bytes()
        except OSError:
            return False


def send(pid: int, number: int) -> bool:
    """Send a signal; False when the process is gone."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


def is_stopped(pid: int) -> bool:
    """Whether SIGSTOP has come through."""
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0] == b"T"
    except OSError:
        return False


def _words(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return []
