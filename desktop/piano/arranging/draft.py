"""Notes while they are being written: they still know why they are there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from desktop.piano.cover import NOTE, Notes, sort_notes


class Role(IntEnum):
    """What a note is for; a smaller number is the better reason to keep it."""

    MELODY = 0
    BASS = 1
    LEAD = 2
    """Carries the line where the melody rests."""
    HARMONY = 3
    DOUBLING = 4


@dataclass(slots=True)
class Draft:
    """A note in beats; ``hand`` is RIGHT or LEFT."""

    start: float
    end: float
    pitch: int
    hand: int
    role: Role
    velocity: int = 64
    trust: float = 0.8
    """How surely the song has this note, 0..1: a doubtful one is played softer."""


def to_notes(drafts: Sequence[Draft]) -> Notes:
    """Drafts as an array of ``NOTE``, sorted."""
    notes = np.zeros(len(drafts), NOTE)
    for name in ("start", "end", "pitch", "velocity", "hand"):
        notes[name] = [getattr(draft, name) for draft in drafts]
    return sort_notes(notes)
