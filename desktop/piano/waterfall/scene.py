"""What there is to see of a cover: notes, pedal trails, beats and chord names, all in seconds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from desktop.piano.cover import Chord, Cover, Floats, Grid, Notes

Ints = npt.NDArray[np.int64]

SHORTEST = 0.03
"""Seconds that a key stays down at least, so that the shortest note is seen."""
TRAIL = 2.5
"""Seconds after which a tone that only the pedal holds is no longer shown."""
BREATH = 0.05
"""A key struck again within these seconds comes up visibly before ..."""
LIFT = 0.035
"""... by so many seconds."""


@dataclass(frozen=True)
class Mark:
    """Words that fall with the notes."""

    second: float
    text: str


@dataclass(frozen=True)
class Scene:
    """A cover in seconds, ready to be drawn.

    Attributes:
        start, end: when each key goes down and comes up, sorted by start; [n].
        trail: until when its tone is shown to go on by the pedal, >= ``end``; [n].
        pitch, velocity, hand: [n], as in ``NOTE``.
        beats: seconds of the beats; ``bars``: seconds of the downbeats.
        numbers: bar numbers at the downbeats; ``chords``: names where they begin.
        longest: seconds of the longest note, its trail included.
    """

    start: Floats
    end: Floats
    trail: Floats
    pitch: Ints
    velocity: Ints
    hand: Ints
    beats: Floats
    bars: Floats
    numbers: tuple[Mark, ...] = ()
    chords: tuple[Mark, ...] = ()
    longest: float = 0.0

    @property
    def last(self) -> float:
        """Second at which the last key comes up, 0 when there are no notes."""
        return float(self.end.max(initial=0.0))

    def between(self, first: float, last: float) -> Ints:
        """Indices of the notes of which something, trails included, lies between two seconds."""
        low = int(np.searchsorted(self.start, first - self.longest))
        high = int(np.searchsorted(self.start, last))
        return low + np.flatnonzero(self.trail[low:high] > first)

    def down(self, second: float, fading: float = 0.0) -> Ints:
        """Indices of the notes whose keys are down at a second, or came up less than ``fading`` seconds before."""
        low = int(np.searchsorted(self.start, second - fading - self.longest))
        high = int(np.searchsorted(self.start, second, side="right"))
        return low + np.flatnonzero(self.end[low:high] > second - fading)


def scene_of(cover: Cover) -> Scene:
    """The scene of a whole cover."""
    return scene_of_notes(cover.notes, cover.pedals, cover.grid, cover.chords)


def scene_of_notes(notes: Notes, pedals: Notes, grid: Grid, chords: tuple[Chord, ...] = ()) -> Scene:
    """The scene of notes and pedal spans in beats of ``grid``."""
    order = np.argsort(notes["start"], kind="stable")
    notes = notes[order]
    start = grid.seconds(notes["start"])
    end = np.maximum(grid.seconds(notes["end"]), start + SHORTEST)
    pitch = notes["pitch"].astype(np.int64)
    again = _struck_again(start, pitch)
    end = np.where(again - end < BREATH, np.maximum(start + SHORTEST, np.minimum(end, again - LIFT)), end)
    trail = np.maximum(end, np.minimum(np.minimum(_pedalled(end, pedals, grid), again - LIFT), end + TRAIL))
    first, last = _beats_shown(grid, start, trail)
    numbers = np.arange(first, last + 1)
    at_bars = numbers[(numbers - grid.downbeat) % grid.meter == 0]
    bars = grid.seconds(at_bars)
    # Bars are counted from one, as musicians do; what comes before the first downbeat has no number.
    named = [(float(s), (int(b) - grid.downbeat) // grid.meter + 1) for s, b in zip(bars, at_bars, strict=True)]
    names = tuple(Mark(float(grid.seconds(chord.start)), chord.name) for chord in chords)
    return Scene(
        start, end, trail, pitch, notes["velocity"].astype(np.int64), notes["hand"].astype(np.int64),
        grid.seconds(numbers), bars, tuple(Mark(s, str(n)) for s, n in named if n > 0), names,
        float((trail - start).max(initial=0.0)),
    )  # fmt: skip


def _struck_again(start: Floats, pitch: Ints) -> Floats:
    """When the same key goes down the next time; infinity for the last time."""
    order = np.lexsort((start, pitch))
    again = np.full(len(start), np.inf)
    same = pitch[order][1:] == pitch[order][:-1]
    again[order[:-1][same]] = start[order[1:][same]]
    # Two hands on one key at one time strike it once.
    return np.where(again > start, again, np.inf)


def _pedalled(end: Floats, pedals: Notes, grid: Grid) -> Floats:
    """Until when the pedal holds tones whose keys come up at ``end``."""
    if not len(pedals) or not len(end):
        return end
    down, up = grid.seconds(pedals["down"]), grid.seconds(pedals["up"])
    span = np.searchsorted(down, end, side="right") - 1
    held: Floats = np.where((span >= 0) & (end < up[span]), up[span], end)
    return held


def _beats_shown(grid: Grid, start: Floats, trail: Floats) -> tuple[int, int]:
    """First and last beat worth a line: those of the grid, and what the notes need beyond."""
    low, high = 0.0, float(len(grid.times) - 1)
    if len(start):
        low = min(low, float(grid.beats(start.min())))
        high = max(high, float(grid.beats(trail.max())))
    return int(np.floor(low)), int(np.ceil(high))
