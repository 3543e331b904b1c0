"""The course of an arrangement: bars, how full each one is, and where sections begin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from desktop.piano.arranging.sheet import Sheet
from desktop.piano.cover import Chord

LEVELS = 4
"""Fullness of a bar: 0 sparse, 1 moving, 2 flowing, 3 climax."""
_PHRASE = 4
"""Bars: sections of popular songs change at multiples of four."""
_MODERATE, _SLOW = 90.0, 0.25
"""Pulses a minute that need no correction, and the loudness that half of them add: slow music is played in shorter notes."""


@dataclass(frozen=True)
class Bar:
    """One bar: beats ``start``..``end``, fullness 0..3, number of its section, and place in its group of four bars."""

    start: float
    end: float
    level: int
    section: int
    place: int

    @property
    def closes(self) -> bool:
        """Whether a group of four bars ends here."""
        return self.place == _PHRASE - 1


@dataclass(frozen=True)
class Plan:
    """The bars of a song and the size of its pulse.

    Attributes:
        pulse: beats that the player feels as one; patterns are written in pulses, so that a grid at half or twice the
            felt tempo gives the same music.
    """

    bars: tuple[Bar, ...]
    pulse: float

    def bar_at(self, beat: float) -> Bar:
        """The bar of a position; the first or last one outside of the song."""
        meter = self.bars[0].end - self.bars[0].start
        index = int((beat - self.bars[0].start + 1e-6) // meter)
        return self.bars[min(max(index, 0), len(self.bars) - 1)]


def make_plan(sheet: Sheet, bias: int = 0) -> Plan:
    """Plan the bars of ``sheet``; ``bias`` makes all of them fuller or thinner by so many levels."""
    grid = sheet.grid
    earliest = min([0.0, *(float(note["start"]) for note in sheet.melody[:1])])
    first = grid.downbeat - grid.meter * int(np.ceil(max(0.0, grid.downbeat - earliest) / grid.meter))
    count = max(1, int(np.ceil((sheet.end - first) / grid.meter - 1e-6)))
    starts = [float(first + grid.meter * i) for i in range(count)]
    energy = np.array([_bar_loudness(sheet, start, start + grid.meter) for start in starts])
    sections = _sections(energy)
    pulse = _pulse(grid.tempo, grid.meter)
    levels = _levels(energy + _SLOW * np.log2(_MODERATE * pulse / grid.tempo), sections, bias)
    return Plan(
        tuple(
            Bar(start, start + grid.meter, int(levels[i]), int(sections[i]), (i - first_of(sections, i)) % _PHRASE)
            for i, start in enumerate(starts)
        ),
        pulse,
    )


def first_of(sections: np.ndarray[tuple[int], np.dtype[np.int64]], index: int) -> int:
    """Index of the first bar of the section that bar ``index`` is in."""
    return int(np.searchsorted(sections, sections[index]))


def _bar_loudness(sheet: Sheet, start: float, end: float) -> float:
    positions = np.arange(start, end, 1.0)
    if not len(sheet.energy):
        return 0.5
    return float(np.mean(np.interp(positions, np.arange(len(sheet.energy)), sheet.energy)))


def _sections(energy: np.ndarray[tuple[int], np.dtype[np.float64]]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Section number of each bar: a new one wherever four bars differ clearly in loudness from the four before, at most
    one change in four bars."""
    sections = np.zeros(len(energy), np.int64)
    last = 0
    for bar in range(1, len(energy)):
        sections[bar] = sections[bar - 1]
        if bar - last < _PHRASE:
            continue
        before, after = energy[max(0, bar - _PHRASE) : bar], energy[bar : bar + _PHRASE]
        local = [abs(_contrast(energy, at)) for at in range(bar, min(bar + 3, len(energy)))]
        if (abs(np.mean(after) - np.mean(before)) > 0.12 and local[0] >= max(local)) or bar - last >= 16:
            sections[bar] += 1
            last = bar
    return sections


def _contrast(energy: np.ndarray[tuple[int], np.dtype[np.float64]], bar: int) -> float:
    return float(np.mean(energy[bar : bar + _PHRASE]) - np.mean(energy[max(0, bar - _PHRASE) : bar]))


def _levels(
    energy: np.ndarray[tuple[int], np.dtype[np.float64]], sections: np.ndarray[tuple[int], np.dtype[np.int64]], bias: int
) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Fullness of each bar: that of its section, a step off where the bar stands out from it."""
    levels = np.zeros(len(energy), np.int64)
    for section in np.unique(sections):
        inside = sections == section
        mean = float(np.mean(energy[inside]))
        blend = 0.65 * mean + 0.35 * energy[inside]
        levels[inside] = np.digitize(blend, (0.25, 0.52, 0.78))
    return np.clip(levels + bias, 0, LEVELS - 1)


def _pulse(tempo: float, meter: int) -> float:
    """Beats in a pulse: of 62 to 138 a minute in even bars where a factor of two can do it; in others a beat, because the pulse
    must not run across their groups."""
    if tempo < 62:
        return 0.5 if meter in (2, 4, 8) else 1.0
    return 2.0 if tempo > 150 and meter in (4, 8) else 1.0


def segments(sheet: Sheet, bar: Bar) -> list[tuple[float, float, Chord]]:
    """The harmonies of a bar: (start, end, chord), cut at the bar line and rounded to half beats; gaps have none."""
    out: list[tuple[float, float, Chord]] = []
    at = bar.start
    while at < bar.end - 1e-6:
        chord = sheet.chord_at(at)
        following = [c.start for c in sheet.chords if c.start > at + 1e-6] if chord is None else [chord.end]
        end = min(bar.end, round(min(following, default=bar.end) * 2) / 2)
        end = end if end > at + 1e-6 else min(bar.end, at + 0.5)
        if chord is not None:
            if out and out[-1][2] == chord and abs(out[-1][1] - at) < 1e-6:
                out[-1] = (out[-1][0], end, chord)
            else:
                out.append((at, end, chord))
        at = end
    return out
