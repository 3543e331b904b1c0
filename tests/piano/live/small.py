"""A small cover, all of whose times are plain numbers: beats of half a second from 0 on."""

from __future__ import annotations

import numpy as np

from desktop.piano.cover import LEFT, NOTE, PEDAL, RIGHT, Cover, Grid, Key, sort_notes

NOTES = (
    (0.0, 1.0, 60, 80, RIGHT),
    (0.0, 2.0, 48, 60, LEFT),
    (1.0, 2.0, 62, 80, RIGHT),
    (1.0, 2.0, 65, 80, RIGHT),
    (2.0, 4.0, 60, 90, RIGHT),
    (2.0, 4.0, 48, 60, LEFT),
    (2.0, 4.0, 55, 60, LEFT),
    (4.0, 6.0, 67, 100, RIGHT),
)
"""Beat of start and end, pitch, velocity, hand."""


def small_cover(
    notes: tuple[tuple[float, float, int, int, int], ...] = NOTES, pedals: tuple[tuple[float, float], ...] = ()
) -> Cover:
    """A cover of these notes, 4 s long."""
    return Cover(
        title="Small",
        notes=sort_notes(np.array(list(notes), NOTE)),
        pedals=np.array(list(pedals), PEDAL),
        grid=Grid(np.arange(9) * 0.5),
        chords=(),
        key=Key(0, "major"),
        duration=4.0,
    )
