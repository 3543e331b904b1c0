"""A log file for each job, kept for some days: everything it said, while the list of jobs keeps the last lines only.

A line is ``2026-05-01 22:15:03 info: text``; details of a failure follow indented.
"""

from __future__ import annotations

import contextlib
import logging
import re
import time
from pathlib import Path

from desktop.errors import UserError
from desktop.jobs.events import Failed, Logged, Produced, Progressed
from desktop.jobs.rows import Owner, Row, Update
from desktop.jobs.states import State
from desktop.paths import log_dir, make_folder

LARGEST = 2_000_000
"""Bytes after which nothing but the end is added to a file."""

_log = logging.getLogger(__name__)
_NUMBER = re.compile(r"[\d.,:]+%?")
_NAME = re.compile(r"(\d+)\.log")


def log_file(number: int) -> Path:
    """Where the log of job ``number`` is, if there is one."""
    return log_dir() / "jobs" / f"{number}.log"


def read_log(row: Row) -> list[str]:
    """The lines of a job's log file; [] when there is none of this job (any more)."""
    try:
        lines = log_file(row.id).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    # After the list of jobs was begun anew, numbers come a second time.
    return lines[1:] if lines and lines[0] == _head(row) else []


def remove_old_logs(days: float) -> int:
    """Remove the files that nobody wrote to for ``days`` days; returns how many."""
    removed = 0
    before = time.time() - days * 86400
    with contextlib.suppress(OSError):
        for path in list(make_folder(log_dir() / "jobs").iterdir()):
            if _NAME.fullmatch(path.name) and path.stat().st_mtime < before:
                path.unlink(missing_ok=True)
                removed += 1
    return removed


class JobLogs:
    """Writes the files: subscribe ``heard`` to a queue. Other processes' jobs are written by those processes.

    A disk that is full loses lines of log, never a job. Files that nobody wrote to for ``days`` days go at the first line.
    """

    def __init__(self, days: float) -> None:
        self._me = Owner.me()
        self._last: dict[int, tuple[State, str]] = {}
        self._days = days
        self._folder: Path | None = None

    def heard(self, update: Update) -> None:
        """Take in what happened to a job."""
        row = update.row
        if not row.id:
            return
        if update.removed:
            self._last.pop(row.id, None)
            with contextlib.suppress(OSError):
                log_file(row.id).unlink(missing_ok=True)
            return
        if row.owner != self._me:
            return
        lines = self._lines(update)
        if lines:
            try:
                self._write(row, lines)
            except (OSError, UserError) as error:
                _log.warning("the log of job %d cannot be written: %s", row.id, error)

    def _lines(self, update: Update) -> list[str]:
        """What is new, one text a line."""
        row, event = update.row, update.event
        state, words = self._last.get(row.id, (None, ""))
        lines = []
        if row.state is not state and not (state is None and row.state is State.QUEUED):
            lines.append(f"state: {row.state}" + (f" (process {row.worker_pid})" if row.state is State.RUNNING else ""))
        if isinstance(event, Logged):
            lines.append(f"{event.level}: {event.text}")
        elif isinstance(event, Produced):
            lines.append(f"file: {event.path}")
        elif isinstance(event, Progressed):
            # What differs in numbers alone, as from step to step, says nothing new.
            said = _NUMBER.sub("", event.message)
            if said and said != words:
                lines.append(f"{event.fraction:.0%} {event.message}")
            words = said
        elif isinstance(event, Failed) and not event.cancelled:
            what = " ".join(part for part in (event.message, event.path and f"({event.path})", event.remedy) if part)
            lines.append(f"error: {what}")
            lines += [f"    {line}" for line in event.details.splitlines()]
        if row.state.is_over:
            self._last.pop(row.id, None)
        else:
            self._last[row.id] = (row.state, words)
        return lines

    def _write(self, row: Row, lines: list[str]) -> None:
        if self._folder is None:
            self._folder = make_folder(log_dir() / "jobs")
            remove_old_logs(self._days)
        path = self._folder / f"{row.id}.log"
        head = _head(row)
        is_same = False
        with contextlib.suppress(OSError), path.open(encoding="utf-8", errors="replace") as file:
            is_same = file.readline().rstrip("\n") == head
        if is_same and not row.state.is_over and path.stat().st_size > LARGEST:
            return
        at = time.strftime("%Y-%m-%d %H:%M:%S")
        text = "".join(line + "\n" if line.startswith("    ") else f"{at} {line}\n" for line in lines)
        with path.open("a" if is_same else "w", encoding="utf-8", errors="replace") as file:
            file.write(text if is_same else f"{head}\n{text}")


def _head(row: Row) -> str:
    return f"job {row.id}, queued at {row.created:.6f}: {' '.join(row.job.title.split())}"
