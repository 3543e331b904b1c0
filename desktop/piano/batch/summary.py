"""The table of a batch: a line for each song, as CSV and as JSON."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import msgspec

from desktop.jobs.piano_jobs import CoverJob
from desktop.jobs.rows import Row
from desktop.jobs.states import State
from desktop.paths import atomic_write
from desktop.piano.cover import Cover
from desktop.piano.playability import LIMITS, statistics

SKIPPED = "skipped"


@dataclass(frozen=True)
class Line:
    """A song of the table.

    Attributes:
        state: "done", "skipped" (was there already), "failed", "cancelled", "waiting", "running", ...
        tempo: beats a minute. seconds: that making it took. duration: of the song in seconds.
        violations: places that two hands cannot play.
        cover: the ``.reprise`` file. problem: why it failed.
    """

    song: str
    state: str
    style: str
    difficulty: str
    engine: str
    tempo: float | None = None
    meter: int | None = None
    key: str = ""
    bars: int | None = None
    notes: int | None = None
    notes_per_second: float | None = None
    violations: int | None = None
    duration: float | None = None
    seconds: float | None = None
    cover: str = ""
    problem: str = ""


def waiting_line(job: CoverJob) -> Line:
    """A song that has not begun."""
    return Line(job.source, str(State.QUEUED), job.style, job.difficulty, job.engine)


def line_of_row(row: Row) -> Line:
    """Where a song of the queue stands, or what came of it."""
    job = row.job
    assert isinstance(job, CoverJob)
    found: dict[str, Any] = row.result or {}
    said = ""
    if row.error is not None:
        said = ". ".join(part.rstrip(".") for part in (row.error.message, row.error.remedy) if part)
    took = row.ended - row.started if row.state is State.DONE and row.ended and row.started else None
    return Line(
        song=job.source,
        state=str(row.state),
        style=job.style,
        difficulty=job.difficulty,
        engine=job.engine,
        tempo=found.get("tempo"),
        meter=found.get("meter"),
        key=str(found.get("key", "")),
        bars=found.get("bars"),
        notes=found.get("notes"),
        notes_per_second=found.get("notes_per_second"),
        violations=dict(found.get("playability") or {}).get("violations"),
        duration=found.get("duration"),
        seconds=None if took is None else round(took, 2),
        cover=str(dict(found.get("files") or {}).get("project", "")),
        problem=said,
    )


def line_of_cover(job: CoverJob, cover: Cover, project: Path) -> Line:
    """A song that was covered before."""
    numbers = statistics(cover, LIMITS[job.difficulty])
    plain = {name: numbers[name] for name in ("notes", "notes_per_second", "violations")}
    return Line(
        song=job.source,
        state=SKIPPED,
        style=job.style,
        difficulty=job.difficulty,
        engine=job.engine,
        tempo=round(cover.grid.tempo, 2),
        meter=cover.grid.meter,
        key=cover.key.name,
        bars=cover.grid.bars,
        duration=round(cover.duration, 3),
        cover=str(project),
        **plain,  # type: ignore[arg-type]
    )


def write_summary(lines: Sequence[Line], path: Path) -> dict[str, Path]:
    """Write the table as ``path`` with the endings .csv (with a byte order mark, as spreadsheets want) and .json; the files by
    kind. Raises UserError when they cannot be written."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([field.name for field in fields(Line)])
    writer.writerows(["" if value is None else value for value in asdict(line).values()] for line in lines)
    places = {"csv": path.with_name(f"{path.name}.csv"), "json": path.with_name(f"{path.name}.json")}
    with atomic_write(places["csv"]) as file:
        file.write(text.getvalue().encode("utf-8-sig"))
    with atomic_write(places["json"]) as file:
        file.write(msgspec.json.format(msgspec.json.encode([asdict(line) for line in lines]), indent=2))
    return places
