"""The six promises, looked at from outside: database file, /proc, hashes, readers of other makers."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.sources import results_of
from tests.faults.whole import what_is_wrong
from tests.faults.world import Seen, World, digest

_LIBRARIES = {".ses"}
"""ONNX Runtime's number of its session, one small file for all; its reports are off."""
_KNOWN = {"queued", "done", "failed", "cancelled", "interrupted"}


@dataclass
class Findings:
    """What was found of a queue after a fault.

    Attributes:
        jobs: that were queued.
        states: how many are in which state.
        untold: failed without a reason that says what to do.
        lost: jobs that are gone, stuck, or done without their results.
        twice: results that were made more than once without need.
        partial: files under final names that are not whole, or grew there.
        changed: sources that are not what they were.
        orphans: processes that are left.
        scratch: unfinished work that nobody needs any more.
        opens: the queue can be opened.
        problems: each of these in words.
    """

    jobs: int
    states: dict[str, int] = field(default_factory=dict)
    untold: int = 0
    lost: int = 0
    twice: int = 0
    partial: int = 0
    changed: int = 0
    orphans: int = 0
    scratch: int = 0
    opens: bool = True
    problems: list[str] = field(default_factory=list)

    def note(self, count: str, problem: str) -> None:
        """Count something and say what it is."""
        setattr(self, count, getattr(self, count) + 1)
        self.problems.append(f"{count}: {problem}")


def check(world: World, *, patience: float = 10.0) -> Findings:
    """Look at everything; programs that have been ended have ``patience`` seconds to be gone."""
    found = Findings(len(world.jobs))
    for pid in world.processes.orphans(patience):
        found.note("orphans", f"process {pid}")
    _queue(world, found)
    rows = world.rows()
    found.states = dict(world.states())
    _accounts(world, rows, found)
    _results(world, rows, found)
    for path, before in world.before.items():
        if path not in world.excused and (not path.is_file() or digest(path) != before):
            found.note("changed", path.name)
    _scratch(world, rows, found)
    return found


def _queue(world: World, found: Findings) -> None:
    """The queue opens, for its program and for SQLite; opening it also is what tidies up."""
    code, said = world.processes.run("queue", "list", "--json")
    listed = json.loads(said) if code == 0 and said.startswith("[") else None
    with closing(sqlite3.connect(world.home / "data" / "queue.sqlite", timeout=30)) as db:
        sound = db.execute("PRAGMA integrity_check").fetchone()[0]
    listed = listed and [one for one in listed if one["request"]["kind"] != "install"]
    if listed is None or len(listed) != len(world.jobs) or sound != "ok":
        found.opens = False
        found.problems.append(f"the queue does not open: {code}, {sound}, {said[-500:]}")


def _accounts(world: World, rows: list[Seen], found: Findings) -> None:
    """Each job is there once, as it was asked for, in a state that it can stay in."""
    from desktop.jobs.job import encode

    there = {row.id: row for row in rows}
    for number, job in world.jobs.items():
        row = there.get(number)
        if row is None or row.job != encode(job):
            found.note("lost", f"job {number} is not what was queued")
        elif row.state not in _KNOWN:
            found.note("lost", f"job {number} is {row.state} although nothing runs")
        elif row.state == "failed" and not _is_told(row):
            found.note("untold", f"job {number}: {row.why}")
    for number in there.keys() - world.jobs.keys():
        found.note("twice", f"job {number} was not asked for")


def _is_told(row: Seen) -> bool:
    """Whether it says what happened and, by a file or an advice, what to do."""
    error = row.error or {}
    said = str(error.get("message", ""))
    return (
        bool(said) and "made an error" not in said and "Traceback" not in said and bool(error.get("path") or error.get("remedy"))
    )


def _is_out_of_reach(path: Path) -> bool:
    """Whether it is half-written and cannot be removed, as nobody may write its folder; after the mending it must be gone."""
    return path.name.startswith(".") and not path.parent.stat().st_mode & 0o200


def _results(world: World, rows: list[Seen], found: Findings) -> None:
    """What stands under final names is whole and was put there once, by a rename; what is done is there."""
    world.placing.settle()
    wanted = {path: row for row in rows if row.id in world.jobs for path in results_of(world.jobs[row.id])}
    for path, row in wanted.items():
        if row.state == "done" and not path.is_file():
            found.note("lost", f"job {row.id} is done without {path.name}")
    for path in (path for path in world.output.rglob("*") if path.is_file() and not _is_out_of_reach(path)):
        if path not in wanted:
            found.note("scratch" if path.name.startswith(".") else "partial", f"{path.name} is nobody's result")
        elif wrong := what_is_wrong(path):
            found.note("partial", f"{path.name}: {wrong}")
    for path in world.placing.grown:
        found.note("partial", f"{path.name} was written under its final name")
    for path, times in world.placing.moved.items():
        if times > 1 and (path not in wanted or wanted[path].id not in world.again):
            found.note("twice", f"{path.name} was made {times} times")
    if world.placing.is_blind:
        found.problems.append("more was written than could be watched")


def _scratch(world: World, rows: list[Seen], found: Findings) -> None:
    """Only jobs that can go on keep unfinished work; nothing hidden is left in any folder of the home."""
    waiting = {str(row.id) for row in rows if row.state != "done" and world.jobs[row.id].resumable}
    kept = world.home / "cache" / "jobs"
    for folder in kept.iterdir() if kept.is_dir() else ():
        if folder.name not in waiting:
            found.note("scratch", f"cache/jobs/{folder.name}")
    for root in (world.home, world.temp):
        for path in root.rglob("*"):
            if path.name.endswith(".part") and kept not in path.parents:
                found.note("scratch", str(path.relative_to(root)))
    for path in world.temp.rglob("*"):
        if path.is_file() and path.name not in _LIBRARIES:
            found.note("scratch", f"temporary {path.name}")
