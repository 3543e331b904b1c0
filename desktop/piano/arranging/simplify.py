"""A tune with fewer notes for the easy difficulty, where it goes too fast for a beginner."""

from __future__ import annotations

import numpy as np

from desktop.piano.arranging.pace import within_pace
from desktop.piano.cover import Floats, Grid, Notes


def thinned(line: Notes, grid: Grid) -> Notes:
    """``line`` with passing notes left out, the note before each held instead, until it is slow enough.

    The weakest go first: short notes between beats.
    """
    if len(line) < 2:
        return line
    keep = within_pace(grid.seconds(line["start"]), _weights(line))
    out = line[keep].copy()
    kept = np.flatnonzero(keep).tolist()
    following = [*kept[1:], len(line)]
    # What is left out is sung on by the note before it.
    for number, (first, after) in enumerate(zip(kept, following, strict=True)):
        if _joined(line, first, after):
            out["end"][number] = line["end"][after - 1]
    return out


def _joined(line: Notes, first: int, following: int) -> bool:
    """Whether the notes from one index to the next kept one follow each other without a rest."""
    return bool(np.all(line["start"][first + 1 : following] - line["end"][first : following - 1] < 0.5))


def _weights(line: Notes) -> Floats:
    """How much each note would be missed: its length, its place in the beat, how sure it is."""
    place = np.abs(line["start"] - np.round(line["start"])) < 1e-6
    half = np.abs(line["start"] * 2 - np.round(line["start"] * 2)) < 1e-6
    weights: Floats = np.minimum(line["end"] - line["start"], 2.0) + 1.0 * place + 0.5 * half + 0.5 * line["trust"]
    return weights
