"""From probabilities to a line: the likeliest path through pitches and silence, and its notes."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Path = npt.NDArray[np.int64]
Run = tuple[int, int, int, float]
"""First frame, end frame, pitch column, confidence 0..1."""

SILENT = -1


@dataclass(frozen=True)
class Habits:
    """What a melody usually does; costs are negative log odds a frame (natural logarithm).

    Attributes:
        silence_bias: added to the log probability of silence.
        change: cost of another pitch, and per semitone of the interval.
        leap: interval in semitones from which the cost grows no further.
        enter, leave: cost from silence to a pitch and back.
        onset: how much of a change's cost a sure onset takes away.
        shortest: frames of the shortest note.
        ornament: frames of a step away and back that counts as vibrato.
        split: onset probability that strikes a held pitch again.
        apart: frames between two strikes of one pitch.
        faded: probability below which the end of a note is cut off.
        least: confidence below which a note is dropped.
    """

    silence_bias: float = -1.5
    change: float = 5.0
    interval: float = 0.12
    leap: int = 12
    enter: float = 2.0
    leave: float = 2.0
    onset: float = 0.6
    shortest: int = 3
    ornament: int = 5
    split: float = 0.75
    apart: int = 5
    faded: float = 0.12
    least: float = 0.3


def follow(silence: Floats, pitch: Floats, onset: Floats, habits: Habits) -> Path:
    """Viterbi path: pitch column of each frame, or ``SILENT``.

    Args:
        silence: [T] probability that no melody sounds.
        pitch: [T, P] probability of each pitch.
        onset: [T, P] probability that a note begins; makes entering that pitch cheaper.
    """
    frames, count = pitch.shape
    if not frames:
        return np.zeros(0, np.int64)
    seen = np.log(np.maximum(np.column_stack([silence, pitch]), 1e-7)).astype(np.float64)
    seen[:, 0] += habits.silence_bias
    cost = _costs(count, habits)
    ease = np.ones((frames, count + 1))
    ease[:, 1:] -= habits.onset * onset
    states = np.arange(count + 1)
    best = seen[0].copy()
    back = np.empty((frames, count + 1), np.int16)
    for frame in range(1, frames):
        options = best[:, None] - cost * ease[frame]
        came = options.argmax(0)
        back[frame] = came
        best = options[came, states] + seen[frame]
    path = np.empty(frames, np.int64)
    path[-1] = best.argmax()
    for frame in range(frames - 1, 0, -1):
        path[frame - 1] = back[frame, path[frame]]
    return path - 1


def _costs(count: int, habits: Habits) -> npt.NDArray[np.float64]:
    """[from, to]; state 0 is silence."""
    steps = np.abs(np.subtract.outer(np.arange(count), np.arange(count)))
    cost = np.zeros((count + 1, count + 1))
    cost[1:, 1:] = np.where(steps > 0, habits.change + habits.interval * np.minimum(steps, habits.leap), 0.0)
    cost[0, 1:] = habits.enter
    cost[1:, 0] = habits.leave
    return cost


def segment(path: Path, pitch: Floats, onset: Floats, habits: Habits) -> list[Run]:
    """Notes of a path: vibrato merged, slivers given to a neighbour, repeated notes struck again, weak notes dropped."""
    runs = _absorb(_merge_ornaments(_runs(path), habits), habits)
    notes: list[Run] = []
    for start, end, column in runs:
        for first, last in _strikes(start, end, onset[start:end, column], habits):
            while last - first > habits.shortest and pitch[last - 1, column] < habits.faded:
                last -= 1
            confidence = float(pitch[first:last, column].mean())
            if last - first >= habits.shortest and confidence >= habits.least:
                notes.append((first, last, column, confidence))
    return notes


def _runs(path: Path) -> list[tuple[int, int, int]]:
    """Stretches of one pitch."""
    if not len(path):
        return []
    edges = [0, *(np.flatnonzero(np.diff(path)) + 1).tolist(), len(path)]
    return [(a, b, int(path[a])) for a, b in pairwise(edges) if path[a] != SILENT]


def _merge_ornaments(runs: list[tuple[int, int, int]], habits: Habits) -> list[tuple[int, int, int]]:
    """A short step away by a semitone and back is one note."""
    out: list[tuple[int, int, int]] = []
    for run in runs:
        out.append(run)
        while len(out) >= 3:
            (a, b, p), (c, d, q), (e, f, r) = out[-3:]
            if not (p == r and abs(p - q) == 1 and d - c <= habits.ornament and b == c and d == e):
                break
            out[-3:] = [(a, f, p)]
    return out


def _absorb(runs: list[tuple[int, int, int]], habits: Habits) -> list[tuple[int, int, int]]:
    """A run too short for a note goes to the note that follows it without a gap (a scoop), or to the one before."""
    out: list[tuple[int, int, int]] = []
    waiting: int | None = None
    for index, (start, end, column) in enumerate(runs):
        begin = start if waiting is None else waiting
        waiting = None
        if end - start >= habits.shortest:
            out.append((begin, end, column))
        elif index + 1 < len(runs) and runs[index + 1][0] == end:
            waiting = begin
        elif out and out[-1][1] == begin:
            out[-1] = (out[-1][0], end, out[-1][2])
    return out


def _strikes(start: int, end: int, onset: Floats, habits: Habits) -> list[tuple[int, int]]:
    """Where one pitch is struck again."""
    cuts = [start]
    for frame in range(1, len(onset) - 1):
        if onset[frame] < habits.split or onset[frame] < onset[frame - 1] or onset[frame] <= onset[frame + 1]:
            continue
        at = start + frame
        if at - cuts[-1] >= habits.apart and end - at >= habits.shortest:
            cuts.append(at)
    return list(zip(cuts, [*cuts[1:], end], strict=True))
