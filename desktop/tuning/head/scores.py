"""What a head is worth on held-out rows."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from desktop.tuning.head.classes import UNKNOWN, Codes
from desktop.tuning.head.softmax import Floats, softmax


class Scores(NamedTuple):
    """Mean negative log-likelihood of the right labels, share of right answers, mean F1 of the labels that occur."""

    loss: float
    accuracy: float
    macro_f1: float


def scores_of(logits: Floats, codes: Codes) -> Scores:
    """Of rows within the scope; one whose label the training rows have not is answered wrongly, and is left out of the loss."""
    answers = logits.argmax(axis=1)
    known = codes > UNKNOWN
    logs = softmax(logits[known])[1]
    loss = -float(logs[np.arange(len(logs)), codes[known]].mean(dtype=np.float64)) if known.any() else float("nan")
    return Scores(loss, float((answers == codes).mean()), _macro_f1(answers, codes, logits.shape[1]))


def _macro_f1(answers: Codes, codes: Codes, labels: int) -> float:
    # A label that cannot be answered counts as one more, with an F1 of 0 for all of its kind.
    right = np.bincount(codes[answers == codes], minlength=labels)
    given = np.bincount(answers, minlength=labels)
    expected = np.bincount(codes[codes > UNKNOWN], minlength=labels)
    found = 2 * right / np.maximum(given + expected, 1)
    return float(found[expected > 0].mean()) if (expected > 0).any() else 0.0


def temperature_of(logits: Floats, codes: Codes) -> float:
    """What to divide logits by so that their softmax are the best probabilities on these rows (Guo et al. 2017); 0.25..4."""
    known = codes > UNKNOWN
    if not known.any():
        return 1.0

    def loss(power: float) -> float:
        logs = softmax(logits[known] / np.float32(2.0**power))[1]
        return -float(logs[np.arange(len(logs)), codes[known]].mean(dtype=np.float64))

    low, high = -2.0, 2.0
    # The loss has one minimum: each round keeps two thirds of the span that hold it.
    for _ in range(24):
        left, right = low + (high - low) / 3, high - (high - low) / 3
        if loss(left) < loss(right):
            high = right
        else:
            low = left
    return float(2.0 ** ((low + high) / 2))


def prototypes(embedding: Floats, codes: Codes, labels: int) -> npt.NDArray[np.float32]:
    """Mean of each label's embeddings, of length 1."""
    sums = np.zeros((labels, embedding.shape[1]))
    inside = codes > UNKNOWN
    np.add.at(sums, codes[inside], embedding[inside])
    result: npt.NDArray[np.float32] = (sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12)).astype(np.float32)
    return result
