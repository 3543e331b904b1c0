"""The lead sheet that an arrangement is made from: melody on the grid, chords, and how loud each beat is."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from desktop.piano.cover import Chord, Floats, Grid, Key, Notes

LINE = np.dtype([("start", "f8"), ("end", "f8"), ("pitch", "i8"), ("trust", "f8")])
"""A single voice on the grid: start and end in beats, MIDI pitch, 0..1 how surely it is the tune; sorted, not overlapping."""


@dataclass(frozen=True)
class Sheet:
    """What is known of a song.

    Attributes:
        melody: array of ``LINE``.
        chords: in order, not overlapping; where none is, the song has no harmony.
        energy: [beats] 0 (the song's quietest) .. 1 (its loudest), smooth.
        loudness, accents: [beats * 4] 0..1 of each sixteenth: how loud, how strongly something begins.
        duration: seconds of the recording.
    """

    grid: Grid
    key: Key
    chords: tuple[Chord, ...]
    melody: Notes
    energy: Floats
    loudness: Floats
    accents: Floats
    duration: float

    @property
    def end(self) -> float:
        """Beat at which the recording ends, never before the grid's last beat but one."""
        return max(float(self.grid.beats(self.duration)), float(len(self.grid.times) - 2))

    @cached_property
    def _chord_starts(self) -> list[float]:
        return [chord.start for chord in self.chords]

    @cached_property
    def _note_starts(self) -> list[float]:
        return [float(start) for start in self.melody["start"]]

    def chord_at(self, beat: float) -> Chord | None:
        """The chord that sounds at ``beat``."""
        index = bisect_right(self._chord_starts, beat + 1e-6) - 1
        if index >= 0 and beat < self.chords[index].end - 1e-6:
            return self.chords[index]
        return None

    def melody_between(self, start: float, end: float) -> Notes:
        """Melody notes that sound between two beats."""
        first = max(0, bisect_right(self._note_starts, start) - 1)
        last = bisect_right(self._note_starts, end - 1e-6)
        notes = self.melody[first:last]
        return notes[notes["end"] > start + 1e-6]

    def ceiling(self, start: float, end: float, default: int = 127) -> int:
        """Lowest melody pitch that sounds between two beats, which accompaniment must stay under."""
        notes = self.melody_between(start, end)
        return int(notes["pitch"].min()) if len(notes) else default

    def loud(self, beat: float) -> float:
        """How loud the song is about a position, 0..1: mostly its course, partly the moment."""
        return 0.7 * _at(self.energy, beat) + 0.3 * _at(self.loudness, beat * 4)

    def accent(self, beat: float) -> float:
        """How strongly something begins at a position, 0..1."""
        return _at(self.accents, beat * 4)

    @property
    def scale(self) -> frozenset[int]:
        """Pitch classes of the key; the minor one with both sevenths."""
        steps = (0, 2, 4, 5, 7, 9, 11) if self.key.mode == "major" else (0, 2, 3, 5, 7, 8, 10, 11)
        return frozenset((self.key.tonic + step) % 12 for step in steps)


def _at(curve: Floats, position: float) -> float:
    """A curve's value between its points; 0.5 of one that is empty."""
    return float(np.interp(position, np.arange(len(curve)), curve)) if len(curve) else 0.5
