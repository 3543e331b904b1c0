"""A small band in numpy: drums, bass and chords at a known tempo, for tests that need music whose truth is exact."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
RATE = 22050
TRIADS = {"maj": (0, 4, 7), "min": (0, 3, 7)}
Bar = tuple[int, str]


def play(
    bars: Sequence[Bar], tempo: float, meter: int = 4, lead_in: float = 0.3, drums: bool = True
) -> tuple[Floats, npt.NDArray[np.float64]]:
    """Samples and the time of every beat: one chord a bar (root pitch class, "maj" or "min"), bass, kick and snare."""
    beat = 60.0 / tempo
    times = lead_in + beat * np.arange(len(bars) * meter)
    out = np.zeros(int((times[-1] + 2 * beat + 0.5) * RATE), np.float32)
    noise = np.random.default_rng(0)
    for number, (root, quality) in enumerate(bars):
        start = times[number * meter]
        for step in TRIADS[quality]:
            for half in range(2 * meter):
                _add(out, start + half * beat / 2, _tone(60 + (root + step) % 12, beat * 0.5, 0.05))
        for place in range(meter):
            at = start + place * beat
            _add(out, at, _tone(36 + (root - 36) % 12, beat * 0.9, 0.22))
            if drums:
                _drums(out, at, place, beat, noise)
    return out / np.abs(out).max() * np.float32(0.7), times


def _drums(out: Floats, at: float, place: int, beat: float, noise: np.random.Generator) -> None:
    if place % 2 == 0:
        t = np.arange(int(0.15 * RATE)) / RATE
        _add(out, at, (0.5 * np.sin(2 * np.pi * (50 + 70 * np.exp(-40 * t)) * t) * np.exp(-18 * t)).astype(np.float32))
    else:
        _add(out, at, _hiss(noise, 0.12, 25, 0.3))
    for half in (0.0, 0.5):
        _add(out, at + half * beat, _hiss(noise, 0.03, 120, 0.12))


def _tone(pitch: int, seconds: float, level: float) -> Floats:
    t = np.arange(int(seconds * RATE)) / RATE
    envelope = np.minimum(1, t / 0.005) * np.exp(-2 * t) * np.minimum(1, (seconds - t) / 0.02)
    hz = 440 * 2 ** ((pitch - 69) / 12)
    return (level * envelope * sum(np.sin(2 * np.pi * hz * k * t) / k for k in range(1, 6))).astype(np.float32)


def _hiss(noise: np.random.Generator, seconds: float, decay: float, level: float) -> Floats:
    t = np.arange(int(seconds * RATE)) / RATE
    return (level * noise.standard_normal(len(t)) * np.exp(-decay * t)).astype(np.float32)


def _add(out: Floats, at: float, sound: Floats) -> None:
    start = round(at * RATE)
    part = out[start : start + len(sound)]
    part += sound[: len(part)]
