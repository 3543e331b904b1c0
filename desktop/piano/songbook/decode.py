"""Notes from what is done to the keys."""

from __future__ import annotations

import numpy as np

from desktop.piano.playability import LOWEST
from desktop.piano.songbook.network import Performance
from desktop.piano.struck import Struck

STRUCK = np.dtype([("onset", "i8"), ("offset", "i8"), ("pitch", "i8")])
"""A note in sixteenths from the song's first beat; sorted by onset, then pitch."""


def decode(played: Performance) -> Struck:
    """A note for each stroke; it lasts while its key is down, and until that is struck again."""
    steps, columns = np.nonzero(played.struck)
    notes = np.zeros(len(steps), STRUCK)
    notes["onset"], notes["pitch"] = steps, columns + LOWEST
    released = ~played.down | played.struck
    for column in np.unique(columns):
        ends = np.append(np.flatnonzero(released[:, column]), len(released))
        mine = columns == column
        notes["offset"][mine] = ends[np.searchsorted(ends, steps[mine], side="right")]
    return notes
