"""The cover: notes on a beat grid, with harmony, pedal and where they came from.

Positions are in beats of the grid (float; 0 is the grid's first beat, negative before it), so that a corrected
grid moves the notes without running a model again. Seconds come from the grid.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

RIGHT, LEFT = 0, 1

NOTE = np.dtype([("start", "f8"), ("end", "f8"), ("pitch", "u1"), ("velocity", "u1"), ("hand", "u1")])
"""start and end in beats, MIDI pitch 21..108, velocity 1..127, hand RIGHT or LEFT; arrays are sorted by start, then pitch."""

PEDAL = np.dtype([("down", "f8"), ("up", "f8")])
"""Sustain pedal spans in beats, in order, not overlapping."""

QUALITIES: dict[str, tuple[int, ...]] = {
    "maj": (0, 4, 7),
    "min": (0, 3, 7),
    "7": (0, 4, 7, 10),
    "maj7": (0, 4, 7, 11),
    "min7": (0, 3, 7, 10),
    "sus4": (0, 5, 7),
    "dim": (0, 3, 6),
    "aug": (0, 4, 8),
}
PITCH_NAMES = ("C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B")

Floats = npt.NDArray[np.float64]
Notes = npt.NDArray[np.void]


@dataclass(frozen=True)
class Grid:
    """Beats of a song.

    Attributes:
        times: seconds of each beat, strictly rising, at least two.
        downbeat: index of the first beat that starts a bar, 0 <= downbeat < meter.
        meter: beats in a bar, 2..12.
        confidence: 0..1, how sure the tracker is.
    """

    times: Floats
    downbeat: int = 0
    meter: int = 4
    confidence: float = 1.0

    def __post_init__(self) -> None:
        times = np.asarray(self.times, dtype=np.float64)
        if times.ndim != 1 or len(times) < 2 or not np.all(np.isfinite(times)) or not np.all(np.diff(times) > 0):
            raise ValueError("a grid needs at least two beats in rising order")
        if not 2 <= self.meter <= 12 or not 0 <= self.downbeat < self.meter:
            raise ValueError(f"meter {self.meter} and downbeat {self.downbeat} do not fit together")
        object.__setattr__(self, "times", times)

    @property
    def tempo(self) -> float:
        """Median tempo in beats a minute."""
        return float(60.0 / np.median(np.diff(self.times)))

    @property
    def bars(self) -> int:
        """Bars from the first downbeat on, one that is begun included."""
        return -((self.downbeat - len(self.times)) // self.meter)

    def seconds(self, beats: npt.ArrayLike) -> Floats:
        """Times of positions in beats; outside of the grid the edge tempo goes on."""
        at = np.asarray(beats, dtype=np.float64)
        n = len(self.times)
        low = np.clip(np.floor(at).astype(int), 0, n - 2)
        times: Floats = self.times[low] + (at - low) * (self.times[low + 1] - self.times[low])
        return times

    def beats(self, seconds: npt.ArrayLike) -> Floats:
        """Positions in beats of times; the inverse of ``seconds``."""
        at = np.asarray(seconds, dtype=np.float64)
        low = np.clip(np.searchsorted(self.times, at, side="right") - 1, 0, len(self.times) - 2)
        positions: Floats = low + (at - self.times[low]) / (self.times[low + 1] - self.times[low])
        return positions

    def bar(self, beat: float) -> tuple[int, float]:
        """Bar number (0 is the bar of the first downbeat, negative before) and position in the bar in beats."""
        bar, within = divmod(beat - self.downbeat, self.meter)
        return int(bar), float(within)

    def is_downbeat(self, beat: int) -> bool:
        """Whether beat number ``beat`` starts a bar."""
        return (beat - self.downbeat) % self.meter == 0

    def doubled(self) -> Grid:
        """Twice the tempo: a beat between each two."""
        n = len(self.times)
        return replace(self, times=self.seconds(np.arange(0, n - 0.75, 0.5)), downbeat=(2 * self.downbeat) % self.meter)

    def halved(self) -> Grid:
        """Half the tempo: every other beat, starting so that the first downbeat stays one."""
        phase = self.downbeat % 2
        times = self.times[phase::2]
        if len(times) < 2:
            return self
        return replace(self, times=times, downbeat=((self.downbeat - phase) // 2) % self.meter)

    def shifted(self, by: float = 0.5) -> Grid:
        """All beats later by ``by`` beats (0.5: from off-beat to beat)."""
        return replace(self, times=self.seconds(np.arange(len(self.times)) + by))

    def with_downbeat(self, beat: int) -> Grid:
        """The same beats with beat number ``beat`` starting a bar."""
        return replace(self, downbeat=beat % self.meter)


@dataclass(frozen=True)
class Chord:
    """A chord from ``start`` to ``end`` (beats): pitch classes of root and bass 0..11, quality a key of ``QUALITIES``."""

    start: float
    end: float
    root: int
    quality: str
    bass: int

    @property
    def pitch_classes(self) -> tuple[int, ...]:
        """Pitch classes of the chord, root first."""
        return tuple((self.root + step) % 12 for step in QUALITIES[self.quality])

    @property
    def name(self) -> str:
        """For people: "F♯m7", "C/E"."""
        suffix = {"maj": "", "min": "m", "min7": "m7", "dim": "°", "aug": "+"}.get(self.quality, self.quality)
        over = f"/{PITCH_NAMES[self.bass]}" if self.bass != self.root else ""
        return f"{PITCH_NAMES[self.root]}{suffix}{over}"


@dataclass(frozen=True)
class Key:
    """Tonic pitch class 0..11 and mode "major" or "minor"."""

    tonic: int
    mode: str

    @property
    def name(self) -> str:
        """For people: "A minor"."""
        return f"{PITCH_NAMES[self.tonic]} {self.mode}"


@dataclass(frozen=True)
class Cover:
    """A piano cover.

    Attributes:
        notes: array of ``NOTE``.
        pedals: array of ``PEDAL``.
        duration: length of the source in seconds.
        info: where it came from: source path and hash, engine, style, difficulty, versions, statistics (plain data).
        found: the beats as they were found in the song, before any correction; None when nobody knows them.
    """

    title: str
    notes: Notes
    pedals: Notes
    grid: Grid
    chords: tuple[Chord, ...]
    key: Key
    duration: float
    info: dict[str, Any] = field(default_factory=dict)
    found: Grid | None = None

    def note_seconds(self) -> tuple[Floats, Floats]:
        """Start and end of each note in seconds."""
        return self.grid.seconds(self.notes["start"]), self.grid.seconds(self.notes["end"])


def sort_notes(notes: Notes) -> Notes:
    """Notes in the order that every ``Cover`` keeps: by start, then pitch."""
    return notes[np.lexsort((notes["pitch"], notes["start"]))]
