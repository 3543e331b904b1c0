"""The finest steady pulse: half beats, found before anything is said about which of them are beats.

A semi-Markov version of the bar pointer model (Krebs, Böck, Widmer, "An efficient state-space model for joint tempo and meter
tracking", ISMIR 2015): states are intervals between beats, a beat follows the last one after one interval. Where the song turns
out to have one constant tempo, the pulse is that of the whole song, which no soft passage can shift.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from desktop.jobs.progress import Progress

Floats = npt.NDArray[np.float32]
Times = npt.NDArray[np.float64]

SLOWEST, FASTEST = 50.0, 215.0
"""Tempi in beats a minute that the search covers; octaves are settled later."""

_LOOSE, _STIFF = 60.0, 200.0
"""Stiffness of the first and second try: a loose tracker shows best that a tempo is constant; where it is not, a stiff one keeps
fills and pauses from dragging the beat off."""
_WIDTH = 16  # the first 1/16 of an interval is "beat", the rest is not
_NEAR = 0.035  # seconds from the constant pulse that still count as on it
_STEADY, _HALF = 0.9, 0.5  # shares of beats on the constant pulse: sure sign, least share where the drift says constant
_DRIFT = 0.125  # radians of a half beat that parts of a constant song may wander, root mean square
_PART = 20.0  # seconds of such a part


def find_tatums(likelihood: Floats, rate: float, progress: Progress | None = None) -> tuple[Times, bool]:
    """Times of half beats over the whole recording, and whether the tempo is constant.

    Args:
        likelihood: [T] 0..1 a beat is at frame ``i / rate``.
    """
    progress = progress or Progress()
    fine = np.interp(np.arange(2 * len(likelihood)) / 2, np.arange(len(likelihood)), likelihood).astype(np.float32)
    duration = len(likelihood) / rate
    beats = np.zeros(0)
    for stiffness, part in ((_LOOSE, progress.part(0.0, 0.5)), (_STIFF, progress.part(0.5, 1.0))):
        beats = decode_beats(fine, 2 * rate, stiffness, part) / (2 * rate)
        period = float(np.median(np.diff(beats))) if len(beats) > 1 else 0.5
        step, phase = _constant(likelihood, rate, period)
        if len(beats) < 8 or _is_steady(beats, likelihood, rate, step, phase):
            first = int(np.ceil(-phase / step))
            constant: Times = phase + step * np.arange(first, int((duration - phase) / step) + 1, dtype=np.float64)
            return constant, True
    return _extended(_halved(_settled(beats, likelihood, rate)), duration), False


def decode_beats(likelihood: Floats, rate: float, stiffness: float, progress: Progress) -> npt.NDArray[np.int64]:
    """Frames of the most likely sequence of beats (Viterbi); ``stiffness`` is the cost of a relative change of tempo."""
    taus = np.arange(round(60 * rate / FASTEST), round(60 * rate / SLOWEST) + 1)
    count, longest, kinds = len(likelihood), int(taus[-1]), len(taus)
    act = np.clip(likelihood.astype(np.float64), 1e-4, 1 - 1e-4)
    beat = np.concatenate([[0.0], np.cumsum(np.log(act))])
    rest = np.concatenate([[0.0], np.cumsum(np.log((1 - act) / (_WIDTH - 1)))])
    wide = np.maximum(1, np.round(taus / _WIDTH).astype(int))
    change = -stiffness * np.abs(taus[None] / taus[:, None] - 1)
    change -= np.log(np.exp(change).sum(axis=1, keepdims=True))
    index = np.arange(kinds)
    left = np.full((count + longest, kinds), -np.inf)  # best score of a beat at t that goes on with interval k
    origin = np.full((count + longest, kinds), -1, np.int16)
    best, best_at, best_kind = -np.inf, 0, 0
    for t in range(count + longest):
        start = t - taus
        known = start >= 0
        begin = np.minimum(np.maximum(start, 0), count)
        end = np.minimum(begin + wide, count)
        arrived = left[np.maximum(start, 0), index] + beat[end] - beat[begin] + rest[min(t, count)] - rest[end]
        arrived[~known] = -np.inf
        if t >= count:
            kind = int(arrived.argmax())
            if arrived[kind] > best:
                best, best_at, best_kind = float(arrived[kind]), t, kind
            continue
        options = arrived[:, None] + change
        source = options.argmax(axis=0)
        score = options[source, index]
        if t < longest:
            fresh = rest[t] - np.log(kinds)
            source = np.where(fresh > score, -1, source)
            score = np.maximum(score, fresh)
        left[t], origin[t] = score, source
        if t % 1000 == 0:
            progress.at(t / count)
    beats, at, kind = [], best_at, best_kind
    while kind >= 0:
        at -= int(taus[kind])
        beats.append(at)
        kind = int(origin[at, kind])
    return np.array(beats[::-1], np.int64)


def _constant(likelihood: Floats, rate: float, period: float) -> tuple[float, float]:
    """Step and phase in seconds of the half-beat pulse that the whole song fits best, within 3 % of ``period / 2``."""
    seconds = len(likelihood) / rate
    time = np.arange(len(likelihood)) / rate
    around = 2 / period * np.arange(0.97, 1.03, period / 2 / (8 * seconds))
    wave = np.array([np.dot(likelihood, np.exp(-2j * np.pi * f * time)) for f in around])
    peak = int(np.abs(wave).argmax())
    step = 1 / around[peak]
    return step, float(-np.angle(wave[peak]) / (2 * np.pi) * step) % step


def _is_steady(beats: Times, likelihood: Floats, rate: float, step: float, phase: float) -> bool:
    """Whether the constant pulse holds in all of the song: most beats are on it, or half of them and its phase stays.

    The second test sees through a tracker that is lost in some passages: a real change of tempo drifts, errors scatter.
    """
    position = (beats - phase) / step
    on = float(np.mean(np.abs(position - np.round(position)) * step < min(_NEAR, step / 4)))
    if on >= _STEADY or on < _HALF:
        return on >= _STEADY
    wave = likelihood * np.exp(-2j * np.pi * (np.arange(len(likelihood)) / rate - phase) / step)
    size = int(_PART * rate)
    parts = [wave[start : start + size].sum() for start in range(0, max(1, len(wave) - size // 2), size)]
    return float(np.sqrt(np.mean(np.angle(parts) ** 2))) <= _DRIFT


def _settled(beats: Times, likelihood: Floats, rate: float) -> Times:
    """Beats moved to the centre of their peaks, then smoothed a little: frames are coarse and drummers are not."""
    reach = int(0.04 * rate)
    centre = np.round(beats * rate).astype(int)
    moved = beats.copy()
    for k, at in enumerate(centre):
        low, high = max(0, at - reach), min(len(likelihood), at + reach + 1)
        weight = likelihood[low:high].astype(np.float64)
        if weight.sum() > 0.2:
            moved[k] = float(np.dot(weight, np.arange(low, high)) / weight.sum() / rate)
    smooth = moved.copy()
    even = np.abs(np.diff(moved, 2)) < 0.15 * np.diff(moved)[:-1]
    smooth[1:-1][even] = (0.25 * moved[:-2] + 0.5 * moved[1:-1] + 0.25 * moved[2:])[even]
    return np.maximum.accumulate(smooth + 1e-6 * np.arange(len(smooth)))


def _halved(beats: Times) -> Times:
    """Half beats; an interval of 1.5 or 0.5 beats, where the tracker changed from on to off beat, keeps the pulse."""
    gaps = np.diff(beats)
    local = np.array([np.median(gaps[max(0, k - 4) : k + 5]) for k in range(len(gaps))])
    parts = np.maximum(1, np.round(2 * gaps / local).astype(int))
    pieces = [start + gap * np.arange(n) / n for start, gap, n in zip(beats[:-1], gaps, parts, strict=True)]
    return np.concatenate([*pieces, beats[-1:]])


def _extended(tatums: Times, duration: float) -> Times:
    """The pulse carried on to both ends of the recording."""
    first, last = float(np.median(np.diff(tatums[:17]))), float(np.median(np.diff(tatums[-17:])))
    before = tatums[0] - first * np.arange(int(tatums[0] / first), 0, -1)
    after = tatums[-1] + last * np.arange(1, int(max(0.0, duration - tatums[-1]) / last) + 1)
    return np.concatenate([before, tatums, after])
