"""What a piano performance is like in numbers: rhythm, density, register, playability, patterns of the left hand.

The same measures serve covers and human arrangements, so that one can be held against the other over the same window.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pretty_midi

from desktop.piano.cover import LEFT, RIGHT, Cover

Floats = npt.NDArray[np.float64]
Score = dict[str, float]

PLAYED = np.dtype([("start", "f8"), ("end", "f8"), ("pitch", "i8"), ("velocity", "i8"), ("hand", "i8")])
"""A note in seconds."""
CHORD = 0.03
"""Seconds within which people strike a chord."""
WINDOW = 4.0
"""Seconds over which a hand's speed is felt."""
_STEPS = (1, 7, 12, 13, 19)
"""Edges of the classes of semitones above the lowest left-hand key of a bar: to a fifth, below an octave, it, a tenth."""
_PLACES = 16


def played(cover: Cover) -> np.ndarray:
    """A cover as an array of ``PLAYED``."""
    out = np.zeros(len(cover.notes), PLAYED)
    out["start"], out["end"] = cover.note_seconds()
    for name in ("pitch", "velocity", "hand"):
        out[name] = cover.notes[name]
    return out


def human(path: Path) -> np.ndarray:
    """A human arrangement from a MIDI file; keys below the middle C of the song's melody are the left hand's."""
    midi = pretty_midi.PrettyMIDI(str(path))
    rows = [(n.start, n.end, n.pitch, n.velocity, LEFT if n.pitch < 58 else RIGHT) for t in midi.instruments for n in t.notes]
    out = np.array(rows, PLAYED)
    return out[np.lexsort((out["pitch"], out["start"]))]


def onset_times(notes: np.ndarray) -> Floats:
    """Seconds at which something is struck, chords counted once."""
    out: list[float] = []
    for start in np.sort(notes["start"]):
        if not out or start - out[-1] > CHORD:
            out.append(float(start))
    return np.array(out)


def rhythm(notes: np.ndarray) -> Score:
    """Rhythmic grid coherence and entropy of interval patterns (measures of the Etude paper, arXiv 2509.16522).

    RGC: mean distance of the intervals between onsets from multiples of the unit that fits best among the eight most
    frequent intervals (rounded to 10 ms), in units. IPE: bits of the distribution of runs of eight intervals, each
    put into one of eight clusters of its logarithm. IPE grows with the length of the music: compare equal windows.
    """
    gaps = np.diff(onset_times(notes))
    if len(gaps) < 16:
        return {}
    common = [value for value, _ in Counter(np.round(gaps, 2).tolist()).most_common(8) if value > 0]
    off = [float(np.mean(np.abs(gaps / unit - np.round(gaps / unit)))) for unit in common]
    labels = _clusters(np.log(np.clip(gaps, 0.0625, 4.0)), 8)
    grams = Counter(tuple(labels[i : i + 8].tolist()) for i in range(len(labels) - 7))
    shares = np.array(list(grams.values())) / sum(grams.values())
    return {"RGC": min(off), "IPE": float(-np.sum(shares * np.log2(shares)))}


def _clusters(values: Floats, count: int) -> npt.NDArray[np.int64]:
    """Lloyd's clusters in one dimension, begun at quantiles."""
    centres = np.quantile(values, (np.arange(count) + 0.5) / count)
    labels = np.zeros(len(values), np.int64)
    for _ in range(30):
        labels = np.argmin(np.abs(values[:, None] - centres), axis=1)
        centres = np.array([values[labels == k].mean() if np.any(labels == k) else centres[k] for k in range(count)])
    return labels


def texture(notes: np.ndarray) -> Score:
    """Density, polyphony, register, loudness and playability."""
    onsets = onset_times(notes)
    seconds = max(1.0, float(onsets[-1] - onsets[0]))
    steps = np.arange(onsets[0], onsets[-1], 0.05)
    sounding = ((notes["start"][:, None] <= steps) & (notes["end"][:, None] > steps)).sum(0)
    return {
        "n/s": len(notes) / seconds,
        "per onset": len(notes) / len(onsets),
        "sounding": float(sounding.mean()),
        "most": float(sounding.max()),
        "low": float(np.percentile(notes["pitch"], 5)),
        "high": float(np.percentile(notes["pitch"], 95)),
        "velocity": float(notes["velocity"].mean()),
        "spread": float(notes["velocity"].std()),
        "unplayable": unplayable(notes),
    }


