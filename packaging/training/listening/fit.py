"""Fit the linear models of desktop/piano/listening.py on songs rendered from POP909.

    python packaging/training/listening/fit.py --rendered A B --pop909 POP909 --out resources/models/listening-1/weights.json

Beats, bars: conditional logistic regression over the readings of a song. Chords, keys: logistic regression whose weights are
shared by all twelve transpositions. All with a ridge penalty; a few minutes, nearly all of it in the networks.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import mir_eval
import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

sys.path.insert(0, str(Path(__file__).resolve().parent))
from songs import Song, songs

from desktop.jobs.progress import Progress
from desktop.models.library import Library
from desktop.models.session import open_session
from desktop.piano import downbeats, metre
from desktop.piano.chroma import PARTS, beat_chroma
from desktop.piano.cover import QUALITIES
from desktop.piano.tatums import find_tatums

Floats = npt.NDArray[np.float64]
RIDGE = 0.05
PRIOR = {"tempo": 1.2, "tempo far": -3.0, "tracked": 1.5}
"""Not fitted: the renderer plays ballads, half as fast as most songs. Listeners tap near 115 beats a minute, and the tracker,
which learned from recordings, is more often right than the fit knows."""
BAR_CURVES = ("beat", "down", "low", "bass", "onsets", "harmony", "harmony two", "loud")
"""Curves that may speak for a downbeat, and only for it: which drums mark the bar depends on the renderer."""
NO_BASS = 0.3
"""Share of the beats that chords are learned from without the bass, which in recordings does not always play the root."""

Group = tuple[list[dict[str, float]], Floats]
"""Features of each reading of a song, and how good each is (sums to 1)."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--rendered", type=Path, nargs="+", required=True, help="folders that the renderer wrote")
    parser.add_argument("--pop909", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    library = Library()
    networks = tuple(
        open_session(library.ensure(model, Progress()) / name, device="cpu")
        for model, name in (("basic-pitch", "nmp.onnx"), ("beatnet", "beatnet.onnx"))
    )
    examples = [_example(song) for folder in args.rendered for song in songs(folder, args.pop909, networks)]
    beat = _conditional([e["beat"] for e in examples if e["beat"] is not None], PRIOR, lambda name: name.endswith(" beat"))
    bar = _conditional([e["bar"] for e in examples if e["bar"] is not None], {}, lambda name: name != "three", BAR_CURVES)
    chord = _chords(examples)
    given, change = _habits(examples)
    weights = {
        "beat": beat,
        "bar": bar,
        "chord": chord.round(3).tolist(),
        "chord_given_key": given.round(3).tolist(),
        "change": change,
        "key": _keys(examples).round(3).tolist(),
    }
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(weights) + "\n")
    print(f"{len(examples)} songs -> {args.out}")
    return 0


def _example(song: Song) -> dict[str, object]:
    """Everything that is learned from one song."""
    tatums, _ = find_tatums(song.pulse.beat, 50.0)
    evidence = metre.gather(tatums, song.pulse, song.posteriors)
    tempo = 30.0 / float(np.median(np.diff(tatums)))
    readings = metre.candidates(tatums)
    scores = np.array([_f_measure(song.beats[:, 0], tatums[r.offset :: r.stride]) for r in readings])
    features = [metre.describe(r, evidence, 2 * tempo / r.stride) for r in readings]
    best = int(scores.argmax())
    good = (scores > 0.9) / max(1, (scores > 0.9).sum())
    return {
        "name": song.name,
        "beat": (features, good) if good.any() else None,
        "bar": _bar_group(song, tatums, readings[best], evidence) if good.any() else None,
        **_harmony(song),
    }


def _bar_group(song: Song, tatums: Floats, reading: metre.Candidate, evidence: metre.Evidence) -> Group | None:
    beats = tatums[reading.offset :: reading.stride]
    rows = 2 * np.arange(reading.offset, len(tatums), reading.stride)
    curves = downbeats.beat_curves(beats, evidence, rows, song.posteriors)
    firsts = song.beats[song.beats[:, 1] == 1, 0]
    options = [(meter, phase) for meter in downbeats.METERS for phase in range(meter)]
    scores = np.array([_f_measure(firsts, beats[phase::meter]) for meter, phase in options])
    good = scores > 0.8
    return ([downbeats.describe(curves, *option) for option in options], good / good.sum()) if good.any() else None


def _harmony(song: Song) -> dict[str, object]:
    """Chroma of each true beat with its chord, where chords change in the bar, and the key."""
    times = song.beats[:, 0]
    edges = np.append(times, times[-1] + np.median(np.diff(times)))
    chroma = beat_chroma(song.posteriors, song.samples, edges)
    middle = (edges[1:] + edges[:-1]) / 2
    labels = [next((c for c in song.chords if c.start <= t < c.end), None) for t in middle]
    names = [(c.root, c.quality) if c else None for c in labels]
    bars = song.beats[:, 1].astype(int)
    meter = int(np.bincount(np.diff(np.flatnonzero(bars == 1))).argmax()) if (bars == 1).sum() > 2 else 4
    changes = [
        (meter, int(number) - 1, names[k] != names[k - 1])
        for k, number in enumerate(bars)
        if k and names[k] is not None and names[k - 1] is not None and number <= meter
    ]
    return {"chroma": chroma, "chords": names, "changes": changes, "key": song.key}


def _f_measure(reference: Floats, estimate: Floats) -> float:
    return float(mir_eval.beat.f_measure(mir_eval.beat.trim_beats(reference), mir_eval.beat.trim_beats(estimate)))


