"""Key and chords on the beats: what each beat sounds like, decoded over time.

Every beat gets a score for each of 96 chords; a Viterbi search weighs it against the chords that the key favours and the beats of
the bar on which chords change.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from desktop.jobs.progress import Progress
from desktop.piano.chroma import beat_chroma
from desktop.piano.cover import QUALITIES, Chord, Grid, Key
from desktop.piano.key import MODES, estimate_key
from desktop.piano.listening import weights
from desktop.piano.transcription import RATE, Posteriors

Floats = npt.NDArray[np.float64]

NAMES = tuple(QUALITIES)
COUNT = 12 * len(NAMES)
"""Chords that are told apart: root * 8 + quality."""

_TRUST = 0.8
"""Weight of a beat's own sound: its features come from overlapping analyses and count too often otherwise."""
_PRIOR = 0.5
"""Weight of what the key favours."""
_QUIET = 0.08
"""Share of the song's usual sound below which a beat has no chord."""
_SILENT = 0.01
"""Share of the song's usual peak below which a beat is silent."""
_INVERTED = 1.6
"""How much stronger than the root another chord tone must be in the bass to count as the bass."""


def estimate_chords(
    posteriors: Posteriors, samples: npt.NDArray[np.float32], grid: Grid, progress: Progress | None = None
) -> tuple[Key, tuple[Chord, ...]]:
    """Key of the song, and its chords from beat to beat of ``grid``.

    Args:
        samples: [n] mono, 22050 Hz.

    Returns:
        Chords in order; edges are whole beats. Beats without sound are in no chord.
    """
    edges = np.append(grid.times, 2 * grid.times[-1] - grid.times[-2])
    chroma = beat_chroma(posteriors, samples, edges, progress).astype(np.float64)
    key = estimate_key(chroma)
    path = _decode(emissions(chroma), key, grid)
    sounding = _sounding(posteriors, edges) & _audible(samples, edges)
    return key, tuple(_spans(path, sounding, chroma))


def emissions(chroma: Floats) -> Floats:
    """[beats, 96] log probability of each chord by the sound of each beat alone."""
    fitted = weights().chord
    blocks = chroma.reshape(len(chroma), -1, 12)
    turned = np.stack([np.roll(blocks, -root, axis=2).reshape(len(chroma), -1) for root in range(12)], axis=1)
    scores = (turned @ fitted[:, 1:].T + fitted[:, 0]).reshape(len(chroma), COUNT)
    scores -= scores.max(axis=1, keepdims=True)
    return np.asarray(scores - np.log(np.exp(scores).sum(axis=1, keepdims=True)))


def _decode(emission: Floats, key: Key, grid: Grid) -> npt.NDArray[np.int64]:
    """[beats] the likeliest sequence of chords."""
    favoured = np.roll(weights().chord_given_key[MODES.index(key.mode)], key.tonic, axis=0).ravel()
    entering = _PRIOR * (favoured - favoured.max())
    odds = weights().change.get(str(grid.meter), [0.0, -2.0])
    score = _TRUST * emission[0] + entering
    origin = np.zeros(emission.shape, np.int64)
    for beat in range(1, len(emission)):
        place = (beat - grid.downbeat) % grid.meter
        stay, move = _log_chances(odds[place] if place < len(odds) else odds[-1])
        fresh = int(score.argmax())
        changed = score[fresh] + move + entering
        kept = score + stay
        origin[beat] = np.where(kept >= changed, np.arange(COUNT), fresh)
        score = np.maximum(kept, changed) + _TRUST * emission[beat]
    path = np.empty(len(emission), np.int64)
    path[-1] = int(score.argmax())
    for beat in range(len(emission) - 1, 0, -1):
        path[beat - 1] = origin[beat, path[beat]]
    return path


def _log_chances(log_odds: float) -> tuple[float, float]:
    """Log probability that a chord stays, and that it changes to a given other one before the key is asked."""
    move = 1.0 / (1.0 + np.exp(-log_odds))
    return float(np.log(1.0 - move)), float(np.log(move) - np.log(12.0))


def _sounding(posteriors: Posteriors, edges: Floats) -> npt.NDArray[np.bool_]:
    total = np.append(0.0, np.cumsum(posteriors.note.sum(axis=1, dtype=np.float64)))
    at = np.clip(np.round(edges * posteriors.frame_rate).astype(int), 0, len(posteriors))
    level = (total[at[1:]] - total[at[:-1]]) / np.maximum(1, np.diff(at))
    return np.asarray(level > _QUIET * np.median(level))


def _audible(samples: npt.NDArray[np.float32], edges: Floats) -> npt.NDArray[np.bool_]:
    """Whether there is any sound at all; the transcription scales silence up until it hears something."""
    at = np.clip(np.round(edges * RATE).astype(int), 0, len(samples))
    level = np.array([float(np.abs(samples[low:high]).max(initial=0.0)) for low, high in pairwise(at)])
    return np.asarray(level > _SILENT * np.median(level))


def _spans(path: npt.NDArray[np.int64], sounding: npt.NDArray[np.bool_], chroma: Floats) -> list[Chord]:
    """Runs of the same chord, each with its bass."""
    found = []
    start = 0
    for beat in range(1, len(path) + 1):
        if beat < len(path) and path[beat] == path[start] and sounding[beat] == sounding[start]:
            continue
        if sounding[start]:
            root, quality = divmod(int(path[start]), len(NAMES))
            found.append(Chord(float(start), float(beat), root, NAMES[quality], _bass(chroma[start:beat], root, NAMES[quality])))
        start = beat
    return found


def _bass(chroma: Floats, root: int, quality: str) -> int:
    """Pitch class that lies lowest under a chord: the root unless another chord tone clearly does."""
    blocks = chroma.mean(axis=0).reshape(-1, 12)
    low = blocks[2] + blocks[3] + 0.5 * blocks[5]
    tones = [(root + step) % 12 for step in QUALITIES[quality]]
    best = max(tones, key=lambda tone: low[tone])
    return best if low[best] > _INVERTED * low[root] + 0.1 else root
