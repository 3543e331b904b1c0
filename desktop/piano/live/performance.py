"""A cover played from its start, or from a bar on, to a port, in real time, without a player."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter

import numpy as np

from desktop.piano.cover import Grid
from desktop.piano.live.links import Outlet
from desktop.piano.live.schedule import Schedule

SPIN_S = 0.0015
"""The end of each wait is slept in short bits: a long sleep may end this much late."""
TELL_S = 0.25


@dataclass(frozen=True)
class Punctuality:
    """How late messages were sent, in milliseconds."""

    messages: int = 0
    median_ms: float = 0.0
    p99_ms: float = 0.0
    worst_ms: float = 0.0


def bar_second(grid: Grid, bar: int) -> float:
    """Second at which bar ``bar`` (1 is the first whole one) starts; raises ValueError when the song has no such bar."""
    beat = grid.downbeat + (bar - 1) * grid.meter
    if bar < 1 or beat >= len(grid.times):
        bars = max(1, -(-(len(grid.times) - grid.downbeat) // grid.meter))
        raise ValueError(f"bar {bar} is not between 1 and {bars}")
    return max(0.0, float(grid.seconds(beat)))


def perform(
    schedule: Schedule,
    outlet: Outlet,
    *,
    first: float = 0.0,
    speed: float = 1.0,
    tell: Callable[[float], None] = lambda _second: None,
    clock: Callable[[], float] = perf_counter,
) -> Punctuality:
    """Send the messages from second ``first`` on; ``tell`` hears now and then where it is.

    Ends after the last message. Keys and pedal are let go at its end, also when it is broken off by an exception.
    """
    late: list[float] = []
    begin = clock()
    told = begin
    try:
        outlet.send(schedule.pedal_at(first))
        for second, data in schedule.between(first, float("inf")):
            due = begin + (second - first) / speed
            while (now := clock()) < due:
                if now - told >= TELL_S:
                    told = now
                    tell(first + (now - begin) * speed)
                _rest(due - now)
            outlet.send((data,))
            late.append(clock() - due)
    finally:
        outlet.release()
    if not late:
        return Punctuality()
    middle, most, worst = np.percentile(late, (50, 99, 100)) * 1000
    return Punctuality(len(late), round(float(middle), 3), round(float(most), 3), round(float(worst), 3))


def _rest(left: float) -> None:
    time.sleep(min(TELL_S, left - SPIN_S) if left > 2 * SPIN_S else left / 2 if left > 1e-4 else left)
