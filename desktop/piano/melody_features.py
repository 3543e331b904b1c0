"""What the melody network looks at: pooled transcription maps and the level of every semitone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.fft import rfft, rfftfreq

from desktop.piano.transcription import CONTOUR_BINS, HOP, LOWEST, PITCHES, RATE, Posteriors

Floats = npt.NDArray[np.float32]

POOL = 2
"""Transcription frames in a frame of the network."""
FEATURE_RATE = RATE / HOP / POOL
BANDS = 107
"""Semitone bands of the spectrum, MIDI pitch 21 to 127."""
CHANNELS = 2 + CONTOUR_BINS

_SIZE = 4096
_CHUNK = 512  # frames at a time: 8 MB
_FLOOR_DB, _RANGE_DB = -72.0, 80.0
_QUIET_DB = -10.0  # below this a recording is silence; a full-scale sine gives about 60


@dataclass(frozen=True)
class Features:
    """Input of the melody network; frame ``i`` is centred at ``(i + 0.25) / FEATURE_RATE`` seconds.

    Attributes:
        maps: [5, T, 88] note, onset and three contour columns a semitone, 0..1.
        spectrum: [T, 107] level of each semitone, 0..1 over 80 dB, relative to the loud bands of the recording.
    """

    maps: Floats
    spectrum: Floats


def features(posteriors: Posteriors, samples: Floats) -> Features:
    """Pool the posteriors and measure the spectrum on the same frames.

    Args:
        samples: [n] mono, 22050 Hz: the recording that the posteriors came from.
    """
    frames = -(-len(posteriors) // POOL)
    note = _pairs(posteriors.note, frames).mean(1)
    onset = _pairs(posteriors.onset, frames).max(1)
    contour = _pairs(posteriors.contour, frames).mean(1).reshape(frames, PITCHES, CONTOUR_BINS)
    maps = np.concatenate([note[None], onset[None], np.moveaxis(contour, 2, 0)])
    return Features(np.ascontiguousarray(maps, np.float32), semitone_levels(samples, frames))


def semitone_levels(samples: Floats, frames: int) -> Floats:
    """[frames, 107] levels 0..1 from a 4096-point Hann spectrum, bands of a semitone."""
    hop = HOP * POOL
    bands = _band_matrix()
    window = np.hanning(_SIZE).astype(np.float32)
    lead = _SIZE // 2 - HOP // 2
    padded = np.zeros(frames * hop + _SIZE, np.float32)
    piece = samples[: len(padded) - lead]
    padded[lead : lead + len(piece)] = piece
    power = np.empty((frames, BANDS), np.float32)
    for start in range(0, frames, _CHUNK):
        count = min(_CHUNK, frames - start)
        part = padded[start * hop : (start + count - 1) * hop + _SIZE]
        cut = np.lib.stride_tricks.sliding_window_view(part, _SIZE)[::hop]
        spectrum = rfft(cut * window, axis=1)
        power[start : start + count] = (spectrum.real**2 + spectrum.imag**2) @ bands
    decibels = 10.0 * np.log10(power + 1e-10)
    reference = max(_QUIET_DB, float(np.percentile(decibels, 99.5)))
    levels: Floats = np.clip((decibels - reference - _FLOOR_DB) / _RANGE_DB, 0.0, 1.0).astype(np.float32)
    return levels


def _pairs(values: Floats, frames: int) -> Floats:
    missing = frames * POOL - len(values)
    if missing:
        values = np.concatenate([values, values[-1:].repeat(missing, 0)])
    return values.reshape(frames, POOL, values.shape[1])


def _band_matrix() -> Floats:
    """[bins, 107] triangles around each semitone, at least a bin and a half wide to either side."""
    hz = rfftfreq(_SIZE, 1 / RATE)
    centres = 440.0 * 2.0 ** ((np.arange(LOWEST, LOWEST + BANDS) - 69) / 12)
    reach = np.maximum(centres * (2 ** (1 / 12) - 1), 1.5 * hz[1])
    matrix: Floats = np.maximum(0.0, 1.0 - np.abs(hz[:, None] - centres) / reach).astype(np.float32)
    return matrix
