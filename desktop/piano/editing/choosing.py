"""Which notes are meant: by hand, chord, rectangle, stretch."""

from __future__ import annotations

import numpy as np

from desktop.piano.cover import Notes
from desktop.piano.editing.edited import Ints

TOGETHER = 0.06
"""Beats within which notes begin together."""


def of_hand(notes: Notes, hand: int) -> Ints:
    """All notes of a hand."""
    return np.flatnonzero(notes["hand"] == hand)


def chord_of(notes: Notes, index: int) -> Ints:
    """The notes that begin together with one."""
    start = float(notes["start"][index])
    return np.flatnonzero(np.abs(notes["start"] - start) <= TOGETHER)


def in_rectangle(notes: Notes, first: float, last: float, low: int, high: int) -> Ints:
    """Notes of pitches ``low``..``high`` that sound between two beats."""
    pitch = notes["pitch"]
    return np.flatnonzero((notes["start"] < last) & (notes["end"] > first) & (pitch >= low) & (pitch <= high))


def in_stretch(notes: Notes, first: float, last: float) -> Ints:
    """Notes that begin from beat ``first`` on and before ``last``."""
    return np.flatnonzero((notes["start"] >= first - 1e-6) & (notes["start"] < last - 1e-6))
