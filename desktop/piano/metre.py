"""Which of the steady pulse's ticks are beats: tempo octave and phase, from what happens on them and between them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from desktop.piano.pulse import PULSE_RATE, Pulse
from desktop.piano.tatums import Times
from desktop.piano.transcription import Posteriors

Floats = npt.NDArray[np.float64]

CURVES = ("beat", "down", "low", "mid", "high", "bass", "onsets", "harmony")
TRACKED = 2
STRIDES = (1, TRACKED, 4)
"""Tatums in a beat of the candidates: twice the tracked tempo, the tempo, half of it."""

_TEMPO_RANGE = 45.0, 225.0
_BASS_BELOW = 50 - 21


@dataclass(frozen=True)
class Evidence:
    """What happens at each quarter of a tracked beat; index ``2 * i`` is tatum ``i``.

    Attributes:
        curves: [quarters, 8] in the order of ``CURVES``, each column with mean 0 and deviation 1 over the song.
        onset_rate: notes a second that begin in the song, all instruments.
    """

    curves: Floats
    onset_rate: float


@dataclass(frozen=True)
class Candidate:
    """Beats at tatums ``offset``, ``offset + stride``, ..."""

    stride: int
    offset: int


def quarters(tatums: Times) -> Times:
    """Tatums with a time between each two."""
    return np.interp(np.arange(2 * len(tatums) - 1) / 2, np.arange(len(tatums)), tatums)


def gather(tatums: Times, pulse: Pulse, posteriors: Posteriors) -> Evidence:
    """Sample everything that tells beats from what lies between them."""
    times = quarters(tatums)
    step = float(np.median(np.diff(times)))
    onsets = np.maximum(posteriors.onset - 0.2, 0.0)
    rate = posteriors.frame_rate
    columns = [
        _peak(pulse.beat, PULSE_RATE, times, step),
        _peak(pulse.down, PULSE_RATE, times, step),
        *(np.sqrt(_peak(pulse.flux[:, band], PULSE_RATE, times, step)) for band in range(3)),
        np.sqrt(_peak(onsets[:, :_BASS_BELOW].sum(axis=1), rate, times, step)),
        np.sqrt(_peak(onsets.sum(axis=1), rate, times, step)),
        harmonic_change(posteriors, times, 4 * step),
    ]
    curves = np.stack(columns, axis=1)
    curves = (curves - curves.mean(axis=0)) / (curves.std(axis=0) + 1e-6)
    peaks = (
        (posteriors.onset[1:-1] > 0.4)
        & (posteriors.onset[1:-1] >= posteriors.onset[:-2])
        & (posteriors.onset[1:-1] > posteriors.onset[2:])
    )
    return Evidence(curves, float(peaks.sum() * rate / max(1, len(posteriors))))


def candidates(tatums: Times) -> list[Candidate]:
    """Readings of the pulse whose tempo a listener could tap."""
    tempo = 30.0 / float(np.median(np.diff(tatums)))
    low, high = _TEMPO_RANGE
    fit = [s for s in STRIDES if low <= 2 * tempo / s <= high and len(tatums) >= 4 * s] or [2]
    return [Candidate(stride, offset) for stride in fit for offset in range(stride)]


def harmonic_change(posteriors: Posteriors, times: Times, reach: float) -> Floats:
    """[times] 0..2: distance of the pitch classes within ``reach`` seconds before and after each time."""
    chroma = np.zeros((len(posteriors) + 1, 12))
    for pitch_class in range(12):
        chroma[1:, pitch_class] = posteriors.note[:, (pitch_class - 9) % 12 :: 12].sum(axis=1)
    total = np.cumsum(chroma, axis=0)
    rate = posteriors.frame_rate

    def mean(start: Floats, end: Floats) -> Floats:
        low, high = (np.clip(np.round(t * rate).astype(int), 0, len(posteriors)) for t in (start, end))
        part = total[high] - total[low]
        unit: Floats = part / (np.linalg.norm(part, axis=1, keepdims=True) + 1e-6)
        return unit

    change: Floats = 1.0 - (mean(times - reach, times) * mean(times, times + reach)).sum(axis=1)
    return change


def describe(candidate: Candidate, evidence: Evidence, tempo: float) -> dict[str, float]:
    """Features of a candidate; ``tempo`` is that of the candidate, in beats a minute."""
    s, o = 2 * candidate.stride, 2 * candidate.offset
    beats = evidence.curves[o::s]
    middles = evidence.curves[o + s // 2 :: s]
    between = evidence.curves[o + s // 4 :: s // 2] if s >= 4 else middles
    found = {}
    for column, name in enumerate(CURVES):
        on, off = beats[:, column], middles[:, column]
        found[f"{name} beat"] = _mean(on) - _mean(off)
        found[f"{name} half"] = _mean(off) - _mean(between[:, column])
        found[f"{name} two"] = abs(_mean(on[0::2]) - _mean(on[1::2]))
        bars = [_mean(on[k::4]) for k in range(4)]
        found[f"{name} four"] = max(bars) - float(np.mean(bars))
    found["backbeat"] = abs(_mean(beats[0::2, 2] - beats[0::2, 4]) - _mean(beats[1::2, 2] - beats[1::2, 4]))
    octaves = float(np.log2(tempo / 100.0))
    found["tracked"] = float(candidate.stride == TRACKED)
    found["tempo"] = octaves
    found["tempo far"] = octaves**2
    found["notes"] = float(np.log2(1.0 + evidence.onset_rate * 60.0 / tempo))
    return found


def _peak(curve: npt.NDArray[np.floating], rate: float, times: Times, step: float) -> Floats:
    """Largest value within 40 ms (less where the quarters are close) of each time."""
    reach = max(1, int(min(0.04, step / 2) * rate))
    at = np.round(times * rate).astype(int)
    largest: Floats = np.max([curve[np.clip(at + k, 0, len(curve) - 1)] for k in range(-reach, reach + 1)], axis=0).astype(
        np.float64
    )
    return largest


def _mean(values: Floats) -> float:
    return float(values.mean()) if len(values) else 0.0
