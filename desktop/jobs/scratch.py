"""Folders for unfinished work: one per job, below the cache folder."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from desktop.paths import cache_dir


def scratch_folder(job: int) -> Path:
    """The scratch folder of job number ``job``; not made here."""
    return cache_dir() / "jobs" / str(job)


def remove_scratch(job: int) -> None:
    """Remove the scratch folder of a job, if there is one."""
    shutil.rmtree(scratch_folder(job), ignore_errors=True)


def clear_scratch(is_needed: Callable[[int], bool]) -> None:
    """Remove the scratch folders of the jobs that do not need theirs; each is asked for right before."""
    root = cache_dir() / "jobs"
    if not root.is_dir():
        return
    for folder in list(root.iterdir()):
        if folder.name.isdigit() and not is_needed(int(folder.name)):
            shutil.rmtree(folder, ignore_errors=True)


def scratch_numbers() -> set[int]:
    """Jobs that have a scratch folder."""
    root = cache_dir() / "jobs"
    return {int(folder.name) for folder in root.iterdir() if folder.name.isdigit()} if root.is_dir() else set()
