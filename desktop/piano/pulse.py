"""How much each moment feels like a beat and like the first beat of a bar.

With the BeatNet network (Heydari, Cwitkowitz, Duan, "BeatNet: CRNN and particle filtering for online joint beat, downbeat and
meter tracking", ISMIR 2021) where it is installed, otherwise from spectral flux alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.fft import rfft

from desktop.jobs.progress import Progress
from desktop.piano.transcription import Runner

Floats = npt.NDArray[np.float32]

RATE = 22050
HOP = 441
"""Samples a frame: 50 frames a second."""
PULSE_RATE = RATE / HOP

_WINDOW = 1411
_BINS = _WINDOW // 2
_BLOCK = 1024  # frames at a time: 12 MB
_BANDS_PER_OCTAVE = 24
_LOWEST, _HIGHEST = 30.0, 17000.0
_SECONDS_AT_ONCE = 60


@dataclass(frozen=True)
class Pulse:
    """Frame ``i`` is centred at ``i / 50`` seconds.

    Attributes:
        beat: [T] 0..1 a beat is here (first beats of bars as well).
        down: [T] 0..1 a bar begins here; all zero when unknown.
        flux: [T, 3] what begins in low (< 150 Hz), middle and high (> 4 kHz) sound; each column has mean 1.
    """

    beat: Floats
    down: Floats
    flux: Floats

    def __len__(self) -> int:
        return len(self.beat)


def pulse(samples: Floats, session: Runner | None = None, progress: Progress | None = None) -> Pulse:
    """Beat likelihoods of a recording.

    Args:
        samples: [n] mono, 22050 Hz.
        session: open BeatNet network; without it ``beat`` is made of the flux and ``down`` stays zero.
    """
    progress = progress or Progress()
    levels = _levels(samples, progress.part(0.0, 0.4))
    rises = np.zeros_like(levels)
    np.maximum(levels[1:] - levels[:-1], 0.0, out=rises[1:])
    flux = _flux(rises)
    if session is None:
        return Pulse(_plain(flux), np.zeros(len(flux), np.float32), flux)
    features = np.concatenate([levels, rises], axis=1)
    del levels, rises
    beat, down = _network(features, session, progress.part(0.4, 1.0))
    return Pulse(beat, down, flux)


def _levels(samples: Floats, progress: Progress) -> Floats:
    """[T, 136] log levels of triangular bands, a quarter tone apart where the spectrum resolves it."""
    bank, window = _filterbank(), np.hanning(_WINDOW).astype(np.float32)
    count = -(-len(samples) // HOP)
    padded = np.concatenate([np.zeros(_WINDOW // 2, np.float32), samples, np.zeros(_WINDOW + HOP, np.float32)])
    frames = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::HOP]
    out = np.empty((count, bank.shape[1]), np.float32)
    for start in range(0, count, _BLOCK):
        stop = min(count, start + _BLOCK)
        spectrum = np.abs(rfft(frames[start:stop] * window, axis=1)[:, :_BINS])
        out[start:stop] = np.log10(1.0 + spectrum @ bank)
        progress.at(stop / count)
    return out


@lru_cache(maxsize=1)
def _filterbank() -> Floats:
    """[705, 136] triangles of unit sum on the bins nearest to quarter tones, as the network was trained with."""
    spacing = RATE / (2 * _BINS)
    first = np.floor(np.log2(_LOWEST / 440) * _BANDS_PER_OCTAVE)
    last = np.ceil(np.log2(_HIGHEST / 440) * _BANDS_PER_OCTAVE)
    centres = 440 * 2 ** (np.arange(first, last) / _BANDS_PER_OCTAVE)
    centres = centres[(centres >= _LOWEST) & (centres <= _HIGHEST)]
    # Half up, and never beyond the last bin: bands above the Nyquist frequency fold into one.
    bins = np.unique(np.clip(np.ceil(centres / spacing - 0.5), 1, _BINS - 1).astype(int))
    bank = np.zeros((_BINS, len(bins) - 2), np.float32)
    for column, (low, centre, high) in enumerate(zip(bins[:-2], bins[1:-1], bins[2:], strict=True)):
        if high - low < 2:
            centre, high = low, low + 1
        triangle = np.concatenate(
            [np.arange(centre - low) / max(1, centre - low), 1 - np.arange(high - centre) / (high - centre)]
        )
        bank[low:high, column] = triangle / triangle.sum()
    return bank


def _flux(rises: Floats) -> Floats:
    """[T, 3] summed rises below 150 Hz, between, and above 4 kHz, each divided by its mean."""
    bank = _filterbank()
    centres = (np.arange(_BINS)[:, None] * bank).sum(axis=0) * RATE / (2 * _BINS)
    edges = (centres < 150, (centres >= 150) & (centres < 4000), centres >= 4000)
    flux = np.stack([rises[:, band].sum(axis=1) for band in edges], axis=1)
    scaled: Floats = (flux / (flux.mean(axis=0) + 1e-9)).astype(np.float32)
    return scaled


def _plain(flux: Floats) -> Floats:
    """Beat likelihood out of flux: what stands out of its surroundings, low sound counting most."""
    novelty = np.minimum(flux, 8.0) @ np.array([0.45, 0.35, 0.2], np.float32)
    around = np.convolve(novelty, np.hanning(51) / np.hanning(51).sum(), mode="same")
    rise = np.maximum(novelty - around, 0.0)
    scale = np.percentile(rise, 97) + 1e-9
    plain: Floats = np.clip(rise / scale, 0.0, 1.0).astype(np.float32) ** np.float32(0.8)
    return plain


def _network(features: Floats, session: Runner, progress: Progress) -> tuple[Floats, Floats]:
    """Beat and downbeat likelihood; the recurrent state goes from one piece of the song to the next."""
    state = {name: np.zeros((2, 1, 150), np.float32) for name in ("hidden", "cell")}
    found: list[Floats] = []
    step = int(_SECONDS_AT_ONCE * PULSE_RATE)
    for start in range(0, len(features), step):
        piece, state["hidden"], state["cell"] = session.run(
            {"features": features[start : start + step], **state}, ["likelihood", "hidden_out", "cell_out"]
        )
        found.append(piece)
        progress.at((start + len(piece)) / len(features))
    both = np.concatenate(found)
    return both[:, 0] + both[:, 1], np.ascontiguousarray(both[:, 1])
