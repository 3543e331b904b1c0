"""Which pictures belong to which segment; the same for every try of a job."""

from __future__ import annotations

from collections.abc import Collection
from fractions import Fraction

SECONDS = 2.0
"""Length of a segment: what a stop can cost, and the distance of the result's key frames at most."""

_FEWEST, _MOST = 8, 120


def length(rate: Fraction | None) -> int:
    """Pictures in a segment of a clip with so many pictures a second (25 when that is unknown)."""
    return min(_MOST, max(_FEWEST, round(SECONDS * float(rate or 25))))


def count(pictures: int, length: int) -> int:
    """Segments of a clip of so many pictures."""
    return -(-pictures // length)


def to_make(total: int, finished: Collection[int], with_state: Collection[int] | None) -> list[tuple[int, int]]:
    """Runs of segments that are still to be made, as (first, after the last).

    Args:
        total: segments of the clip.
        finished: those that are there and whole.
        with_state: those of them whose state is there, when a segment needs the state of the one before; None when it does not.
    """
    missing = set(range(total)) - set(finished)
    if with_state is not None:
        for number in sorted(missing, reverse=True):
            before = number - 1
            while before >= 0 and before not in missing and before not in with_state:
                missing.add(before)
                before -= 1
    runs: list[tuple[int, int]] = []
    for number in sorted(missing):
        if runs and runs[-1][1] == number:
            runs[-1] = (runs[-1][0], number + 1)
        else:
            runs.append((number, number + 1))
    return runs
