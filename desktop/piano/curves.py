"""What is heard, put on the beat grid: loudness, accents, and which pitches sound and begin at each sixteenth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from desktop.piano.cover import Grid
from desktop.piano.transcription import Posteriors

Floats = npt.NDArray[np.float32]

SIXTEENTHS = 4
_RANGE_DB = 36.0
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Curves:
    """See ``analysis.Analysis`` for each."""

    energy: Floats
    loudness: Floats
    accents: Floats
    salience: Floats
    attacks: Floats


def measure(samples: Floats, rate: int, posteriors: Posteriors, grid: Grid) -> Curves:
    """Curves over all beats of the grid; the last beat lasts as long as the one before."""
    beats = len(grid.times)
    steps = grid.seconds(np.arange(beats * SIXTEENTHS + 1) / SIXTEENTHS)
    level = _level(samples, rate, steps)
    loudness = np.clip(1.0 + (level - np.percentile(level, 99)) / _RANGE_DB, 0.0, 1.0)
    frames = np.round(steps * posteriors.frame_rate).astype(int)
    salience = _reduce(posteriors.note, frames, np.add) / np.maximum(1, np.diff(np.clip(frames, 0, len(posteriors))))[:, None]
    half = np.append(steps[:-1] - np.diff(steps) / 2, steps[-1] - (steps[-1] - steps[-2]) / 2)
    attacks = _reduce(posteriors.onset, np.round(half * posteriors.frame_rate).astype(int), np.maximum)
    strength = np.maximum(attacks - 0.2, 0.0).sum(axis=1)
    accents = np.clip(strength / (np.percentile(strength, 98) + 1e-6), 0.0, 1.0)
    return Curves(
        energy=_energy(level, salience, grid.meter),
        loudness=loudness.astype(np.float32),
        accents=accents.astype(np.float32),
        salience=_kept(salience),
        attacks=_kept(attacks),
    )


def _kept(values: npt.NDArray[np.float64]) -> Floats:
    """In the precision of the cache, so that a song known already gives the very same cover."""
    return np.clip(values, 0.0, 1.0).astype(np.float16).astype(np.float32)


def _level(samples: Floats, rate: int, edges: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Root mean square of each span in decibels; spans outside of the recording are silent."""
    total = np.zeros(len(samples) + 1)
    for start in range(0, len(samples), _BLOCK):
        block = samples[start : start + _BLOCK].astype(np.float64)
        total[start + 1 : start + 1 + len(block)] = total[start] + np.cumsum(block * block)
    at = np.clip(np.round(edges * rate).astype(int), 0, len(samples))
    power = np.diff(total[at]) / np.maximum(1, np.diff(at))
    level: npt.NDArray[np.float64] = 10.0 * np.log10(np.maximum(power, 1e-10))
    return level


def _reduce(values: Floats, edges: npt.NDArray[np.int64], how: np.ufunc) -> npt.NDArray[np.float64]:
    """``how`` over the frames between each two edges; zero outside of the recording and for empty spans."""
    out = np.zeros((len(edges) - 1, values.shape[1]))
    for row, (low, high) in enumerate(zip(np.clip(edges[:-1], 0, len(values)), np.clip(edges[1:], 0, len(values)), strict=True)):
        if high > low:
            out[row] = how.reduce(values[low:high], axis=0)
    return out


def _energy(level: npt.NDArray[np.float64], salience: npt.NDArray[np.float64], meter: int) -> Floats:
    """How full each beat is: loudness and how much sounds, ranked within the song and smoothed over about a bar."""
    loud = level.reshape(-1, SIXTEENTHS).mean(axis=1)
    full = np.sqrt(salience.reshape(-1, SIXTEENTHS, salience.shape[1]).sum(axis=(1, 2)))
    raw = 0.65 * _scaled(loud) + 0.35 * _scaled(full)
    window = np.hanning(2 * meter + 1)[1:-1]
    padded = np.pad(raw, len(window) // 2, mode="edge")
    return _scaled(np.convolve(padded, window / window.sum(), mode="valid")).astype(np.float32)


def _scaled(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """0 at the song's quietest tenth, 1 at its loudest twentieth."""
    low, high = np.percentile(values, (10, 95))
    return np.clip((values - low) / max(high - low, 1e-6), 0.0, 1.0) if high - low > 1e-3 else np.full(len(values), 0.5)
