"""From trained weights to a head that can be used: probabilities, confidence, threshold, files."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from desktop.jobs.progress import Progress
from desktop.models.classifier_head import Head, HeadFacts, Trust
from desktop.tuning.head import trust
from desktop.tuning.head.classes import UNKNOWN, Codes
from desktop.tuning.head.data import Data
from desktop.tuning.head.lbfgs import Lbfgs
from desktop.tuning.head.scores import scores_of, temperature_of
from desktop.tuning.head.softmax import Features, Floats, Linear, Objective, Scales
from desktop.tuning.head.trust import Array, Judged

_FOLD_STEPS = 30
_FOLD_ROWS = 20_000
"""Rows that a head without some labels is trained on, at most."""

_NOTHING: Array = np.empty((0, 3))


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
    held, head = data.validation, plain(data, linear)
    if held is None:
        return head
    logits = linear.logits(held.features)
    weights, unknown = Trust(), _NOTHING
    if trust.can_learn(int((held.codes > UNKNOWN).sum()), len(head.labels)):
        folds = _folds(data, scales, penalty, temperature_of(logits, held.codes), seed, progress)
        signs = np.concatenate([fold.judged.signs for fold in folds])
        weights = trust.weighed(Judged(signs, np.concatenate([fold.judged.right for fold in folds])))
        unknown = np.concatenate([fold.judged.signs[fold.unknown] for fold in folds])
    outside = Read(linear.logits(data.outside.features), data.outside.embedding) if data.outside is not None else None
    return certain(head, Read(logits, held.embedding), held.codes, outside, weights, unknown)


class Read(NamedTuple):
    """Rows as a head reads them: logits [rows, labels], embeddings [rows, width] of length 1."""

    logits: Floats
    embedding: Floats


def certain(head: Head, held: Read, codes: Codes, outside: Read | None, weights: Trust | None, unknown: Array) -> Head:
    """A head whose confidences are true on the held-out rows, and a threshold chosen on them.

    Args:
        outside: rows of no label.
        weights: what tells right answers from others; None for what usually does.
        unknown: signs of rows of labels that a head did not know, [rows, 3]; to be told of.
    """
    temperature = temperature_of(held.logits, codes)
    scale = np.float32(1 / temperature)
    right = held.logits.argmax(axis=1) == codes
    judged = Judged(trust.signs_of(held.logits * scale, held.embedding, head.likenesses), right)
    others = _NOTHING if outside is None else trust.signs_of(outside.logits * scale, outside.embedding, head.likenesses)
    weights = weights or trust.usual(judged.signs)
    if trust.can_calibrate(len(right)):
        both = Judged(np.concatenate([judged.signs, others]), np.concatenate([right, np.zeros(len(others), np.bool_)]))
        weights = trust.calibrated(weights, both)
    sure, strange, new = (trust.confidences(weights, signs) for signs in (judged.signs, others, unknown))
    choice = trust.choose(sure, right, strange, new)
    scores = scores_of(held.logits * scale, codes)
    facts = msgspec.structs.replace(
        head.facts,
        trust=weights,
        threshold=choice.threshold,
        chosen=choice.chosen,
        temperature=temperature,
        scores={name: round(float(value), 6) for name, value in scores._asdict().items() if np.isfinite(value)},
    )
    return Head(facts, head.weight * scale, head.bias * scale, head.likenesses)


def place_head(folder: Path, head: Head, step: int | None) -> None:
    """Make ``folder`` one with the head and a mark of its step, in place of what was there."""
    from desktop.tuning.training.folders import settle, whole_folder
    from desktop.tuning.training.tensors import write_bytes

    settle(folder)
    with whole_folder(folder, "The head") as hidden:
        head.save(hidden)
        write_bytes(hidden / "tuned.json", msgspec.json.encode({"step": step or 0}))


class _Fold(NamedTuple):
    """Rows as a head sees them that does not know some labels; which rows are of those."""

    judged: Judged
    unknown: npt.NDArray[np.bool_]


def _folds(data: Data, scales: Scales, penalty: float, temperature: float, seed: int, progress: Progress) -> list[_Fold]:
    """The validation rows, as heads see them that do not know some of the labels."""
    held = data.validation
    assert held is not None
    found = []
    labels = len(data.classes.labels)
    known = held.codes > UNKNOWN
    for number, missing in enumerate(trust.unknown_labels(labels, seed)):
        kept = np.setdiff1d(np.arange(labels), missing)
        new_codes = np.full(labels, UNKNOWN, np.int64)
        new_codes[kept] = np.arange(len(kept))
        train = data.train.only(np.isin(data.train.codes, kept), new_codes, _FOLD_ROWS, seed)
        head = _trained(train, len(kept), scales, penalty, progress.part(number / trust.FOLDS, (number + 1) / trust.FOLDS))
        logits = head.logits(held.features)[known] / np.float32(temperature)
        signs = trust.signs_of(logits, held.embedding[known], data.typical[kept])
        codes = new_codes[held.codes[known]]
        found.append(_Fold(Judged(signs, logits.argmax(axis=1) == codes), codes == UNKNOWN))
    return found


def _trained(train: Features, labels: int, scales: Scales, penalty: float, progress: Progress) -> Linear:
    objective = Objective(train, labels, scales, penalty)
    solver = Lbfgs(objective.start(), objective)
    for step in range(_FOLD_STEPS):
        progress.at(step / _FOLD_STEPS, "Learning how sure an answer is")
        if solver.step(objective) <= 1e-4 * solver.value:
            break
    return objective.head(solver.point)
