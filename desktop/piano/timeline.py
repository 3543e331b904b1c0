"""From a beat grid to MIDI's tempo map: ticks that lie on beats, at the seconds where the beats were found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from desktop.piano.cover import Floats, Grid

TICKS = 480
"""Ticks of a quarter note, which is a beat."""
DRIFT = 0.0002
"""Seconds a steady tempo may be off before it is written anew."""


@dataclass(frozen=True)
class Timeline:
    """How seconds become ticks: linear between ``seconds`` and ``ticks`` (both rising, both from 0).

    Attributes:
        pickup: ticks before the first bar line.
    """

    seconds: Floats
    ticks: Floats
    pickup: int

    def tick(self, seconds: Floats) -> Floats:
        """Ticks (whole numbers) of times in seconds; times before 0 are 0, the last tempo goes on after the end."""
        slope = (self.ticks[-1] - self.ticks[-2]) / (self.seconds[-1] - self.seconds[-2])
        beyond = np.maximum(0.0, seconds - self.seconds[-1]) * slope
        ticks: Floats = np.rint(np.interp(seconds, self.seconds, self.ticks) + beyond)
        return ticks


def timeline(grid: Grid) -> Timeline:
    """The tempo map of ``grid``.

    The time before its first beat becomes whole beats or, when it is shorter than one, the binary fraction of a beat
    whose tempo is nearest to the song's, so that beats fall on beats and bars on bars.
    """
    first = int(np.searchsorted(grid.times, 0.0))
    times = grid.times[min(first, len(grid.times) - 2) :]
    skipped = len(grid.times) - len(times)
    downbeat = (grid.downbeat - skipped) % grid.meter
    before = max(0.0, float(times[0]))
    beat = 60.0 / grid.tempo
    lead = 0
    if before > 0.0005:
        whole = round(before / beat)
        if whole < 1:
            fractions = 2.0 ** np.arange(0, -5, -1)
            lead = int(TICKS * fractions[np.argmin(np.abs(np.log(before / (beat * fractions))))])
        else:
            lead = whole * TICKS
    ticks = lead + TICKS * np.arange(len(times), dtype=np.float64)
    seconds = times.copy()
    if lead:
        ticks, seconds = np.concatenate([[0.0], ticks]), np.concatenate([[0.0], seconds])
    else:
        seconds[0] = 0.0
    bar = grid.meter * TICKS
    return Timeline(seconds, ticks, (lead + downbeat * TICKS) % bar)


def tempi(line: Timeline) -> Iterator[tuple[int, int]]:
    """Tempo events (tick, microseconds a beat). Each starts from where the ones before really led, so nothing adds up."""
    at, tempo = 0.0, 0
    for i in range(len(line.ticks) - 1):
        beats = (line.ticks[i + 1] - line.ticks[i]) / TICKS
        if not tempo or abs(at + tempo * beats / 1e6 - line.seconds[i + 1]) > DRIFT:
            tempo = int(np.clip(round((line.seconds[i + 1] - at) / beats * 1e6), 1, (1 << 24) - 1))
            yield int(line.ticks[i]), tempo
        at += tempo * beats / 1e6
