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
from desktop.piano.chroma import beat_chroma
from desktop.piano.cover import QUALITIES
from desktop.piano.tatums import find_tatums

Floats = npt.NDArray[np.float64]
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
    beat = _conditional([example["beat"] for example in examples if example["beat"] is not None], ridge=0.02)
    bar = _conditional([example["bar"] for example in examples if example["bar"] is not None], ridge=0.02)
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


def _conditional(groups: list[Group], ridge: float) -> dict[str, float]:
    """Weights under which the good readings of each song are likeliest; features on their own scale."""
    names = sorted({name for features, _ in groups for row in features for name in row})
    tables = [(np.array([[row.get(name, 0.0) for name in names] for row in features]), good) for features, good in groups]
    scale = np.concatenate([table for table, _ in tables]).std(axis=0) + 1e-9

    def loss(weight: Floats) -> tuple[float, Floats]:
        total, slope = 0.5 * ridge * len(tables) * weight @ weight, ridge * len(tables) * weight
        for table, good in tables:
            rows = table / scale
            score = rows @ weight
            chance = np.exp(score - score.max())
            chance /= chance.sum()
            total -= np.log((chance * (good > 0)).sum() + 1e-12)
            posterior = chance * (good > 0)
            posterior /= posterior.sum() + 1e-12
            slope = slope + rows.T @ (chance - posterior)
        return float(total), slope

    fitted = minimize(loss, np.zeros(len(names)), jac=True, method="L-BFGS-B").x / scale
    return {name: round(float(value), 4) for name, value in zip(names, fitted, strict=True)}


def _rotations(chroma: Floats) -> Floats:
    """[n, 12, features]: each block of twelve turned so that every pitch class comes first once."""
    blocks = chroma.reshape(len(chroma), -1, 12)
    return np.stack([np.roll(blocks, -root, axis=2).reshape(len(chroma), -1) for root in range(12)], axis=1)


def _softmax_fit(x: Floats, target: npt.NDArray[np.int64], kinds: int, ridge: float) -> Floats:
    """[kinds, 1 + features] for scores over (rotation, kind); ``target`` is rotation * kinds + kind."""
    n, _, width = x.shape

    def loss(flat: Floats) -> tuple[float, Floats]:
        weight = flat.reshape(kinds, 1 + width)
        score = (x @ weight[:, 1:].T + weight[:, 0]).reshape(n, -1)
        score -= score.max(axis=1, keepdims=True)
        chance = np.exp(score)
        chance /= chance.sum(axis=1, keepdims=True)
        total = -np.log(chance[np.arange(n), target] + 1e-12).sum() + 0.5 * ridge * (flat @ flat)
        chance[np.arange(n), target] -= 1
        wrong = chance.reshape(n, 12, kinds)
        slope = np.empty_like(weight)
        slope[:, 0] = wrong.sum(axis=(0, 1))
        slope[:, 1:] = np.tensordot(wrong, x, axes=([0, 1], [0, 1]))
        return float(total), slope.ravel() + ridge * flat

    start = np.zeros(kinds * (1 + width))
    return np.asarray(minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 200}).x).reshape(kinds, 1 + width)


def _chords(examples: list[dict[str, object]]) -> Floats:
    names = list(QUALITIES)
    rows, target = [], []
    for example in examples:
        for chroma, chord in zip(example["chroma"], example["chords"], strict=True):
            if chord is not None and chord[1]:
                rows.append(chroma)
                target.append(chord[0] * len(names) + names.index(chord[1]))
    return _softmax_fit(_rotations(np.array(rows, np.float64)), np.array(target), len(names), ridge=2.0)


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
