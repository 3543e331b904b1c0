"""Chords for a tune that was heard alone: one a bar, from the key, as plain as a hymn book's."""

from __future__ import annotations

import numpy as np

from desktop.piano.cover import QUALITIES, Chord, Floats, Grid, Key, Notes

_DEGREES: dict[str, tuple[tuple[int, str, float], ...]] = {
    "major": ((0, "maj", 0.3), (5, "maj", 0.15), (7, "maj", 0.15), (9, "min", 0.1), (2, "min", 0.0)),
    "minor": ((0, "min", 0.3), (5, "min", 0.15), (7, "maj", 0.1), (8, "maj", 0.1), (3, "maj", 0.05), (10, "maj", 0.0)),
}
"""Steps above the tonic, quality, and how readily a chord is taken."""
_STEPS = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10, 11)}
_AT_HOME = 0.8
"""Share of the tune that must lie in the scale of the key for the key to be believed."""
_STAY, _FALL = -0.15, 0.12
"""What a chord's repetition costs, and what a root that falls by a fifth is worth, in bars that fit entirely."""


def harmonise(line: Notes, grid: Grid, key: Key) -> tuple[Chord, ...]:
    """Chords under ``line`` (array of ``LINE``) from the bar of its first note to that of its last; none without a tune.

    The chord of each bar has the tune's long and accented notes where it can, and roots move as in cadences.
    """
    if not len(line):
        return ()
    bars, weights = _bars(line, grid)
    key = _key(weights.sum(0), key)
    choices = [((key.tonic + step) % 12, quality, prior) for step, quality, prior in _DEGREES[key.mode]]
    fit = np.array([[_fit(weight, root, quality) + prior for root, quality, prior in choices] for weight in weights])
    fit[-1, 0] += 0.5
    roots = np.array([root for root, _, _ in choices])
    motion = np.where((roots[:, None] - roots[None, :]) % 12 == 7, _FALL, 0.0) + _STAY * np.eye(len(roots))
    path = _best_path(fit, motion)
    out = []
    for bar, choice in zip(bars, path, strict=True):
        root, quality, _ = choices[choice]
        start = grid.downbeat + bar * grid.meter
        out.append(Chord(float(start), float(start + grid.meter), root, quality, root))
    return tuple(out)


def _bars(line: Notes, grid: Grid) -> tuple[range, Floats]:
    """Bar numbers, and [bars, 12] beats that each pitch class of the tune sounds in them; what begins a bar counts twice."""
    first, _ = grid.bar(float(line["start"][0]) + 1e-6)
    last, _ = grid.bar(float(line["end"][-1]) - 1e-6)
    bars = range(first, max(first, last) + 1)
    weights = np.zeros((len(bars), 12))
    for row, bar in enumerate(bars):
        start = grid.downbeat + bar * grid.meter
        share = np.clip(np.minimum(line["end"], start + grid.meter) - np.maximum(line["start"], start), 0.0, None)
        share = share + np.minimum(share, 1.0) * (np.abs(line["start"] - start) < 1e-6)
        np.add.at(weights[row], line["pitch"] % 12, share)
    return bars, weights


def _key(weights: Floats, key: Key) -> Key:
    """``key`` when the tune lies in it, else the one that holds most of the tune and has its tonic triad sung most."""

    def inside(one: Key) -> float:
        return float(sum(weights[(one.tonic + step) % 12] for step in _STEPS[one.mode][:7]) / weights.sum())

    def worth(one: Key) -> float:
        third = 4 if one.mode == "major" else 3
        triad = sum(weights[(one.tonic + step) % 12] for step in (0, third, 7)) / weights.sum()
        return inside(one) + 0.3 * float(triad)

    if inside(key) >= _AT_HOME:
        return key
    return max((Key(tonic, mode) for tonic in range(12) for mode in _STEPS), key=worth)


def _fit(weight: Floats, root: int, quality: str) -> float:
    """-1..1: how much of a bar's tune belongs to a chord; 0 for a bar that is silent."""
    total = float(weight.sum())
    own = float(sum(weight[(root + step) % 12] for step in QUALITIES[quality]))
    return (2.0 * own - total) / total if total else 0.0


def _best_path(fit: Floats, motion: Floats) -> list[int]:
    """Indices of the chords with the greatest sum of ``fit`` [bars, chords] and ``motion`` [from, to]."""
    best = fit[0]
    back: list[list[int]] = []
    for row in fit[1:]:
        through = best[:, None] + motion
        back.append(np.argmax(through, axis=0).tolist())
        best = np.max(through, axis=0) + row
    path = [int(np.argmax(best))]
    for pointers in reversed(back):
        path.append(pointers[path[-1]])
    return path[::-1]
