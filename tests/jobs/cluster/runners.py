"""Runners for nodes."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from desktop.jobs.job import CoverJob
from desktop.jobs.progress import Progress
from desktop.paths import atomic_write
from tests.jobs.runners import deaf, quick, steps

__all__ = ["deaf", "doubles", "quick", "steps", "steps_slowly", "waits"]


def doubles(job: CoverJob, progress: Progress) -> dict[str, Any]:
    """Writes the source twice into ``output``."""
    path = Path(job.output) / "song" / "double.bin"
    path.parent.mkdir(parents=True)
    with atomic_write(path) as file:
        file.write(Path(job.source).read_bytes() * 2)
    return {"file": str(path)}


def waits(job: CoverJob, progress: Progress) -> dict[str, Any]:
    """A minute in small steps."""
    for step in range(6000):
        progress.at(step / 6000, "waiting")
        time.sleep(0.01)
    return {}


def steps_slowly(job: CoverJob, progress: Progress) -> dict[str, Any]:
    """Three seconds in small steps."""
    for step in range(300):
        progress.at(step / 300, "stepping")
        time.sleep(0.01)
    return {}