def unplayable(notes: np.ndarray, span: int = 14, together: float = 0.001) -> float:
    """Percentage of the onsets that no split between two hands of five fingers and ``span`` semitones can play."""
    bad = total = 0
    starts = notes["start"]
    first = 0
    for i in range(1, len(notes) + 1):
        if i < len(notes) and starts[i] - starts[first] <= together:
            continue
        keys = sorted(set(notes["pitch"][first:i].tolist()))
        total, first = total + 1, i
        bad += not any(_hand(keys[:k], span) and _hand(keys[k:], span) for k in range(len(keys) + 1))
    return 100.0 * bad / max(1, total)


def _hand(keys: Sequence[int], span: int) -> bool:
    return len(keys) <= 5 and (not keys or keys[-1] - keys[0] <= span)


def pace(notes: np.ndarray, hand: int) -> Score:
    """Notes a second of one hand: mean, 95th percentile and most over windows of ``WINDOW`` seconds that begin at its onsets."""
    starts = np.sort(notes["start"][notes["hand"] == hand])
    if not len(starts):
        return {"mean": 0.0, "p95": 0.0, "most": 0.0, "pitch": 0.0, "span": 0.0}
    counts = (np.searchsorted(starts, starts + WINDOW - 1e-9) - np.arange(len(starts))) / WINDOW
    mine = notes[notes["hand"] == hand]
    return {
        "mean": len(starts) / max(WINDOW, float(starts[-1] - starts[0])),
        "p95": float(np.percentile(counts, 95)),
        "most": float(counts.max()),
        "pitch": float(mine["pitch"].mean()),
        "span": float(max(_spans(mine))),
    }


def _spans(notes: np.ndarray) -> list[int]:
    """Semitones between the outer keys that a hand holds down at each of its notes."""
    out = []
    for note in notes:
        keys = notes["pitch"][(notes["start"] <= note["start"] + 1e-6) & (notes["end"] > note["start"] + 1e-3)]
        out.append(int(keys.max() - keys.min()) if len(keys) else 0)
    return out


def leaps(notes: np.ndarray, hand: int, limit: int = 12, within: float = 1.0) -> float:
    """Times a minute that two strokes of a hand that follow each other within a second lie further apart than ``limit``."""
    mine = notes[notes["hand"] == hand]
    groups: list[tuple[float, int, int]] = []
    for note in mine:
        at, pitch = float(note["start"]), int(note["pitch"])
        if groups and at - groups[-1][0] <= CHORD:
            groups[-1] = (groups[-1][0], min(groups[-1][1], pitch), max(groups[-1][2], pitch))
        else:
            groups.append((at, pitch, pitch))
    wide = sum(b[0] - a[0] < within and max(a[2], b[2]) - min(a[1], b[1]) > limit for a, b in pairwise(groups))
    return 60.0 * wide / max(1.0, float(notes["start"].max() - notes["start"].min())) if len(notes) else 0.0


def off_beat(cover: Cover, hand: int) -> float:
    """Share of a hand's onsets that do not lie on a beat."""
    starts = np.unique(np.round(cover.notes["start"][cover.notes["hand"] == hand], 3))
    return float(np.mean(np.abs(starts - np.round(starts)) > 0.02)) if len(starts) else 0.0


