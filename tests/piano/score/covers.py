"""Covers for tests of the score: written by hand, and from seeds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from desktop.piano.arrange import arrange
from desktop.piano.cover import LEFT, NOTE, PEDAL, QUALITIES, RIGHT, Chord, Cover, Grid, Key, sort_notes
from tests.piano.random_songs import make_song

Written = tuple[float, float, int, int]
"""Start and end in beats, pitch, hand."""


def cover(
    notes: Sequence[Written],
    *,
    meter: int = 4,
    downbeat: int = 0,
    beats: int = 0,
    tempo: float = 100.0,
    key: Key | None = None,
    pedals: Sequence[tuple[float, float]] = (),
    chords: Sequence[Chord] = (),
    title: str = "Prüfung – 試験",
    velocity: int = 72,
) -> Cover:
    """A cover of the notes given."""
    array = np.zeros(len(notes), NOTE)
    for row, (start, end, pitch, hand) in enumerate(notes):
        array[row] = (start, end, pitch, velocity, hand)
    spans = np.zeros(len(pedals), PEDAL)
    for row, (down, up) in enumerate(pedals):
        spans[row] = (down, up)
    count = beats or int(max((n[1] for n in notes), default=4)) + 2
    grid = Grid(0.3 + np.arange(max(2, count)) * 60.0 / tempo, downbeat, meter)
    return Cover(title, sort_notes(array), spans, grid, tuple(chords), key or Key(0, "major"), float(grid.times[-1]))


def waltz() -> Cover:
    """A tune in 3/4 with a pickup of one beat, bass and chords below."""
    tune = [(2.0, 67), (3.0, 72), (5.0, 74), (6.0, 76), (7.5, 74), (8.0, 72), (9.0, 71), (12.0, 72)]
    notes: list[Written] = []
    for (start, pitch), following in zip(tune, [*tune[1:], (15.0, 0)], strict=True):
        notes.append((start, following[0], pitch, RIGHT))
    for bar, root in enumerate((48, 43, 43, 48)):
        at = 3.0 + 3 * bar
        notes.append((at, at + 1, root, LEFT))
        notes += [(at + beat, at + beat + 0.9, root + step, LEFT) for beat in (1, 2) for step in (7, 12)]
    return cover(notes, meter=3, downbeat=0, beats=16, chords=[Chord(3, 6, 0, "maj", 0), Chord(6, 12, 7, "7", 11)])


def arranged(style: str, bars: int = 10) -> Cover:
    """What the program itself makes of a song, without an engine's options."""
    song = make_song(11, tempo=104.0, bars=bars)
    notes, pedals = arrange(song, style, "medium")
    return Cover("Song", notes, pedals, song.grid, song.chords, song.key, song.duration, {"style": style, "difficulty": "medium"})


def random_cover(seed: int, bars: int = 0) -> Cover:
    """Anything: held and short notes, chords, triplets, human timing, any meter, key, register; from a seed."""
    rng = np.random.default_rng(seed)
    meter = int(rng.integers(2, 10))
    beats = meter * (bars or int(rng.integers(2, 7)))
    loose = rng.random() < 0.5
    notes: list[Written] = []
    for hand in (RIGHT, LEFT):
        at = float(rng.integers(-1, 4))
        while at < beats:
            step = float(rng.choice([0.25, 1 / 3, 2 / 3, 0.5, 1.0, 1.5, 2.0, 0.125]))
            length = step * float(rng.choice([0.3, 0.9, 1.0, 2.0, 4.0]))
            for _ in range(int(rng.choice([1, 1, 1, 2, 3, 4]))):
                jitter = rng.normal(0, 0.02) if loose else 0.0
                centre = 72 if hand == RIGHT else 48
                pitch = int(np.clip(rng.normal(centre, 9), 21, 108))
                notes.append((at + jitter, at + jitter + max(0.05, length), pitch, hand))
            at += step if rng.random() < 0.85 else step + 3.0
    chords, at = [], 0.0
    while at < beats:
        length = float(rng.choice([1, 2, 4]))
        root = int(rng.integers(12))
        chords.append(
            Chord(at, at + length, root, str(rng.choice(list(QUALITIES))), int(rng.integers(12)) if rng.random() < 0.3 else root)
        )
        at += length
    pedals = [(float(at) + 0.1, float(at) + 1.9) for at in range(0, beats, 2)] if rng.random() < 0.6 else []
    key = Key(int(rng.integers(12)), str(rng.choice(["major", "minor"])))
    return cover(
        notes, meter=meter, downbeat=int(rng.integers(meter)), beats=beats + 4, tempo=float(rng.uniform(50, 200)), key=key,
        chords=chords, pedals=pedals, title=f"Song {seed}", velocity=int(rng.integers(30, 120)),
    )  # fmt: skip
