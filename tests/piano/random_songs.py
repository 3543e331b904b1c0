"""Analyses of songs that nobody wrote, for properties that must hold for any."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from desktop.piano.analysis import LINE, Analysis
from desktop.piano.cover import QUALITIES, Chord, Grid, Key


def make_song(
    seed: int = 0,
    *,
    tempo: float = 110.0,
    meter: int = 4,
    bars: int = 12,
    wild: bool = False,
    sung: float = 0.8,
    jitter: float = 0.01,
) -> Analysis:
    """A song from a seed: scale-wise tune with rests, chords of the key; ``wild``: any pitch, length and chord."""
    rng = np.random.default_rng(seed)
    beats = bars * meter + 2
    downbeat = int(rng.integers(meter)) if wild else 0
    times = rng.uniform(0, 1.0) + np.arange(beats) * 60.0 / tempo + rng.normal(0, jitter, beats).clip(-0.05, 0.05)
    grid = Grid(np.sort(times), downbeat, meter)
    scale = np.array([0, 2, 4, 5, 7, 9, 11])
    tonic = int(rng.integers(12))
    notes: list[tuple[float, float, int]] = []
    at, degree = float(downbeat), 7
    while at < beats - 2:
        length = float(rng.choice([0.25, 0.5, 0.5, 1.0, 1.5, 2.0] if not wild else [0.05, 0.1, 0.25, 0.33, 0.5, 1.0, 3.0]))
        if rng.random() < sung:
            degree = int(np.clip(degree + rng.integers(-3, 4), 0, 14))
            pitch = 60 + tonic - 5 + 12 * (degree // 7) + int(scale[degree % 7])
            notes.append((at, at + length * rng.uniform(0.6, 1.0), int(rng.integers(21, 109)) if wild else pitch))
        at += length if rng.random() < 0.9 else length + 4.0
    melody = np.zeros(len(notes), LINE)
    for name, column in zip(("start", "end", "pitch"), zip(*notes, strict=True), strict=False) if notes else ():
        melody[name] = column if name == "pitch" else grid.seconds(np.array(column))
    melody["confidence"] = 1.0
    return Analysis(
        title=f"Song {seed}",
        source_hash=f"{seed:064x}",
        duration=float(grid.times[-1] + 1.0),
        grid=grid,
        key=Key(tonic, "major"),
        chords=_chords(rng, beats, downbeat, tonic, wild),
        melody=melody,
        bass=np.zeros(0, LINE),
        energy=np.clip(np.repeat(rng.random(beats // 8 + 1), 8)[:beats], 0, 1).astype(np.float32),
        loudness=rng.random(beats * 4).astype(np.float32),
        accents=rng.random(beats * 4).astype(np.float32),
        salience=np.zeros((beats * 4, 88), np.float32),
        attacks=np.zeros((beats * 4, 88), np.float32),
    )


def _chords(rng: np.random.Generator, beats: int, downbeat: int, tonic: int, wild: bool) -> tuple[Chord, ...]:
    out = []
    at = float(downbeat)
    while at < beats:
        length = float(rng.choice([1, 2, 3, 5] if wild else [2, 4]))
        step, quality = [(0, "maj"), (9, "min"), (5, "maj"), (7, "maj"), (2, "min"), (4, "min")][int(rng.integers(6))]
        root = int(rng.integers(12)) if wild else (tonic + step) % 12
        quality = str(rng.choice(list(QUALITIES))) if wild else quality
        bass = int(rng.integers(12)) if wild and rng.random() < 0.4 else root
        if not wild or rng.random() < 0.85:
            out.append(Chord(at, min(at + length, float(beats)), root, quality, bass))
        at += length
    return tuple(out)


songs = st.builds(
    make_song,
    st.integers(0, 10**6),
    tempo=st.floats(35.0, 240.0),
    meter=st.integers(2, 7),
    bars=st.integers(1, 14),
    wild=st.booleans(),
    sung=st.sampled_from([0.0, 0.3, 0.8, 1.0]),
    jitter=st.sampled_from([0.0, 0.01]),
)
