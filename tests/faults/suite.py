"""One fault after the other on worlds of their own, and the table of what came of them."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.faults import damage, ending
from tests.faults.check import Findings, check
from tests.faults.cluster import node_killed, scheduler_killed
from tests.faults.sources import MIX
from tests.faults.world import World

Fault = Callable[[World], None]

FAULTS: dict[str, Fault] = {
    "no fault": ending.nothing,
    "worker kill -9": ending.worker_killed,
    "command kill -9": ending.command_killed,
    "window kill -9": ending.window_killed,
    "SIGSTOP": ending.stopped,
    "two windows": ending.two_windows,
    "clock jumped back": ending.clock_back,
    "disk full (results)": damage.disk_full,
    "disk full (all)": damage.everything_full,
    "permission lost": damage.permission_lost,
    "source deleted": damage.sources_deleted,
    "source changed": damage.sources_changed,
    "model file corrupted": damage.model_corrupted,
    "database locked": damage.database_locked,
    "cluster node killed": node_killed,
    "scheduler killed": scheduler_killed,
}
_HEADS = (
    *("fault", "jobs", "done", "failed (told why)", "cancelled", "cut short"),
    *("lost", "twice", "partial", "changed", "orphans", "scratch", "done in the end", "seconds", "verdict"),
)


@dataclass
class Line:
    """What came of a fault: right after it, and when the same command has gone on to the end.

    Attributes:
        failure: what went otherwise than expected, "" when all was well.
    """

    name: str
    after: Findings
    last: Findings
    seconds: float
    failure: str = ""

    @property
    def is_good(self) -> bool:
        """Whether all promises were kept."""
        return not self.failure

    def cells(self) -> list[str]:
        """As in ``_HEADS``."""
        states, both = self.after.states, (self.after, self.last)
        failed = states.get("failed", 0)
        sums = [
            str(max(getattr(one, name) for one in both)) for name in ("lost", "twice", "partial", "changed", "orphans", "scratch")
        ]
        return [
            self.name,
            str(self.after.jobs),
            str(states.get("done", 0)),
            f"{failed} ({failed - self.after.untold})",
            str(states.get("cancelled", 0)),
            str(states.get("interrupted", 0) + states.get("queued", 0)),
            *sums,
            str(self.last.states.get("done", 0)),
            f"{self.seconds:.0f}",
            "good" if self.is_good else "BAD",
        ]


def obstacle(name: str) -> str:
    """Why this computer cannot have the fault; "" when it can."""
    if sys.platform != "linux":
        return "needs Linux: signals, /proc and inotify"
    if name == "clock jumped back" and ending.compiler() is None:
        return "needs a C compiler, for a clock that can be put back"
    if name == "permission lost" and os.geteuid() == 0 and shutil.which("setpriv") is None:
        return "needs a user whom permissions bind"
    if name.startswith("disk full") and not _may_mount():
        return "no small file system may be mounted here"
    if FAULTS[name] in (node_killed, scheduler_killed) and importlib.util.find_spec("distributed") is None:
        return "needs the cluster extra"
    return ""


def run(name: str, models: Path, count: int, *, head: Path | None = None, mix: Sequence[str] = MIX) -> Line:
    """Try a fault on so many jobs; look right after it, take it away, go on, look again."""
    began = time.monotonic()
    failure, after, last = "", Findings(count), Findings(count)
    with tempfile.TemporaryDirectory(prefix="faults-") as temp, _disk(name, Path(temp)) as places:
        world = World(Path(temp), models, count, head=head, mix=mix, **places)
        try:
            FAULTS[name](world)
            after = check(world)
            world.mend()
            if after.states.get("done") != count:
                child = world.work()
                assert world.finish(child) == 0, world.processes.said(child)[-2000:]
            last = check(world)
            assert last.states == {"done": count}, last.states
        except Exception:
            # Where it stands says more than the words: without pytest an assertion has few.
            failure = traceback.format_exc(limit=-3)
        finally:
            world.close()
        problems = [*after.problems, *last.problems]
        if failure or problems:
            kept = shutil.copytree(world.folder / "logs", Path(tempfile.mkdtemp(prefix="faults-said-")) / "logs")
            failure = "\n".join(filter(None, [failure, *problems, f"What the programs said: {kept}"]))
    return Line(name, after, last, time.monotonic() - began, failure)


def table(lines: Sequence[Line]) -> str:
    """The table as Markdown."""
    rows = [_HEADS, tuple("---" for _ in _HEADS), *(line.cells() for line in lines)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


@contextlib.contextmanager
def _disk(name: str, folder: Path) -> Iterator[dict[str, Path]]:
    """A small disk for the faults that fill one."""
    if not name.startswith("disk full"):
        yield {}
        return
    place = folder / "disk"
    place.mkdir()
    subprocess.run(_mount(place), check=True, capture_output=True)
    try:
        yield {"results" if "results" in name else "disk": place}
    finally:
        subprocess.run(["umount", str(place)], check=True)


def _mount(place: Path) -> list[str]:
    return ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(place)]


def _may_mount() -> bool:
    with tempfile.TemporaryDirectory() as place:
        done = subprocess.run(_mount(Path(place)), capture_output=True, check=False).returncode == 0
        if done:
            subprocess.run(["umount", place], check=True)
    return done
