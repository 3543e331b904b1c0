"""From trained weights to a head that can be used: probabilities, confidence, threshold, files."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np

from desktop.jobs.progress import Progress
from desktop.models.classifier_head import Head, HeadFacts, Trust
from desktop.tuning.head import trust
from desktop.tuning.head.classes import UNKNOWN
from desktop.tuning.head.data import Data
from desktop.tuning.head.lbfgs import Lbfgs
from desktop.tuning.head.scores import scores_of, temperature_of
from desktop.tuning.head.softmax import Features, Linear, Objective, Scales
from desktop.tuning.head.trust import Array, Judged

_FOLD_STEPS = 30
_FOLD_ROWS = 20_000
"""Rows that a head without some labels is trained on, at most."""


def plain(data: Data, linear: Linear) -> Head:
    """A head as it is, its softmax for a confidence."""
    return Head(HeadFacts(labels=data.classes.labels, features=data.read), linear.weight, linear.bias, data.typical)


def finished(data: Data, linear: Linear, scales: Scales, penalty: float, seed: int, progress: Progress) -> Head:
    """A head with probabilities and confidences that are true on the validation rows, and a threshold chosen on them.

    Args:
        penalty: that the head was trained with.

    Raises:
        Cancelled: the user ended it.
    """
    held = data.validation
    if held is None:
        return plain(data, linear)
    logits = linear.logits(held.features)
    scores = scores_of(logits, held.codes)
    temperature = temperature_of(logits, held.codes)
    linear = Linear(linear.weight / np.float32(temperature), linear.bias / np.float32(temperature))
    judged = Judged(
        trust.signs_of(logits / np.float32(temperature), held.embedding, data.typical), logits.argmax(axis=1) == held.codes
    )
    weights, unknown = Trust(), np.empty(0)
    inside = int((held.codes > UNKNOWN).sum())
    if trust.can_learn(inside, len(data.classes.labels)):
        folds = _folds(data, scales, penalty, temperature, seed, progress)
        weights = trust.weighed(Judged(np.concatenate([one.signs for one, _ in folds]), _all([one.right for one, _ in folds])))
        unknown = np.concatenate([one.signs[new] for one, new in folds])
    outside = _outside(data, linear)
    everything = Judged(np.concatenate([judged.signs, outside]), np.concatenate([judged.right, np.zeros(len(outside), np.bool_)]))
    if trust.can_learn(len(judged.right), len(data.classes.labels)):
        weights = trust.calibrated(weights, everything)
    sure = trust.confidences(weights, judged.signs)
    choice = trust.choose(
        sure, judged.right, trust.confidences(weights, outside), trust.confidences(weights, unknown) if len(unknown) else unknown
    )
    facts = HeadFacts(
        labels=data.classes.labels,
        features=data.read,
        trust=weights,
        threshold=choice.threshold,
        chosen=choice.chosen,
        temperature=temperature,
        scores={name: round(float(value), 6) for name, value in scores._asdict().items() if np.isfinite(value)},
    )
    return Head(facts, linear.weight, linear.bias, data.typical)


def place_head(folder: Path, head: Head, step: int | None) -> None:
    """Make ``folder`` one with the head and a mark of its step, in place of what was there."""
    from desktop.tuning.training.folders import settle, whole_folder
    from desktop.tuning.training.tensors import write_bytes

    settle(folder)
    with whole_folder(folder, "The head") as hidden:
        head.save(hidden)
        write_bytes(hidden / "tuned.json", msgspec.json.encode({"step": step or 0}))


def _folds(
    data: Data, scales: Scales, penalty: float, temperature: float, seed: int, progress: Progress
) -> list[tuple[Judged, np.ndarray[tuple[int], np.dtype[np.bool_]]]]:
    """The validation rows as heads see them that do not know some of the labels; and which rows are of those labels."""
    held = data.validation
    assert held is not None
    found = []
    labels = len(data.classes.labels)
    known_rows = held.codes > UNKNOWN
    for number, missing in enumerate(trust.unknown_labels(labels, seed)):
        kept = np.setdiff1d(np.arange(labels), missing)
        new_codes = np.full(labels, UNKNOWN, np.int64)
        new_codes[kept] = np.arange(len(kept))
        train = data.train.only(np.isin(data.train.codes, kept), new_codes, _FOLD_ROWS, seed)
        head = _trained(train, len(kept), scales, penalty, progress.part(number / trust.FOLDS, (number + 1) / trust.FOLDS))
        logits = head.logits(held.features)[known_rows] / np.float32(temperature)
        signs = trust.signs_of(logits, held.embedding[known_rows], data.typical[kept])
        codes = new_codes[held.codes[known_rows]]
        found.append((Judged(signs, logits.argmax(axis=1) == codes), codes == UNKNOWN))
    return found


def _trained(train: Features, labels: int, scales: Scales, penalty: float, progress: Progress) -> Linear:
    objective = Objective(train, labels, scales, penalty)
    solver = Lbfgs(objective.start(), objective)
    for step in range(_FOLD_STEPS):
        progress.at(step / _FOLD_STEPS, "Learning how sure an answer is")
        if solver.step(objective) <= 1e-4 * solver.value:
            break
    return objective.head(solver.point)


def _outside(data: Data, linear: Linear) -> Array:
    """Signs of the rows known to belong to no label."""
    if data.outside is None:
        return np.empty((0, 3))
    return trust.signs_of(linear.logits(data.outside.features), data.outside.embedding, data.typical)


def _all(parts: list[np.ndarray[tuple[int], np.dtype[np.bool_]]]) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return np.concatenate(parts)
