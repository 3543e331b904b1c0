"""How sure an answer is, learnt: from rows of labels that a head did not know, and from its own mistakes.

A head is trained without some labels, whose validation rows then stand for texts of no label at all. What tells them and wrong
answers from right ones (``Trust``'s three values) is weighed by logistic regression; the result is brought to the share of right
answers of the whole head on the validation rows (Platt 1999). On CLINC150 this tells texts outside of the scope from those within
better than the softmax alone, and better than the weights that its own 100 examples of such texts give.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from desktop.models.classifier_head import Trust
from desktop.tuning.head.softmax import Floats

Array = npt.NDArray[np.float64]

FOLDS = 2
_SHARE = 5
_LEAST_ROWS, _LEAST_LABELS = 40, 4
_LEAST_GAP = 1e-6
_RIDGE = 1e-4
_USUAL = (1.9, 0.7, 0.4)
"""Weights of the three signs brought to deviation 1."""


class Judged(NamedTuple):
    """Rows as a head sees them: ``signs`` [rows, 3] (see ``signs_of``), and whether its answers are right [rows]."""

    signs: Array
    right: npt.NDArray[np.bool_]


def signs_of(logits: Floats, embedding: Floats, typical: Floats) -> Array:
    """[rows, 3]: log-odds of the best label, cosine to its mean, logsumexp of all logits."""
    best = logits.argmax(axis=1)
    top = logits[np.arange(len(logits)), best].astype(np.float64)
    every = top + np.log(np.exp(logits - top[:, None]).sum(axis=1))
    odds = -np.log(np.expm1(np.maximum(every - top, _LEAST_GAP)))
    cosine = np.einsum("nd,nd->n", typical[best], embedding)
    return np.stack([odds, cosine, every], axis=1)


def can_learn(rows: int, labels: int) -> bool:
    """Whether so many validation rows and labels say enough."""
    return can_calibrate(rows) and labels >= _LEAST_LABELS


def can_calibrate(rows: int) -> bool:
    """Whether so many validation rows say how often answers are right."""
    return rows >= _LEAST_ROWS


def unknown_labels(labels: int, seed: int) -> Iterator[npt.NDArray[np.int64]]:
    """For each head that does without some labels: their numbers."""
    order = np.random.Generator(np.random.PCG64([seed, 11])).permutation(labels)
    count = max(1, labels // _SHARE)
    for fold in range(FOLDS):
        yield np.sort(order[fold * count : (fold + 1) * count])


def usual(signs: Array) -> Trust:
    """The weights that most heads come to, where there is nothing to learn them from."""
    weights = np.array(_USUAL) / np.maximum(signs.std(axis=0), 1e-9)
    odds, likeness, energy = (float(weight) for weight in weights)
    return Trust(odds, likeness, energy, float(-weights @ signs.mean(axis=0)))


def weighed(judged: Judged) -> Trust:
    """The weights that best tell right answers from others; all of them in favour, or left out."""
    mean, deviation = judged.signs.mean(axis=0), np.maximum(judged.signs.std(axis=0), 1e-9)
    scaled = (judged.signs - mean) / deviation
    kept = np.arange(scaled.shape[1])
    while True:
        found = _logistic(scaled[:, kept], judged.right)
        if (found[:-1] >= 0).all() or len(kept) == 1:
            break
        kept = np.delete(kept, int(found[:-1].argmin()))
    weights = np.zeros(scaled.shape[1])
    weights[kept] = np.maximum(found[:-1], 1e-6) / deviation[kept]
    odds, likeness, energy = (float(weight) for weight in weights)
    return Trust(odds, likeness, energy, float(found[-1] - weights @ mean))


def calibrated(trust: Trust, judged: Judged) -> Trust:
    """The same order of rows, with the share of right answers for a confidence."""
    score = _scores(trust, judged.signs)
    scale, shift = _logistic(score[:, None], judged.right)
    if scale <= 0:
        return trust
    by, shift = float(scale), float(shift)
    return Trust(by * trust.odds, by * trust.likeness, by * trust.energy, by * trust.bias + shift)


def confidences(trust: Trust, signs: Array) -> Array:
    """0..1 for each row."""
    result: Array = 1 / (1 + np.exp(-_scores(trust, signs)))
    return result


def _scores(trust: Trust, signs: Array) -> Array:
    result: Array = signs @ np.array([trust.odds, trust.likeness, trust.energy]) + trust.bias
    return result


def _logistic(values: Array, right: npt.NDArray[np.bool_]) -> Array:
    """Weights and bias of logistic regression by Newton's method; the aims are a little less than sure, as Platt has them."""
    yes, no = int(right.sum()), int((~right).sum())
    aims = np.where(right, (yes + 1) / (yes + 2), 1 / (no + 2))
    inputs = np.column_stack([values, np.ones(len(values))])
    ridge = np.full(inputs.shape[1], _RIDGE)
    ridge[-1] = 1e-9
    found = np.zeros(inputs.shape[1])
    for _ in range(50):
        shares = 1 / (1 + np.exp(-np.clip(inputs @ found, -40, 40)))
        gradient = inputs.T @ (shares - aims) / len(inputs) + ridge * found
        curve = (inputs * (shares * (1 - shares))[:, None]).T @ inputs / len(inputs) + np.diag(ridge + 1e-9)
        move = np.linalg.solve(curve, gradient)
        # Far from the minimum a whole step may overshoot.
        found -= move * min(1.0, 4.0 / max(float(np.abs(move).max()), 1e-12))
        if float(np.abs(move).max()) < 1e-9:
            break
    return found


class Choice(NamedTuple):
    """A threshold and what it costs, in words."""

    threshold: float
    chosen: str


def choose(sure: Array, right: npt.NDArray[np.bool_], outside: Array, unknown: Array) -> Choice:
    """The least confidence with which an answer counts.

    Args:
        sure, right: of the validation rows. outside: confidences of rows known to belong to no label; may be empty.
        unknown: confidences, by heads that did not know them, of rows of labels left out; may be empty. Reported only.
    """
    if len(outside):
        candidates = np.unique(np.concatenate([sure, outside]))
        lost = np.searchsorted(np.sort(sure[right]), candidates) / len(sure)
        declined = np.searchsorted(np.sort(outside), candidates) / len(outside)
        # Of equally good ones the lowest, halfway to the row below.
        threshold = _between(candidates, int((declined - lost).argmax()))
        how = f"Keeps right answers and declines the {len(outside)} rows outside of the scope best"
    else:
        threshold = float(np.quantile(sure[right], 0.05)) if right.any() else 0.5
        how = "Keeps 95 % of the right answers"
    threshold = round(threshold, 4)
    told = [
        f"{np.mean(sure >= threshold):.1%} of the validation rows get a label, {_rate(right[sure >= threshold])} of them right"
    ]
    if len(outside):
        told.append(f"{np.mean(outside < threshold):.1%} of the rows outside are declined")
    elif len(unknown):
        told.append(f"{np.mean(unknown < threshold):.1%} of rows of labels that a head had not seen were declined")
    return Choice(threshold, f"{how}: {'; '.join(told)}.")


def _between(candidates: Array, best: int) -> float:
    return float(candidates[best] if best == 0 else (candidates[best - 1] + candidates[best]) / 2)


def _rate(right: npt.NDArray[np.bool_]) -> str:
    return f"{right.mean():.1%}" if len(right) else "none"
