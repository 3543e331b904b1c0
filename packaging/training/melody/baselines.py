"""Two plain ways to a melody from note posteriors, to compare with."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from desktop.piano.cover import Notes
from desktop.piano.line import LINE

Floats = npt.NDArray[Any]


def highest_note(note: Floats, rate: float, lowest: int, threshold: float = 0.3) -> Notes:
    """The highest pitch whose probability is over the threshold, MIDI 48..96, frame by frame."""
    allowed = note[:, 48 - lowest : 97 - lowest] > threshold
    best = np.where(allowed.any(1), 48 + allowed.shape[1] - 1 - allowed[:, ::-1].argmax(1), -1)
    return as_line(best, rate)


def plain_viterbi(note: Floats, rate: float, lowest: int) -> Notes:
    """Viterbi over note posteriors with a register prior around 68 and a cost for every change."""
    pitches = np.arange(48, 97)
    seen = np.log(np.maximum(note[:, 48 - lowest : 97 - lowest], 1e-3)) - 0.5 * ((pitches - 68) / 8.0) ** 2 * 0.3
    change = np.where(np.eye(len(pitches)) > 0, 0.0, 2.0 + 0.1 * np.abs(np.subtract.outer(pitches, pitches)))
    best, back = seen[0].copy(), np.zeros(seen.shape, int)
    for frame in range(1, len(seen)):
        options = best[:, None] - change
        back[frame] = options.argmax(0)
        best = options.max(0) + seen[frame]
    path = np.empty(len(seen), int)
    path[-1] = best.argmax()
    for frame in range(len(seen) - 1, 0, -1):
        path[frame - 1] = back[frame, path[frame]]
    sounding = note[np.arange(len(note)), pitches[path] - lowest] > 0.15
    return as_line(np.where(sounding, pitches[path], -1), rate)


def as_line(pitch: npt.NDArray[np.int64], rate: float) -> Notes:
    """Runs of one pitch as notes."""
    edges = [0, *(np.flatnonzero(np.diff(pitch)) + 1).tolist(), len(pitch)]
    rows = [(max(0.0, (a - 0.5) / rate), (b - 0.5) / rate, pitch[a], 1.0) for a, b in pairwise(edges) if pitch[a] >= 0]
    return np.array(rows, LINE)