def _conditional(
    groups: list[Group], fixed: dict[str, float], positive: Callable[[str], bool], curves: tuple[str, ...] = ()
) -> dict[str, float]:
    """Weights under which the good readings of each song are likeliest.

    Args:
        fixed: weights that are given.
        positive: names of features that may only speak for a reading.
        curves: features of these alone are used, if any are named.
    """
    every = sorted({name for features, _ in groups for row in features for name in row} - set(fixed))
    names = [name for name in every if not curves or name == "three" or name.rsplit(" ", 1)[0] in curves]
    tables = [np.array([[row.get(name, 0.0) for name in names] for row in features]) for features, _ in groups]
    given = [np.array([sum(w * row.get(name, 0.0) for name, w in fixed.items()) for row in features]) for features, _ in groups]
    scale = np.concatenate(tables).std(axis=0) + 1e-9
    penalty = RIDGE * len(tables)

    def loss(weight: Floats) -> tuple[float, Floats]:
        total, slope = 0.5 * penalty * weight @ weight, penalty * weight
        for table, start, (_, good) in zip(tables, given, groups, strict=True):
            rows = table / scale
            score = rows @ weight + start
            chance = np.exp(score - score.max())
            chance /= chance.sum()
            right = chance * (good > 0)
            total -= np.log(right.sum() + 1e-12)
            slope = slope + rows.T @ (chance - right / (right.sum() + 1e-12))
        return float(total), slope

    bounds = [(0.0 if positive(name) else None, None) for name in names]
    fitted = minimize(loss, np.zeros(len(names)), jac=True, method="L-BFGS-B", bounds=bounds).x / scale
    return fixed | {name: round(float(value), 4) for name, value in zip(names, fitted, strict=True)}


def _rotations(chroma: Floats) -> Floats:
    """[n, 12, features]: each block of twelve turned so that every pitch class comes first once."""
    blocks = chroma.reshape(len(chroma), -1, 12)
    return np.stack([np.roll(blocks, -root, axis=2).reshape(len(chroma), -1) for root in range(12)], axis=1)


def _softmax_fit(x: Floats, target: npt.NDArray[np.int64], kinds: int, ridge: float) -> Floats:
    """[kinds, 1 + features] for scores over (rotation, kind); ``target`` is rotation * kinds + kind."""
    n, _, width = x.shape
    rows = x.reshape(-1, width).astype(np.float32)

    def loss(flat: Floats) -> tuple[float, Floats]:
        weight = flat.reshape(kinds, 1 + width).astype(np.float32)
        score = (rows @ weight[:, 1:].T + weight[:, 0]).reshape(n, -1)
        score -= score.max(axis=1, keepdims=True)
        chance = np.exp(score)
        chance /= chance.sum(axis=1, keepdims=True)
        total = -np.log(chance[np.arange(n), target] + 1e-12).sum(dtype=np.float64) + 0.5 * ridge * (flat @ flat)
        chance[np.arange(n), target] -= 1
        wrong = chance.reshape(-1, kinds)
        slope = np.column_stack([wrong.sum(axis=0), wrong.T @ rows]).astype(np.float64)
        return float(total), slope.ravel() + ridge * flat

    start = np.zeros(kinds * (1 + width))
    return np.asarray(minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 80}).x).reshape(kinds, 1 + width)


def _chords(examples: list[dict[str, object]]) -> Floats:
    """Every other beat of every song."""
    names = list(QUALITIES)
    rows, target = [], []
    for example in examples:
        for chroma, chord in list(zip(example["chroma"], example["chords"], strict=True))[::2]:
            if chord is not None and chord[1]:
                rows.append(chroma)
                target.append(chord[0] * len(names) + names.index(chord[1]))
    table = np.array(rows, np.float32)
    without = np.random.default_rng(0).random(len(table)) < NO_BASS
    for block in (PARTS.index(name) for name in ("bass", "lowest", "spectrum low")):
        table[without, 12 * block : 12 * block + 12] = 0.0
    return _softmax_fit(_rotations(table), np.array(target), len(names), ridge=3.0)


def _keys(examples: list[dict[str, object]]) -> Floats:
    known = [example for example in examples if example["key"] is not None]
    x = _rotations(np.array([np.mean(example["chroma"], axis=0) for example in known], np.float64))
    target = np.array([example["key"][0] * 2 + example["key"][1] for example in known])
    return _softmax_fit(x, target, 2, ridge=0.05)


def _habits(examples: list[dict[str, object]]) -> tuple[Floats, dict[str, list[float]]]:
    """How often each chord is used in a key (log), and how often chords change on each beat of the bar (log odds)."""
    names = list(QUALITIES)
    used = np.full((2, 12, len(names)), 2.0)
    moves: Counter[tuple[int, int, bool]] = Counter()
    for example in examples:
        moves.update(example["changes"])
        if example["key"] is None:
            continue
        tonic, minor = example["key"]
        for chord in example["chords"]:
            if chord is not None and chord[1]:
                used[minor, (chord[0] - tonic) % 12, names.index(chord[1])] += 1
    given = np.log(used / used.sum(axis=(1, 2), keepdims=True))
    change = {
        str(meter): [float(round(np.log((moves[meter, k, True] + 5) / (moves[meter, k, False] + 5)), 3)) for k in range(meter)]
        for meter in downbeats.METERS
    }
    return given, change


if __name__ == "__main__":
    sys.exit(main())
