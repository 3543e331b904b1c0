"""Where bars begin: three or four beats in a bar, and which beat is the first."""

from __future__ import annotations

import numpy as np

from desktop.piano.metre import Evidence, Floats, harmonic_change
from desktop.piano.tatums import Times
from desktop.piano.transcription import Posteriors

METERS = (4, 3)
CURVES = ("beat", "down", "low", "mid", "high", "bass", "onsets", "harmony", "harmony two", "loud")


def beat_curves(beats: Times, evidence: Evidence, columns: np.typing.NDArray[np.int64], posteriors: Posteriors) -> Floats:
    """[beats, 10] what happens on each beat (``CURVES``), mean 0 and deviation 1.

    Args:
        columns: index of each beat among the rows of ``evidence.curves``.
    """
    step = float(np.median(np.diff(beats)))
    wide = harmonic_change(posteriors, beats, 2 * step)
    edges = np.clip(np.round(np.append(beats, beats[-1] + step) * posteriors.frame_rate).astype(int), 0, len(posteriors) - 1)
    total = np.append(0.0, np.cumsum(posteriors.note.sum(axis=1, dtype=np.float64)))
    loud = (total[edges[1:]] - total[edges[:-1]]) / np.maximum(1, np.diff(edges))
    rise = np.append(0.0, np.diff(loud))
    curves = np.concatenate([evidence.curves[columns], wide[:, None], rise[:, None]], axis=1)
    scaled: Floats = (curves - curves.mean(axis=0)) / (curves.std(axis=0) + 1e-6)
    return scaled


def describe(curves: Floats, meter: int, phase: int) -> dict[str, float]:
    """Features of a reading: how much its first beats differ from the others, and its halves from its first beats."""
    found = {"three": float(meter == 3)}
    first = curves[phase::meter].mean(axis=0)
    others = [curves[(phase + k) % meter :: meter].mean(axis=0) for k in range(1, meter)]
    rest = np.mean(others, axis=0)
    for column, name in enumerate(CURVES):
        found[f"{name} {meter}"] = float(first[column] - rest[column])
        if meter == 4:
            found[f"{name} third"] = float(first[column] - others[1][column])
    return found
