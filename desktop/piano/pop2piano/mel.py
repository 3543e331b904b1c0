"""Pop2Piano's ears: the log-mel spectrogram that its encoder was trained on."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy import fft

Floats = npt.NDArray[np.float32]

RATE = 22050
"""Samples a second."""
BANDS = 512
WINDOW, HOP = 4096, 1024
_LOWEST = 10.0
_FLOOR = 1e-6


def frames(samples: int) -> int:
    """How many frames ``log_mel`` makes of so many samples."""
    return 1 + samples // HOP


def log_mel(sound: Floats) -> Floats:
    """Logarithm of the power in each mel band [..., frames, 512] of mono sound [..., samples] at ``RATE``.

    Frames are centred: the sound's edges are mirrored, and silence is ln 1e-6.
    """
    edges = [(0, 0)] * (sound.ndim - 1) + [(WINDOW // 2, WINDOW // 2)]
    # In double precision: beside a loud tone, rounding would be what is heard of the quiet bands.
    padded = np.pad(np.asarray(sound, np.float64), edges, mode="reflect" if sound.shape[-1] > 1 else "edge")
    cut = np.lib.stride_tricks.sliding_window_view(padded, WINDOW, axis=-1)[..., ::HOP, :]
    spectrum = fft.rfft(cut * _hann(), axis=-1)
    power = spectrum.real**2 + spectrum.imag**2
    found: Floats = np.log(np.maximum(power @ filters(), _FLOOR)).astype(np.float32)
    return found


@lru_cache(maxsize=1)
def filters() -> npt.NDArray[np.float64]:
    """Share of each frequency in each band [2049, 512]: triangles between points that are evenly spaced on HTK's mel scale."""
    points = _hertz(np.linspace(_mel(_LOWEST), _mel(RATE / 2), BANDS + 2))
    away = points - np.linspace(0, RATE / 2, WINDOW // 2 + 1)[:, None]
    width = np.diff(points)
    rising, falling = -away[:, :-2] / width[:-1], away[:, 2:] / width[1:]
    found: npt.NDArray[np.float64] = np.maximum(0.0, np.minimum(rising, falling))
    return found


@lru_cache(maxsize=1)
def _hann() -> npt.NDArray[np.float64]:
    """Periodic: its first value is repeated after its end."""
    return np.hanning(WINDOW + 1)[:-1]


def _mel(hertz: float) -> float:
    return float(2595.0 * np.log10(1.0 + hertz / 700.0))


def _hertz(mel: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    found: npt.NDArray[np.float64] = 700.0 * (10.0 ** (mel / 2595.0) - 1.0)
    return found
