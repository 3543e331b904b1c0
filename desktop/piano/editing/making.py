"""Changes of which notes there are: drawn, deleted, duplicated, pasted."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from desktop.piano.cover import NOTE, Notes
from desktop.piano.editing.edited import HIGHEST, LOUDEST, LOWEST, SHORTEST, SOFTEST, Edited, as_indices, settle


def draw(notes: Notes, start: float, end: float, pitch: int, velocity: int, hand: int) -> Edited:
    """Add a note; it is the chosen one afterwards."""
    note = np.zeros(1, NOTE)
    limits = (min(max(pitch, LOWEST), HIGHEST), min(max(velocity, SOFTEST), LOUDEST))
    note[0] = (start, max(end, start + SHORTEST), *limits, hand)
    return add(notes, note)


def add(notes: Notes, others: Notes) -> Edited:
    """Add notes; they are the chosen ones afterwards."""
    return settle(np.concatenate([notes, others]), range(len(notes), len(notes) + len(others)))


def delete(notes: Notes, chosen: Iterable[int]) -> Edited:
    """Take notes away."""
    return Edited(np.delete(notes, as_indices(chosen)), np.zeros(0, np.int64))


def duplicate(notes: Notes, chosen: Iterable[int]) -> Edited:
    """Repeat notes right behind themselves, on the same place of a beat."""
    which = as_indices(chosen)
    if not len(which):
        return Edited(notes, which)
    copied = notes[which].copy()
    span = max(1.0, float(np.ceil(copied["end"].max() - 1e-6) - np.floor(copied["start"].min() + 1e-6)))
    return add(notes, shifted(copied, span))


def shifted(notes: Notes, beats: float) -> Notes:
    """Notes later by ``beats``."""
    moved = notes.copy()
    moved["start"] += beats
    moved["end"] += beats
    return moved
