"""What every change of notes gives back, and the rules that hold after it.

After a change the notes are sorted, and a changed one overlaps no other of its pitch: the one that begins later wins.
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
_APART = 1e6
"""More beats than any song has."""
Ints = npt.NDArray[np.int64]


class Edited(NamedTuple):
    """Notes after a change, and the indices in them of those that are chosen, rising."""

    notes: Notes
    chosen: Ints


def as_indices(chosen: Iterable[int]) -> Ints:
    """Indices as an array."""
    return np.asarray(chosen if isinstance(chosen, np.ndarray) else list(chosen), np.int64)


def settle(notes: Notes, chosen: Iterable[int]) -> Edited:
    """Bring changed notes under the rules of this module; ``chosen`` are those that were changed. Others are touched only where
    they meet one of these: a file whose notes overlap keeps them as they are elsewhere."""
    flags = np.zeros(len(notes), bool)
    flags[as_indices(chosen)] = True
    order = np.lexsort((flags, notes["start"], notes["pitch"]))
    notes, flags = notes[order], flags[order]
    if flags.any():
        notes, flags = _parted(notes, flags)
    order = np.lexsort((notes["pitch"], notes["start"]))
    return Edited(notes[order], np.flatnonzero(flags[order]))


def _parted(notes: Notes, flags: npt.NDArray[np.bool_]) -> tuple[Notes, npt.NDArray[np.bool_]]:
    """Notes sorted by pitch, then start, of which the flagged ones overlap no other."""
    notes, flags = _one_at_a_time(notes, flags)
    places, starts = _places(notes), notes["start"]
    following = np.searchsorted(places, places + _SAME, side="right")
    changed = np.flatnonzero(flags)
    changed_following = np.searchsorted(places[changed], places + _SAME, side="right")
    # A changed note ends before any later one, the others only before a changed one.
    until = np.where(flags, _start_of(notes, following, starts), _start_of(notes, changed_following, starts, changed))
    cut = notes["end"] > until
    notes["end"] = np.where(cut, until, notes["end"])
    kept = ~(cut & (notes["end"] - notes["start"] < SHORTEST))
    return notes[kept], flags[kept]


def _one_at_a_time(notes: Notes, flags: npt.NDArray[np.bool_]) -> tuple[Notes, npt.NDArray[np.bool_]]:
    """Of the notes of one pitch that begin together with a changed one, only the last changed one."""
    group = np.concatenate([[0], np.cumsum(np.diff(_places(notes)) > _SAME)]).astype(np.int64)
    best = np.full(int(group[-1]) + 1, -1, np.int64)
    changed = np.flatnonzero(flags)
    best[group[changed]] = changed
    kept = (best[group] < 0) | (best[group] == np.arange(len(notes)))
    return notes[kept], flags[kept]


def _places(notes: Notes) -> npt.NDArray[np.float64]:
    """One rising number for pitch and start."""
    return np.asarray(notes["pitch"].astype(np.float64) * _APART + notes["start"])


def _start_of(notes: Notes, which: Ints, starts: npt.NDArray[np.float64], among: Ints | None = None) -> npt.NDArray[np.float64]:
    """Start of the note with an index (in ``among``) for each note when it has the same pitch, else infinity."""
    indices = np.arange(len(notes)) if among is None else among
    found = which < len(indices)
    target = indices[np.where(found, which, 0)]
    return np.where(found & (notes["pitch"][target] == notes["pitch"]), starts[target], np.inf)
