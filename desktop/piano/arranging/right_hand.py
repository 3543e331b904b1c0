"""The right hand: the melody on top, voices under its accents, chords below its long notes."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from desktop.piano.arranging.draft import Draft, Role
from desktop.piano.arranging.patterns import Style
from desktop.piano.arranging.plan import Plan
from desktop.piano.arranging.sheet import Sheet
from desktop.piano.arranging.voicing import close_chord, inner_voices
from desktop.piano.cover import RIGHT

_OCTAVE = 12
_LOWEST_INNER = 52
_HIGHEST_COMPING = 72
_SHORT_REST = 2.0
"""Pulses; longer rests have fills of their own."""
# Metrical weight (0 between beats .. 3 downbeat) that a melody note needs for 1, 2, 3 voices under it, by fullness.
_VOICES: dict[str, tuple[tuple[float, float, float], ...]] = {
    "easy": ((9, 9, 9), (9, 9, 9), (3.5, 9, 9), (2, 9, 9), (1, 9, 9), (0.5, 9, 9)),
    "medium": ((3, 9, 9), (2, 9, 9), (1, 3, 9), (1, 2, 9)),
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
        self._turn = 0

    def play(self) -> list[Draft]:
        """Melody, inner voices and chords for the whole melody."""
        out: list[Draft] = []
        line = self._sheet.melody
        following = [*line["start"].tolist(), float("inf")][1:]
        for note, after in zip(line, following, strict=True):
            start, end, pitch = float(note["start"]), float(note["end"]), int(note["pitch"])
            out.append(Draft(start, end, pitch, RIGHT, Role.MELODY, trust=float(note["trust"])))
            marks = [start, *self._comping(start, end), end]
            for at, until in pairwise(marks):
                out += self._voices(at, until, start, end, pitch)
            if self._difficulty != "easy" and self._style.comping and after - end < _SHORT_REST * self._plan.pulse:
                out += self._between(end, after, pitch)
        return out

    def _between(self, start: float, end: float, top: int) -> Iterator[Draft]:
        """Chords on the pulses of a short rest, so that the music does not stop where the tune takes breath."""
        pulse = self._plan.pulse
        marks = [*self._pulses(start - 0.5 * pulse, end, pulse), end]
        for at, until in pairwise(marks):
            chord = self._sheet.chord_at(at)
            if chord is None or self._plan.bar_at(at).level < 1 or until - at < 0.45 * pulse:
                continue
            taken = self._sounding(at, until)
            low = max(_LOWEST_INNER, max(taken, default=0) + 1)
            pitches = close_chord(chord, low, max(low, min(top, _HIGHEST_COMPING)), self._before, 2)
            self._before = pitches or self._before
            yield from (Draft(at, min(until, at + pulse), pitch, RIGHT, Role.HARMONY) for pitch in pitches)

    def _comping(self, start: float, end: float) -> list[float]:
        """Where chords are struck below a note that is held."""
        level = self._plan.bar_at(start).level
        every = self._style.comping * self._plan.pulse
        if not every or level < _COMPING_FROM[self._difficulty]:
            return []
        return self._pulses(start, end, every)

    def _pulses(self, start: float, end: float, every: float) -> list[float]:
        """Multiples of ``every`` from the bar line between two beats, not too near to them."""
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
        alone = at > start and (self._style.broken or self.weight(at) < 1)
        if at > start:
            size = 2 if alone else max(1, min(size, 2))
        if not size or chord is None:
            return []
        span = _OCTAVE if self._difficulty != "full" else _OCTAVE + 1
        taken = self._sounding(at, until)
        low = max(_LOWEST_INNER, max(taken, default=0) + 1)
        most = 3 if self._difficulty == "full" else 2
        pitches = inner_voices(chord, pitch, self._before, min(size, most), low, span, taken)
        if pitches:
            self._before = pitches
        if alone and pitches:
            self._turn += 1
            pitches = [pitches[self._turn % len(pitches)]]
            until = min(end, until + self._plan.pulse)
        until = min(until, max(at + 0.25, chord.end))
        out = [Draft(at, until, p, RIGHT, Role.HARMONY) for p in pitches]
        if at == start and self._doubles(level, weight) and pitch - _OCTAVE > max(taken, default=0):
            out = [d for d in out if d.pitch > pitch - _OCTAVE]
            out.append(Draft(start, end, pitch - _OCTAVE, RIGHT, Role.DOUBLING))
        return out

    def _doubles(self, level: int, weight: float) -> bool:
        """Octaves at climaxes, and on the downbeats of full bars."""
        return self._difficulty == "full" and weight >= (9, 9, 3, 1)[level] and self._style.inner >= 0

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
