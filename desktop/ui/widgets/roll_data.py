"""A cover as the piano roll needs it: seconds, sorted, with the colour of each note worked out once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from desktop.piano.cover import LEFT, NOTE, Chord, Cover, Grid, Notes

LEVELS = 8
"""Velocity steps that are told apart by colour."""
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class ChordSpan(NamedTuple):
    """A chord's name and where it stands, in seconds."""

    start: float
    end: float
    name: str


@dataclass(frozen=True)
class RollData:
    """Notes sorted by start.

    Attributes:
        notes: array of ``NOTE`` (beats), in the order of the other arrays.
        start, end: seconds.
        group: ``hand * LEVELS + velocity level``, which decides the colour.
        longest: seconds of the longest note: how far before the view a visible note may start.
        grid: beats, or None while they are unknown.
    """

    notes: Notes
    start: Floats
    end: Floats
    group: Ints
    longest: float
    grid: Grid | None = None
    chords: tuple[ChordSpan, ...] = field(default=())

    def visible(self, first: float, last: float) -> slice | Ints:
        """Index of the notes that sound between two seconds."""
        low = int(np.searchsorted(self.start, first - self.longest))
        high = int(np.searchsorted(self.start, last))
        if low == high:
            return slice(low, low)
        return low + np.flatnonzero(self.end[low:high] >= first)

    def visible_among(self, among: Ints, first: float, last: float) -> Ints:
        """Those of some notes (rising indices) that sound between two seconds."""
        start = self.start[among]
        part = among[np.searchsorted(start, first - self.longest) : np.searchsorted(start, last)]
        return part[self.end[part] >= first]

    def at(self, second: float, pitch: int) -> int | None:
        """Index of the note that sounds at a second with that pitch; the latest one when they overlap."""
        low = int(np.searchsorted(self.start, second - self.longest))
        high = int(np.searchsorted(self.start, second, side="right"))
        hits = np.flatnonzero((self.notes["pitch"][low:high] == pitch) & (self.end[low:high] > second))
        return low + int(hits[-1]) if len(hits) else None

    def sounding(self, second: float) -> dict[int, int]:
        """Pitch -> hand of the keys that are down at a second."""
        low = int(np.searchsorted(self.start, second - self.longest))
        high = int(np.searchsorted(self.start, second, side="right"))
        down = low + np.flatnonzero(self.end[low:high] > second)
        return {int(p): int(h) for p, h in zip(self.notes["pitch"][down], self.notes["hand"][down], strict=True)}

    def pitch_range(self) -> tuple[int, int]:
        """Lowest and highest pitch worth showing: at least four octaves, a little air around the notes."""
        if not len(self.notes):
            return 36, 84
        low, high = int(self.notes["pitch"].min()) - 3, int(self.notes["pitch"].max()) + 3
        spare = max(0, 48 - (high - low))
        low, high = low - (spare + 1) // 2, high + spare // 2
        return max(21, low), min(108, high)


def empty(grid: Grid | None = None, chords: tuple[Chord, ...] = ()) -> RollData:
    """No notes yet."""
    return from_notes(np.zeros(0, NOTE), grid, chords)


def from_notes(notes: Notes, grid: Grid | None, chords: tuple[Chord, ...] = ()) -> RollData:
    """Roll data of notes in beats of a grid (of seconds when there is no grid)."""
    start = grid.seconds(notes["start"]) if grid else notes["start"].astype(np.float64)
    end = grid.seconds(notes["end"]) if grid else notes["end"].astype(np.float64)
    order = np.argsort(start, kind="stable")
    notes, start, end = notes[order], start[order], end[order]
    level = np.clip((notes["velocity"].astype(np.int64) - 24) * LEVELS // 88, 0, LEVELS - 1)
    group = np.where(notes["hand"] == LEFT, LEVELS, 0) + level
    spans: tuple[ChordSpan, ...] = ()
    if grid is not None and chords:
        times = grid.seconds([[c.start, c.end] for c in chords])
        spans = tuple(ChordSpan(float(a), float(b), c.name) for (a, b), c in zip(times, chords, strict=True))
    longest = float((end - start).max()) if len(notes) else 0.0
    return RollData(notes, start, end, group, longest, grid, spans)


def from_cover(cover: Cover) -> RollData:
    """Roll data of a finished cover."""
    return from_notes(cover.notes, cover.grid, cover.chords)
