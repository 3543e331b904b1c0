"""The key of a song, from how much of each pitch class sounds over all of it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from desktop.piano.cover import Key
from desktop.piano.listening import weights

Floats = npt.NDArray[np.float64]
MODES = ("major", "minor")


def estimate_key(chroma: npt.NDArray[np.floating]) -> Key:
    """The likeliest of the 24 keys for the rows of ``chroma.beat_chroma``."""
    best = int(np.argmax(key_scores(chroma)))
    return Key(best // 2, MODES[best % 2])


def key_scores(chroma: npt.NDArray[np.floating]) -> Floats:
    """[24] log likelihoods, up to a constant: C major, C minor, C sharp major, ..."""
    mean = chroma.mean(axis=0, dtype=np.float64).reshape(-1, 12)
    rows = np.stack([np.roll(mean, -tonic, axis=1).ravel() for tonic in range(12)])
    fitted = weights().key
    return (rows @ fitted[:, 1:].T + fitted[:, 0]).ravel()
