"""Folders for unfinished work: one per job, below the cache folder."""

from __future__ import annotations

import shutil
from collections.abc import Container
from pathlib import Path

from desktop.paths import cache_dir


def scratch_folder(job: int) -> Path:
    """The scratch folder of job number ``job``; not made here."""
    return cache_dir() / "jobs" / str(job)


def remove_scratch(job: int) -> None:
    """Remove the scratch folder of a job, if there is one."""
    shutil.rmtree(scratch_folder(job), ignore_errors=True)


def clear_scratch(kept: Container[int]) -> None:
    """Remove the scratch folders of all jobs but those in ``kept``."""
    root = cache_dir() / "jobs"
    if not root.is_dir():
        return
    for folder in root.iterdir():
        if folder.name.isdigit() and int(folder.name) not in kept:
            shutil.rmtree(folder, ignore_errors=True)
