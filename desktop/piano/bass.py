"""The bass line: the lowest voice, half beat by half beat."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from desktop.piano.cover import Chord, Grid, Notes
from desktop.piano.line import LINE
from desktop.piano.transcription import LOWEST, Posteriors

_TOP = 55
"""Highest MIDI pitch of a bass note."""
_STEPS = 2  # a beat
_LEAST = 0.12
_STRUCK = 0.35
_CHORD_BONUS = 0.15


def bass_line(posteriors: Posteriors, grid: Grid, chords: tuple[Chord, ...]) -> Notes:
    """Array of ``LINE``: the lowest pitch that surely sounds in each half beat; repeated notes where it is struck again."""
    columns = _TOP - LOWEST + 1
    note, onset = posteriors.note[:, :columns], posteriors.onset[:, :columns]
    edges = grid.seconds(np.arange((len(grid.times) - 1) * _STEPS + 1) / _STEPS)
    frames = np.clip(np.round(edges * posteriors.frame_rate).astype(int), 0, len(posteriors))
    expected = _expected(chords, len(edges) - 1)
    rows: list[list[float]] = []
    last = -1
    for step, (low, high) in enumerate(pairwise(frames)):
        pitch, sure = _lowest(note[low:high], expected[step])
        if pitch < 0:
            last = -1
            continue
        struck = float(onset[max(0, low - 3) : low + 4, pitch - LOWEST].max(initial=0.0)) > _STRUCK
        if pitch == last and not struck:
            rows[-1][1] = edges[step + 1]
        else:
            rows.append([edges[step], edges[step + 1], pitch, sure])
        last = pitch
    line = np.zeros(len(rows), LINE)
    for field, values in zip(("start", "end", "pitch", "confidence"), zip(*rows, strict=True), strict=False):
        line[field] = values
    return line


def _expected(chords: tuple[Chord, ...], steps: int) -> npt.NDArray[np.int64]:
    """Pitch class of the chord's bass at each half beat, -1 without a chord."""
    expected = np.full(steps, -1)
    for chord in chords:
        expected[max(0, int(chord.start * _STEPS)) : max(0, int(chord.end * _STEPS))] = chord.bass
    return expected


def _lowest(note: npt.NDArray[np.float32], expected: int) -> tuple[int, float]:
    """Pitch and confidence of the lowest voice of a few frames, (-1, 0) when there is none."""
    if not len(note):
        return -1, 0.0
    mean = note.mean(axis=0, dtype=np.float64)
    free = np.cumprod(np.append(1.0, 1.0 - np.clip((mean[:-1] - 0.15) / 0.4, 0.0, 1.0)))
    score = mean * free
    if expected >= 0:
        score = score + _CHORD_BONUS * (score > _LEAST / 2) * ((np.arange(len(mean)) + LOWEST) % 12 == expected)
    best = int(score.argmax())
    return (best + LOWEST, float(min(1.0, mean[best]))) if score[best] > _LEAST else (-1, 0.0)
