"""The tune where the melody network is not installed: the likeliest line through the transcription's upper register."""

from __future__ import annotations

import numpy as np

from desktop.piano.cover import Notes
from desktop.piano.melody import LOWEST_TUNE, Salience, line_of
from desktop.piano.melody_features import FEATURE_RATE, POOL
from desktop.piano.transcription import LOWEST, Posteriors

_CENTRE, _SPREAD = 70.0, 9.0
_PITCHES = 61
_SILENCE = 0.02


def plain_melody(posteriors: Posteriors) -> Notes:
    """Array of ``LINE`` from note posteriors and a preference for the register that tunes are sung in."""
    first = LOWEST_TUNE - LOWEST
    frames = len(posteriors) // POOL * POOL
    pooled = [
        values[:frames, first : first + _PITCHES].reshape(-1, POOL, _PITCHES).max(axis=1)
        for values in (posteriors.note, posteriors.onset)
    ]
    prior = np.exp(-0.5 * ((np.arange(_PITCHES) + LOWEST_TUNE - _CENTRE) / _SPREAD) ** 2).astype(np.float32)
    pitch = np.maximum(pooled[0], 1e-2) ** 2 * prior
    silence = np.full(len(pitch), _SILENCE, np.float32)
    total = pitch.sum(axis=1) + silence
    return line_of(Salience(silence / total, pitch / total[:, None], pooled[1], FEATURE_RATE))
