"""What of a batch is done already."""

from __future__ import annotations

from pathlib import Path

from desktop.errors import UserError
from desktop.jobs.piano_jobs import CoverJob
from desktop.piano.cover import Cover
from desktop.piano.project import SUFFIX, load_project


def result_files(job: CoverJob) -> dict[str, Path]:
    """The files that ``job`` makes: kind -> place."""
    folder = Path(job.output)
    endings = {"midi": "mid", "project": SUFFIX.lstrip(".")}
    if job.audio:
        endings["audio"] = "wav"
    kinds = {"musicxml": "score", "pdf": "pdf", "mp4": "video"}
    endings |= {kinds[ending]: ending for ending in job.also}
    return {kind: folder / f"{job.stem}.{ending}" for kind, ending in endings.items()}


def finished(job: CoverJob) -> Cover | None:
    """The cover that an earlier run of ``job`` has left; None unless all of its files are there, newer than the song, and made
    as ``job`` would make them."""
    try:
        made = min(path.stat().st_mtime for path in result_files(job).values())
        if made < Path(job.source).stat().st_mtime:
            return None
        cover = load_project(result_files(job)["project"])
    except (OSError, UserError):
        return None
    wanted: dict[str, str | int] = {"engine": job.engine, "style": job.style, "difficulty": job.difficulty, "beats": job.beats}
    if job.engine == "pop2piano":
        wanted |= {"composer": job.composer}
    return cover if all(cover.info.get(name) == value for name, value in wanted.items()) else None
