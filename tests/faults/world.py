"""A queue of small mixed jobs in a home of its own, worked by the real programs."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
import subprocess
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desktop.jobs.job import AnyJob, encode
from tests.faults.placing import Placing
from tests.faults.processes import Processes, until
from tests.faults.sources import MIX, Maker

MODELS = ("basic-pitch", "beatnet", "mtcnn")
"""What the jobs of the mix need."""
OURS = "kind != 'install'"
"""The jobs that were queued to be worked through, not what mends a fault."""
SETTINGS: dict[str, Any] = {"version": 1, "workers": 2, "offline": True, "keep_awake": False}


@dataclass(frozen=True)
class Seen:
    """A job as the database file says."""

    id: int
    state: str
    job: bytes
    error: dict[str, Any] | None
    worker: int
    owner: int
    node: str

    @property
    def why(self) -> str:
        """All that the user is told of a failure."""
        return " · ".join(str((self.error or {}).get(part, "")) for part in ("message", "path", "remedy"))


class World:
    """Everything that one fault is tried on.

    Attributes:
        home, sources, output: the folders.
        jobs: by their numbers in the queue.
        mending: what takes the fault away, the last first.
        excused: sources that the fault itself changes.
        again: jobs that may be done a second time: the fault caught them between their result and its being noted.
    """

    def __init__(
        self,
        folder: Path,
        models: Path,
        count: int,
        *,
        head: Path | None = None,
        mix: Sequence[str] = MIX,
        disk: Path | None = None,
        results: Path | None = None,
    ) -> None:
        self.folder = folder
        self.home, self.sources = (disk or folder) / "home", folder / "sources"
        self.output, self.temp, self.models = (results or disk or folder) / "out", folder / "temp", folder / "models"
        for place in (self.home / "config", self.home / "data", self.output, self.temp, folder / "logs"):
            place.mkdir(parents=True, exist_ok=True)
        for name in MODELS:
            shutil.copytree(models / name, self.models / name)
        self.head = None if head is None else Path(shutil.copytree(head, folder / "head"))
        self.settle()
        made = Maker(self.sources, self.output, self.head).jobs(count, tuple(mix))
        self.jobs: dict[int, AnyJob] = dict(enumerate(made, 1))
        self.before = {path: digest(path) for path in self.sources.iterdir()}
        self.excused: set[Path] = set()
        self.again: set[int] = set()
        self.mending: list[Callable[[], object]] = []
        self.placed: Counter[Path] = Counter()
        self.processes = Processes(folder, self.home, self.models, self.temp)
        self._enqueue()
        self.placing = Placing(path for path in (self.output, *self.output.rglob("*")) if path.is_dir())

    def settle(self, **changes: Any) -> None:
        """Write the home's preferences."""
        (self.home / "config" / "settings.json").write_text(json.dumps(SETTINGS | changes), encoding="utf-8")

    @property
    def report(self) -> Path:
        """The batch's report, without its ending."""
        return self.folder / "report"

    def work(self, *, before: Sequence[str] = (), extra: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Start the command that works through the queue, or goes on with it."""
        return self.processes.start("batch", "retry", "1", "--workers", "2", before=before, extra=extra)

    def open_window(self) -> subprocess.Popen[bytes]:
        """Start the window, which takes up what waits."""
        return self.processes.start()

    def finish(self, child: subprocess.Popen[bytes], seconds: float = 600.0) -> int:
        """Wait for a command's end; returns its exit code."""
        return child.wait(seconds)

    def rows(self) -> list[Seen]:
        """What the database file says now."""
        with closing(self._open()) as db:
            found = db.execute(
                f"SELECT id, state, job, error, worker_pid, owner_pid, node FROM jobs WHERE {OURS} ORDER BY id"
            ).fetchall()
        return [Seen(one[0], one[1], one[2].encode(), json.loads(one[3]) if one[3] else None, *one[4:]) for one in found]

    def states(self) -> Counter[str]:
        """How many jobs are in which state."""
        with closing(self._open()) as db:
            return Counter(dict(db.execute(f"SELECT state, COUNT(*) FROM jobs WHERE {OURS} GROUP BY state").fetchall()))

    def running(self) -> list[Seen]:
        """Jobs that a worker has."""
        return [row for row in self.rows() if row.state == "running" and row.worker]

    def until_done(self, share: float, child: subprocess.Popen[bytes]) -> None:
        """Wait until that part of the jobs is done, by whatever process; fails when the process has ended before."""
        wanted = max(1, int(share * len(self.jobs)))

        def so() -> bool:
            assert self.states()["done"] >= wanted or child.poll() is None, f"it ended: {self.processes.said(child)[-2000:]}"
            return self.states()["done"] >= wanted

        until(so, f"{wanted} jobs done")

    def until_over(self, seconds: float = 600.0) -> None:
        """Wait until no job waits or runs."""
        until(lambda: not {"queued", "running", "paused"} & self.states().keys(), "no job waits or runs", seconds)

    def mend(self) -> None:
        """Take the fault away."""
        while self.mending:
            self.mending.pop()()

    def close(self) -> None:
        """End everything and give the disk back."""
        self.processes.end()
        self.mend()
        self.placing.close()

    def _open(self) -> sqlite3.Connection:
        return sqlite3.connect(self.home / "data" / "queue.sqlite", timeout=30)

    def _enqueue(self) -> None:
        file = self.folder / "jobs.jsonl"
        file.write_bytes(b"".join(encode(job) + b"\n" for job in self.jobs.values()))
        child = self.processes.start_module("tests.faults.enqueue", file, self.report)
        assert child.wait(60) == 0, self.processes.said(child)


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
