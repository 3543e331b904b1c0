"""Changes of where notes are: moved, resized, transposed, put on a grid."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

import numpy as np

from desktop.piano.cover import Key, Notes
from desktop.piano.editing.edited import HIGHEST, LOWEST, SHORTEST, Edited, as_indices, settle

GRIDS = {
    "1/4": 1.0, "1/8": 0.5, "1/8T": 1 / 3, "1/16": 0.25, "1/16T": 1 / 6, "1/32": 0.125,
}  # fmt: skip
"""Steps in beats that notes can be put on; T for triplets."""
SCALES = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10)}


class Edge(StrEnum):
    """An end of a note."""

    START = "start"
    END = "end"


def move(notes: Notes, chosen: Iterable[int], beats: float = 0.0, semitones: int = 0, *, first: float = -np.inf) -> Edited:
    """Move notes together in time and pitch, as far as there is room for all of them.

    Args:
        first: the earliest beat a note may begin at (that of second 0).
    """
    which = as_indices(chosen)
    if not len(which):
        return Edited(notes, which)
    beats, semitones = room_to_move(notes, which, beats, semitones, first=first)
    moved = notes.copy()
    for name in ("start", "end"):
        moved[name][which] += beats
    moved["pitch"][which] = moved["pitch"][which].astype(np.int64) + semitones
    return settle(moved, which)


def room_to_move(
    notes: Notes, chosen: Iterable[int], beats: float, semitones: int, *, first: float = -np.inf
) -> tuple[float, int]:
    """How far of ``beats`` and ``semitones`` notes can be moved together."""
    which = as_indices(chosen)
    starts, pitches = notes["start"][which], notes["pitch"][which]
    beats = max(beats, min(0.0, first - float(starts.min())))
    return beats, min(max(semitones, LOWEST - int(pitches.min())), HIGHEST - int(pitches.max()))


def resize(notes: Notes, chosen: Iterable[int], beats: float, edge: Edge = Edge.END, *, first: float = -np.inf) -> Edited:
    """Move one end of notes by ``beats``; each keeps at least ``SHORTEST``."""
    which = as_indices(chosen)
    changed = notes.copy()
    start, end = changed["start"][which], changed["end"][which]
    if edge is Edge.END:
        changed["end"][which] = np.maximum(end + beats, start + SHORTEST)
    else:
        changed["start"][which] = np.minimum(
            np.maximum(start + beats, min(first, float(start.min(initial=np.inf)))), end - SHORTEST
        )
    return settle(changed, which)


def set_length(notes: Notes, chosen: Iterable[int], beats: float) -> Edited:
    """Give notes a length."""
    which = as_indices(chosen)
    changed = notes.copy()
    changed["end"][which] = changed["start"][which] + max(beats, SHORTEST)
    return settle(changed, which)


def transpose_in_key(notes: Notes, chosen: Iterable[int], steps: int, key: Key) -> Edited:
    """Move notes by steps of the scale; a note beside the scale stays as far beside it. What leaves the piano is folded back
    by octaves."""
    which = as_indices(chosen)
    scale = np.array(SCALES[key.mode])
    octave, within = np.divmod(notes["pitch"][which].astype(np.int64) - key.tonic, 12)
    degree = np.searchsorted(scale, within, side="right") - 1
    octaves, target = np.divmod(octave * len(scale) + degree + steps, len(scale))
    pitch = key.tonic + 12 * octaves + scale[target] + within - scale[degree]
    pitch -= 12 * np.maximum(0, -(-(pitch - HIGHEST) // 12))
    pitch += 12 * np.maximum(0, -(-(LOWEST - pitch) // 12))
    changed = notes.copy()
    changed["pitch"][which] = pitch
    return settle(changed, which)


def quantise(
    notes: Notes, chosen: Iterable[int], step: float, strength: float = 1.0, *, ends: bool = False, first: float = -np.inf
) -> Edited:
    """Pull starts towards a grid.

    Args:
        step: beats from one line of the grid to the next (``GRIDS``).
        strength: 0 leaves them, 1 puts them on the line.
        ends: pull the ends as well; else lengths stay.
    """
    which = as_indices(chosen)
    changed = notes.copy()
    start, end = changed["start"][which], changed["end"][which]
    moved = start + strength * (snapped(start, step) - start)
    moved = np.maximum(moved, min(first, float(start.min(initial=np.inf))))
    changed["start"][which] = moved
    until = end + strength * (snapped(end, step) - end) if ends else end + moved - start
    changed["end"][which] = np.maximum(until, moved + SHORTEST)
    return settle(changed, which)


def snapped(beats: np.ndarray, step: float) -> np.ndarray:
    """Positions on the nearest line of a grid that has one on every beat."""
    return np.asarray(np.round(np.asarray(beats) / step) * step)
