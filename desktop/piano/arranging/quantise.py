"""A sung line put on the grid: sixteenths, or triplets where a beat clearly has them."""

from __future__ import annotations

import numpy as np

from desktop.piano.arranging.sheet import LINE
from desktop.piano.cover import Floats, Grid, Notes

STEP = 0.25
"""A sixteenth in beats."""
SHORTEST = 0.125
_TRIPLET_GAIN = 0.0015
"""Mean squared error (beats²) that triplets must save in a beat before they are believed."""
_LEGATO = 0.3
"""Beats: a shorter rest between two sung notes is breath or detection, and is played over."""


def quantise(melody: Notes, grid: Grid) -> Notes:
    """A single voice from seconds to the grid, syncopation kept.

    Args:
        melody: start and end in seconds, MIDI pitch and confidence, in any order.

    Returns:
        Array of ``LINE``. Notes that fall on the same step become the longest of them.
    """
    melody = melody[np.isfinite(melody["start"]) & (melody["end"] > melody["start"])]
    melody = melody[np.lexsort((melody["pitch"], melody["start"]))]
    first, last = grid.beats(melody["start"]), grid.beats(melody["end"])
    pitches, trust = melody["pitch"].astype(np.int64), melody["confidence"].astype(np.float64)
    snapped = _snap(first)
    out = np.zeros(len(first), LINE)
    count = 0
    for at, a, b, p, sure in zip(snapped, first, last, pitches, trust, strict=True):
        if count and at <= out["start"][count - 1] + 1e-6:
            if b - a > out["end"][count - 1] - out["start"][count - 1]:
                out[count - 1] = (at, b, p, sure)
            continue
        out[count] = (at, b, p, sure)
        count += 1
    return _with_ends(out[:count])


def _snap(beats: Floats) -> Floats:
    """Nearest sixteenth, or nearest triplet in beats that fit triplets better."""
    straight = np.round(beats / STEP) * STEP
    third = np.round(beats * 3) / 3
    beat = np.floor(beats + SHORTEST).astype(int)
    out = straight.copy()
    for number in np.unique(beat):
        inside = beat == number
        off = np.abs(beats[inside] - np.round(beats[inside])) > SHORTEST
        gain = np.mean((beats[inside] - straight[inside]) ** 2) - np.mean((beats[inside] - third[inside]) ** 2)
        if off.sum() >= 2 and gain > _TRIPLET_GAIN:
            out[inside] = third[inside]
    return out


def _with_ends(line: Notes) -> Notes:
    """Ends on the grid, legato over small gaps, never over the next note."""
    if not len(line):
        return line
    following = np.concatenate([line["start"][1:], [np.inf]])
    end = np.maximum(np.round(line["end"] / STEP) * STEP, line["start"] + STEP)
    end = np.where(following - end <= _LEGATO, following, end)
    line["end"] = np.where(np.isfinite(end), np.minimum(end, following), line["start"] + STEP)
    return line


def in_register(line: Notes, low: int = 53, high: int = 91) -> Notes:
    """The line by whole octaves, so that its middle lies between ``low`` and ``high``, and single stray notes on the keys.

    A line that is already there keeps its octave.
    """
    if not len(line):
        return line
    line = line.copy()
    middle = float(np.median(line["pitch"]))
    shift = 12 * int(np.ceil(max(0.0, low - middle) / 12)) - 12 * int(np.ceil(max(0.0, middle - high) / 12))
    line["pitch"] += shift
    line["pitch"] += 12 * np.maximum(0, np.ceil((48 - line["pitch"]) / 12)).astype(np.int64)
    line["pitch"] -= 12 * np.maximum(0, np.ceil((line["pitch"] - 103) / 12)).astype(np.int64)
    return line
