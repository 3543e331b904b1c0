"""What of a batch has been done before, by the queue's history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from desktop.jobs.job import AnyJob, encode
from desktop.jobs.rows import Row

_SLACK_S = 2.0
"""A result may carry a time that is so much later than the job's end: some file systems count in such steps."""


def done_before(jobs: Sequence[AnyJob], history: Sequence[Row]) -> Mapping[int, Row]:
    """Which of ``jobs`` are done: place in ``jobs`` -> the finished job.

    Such a one asked for the same, its results are all there as it left them, and its source has not changed since.
    """
    latest = {encode(row.job): row for row in history}
    found = {}
    for place, job in enumerate(jobs):
        row = latest.get(encode(job))
        if row is not None and _holds(row):
            found[place] = row
    return found


def _holds(row: Row) -> bool:
    files = [Path(str(path)) for path in dict((row.result or {}).get("files") or {}).values()]
    try:
        read = Path(str(getattr(row.job, "source", ""))).stat().st_mtime
        times = [path.stat().st_mtime for path in files]
    except OSError:
        return False
    return (
        bool(files) and read <= (row.started or 0.0) + _SLACK_S and all(time <= (row.ended or 0.0) + _SLACK_S for time in times)
    )
