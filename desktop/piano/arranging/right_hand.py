"""The right hand: the melody on top, voices under its accents, chords below its long notes."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from desktop.piano.arranging.draft import Draft, Role
from desktop.piano.arranging.patterns import Style
from desktop.piano.arranging.plan import Plan
from desktop.piano.arranging.sheet import Sheet
from desktop.piano.arranging.voicing import inner_voices
from desktop.piano.cover import RIGHT

_OCTAVE = 12
_LOWEST_INNER = 52
# Metrical weight (0 between beats .. 3 downbeat) that a melody note needs for 1, 2, 3 voices under it, by fullness.
_VOICES: dict[str, tuple[tuple[float, float, float], ...]] = {
    "easy": ((9, 9, 9), (9, 9, 9), (3.5, 9, 9), (3, 9, 9), (2, 9, 9)),
    "medium": ((3, 9, 9), (1, 3.5, 9), (1, 2, 9), (0.5, 1, 9)),
    "full": ((2, 3.5, 9), (1, 2, 9), (0.5, 1, 3), (0.5, 0.5, 1)),
}
_COMPING_FROM = {"easy": 4, "medium": 1, "full": 1}
"""Fullness from which chords repeat below long notes."""


class RightHand:
    """Voices the melody of a sheet over what the left hand plays."""

    def __init__(self, sheet: Sheet, plan: Plan, style: Style, difficulty: str, left: Sequence[Draft]) -> None:
        self._sheet, self._plan, self._style, self._difficulty = sheet, plan, style, difficulty
        self._left = sorted(left, key=lambda draft: draft.start)
        self._left_starts = [draft.start for draft in self._left]
        self._before: Sequence[int] = ()

    def play(self) -> list[Draft]:
        """Melody, inner voices and chords for the whole melody."""
        out: list[Draft] = []
        for note in self._sheet.melody:
            start, end, pitch = float(note["start"]), float(note["end"]), int(note["pitch"])
            out.append(Draft(start, end, pitch, RIGHT, Role.MELODY, trust=float(note["trust"])))
            marks = [start, *self._comping(start, end), end]
            for at, until in pairwise(marks):
                out += self._voices(at, until, start, end, pitch)
        return out

    def _comping(self, start: float, end: float) -> list[float]:
        """Where chords are struck below a note that is held."""
        every = self._style.comping * self._plan.pulse
        if not every or self._plan.bar_at(start).level < _COMPING_FROM[self._difficulty]:
            return []
        downbeat = self._sheet.grid.downbeat
        first = downbeat + every * (np.floor((start + 0.49 * every - downbeat) / every) + 1)
        return [float(at) for at in np.arange(first, end - 0.45 * every, every)]

    def _voices(self, at: float, until: float, start: float, end: float, pitch: int) -> list[Draft]:
        level = self._plan.bar_at(at).level
        weight = self.weight(at) + (1.0 if at == start and end - start >= self._plan.pulse else 0.0)
        rows = _VOICES[self._difficulty]
        thresholds = rows[min(len(rows) - 1, max(0, level + self._style.inner))]
        size = sum(weight >= threshold for threshold in thresholds)
        chord = self._sheet.chord_at(at)
        if at > start:
            size = 0 if self._rests(at) else max(1, min(size, 2))
        if not size or chord is None:
            return []
        span = _OCTAVE if self._difficulty != "full" else _OCTAVE + 1
        taken = self._sounding(at, until)
        low = max(_LOWEST_INNER, max(taken, default=0) + 1)
        most = 3 if self._difficulty == "full" else 2
        pitches = inner_voices(chord, pitch, self._before, min(size, most), low, span, taken)
        if pitches:
            self._before = pitches
        until = min(until, max(at + 0.25, chord.end))
        out = [Draft(at, until, p, RIGHT, Role.HARMONY) for p in pitches]
        if at == start and self._doubles(level, weight) and pitch - _OCTAVE > max(taken, default=0):
            out = [d for d in out if d.pitch > pitch - _OCTAVE]
            out.append(Draft(start, end, pitch - _OCTAVE, RIGHT, Role.DOUBLING))
        return out

    def _doubles(self, level: int, weight: float) -> bool:
        """Octaves at climaxes, and on the downbeats of full bars."""
        return self._difficulty == "full" and weight >= (9, 9, 3, 1)[level] and self._style.inner >= 0

    def _rests(self, at: float) -> bool:
        """Whether a held note is left alone on this pulse: sparse bars only move on every other one."""
        return self._plan.bar_at(at).level < 2 and self._difficulty == "medium" and self.weight(at) < 2

    def weight(self, beat: float) -> float:
        """Metrical weight: downbeat 3, middle of the bar 2, beat 1, half beat 0.5, else 0."""
        grid = self._sheet.grid
        _, within = grid.bar(beat + 1e-6)
        if within < 1e-3:
            return 3.0
        if grid.meter % 2 == 0 and abs(within - grid.meter / 2) < 1e-3:
            return 2.0
        if abs(within - round(within)) < 1e-3:
            return 1.0
        return 0.5 if abs(within * 2 - round(within * 2)) < 1e-3 else 0.0

    def _sounding(self, start: float, end: float) -> list[int]:
        """Pitches that the left hand plays between two beats."""
        first = bisect_left(self._left_starts, start - 8.0)
        last = bisect_right(self._left_starts, end - 1e-6)
        return [draft.pitch for draft in self._left[first:last] if draft.end > start + 1e-6]
