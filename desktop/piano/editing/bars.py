"""Which bars a stretch of beats lies in."""

from __future__ import annotations

import numpy as np

from desktop.piano.cover import Grid

_NEAR = 1e-6


def bars_of(grid: Grid, first: float, last: float, *, until: bool = False) -> tuple[float, float]:
    """Beats from the start of the bar that holds beat ``first`` to the end of the bar that holds ``last``.

    Args:
        until: ``last`` is the first beat that does not belong to the stretch any more.
    """
    start = grid.bar(first + _NEAR)[0]
    end = grid.bar(last - _NEAR if until else last + _NEAR)[0] + 1
    return float(grid.downbeat + start * grid.meter), float(grid.downbeat + max(end, start + 1) * grid.meter)


def same_beats(one: Grid, other: Grid) -> bool:
    """Whether two grids are the same beats and bars."""
    return (one.downbeat, one.meter) == (other.downbeat, other.meter) and np.array_equal(one.times, other.times)
