"""Pitch classes of each beat: what sounds, what begins, and what lies lowest."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.fft import rfft

from desktop.jobs.progress import Progress
from desktop.piano.transcription import LOWEST, Posteriors

Floats = npt.NDArray[np.float32]
Times = npt.NDArray[np.float64]

RATE = 22050
PARTS = ("sounding", "beginning", "bass", "lowest", "spectrum", "spectrum low")
"""Blocks of twelve pitch classes in a row of ``beat_chroma``."""

_SIZE, _HOP, _BLOCK = 8192, 2048, 64
_SPECTRUM_LOW, _SPECTRUM_HIGH = 28, 92  # MIDI pitches of the semitone spectrum
_BASS_TOP = 52
_SILENT = 0.02


def beat_chroma(posteriors: Posteriors, samples: Floats, edges: Times, progress: Progress | None = None) -> Floats:
    """[len(edges) - 1, 72] features of each span, six blocks (``PARTS``) from C to B, each of length 1 or, without sound, 0.

    Args:
        samples: [n] mono, 22050 Hz.
        edges: seconds, rising.
    """
    progress = progress or Progress()
    spectrum, hop = _semitones(samples, progress)
    pitches = np.arange(posteriors.note.shape[1]) + LOWEST
    treble = np.exp(-0.5 * ((pitches - 64) / 12.0) ** 2) * (pitches >= 44)
    bass = np.clip((_BASS_TOP + 4 - pitches) / 16.0, 0.0, 1.0)
    rate = posteriors.frame_rate
    bands = np.arange(_SPECTRUM_LOW, _SPECTRUM_HIGH)
    parts = [
        _fold(_means(posteriors.note, rate, edges) * treble, LOWEST),
        _fold(_means(posteriors.onset, rate, edges) * treble, LOWEST),
        _fold(_means(posteriors.note, rate, edges) * bass, LOWEST),
        _fold(_means(_lowest(posteriors.note), rate, edges), LOWEST),
        _fold(_means(spectrum, hop, edges) * (bands >= 48), _SPECTRUM_LOW),
        _fold(_means(spectrum, hop, edges) * (bands < _BASS_TOP), _SPECTRUM_LOW),
    ]
    return np.concatenate([_unit(part) for part in parts], axis=1).astype(np.float32)


def _means(values: npt.NDArray[np.floating], rate: float, edges: Times) -> npt.NDArray[np.float64]:
    """Mean of the frames between each two edges; at least one frame."""
    at = np.clip(np.round(edges * rate).astype(int), 0, len(values) - 1)
    sums = np.add.reduceat(values.astype(np.float64), at[:-1], axis=0) if len(at) > 1 else np.zeros((0, values.shape[1]))
    # The last span of reduceat runs to the end of the song.
    if len(sums):
        sums[-1] = values[at[-2] : max(at[-1], at[-2] + 1)].sum(axis=0)
    means: npt.NDArray[np.float64] = sums / np.maximum(1, np.diff(at))[:, None]
    return means


def _fold(pitches: npt.NDArray[np.float64], lowest: int) -> npt.NDArray[np.float64]:
    """Sum over octaves; column 0 is C."""
    folded = np.zeros((len(pitches), 12))
    for column in range(pitches.shape[1]):
        folded[:, (column + lowest) % 12] += pitches[:, column]
    return folded


def _unit(part: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    length = np.linalg.norm(part, axis=1, keepdims=True)
    usual = float(np.median(length)) if len(length) else 0.0
    unit: npt.NDArray[np.float64] = part / np.maximum(length, max(_SILENT * usual, 1e-9))
    return unit


def _lowest(note: Floats) -> Floats:
    """[T, 88] probability that each pitch is the lowest one that sounds."""
    sure: Floats = np.clip((note - 0.2) / 0.5, 0.0, 1.0)
    none_below = np.cumprod(1.0 - sure, axis=1)
    sure[:, 1:] *= none_below[:, :-1]
    return sure


def _semitones(samples: Floats, progress: Progress) -> tuple[Floats, float]:
    """[frames, 64] what stands out of the spectrum at each semitone from ``_SPECTRUM_LOW``, in its tuning; frames a second."""
    window = np.hanning(_SIZE).astype(np.float32)
    padded = np.pad(samples, _SIZE // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, _SIZE)[::_HOP]
    bins = np.arange(1, _SIZE // 2)
    pitch = 69 + 12 * np.log2(bins * RATE / _SIZE / 440.0)
    wanted = (pitch > _SPECTRUM_LOW - 1) & (pitch < _SPECTRUM_HIGH + 1)
    low, high = int(bins[wanted][0]), int(bins[wanted][-1]) + 1
    pitch = pitch[wanted]
    fine = np.zeros((len(frames), high - low), np.float32)
    for start in range(0, len(frames), _BLOCK):
        fine[start : start + _BLOCK] = np.abs(rfft(frames[start : start + _BLOCK] * window, axis=1)[:, low:high])
        progress.checkpoint()
    tuning = _tuning(fine, pitch)
    bank = np.maximum(0.0, 1.0 - np.abs(pitch[:, None] - tuning - np.arange(_SPECTRUM_LOW, _SPECTRUM_HIGH)) / 0.7).astype(
        np.float32
    )
    bank /= np.maximum(bank.sum(axis=0), 1e-6)
    # Below about 90 Hz semitones are narrower than a bin: such a band takes what is nearest to it.
    level = np.log1p(100.0 * (fine @ bank) / (fine.max() + 1e-9))
    around = np.stack([np.roll(level, shift, axis=1) for shift in (-5, -4, -3, -2, 2, 3, 4, 5)]).mean(axis=0)
    return np.maximum(level - around, 0.0).astype(np.float32), RATE / _HOP


def _tuning(fine: Floats, pitch: npt.NDArray[np.float64]) -> float:
    """Semitones (-0.5..0.5) that the song lies above A = 440 Hz, from spectral peaks above 200 Hz."""
    peak = (fine[:, 1:-1] > fine[:, :-2]) & (fine[:, 1:-1] > fine[:, 2:]) & (pitch[1:-1] > 55)
    weight = (np.sqrt(fine[:, 1:-1]) * peak).sum(axis=0)
    turn = np.exp(2j * np.pi * pitch[1:-1])
    return float(np.angle(np.dot(weight, turn)) / (2 * np.pi))
