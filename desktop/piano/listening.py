"""Weights of the small linear models that read beats, bars, chords and keys; fitted by packaging/training/listening."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from desktop.paths import resources

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Weights:
    """
    Attributes:
        beat: weight of each feature of ``metre.describe``.
        bar: weight of each feature of ``downbeats.describe``.
        chord: [qualities, 1 + features] bias and weights of ``chords`` for a chord on C; other roots are rotations.
        chord_given_key: [2, 12, qualities] log probability of a chord by mode (major, minor) and root above the tonic.
        change: [12] log odds that the chord changes at each beat of a four-beat bar (first four) or three-beat bar (next three).
        key: [2, 1 + features] bias and weights of ``key`` for C major and C minor.
    """

    beat: dict[str, float]
    bar: dict[str, float]
    chord: Floats
    chord_given_key: Floats
    change: dict[str, list[float]]
    key: Floats


@lru_cache(maxsize=1)
def weights() -> Weights:
    """The fitted weights that come with Reprise."""
    data = json.loads((resources() / "models" / "listening-1" / "weights.json").read_text(encoding="utf-8"))
    return Weights(
        beat=data["beat"],
        bar=data["bar"],
        chord=np.array(data["chord"]),
        chord_given_key=np.array(data["chord_given_key"]),
        change=data["change"],
        key=np.array(data["key"]),
    )
