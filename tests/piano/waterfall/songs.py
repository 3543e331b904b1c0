"""A short cover whose every note is known."""

from __future__ import annotations

import numpy as np

from desktop.piano.cover import LEFT, NOTE, PEDAL, RIGHT, Cover, Grid, Key

START = 0.25
"""Second of the first beat; two beats a second follow."""
NOTES = [
    # start, end in beats, pitch, velocity, hand
    (0.0, 1.0, 60, 72, RIGHT),
    (1.0, 2.0, 48, 72, LEFT),
    (2.0, 3.0, 66, 72, RIGHT),
    (3.0, 4.0, 60, 72, RIGHT),
    (4.0, 5.0, 60, 110, RIGHT),
]


def cover(notes: list[tuple[float, float, int, int, int]] = NOTES, pedals: list[tuple[float, float]] | None = None) -> Cover:
    """A cover at 120 beats a minute in 4/4."""
    grid = Grid(START + 0.5 * np.arange(max(9, int(max(n[1] for n in notes)) + 2)))
    made = np.array(notes, NOTE)
    return Cover("Known", made, np.array(pedals or [], PEDAL), grid, (), Key(0, "major"), float(grid.times[-1]))


def second(beat: float) -> float:
    """When a beat is."""
    return START + 0.5 * beat
