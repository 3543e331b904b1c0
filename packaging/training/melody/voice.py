"""A synthetic singer: glottal pulses with scoops, glides, vibrato and drift through moving formants, breath and consonants.

It exists so that the network meets pitch that moves the way a voice moves, which General MIDI leads do not do.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.signal import istft, stft

Floats = npt.NDArray[Any]
Note = tuple[float, float, int]

# First three formants (Hz) of a few vowels of an average adult; the tract scales them.
_VOWELS = np.array(
    [[730, 1090, 2440], [530, 1840, 2480], [270, 2290, 3010], [570, 840, 2410], [300, 870, 2240], [490, 1350, 1690]], float
)


def sing(notes: list[Note], seconds: float, rate: int, rng: np.random.Generator) -> Floats:
    """Mono samples of the line; its nominal pitches are those of ``notes``."""
    size = int(seconds * rate)
    pitch, loud, breath = _curves(notes, size, rate, rng)
    hz = 440.0 * 2.0 ** ((pitch - 69.0) / 12.0)
    phase = np.cumsum(hz / rate)
    source = _pulses(phase, hz, rate) + rng.uniform(0.01, 0.06) * rng.standard_normal(size)
    sound = _formants(source * loud + breath * rng.standard_normal(size), notes, rate, rng)
    return sound[:size].astype(np.float32)


def _curves(notes: list[Note], size: int, rate: int, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    """Pitch (MIDI), loudness of the voice and of unvoiced noise per sample."""
    step = 64
    count = size // step + 2
    time = np.arange(count) * step / rate
    pitch, loud, breath = np.full(count, np.nan), np.zeros(count), np.zeros(count)
    depth, speed = rng.uniform(0.05, 0.6), rng.uniform(4.8, 6.6)
    scoop_share, consonant_share = rng.uniform(0.1, 0.6), rng.uniform(0.2, 0.7)
    before = -1.0
    for start, end, nominal in notes:
        start = start + rng.normal(0, 0.015)
        legato = start - before < 0.06
        consonant = rng.uniform(0.03, 0.09) if rng.random() < consonant_share and end - start > 0.15 else 0.0
        inside = (time >= start) & (time < end)
        t = time[inside] - start
        if not len(t):
            continue
        curve = np.full(len(t), nominal + rng.normal(0, 0.08))
        if rng.random() < scoop_share:
            curve -= rng.uniform(0.5, 2.5) * np.exp(-t / rng.uniform(0.02, 0.07))
        if end - start > 0.3:
            grow = np.clip((t - rng.uniform(0.1, 0.3)) / 0.25, 0, 1)
            curve += depth * rng.uniform(0.4, 1.2) * grow * np.sin(2 * np.pi * speed * t + rng.uniform(0, 6))
        if rng.random() < 0.15:
            curve -= rng.uniform(0.5, 3) * np.clip((t - (end - start) + 0.12) / 0.12, 0, 1)
        pitch[inside] = curve
        envelope = np.clip(t / (0.015 if legato else rng.uniform(0.02, 0.06)), 0, 1) * np.clip((end - start - t) / 0.04, 0, 1)
        voiced = np.clip((t - consonant) / 0.02, 0, 1) if consonant else 1.0
        level = rng.uniform(0.6, 1.0) * (0.75 + 0.25 * np.exp(-t / 0.8))
        loud[inside] = level * (np.maximum(envelope, 0.35 * legato) * voiced)
        breath[inside] = rng.uniform(0.05, 0.25) * (t < consonant) if consonant else 0.0
        before = end
    known = np.flatnonzero(~np.isnan(pitch))
    pitch = np.interp(np.arange(count), known, pitch[known]) if len(known) else np.full(count, 60.0)
    glide = max(1, int(rng.uniform(0.02, 0.06) * rate / step))
    pitch = np.convolve(np.pad(pitch, glide, mode="edge"), np.hanning(2 * glide + 1) / np.hanning(2 * glide + 1).sum(), "valid")
    drift = np.interp(np.arange(count), np.arange(0, count + 40, 40), rng.normal(0, 0.06, len(np.arange(0, count + 40, 40))))
    at = np.arange(size) / step
    grid = np.arange(count)
    return np.interp(at, grid, pitch + drift), np.interp(at, grid, loud), np.interp(at, grid, breath)


def _pulses(phase: Floats, hz: Floats, rate: int) -> Floats:
    """Band-limited pulse train (closed form of a sum of equal cosines)."""
    count = np.floor(0.45 * rate / hz)
    half = np.pi * (phase % 1.0)
    below = np.sin(half)
    safe = np.where(np.abs(below) < 1e-4, 1e-4, below)
    return np.where(np.abs(below) < 1e-4, 1.0, np.sin((2 * count + 1) * half) / safe / (2 * count + 1)) * np.sqrt(count)


def _formants(source: Floats, notes: list[Note], rate: int, rng: np.random.Generator) -> Floats:
    """The source through a spectral envelope that changes vowel about once a note."""
    _, times, spectrum = stft(source, rate, nperseg=1024, noverlap=768)
    hz = np.arange(513) * rate / 1024
    tract, tilt = rng.uniform(0.9, 1.25), rng.uniform(6.0, 13.0)
    changes = np.array([-1.0] + [n[0] for n in notes])
    vowels = _VOWELS[rng.integers(len(_VOWELS), size=len(changes))] * tract * rng.normal(1, 0.05, (len(changes), 3))
    chosen = vowels[np.searchsorted(changes, times, side="right") - 1]
    smooth = np.hanning(9) / np.hanning(9).sum()
    chosen = np.stack([np.convolve(np.pad(c, 4, mode="edge"), smooth, "valid") for c in chosen.T], 1)
    fixed = np.broadcast_to(np.array([3300.0, 4200.0]) * tract, (len(times), 2))
    centres = np.concatenate([chosen, fixed], 1)
    widths = np.array([90.0, 110.0, 160.0, 220.0, 300.0]) * rng.uniform(0.8, 1.6)
    weights = np.array([1.0, rng.uniform(0.4, 1), rng.uniform(0.2, 0.7), rng.uniform(0.1, 0.6), rng.uniform(0.05, 0.3)])
    envelope = np.full((len(times), 513), 0.04)
    for k in range(5):
        envelope += weights[k] / (1 + ((hz - centres[:, k : k + 1]) / widths[k]) ** 2)
    envelope *= 10 ** (-tilt * np.log2(np.maximum(hz, 200) / 200) / 20 * 0.5)
    _, sound = istft(spectrum * envelope.T, rate, nperseg=1024, noverlap=768)
    return np.pad(sound, (0, max(0, len(source) - len(sound))))
