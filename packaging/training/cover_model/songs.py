"""Songs of POP909: notes of the melody, the bridge and the pianist, beats and chords."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pretty_midi

Floats = npt.NDArray[np.float64]
NOTE = np.dtype([("start", "f8"), ("end", "f8"), ("pitch", "i8"), ("velocity", "i8")])
Notes = npt.NDArray[Any]

_LETTERS = dict(zip("CDEFGAB", (0, 2, 4, 5, 7, 9, 11), strict=True))
_DEGREES = {"1": 0, "b2": 1, "2": 2, "b3": 3, "3": 4, "4": 5, "b5": 6, "5": 7, "b6": 8, "6": 9, "b7": 10, "7": 11}
_TONES = {
    "maj": (0, 4, 7),
    "min": (0, 3, 7),
    "dim": (0, 3, 6),
    "aug": (0, 4, 8),
    "sus2": (0, 2, 7),
    "sus4": (0, 5, 7),
    "maj7": (0, 4, 7, 11),
    "min7": (0, 3, 7, 10),
    "7": (0, 4, 7, 10),
    "hdim7": (0, 3, 6, 10),
    "dim7": (0, 3, 6, 9),
}


@dataclass(frozen=True)
class Chord:
    """From ``start`` to ``end`` (s) these pitch classes sound over the pitch class ``bass``."""

    start: float
    end: float
    tones: tuple[int, ...]
    bass: int


@dataclass(frozen=True)
class Song:
    """One song; times in seconds.

    Attributes:
        parts: arrays of ``NOTE``, sorted, by the names MELODY, BRIDGE and PIANO.
        beats: times; ``in_bar``: number of each beat in its bar, from 1.
    """

    number: str
    parts: dict[str, Notes]
    beats: Floats
    in_bar: npt.NDArray[np.int64]
    chords: Sequence[Chord]

    def human(self) -> Notes:
        """The cover to be learnt: what the pianist plays and the melody."""
        both = np.concatenate([self.parts["PIANO"], self.parts["MELODY"]])
        return both[np.argsort(both["start"], kind="stable")]


def read_song(folder: Path) -> Song:
    """Read a numbered folder of POP909.

    Raises:
        ValueError: the song has no melody, no piano or hardly any beats.
    """
    midi = pretty_midi.PrettyMIDI(str(folder / f"{folder.name}.mid"))
    parts = {name: np.zeros(0, NOTE) for name in ("MELODY", "BRIDGE", "PIANO")}
    for track in midi.instruments:
        rows = sorted((n.start, n.end, n.pitch, n.velocity) for n in track.notes if n.end > n.start)
        parts[track.name.strip().upper()] = np.array(rows, NOTE)
    beats, in_bar = _beats(folder / "beat_midi.txt")
    if not len(parts["MELODY"]) or not len(parts["PIANO"]) or len(beats) < 16:
        raise ValueError(f"song {folder.name} lacks melody, piano or beats")
    return Song(folder.name, parts, beats, in_bar, _chords(folder / "chord_midi.txt"))


def _beats(path: Path) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Columns: time, downbeat by twos, downbeat by threes or fours; of the two the one that fits bars of three or four."""
    rows = np.loadtxt(path, ndmin=2)
    rows = rows[np.concatenate([[True], np.diff(rows[:, 0]) > 0.05])]
    downs = np.flatnonzero(rows[:, 2] > 0.5)
    if len(downs) > 2 and np.median(np.diff(downs)) == 6:
        downs = np.flatnonzero(rows[:, 1] > 0.5)
    if not len(downs):
        downs = np.arange(0, len(rows), 4)
    last = np.searchsorted(downs, np.arange(len(rows)), side="right") - 1
    since = np.arange(len(rows)) - downs[np.maximum(last, 0)]
    return rows[:, 0], np.where(last >= 0, since, since % 4) + 1


def _chords(path: Path) -> list[Chord]:
    found = []
    for line in path.read_text().splitlines():
        start, end, name = line.split()[:3]
        head, _, kind = name.partition(":")
        if not kind or head[0] not in _LETTERS:
            continue
        kind, _, degree = kind.partition("/")
        root = _LETTERS[head[0]] + head.count("#") - head.count("b")
        tones = tuple((root + step) % 12 for step in _TONES.get(kind, _TONES["min" if kind.startswith("min") else "maj"]))
        found.append(Chord(float(start), float(end), tones, (root + _DEGREES.get(degree, 0)) % 12))
    return found
