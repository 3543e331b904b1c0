"""In which order the files of a batch are done."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from desktop.jobs.job import CoverJob, LabelJob, RestoreJob

BatchJob = TypeVar("BatchJob", CoverJob, RestoreJob, LabelJob)


class Order(StrEnum):
    """Which file comes first."""

    GIVEN = "given"
    NAME = "name"
    SIZE = "size"
    NEWEST = "newest"
    OLDEST = "oldest"
    SHORTEST = "shortest"
    RANDOM = "random"


def arrange(
    jobs: Sequence[BatchJob], order: Order, *, lengths: Mapping[str, float] | None = None, seed: int | None = None
) -> list[BatchJob]:
    """The jobs in another order; equal ones stay as they are, files that cannot be looked at come last.

    Args:
        lengths: seconds by source, for ``SHORTEST``; sources without one go by their size, behind those that have one.
        seed: of ``RANDOM``.
    """
    if order is Order.GIVEN:
        return list(jobs)
    if order is Order.RANDOM:
        return random.Random(seed).sample(list(jobs), len(jobs))
    known = lengths or {}

    def shortest(source: str) -> tuple[float, ...]:
        return (0, known[source]) if source in known else (1, _size(source))

    keys: dict[Order, Callable[[str], object]] = {
        Order.NAME: lambda source: (Path(source).name.casefold(), source),
        Order.SIZE: _size,
        Order.NEWEST: lambda source: -_time(source, -1.0),
        Order.OLDEST: lambda source: _time(source, float("inf")),
        Order.SHORTEST: shortest,
    }
    key = keys[order]
    return sorted(jobs, key=lambda job: key(job.source))  # type: ignore[arg-type,return-value]


def _size(source: str) -> float:
    try:
        return Path(source).stat().st_size
    except OSError:
        return float("inf")


def _time(source: str, otherwise: float) -> float:
    try:
        return Path(source).stat().st_mtime
    except OSError:
        return otherwise
