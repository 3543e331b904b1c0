"""What every change of notes gives back, and the rules that hold after it.

After a change the notes are sorted, within the piano's range, and no two of one pitch overlap: the one that begins later wins.
The earlier one ends where the later one begins, and goes when too little is left of it; of two that begin together the
one that was changed stays.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from desktop.piano.cover import Notes

LOWEST, HIGHEST = 21, 108
SOFTEST, LOUDEST = 1, 127
SHORTEST = 1 / 32
"""Beats of the shortest note that a change leaves behind."""
_SAME = 1e-6
Ints = npt.NDArray[np.int64]


class Edited(NamedTuple):
    """Notes after a change, and the indices in them of those that are chosen, rising."""

    notes: Notes
    chosen: Ints


def as_indices(chosen: Iterable[int]) -> Ints:
    """Indices as an array."""
    return np.asarray(chosen if isinstance(chosen, np.ndarray) else list(chosen), np.int64)


def settle(notes: Notes, chosen: Iterable[int]) -> Edited:
    """Bring changed notes under the rules of this module; ``chosen`` are those that were changed."""
    flags = np.zeros(len(notes), bool)
    flags[as_indices(chosen)] = True
    notes = notes.copy()
    order = np.lexsort((flags, notes["start"], notes["pitch"]))
    notes, flags = notes[order], flags[order]
    if len(notes) > 1:
        notes, flags = _parted(notes, flags)
    order = np.lexsort((notes["pitch"], notes["start"]))
    return Edited(notes[order], np.flatnonzero(flags[order]))


def _parted(notes: Notes, flags: npt.NDArray[np.bool_]) -> tuple[Notes, npt.NDArray[np.bool_]]:
    """Notes sorted by pitch, then start, without overlaps."""
    same = notes["pitch"][1:] == notes["pitch"][:-1]
    gap = np.append(np.where(same, notes["start"][1:] - notes["start"][:-1], np.inf), np.inf)
    together = gap <= _SAME
    # Of those that begin together the changed one stays, else the last; the length of the one that goes is lost with it.
    for at in np.flatnonzero(together):
        if flags[at] and not flags[at + 1]:
            notes[at + 1], flags[at + 1] = notes[at], True
    notes, flags = notes[~together], flags[~together]
    same = notes["pitch"][1:] == notes["pitch"][:-1]
    until = np.append(np.where(same, notes["start"][1:], np.inf), np.inf)
    cut = notes["end"] > until
    notes["end"] = np.where(cut, until, notes["end"])
    kept = ~(cut & (notes["end"] - notes["start"] < SHORTEST))
    return notes[kept], flags[kept]
