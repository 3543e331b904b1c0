"""The demo song as a perfect listener hears it, from the truth beside it."""

from __future__ import annotations

from csv import DictReader
from pathlib import Path

import numpy as np

from desktop.piano.analysis import LINE, Analysis
from desktop.piano.cover import Chord, Grid, Key

DEMO = Path(__file__).resolve().parents[2] / "resources" / "demo"


def demo_song() -> Analysis:
    beats = np.loadtxt(DEMO / "beats.txt")
    grid = Grid(beats[:, 0], int(np.argmax(beats[:, 1] == 1)), int(beats[:, 1].max()))
    with (DEMO / "chords.csv").open() as file:
        chords = tuple(
            Chord(float(row["start_beat"]), float(row["end_beat"]), int(row["root"]), row["quality"], int(row["bass"]))
            for row in DictReader(file)
        )
    rows = np.loadtxt(DEMO / "melody.csv", delimiter=",", skiprows=1)
    melody = np.zeros(len(rows), LINE)
    melody["start"], melody["end"], melody["pitch"], melody["confidence"] = rows[:, 0], rows[:, 1], rows[:, 2], 1.0
    steps = len(beats) * 4
    return Analysis(
        title="Six o'clock ferry",
        source_hash="0" * 64,
        duration=float(grid.times[-1] + 60.0 / grid.tempo),
        grid=grid,
        key=Key(2, "major"),
        chords=chords,
        melody=melody,
        bass=np.zeros(0, LINE),
        # It builds up and comes back, as the recording does.
        energy=np.interp(np.arange(len(beats)), [0, 32, 72, len(beats)], [0.1, 0.5, 1.0, 0.3]).astype(np.float32),
        loudness=np.full(steps, 0.5, np.float32),
        accents=np.tile([1.0, 0.0, 0.5, 0.1], len(beats)).astype(np.float32),
        salience=np.zeros((steps, 88), np.float32),
        attacks=np.zeros((steps, 88), np.float32),
    )