def pattern(cover: Cover) -> Floats:
    """[16 * 6] mean over bars of where in the bar, and how far above its lowest key under the same chord, the left hand strikes;
    sums to 1."""
    left = cover.notes[cover.notes["hand"] == LEFT]
    bars, within = np.divmod(left["start"] - cover.grid.downbeat + 1e-6, cover.grid.meter)
    harmony = np.searchsorted([chord.start for chord in cover.chords], left["start"] + 1e-6)
    lowest: dict[tuple[float, int], int] = {}
    for key, pitch in zip(zip(bars.tolist(), harmony.tolist(), strict=True), left["pitch"].tolist(), strict=True):
        lowest[key] = min(pitch, lowest.get(key, 127))
    feet = np.array([lowest[key] for key in zip(bars.tolist(), harmony.tolist(), strict=True)], int)
    total = np.zeros(_PLACES * (len(_STEPS) + 1))
    for bar in np.unique(bars):
        inside = bars == bar
        place = np.minimum(np.floor(within[inside] / cover.grid.meter * _PLACES + 0.25), _PLACES - 1).astype(int)
        step = np.digitize(left["pitch"][inside].astype(int) - feet[inside], _STEPS)
        one = np.bincount(place * (len(_STEPS) + 1) + step, minlength=len(total)).astype(float)
        total += one / one.sum()
    return total / max(1e-9, total.sum())


def places(notes: np.ndarray, beats: Floats) -> Floats:
    """[16 * 2] where in the bar each hand strikes; ``beats`` is [n, 2] seconds and number in the bar."""
    position = np.interp(notes["start"], beats[:, 0], np.arange(len(beats)))
    index = np.minimum(position.astype(int), len(beats) - 1)
    sixteenth = ((beats[index, 1] - 1) * 4 + np.round((position - index) * 4)).astype(int) % 16
    counts = np.bincount(sixteenth * 2 + notes["hand"], minlength=32).astype(float)
    return counts / counts.sum()


def pitches(notes: np.ndarray) -> Floats:
    """[44] share of the notes in each two semitones of the keyboard."""
    counts = np.bincount(np.clip((notes["pitch"] - 21) // 2, 0, 43), minlength=44).astype(float)
    return counts / counts.sum()


def distance(one: Floats, other: Floats) -> float:
    """Jensen-Shannon distance of two distributions, 0 (the same) .. 1 (nothing in common)."""
    middle = (one + other) / 2
    parts = [np.sum(p[p > 0] * np.log2(p[p > 0] / middle[p > 0])) for p in (one, other)]
    return float(np.sqrt(max(0.0, (parts[0] + parts[1]) / 2)))


def beat_chroma(notes: np.ndarray, beats: Floats) -> Floats:
    """[beats - 1, 12] how much of each pitch class sounds between beats: seconds weighted by velocity."""
    out = np.zeros((len(beats) - 1, 12))
    for note in notes:
        share = np.clip(np.minimum(note["end"], beats[1:]) - np.maximum(note["start"], beats[:-1]), 0.0, None)
        out[:, note["pitch"] % 12] += share * note["velocity"]
    return out


def chroma_cosine(source: Floats, notes: np.ndarray, beats: Floats) -> float:
    """Mean cosine between the chroma of the recording and of what is played, over the beats where something is played."""
    mine = beat_chroma(notes, beats)
    rows = (mine.sum(1) > 0) & (source.sum(1) > 0)
    product = np.sum(mine[rows] * source[rows], axis=1)
    return float(np.mean(product / np.linalg.norm(mine[rows], axis=1) / np.linalg.norm(source[rows], axis=1)))


def heard_chroma(audio: Path, beats: Floats, kept: Path) -> Floats:
    """[beats - 1, 12] chroma (constant Q) of a recording, mean over each beat; kept in a file because it takes seconds."""
    if kept.exists():
        return np.load(kept)
    import librosa

    samples, rate = librosa.load(audio, sr=22050)
    frames = librosa.feature.chroma_cqt(y=samples, sr=rate, hop_length=1024)
    times = np.arange(frames.shape[1]) * 1024 / rate
    rows = [frames[:, (times >= a) & (times < b)] for a, b in pairwise(beats)]
    out = np.array([row.mean(1) if row.size else np.zeros(12) for row in rows])
    kept.parent.mkdir(parents=True, exist_ok=True)
    np.save(kept, out)
    return out
