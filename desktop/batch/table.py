"""The table of a batch: a line for each file, whatever the kind of job."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from desktop.jobs.job import AnyJob
from desktop.jobs.piano_choices import field_of
from desktop.jobs.rows import Row
from desktop.jobs.states import State
from desktop.paths import atomic_write
from desktop.spreadsheet import table_text

SKIPPED = "skipped"

Value = str | int | float | None


@dataclass(frozen=True)
class Line:
    """A file of the table.

    Attributes:
        source: what was worked on. state: "done", "skipped" (was done before), "failed", "cancelled", "queued", ...
        job: its number, 0 for one that was done before.
        seconds: that making it took. result: the main file that came of it. problem: why it failed, and what to do.
        facts: what else is known, by the names of ``columns``.
        files: all results by kind.
        found: the job's whole result, for the report's pictures; not part of the table.
    """

    source: str
    state: str
    job: int = 0
    seconds: float | None = None
    result: str = ""
    problem: str = ""
    facts: Mapping[str, Value] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    found: Mapping[str, Any] = field(default_factory=dict)


def source_of(job: AnyJob) -> str:
    """The file that a job works on."""
    return str(getattr(job, "source", job.title))


def line_of(row: Row) -> Line:
    """Where a file of the queue stands, or what came of it."""
    found: dict[str, Any] = row.result or {}
    said = ""
    if row.error is not None:
        said = ". ".join(part.rstrip(".") for part in (row.error.message, row.error.remedy) if part)
    took = row.ended - row.started if row.state is State.DONE and row.ended and row.started else None
    return made_line(
        row.job, str(row.state), found, number=row.id, seconds=None if took is None else round(took, 2), problem=said
    )


def made_line(
    job: AnyJob, state: str, found: Mapping[str, Any], *, number: int = 0, seconds: float | None = None, problem: str = ""
) -> Line:
    """A line of the table for a job and its result (empty when it has none)."""
    files = {str(kind): str(path) for kind, path in dict(found.get("files") or {}).items()}
    main = files.get("project") or next(iter(files.values()), "")
    facts = _FACTS[type(job).__name__](job, found) if type(job).__name__ in _FACTS else {}
    return Line(source_of(job), state, number, seconds, main, problem, facts, files, found)


def _cover(job: Any, found: Mapping[str, Any]) -> dict[str, Value]:
    names = ("tempo", "meter", "key", "bars", "notes", "notes_per_second", "duration")
    style = job.style if field_of(job.engine) == "style" else ""
    own: dict[str, Value] = {"style": style, "difficulty": job.difficulty, "engine": job.engine}
    measured = {name: found.get(name) for name in names}
    return own | measured | {"violations": dict(found.get("playability") or {}).get("violations")}


def _restore(job: Any, found: Mapping[str, Any]) -> dict[str, Value]:
    faces = dict(found.get("faces") or {})
    names = ("frames", "seconds_of_video", "frames_per_second", "device")
    own: dict[str, Value] = {"restorer": job.options.restorer, "faces": faces.get("tracks"), "restored": faces.get("restored")}
    return own | {name: found.get(name) for name in names}


def _label(job: Any, found: Mapping[str, Any]) -> dict[str, Value]:
    names = {"rows": "rows", "labelled": "labelled", "declined": "declined", "bad": "bad_total", "speed": "rows_per_second"}
    own: dict[str, Value] = {"model": Path(job.model).name}
    return own | {column: found.get(name) for column, name in names.items()}


_FACTS: Mapping[str, Callable[[Any, Mapping[str, Any]], dict[str, Value]]] = {
    "CoverJob": _cover,
    "RestoreJob": _restore,
    "LabelJob": _label,
}


def as_cells(line: Line) -> dict[str, Value]:
    """A line as the CSV and the JSON have it."""
    return {
        "source": line.source,
        "state": line.state,
        **line.facts,
        "seconds": line.seconds,
        "result": line.result,
        "problem": line.problem,
    }


def write_tables(lines: Sequence[Line], path: Path) -> None:
    """Write the table as ``path`` with the endings .csv (with a byte order mark, as spreadsheets want) and .json.

    Raises UserError when they cannot be written.
    """
    cells = [as_cells(line) for line in lines]
    columns = list(dict.fromkeys(name for line in cells for name in line))
    with atomic_write(path.with_name(f"{path.name}.csv")) as file:
        file.write(table_text(columns, ([line.get(name) for name in columns] for line in cells)))
    with atomic_write(path.with_name(f"{path.name}.json")) as file:
        file.write(msgspec.json.format(msgspec.json.encode(cells), indent=2))
