"""Numbers that compare answers with what was expected. Pure Python and numpy; texts in, numbers out."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_WORD = re.compile(r"[^\W_]+", re.UNICODE)
_Z = 1.959964
"""Standard normal quantile of a two-sided 95 % interval."""


@dataclass(frozen=True)
class ClassScore:
    """One label: ``precision`` and ``recall`` in 0..1 (0 where undefined), ``count`` rows that have it."""

    label: str
    precision: float
    recall: float
    f1: float
    count: int


@dataclass(frozen=True)
class LabelScores:
    """How well labels were given.

    Attributes:
        macro_f1: unweighted mean over the labels that the expected answers hold (van Rijsbergen's F with beta 1).
        labels: of both axes, by how often they are expected, then by name.
        confusion: int64 [labels, labels]; row is expected, column was answered.
    """

    accuracy: float
    macro_f1: float
    labels: list[str]
    per_class: list[ClassScore]
    confusion: npt.NDArray[np.int64]


def score_labels(expected: Sequence[str], answered: Sequence[str]) -> LabelScores:
    """Scores of two lists of equal length that are not empty."""
    counts = Counter(expected)
    labels = sorted({*expected, *answered}, key=lambda label: (-counts[label], label))
    index = {label: number for number, label in enumerate(labels)}
    confusion = np.zeros((len(labels), len(labels)), np.int64)
    np.add.at(confusion, ([index[label] for label in expected], [index[label] for label in answered]), 1)
    right = np.diag(confusion).astype(float)
    precision = right / np.maximum(confusion.sum(0), 1)
    recall = right / np.maximum(confusion.sum(1), 1)
    f1 = 2 * right / np.maximum(confusion.sum(0) + confusion.sum(1), 1)
    per_class = [
        ClassScore(label, float(precision[number]), float(recall[number]), float(f1[number]), counts[label])
        for number, label in enumerate(labels)
    ]
    known = [score.f1 for score in per_class if score.count]
    return LabelScores(float(right.sum() / len(expected)), float(np.mean(known)), labels, per_class, confusion)


def interval(right: int, total: int) -> tuple[float, float]:
    """95 % confidence interval of a share (Wilson 1927); (0, 1) for no rows."""
    if total == 0:
        return 0.0, 1.0
    share, z2 = right / total, _Z * _Z
    middle = (share + z2 / (2 * total)) / (1 + z2 / total)
    half = _Z / (1 + z2 / total) * math.sqrt(share * (1 - share) / total + z2 / (4 * total * total))
    return max(0.0, middle - half), min(1.0, middle + half)


def mean_interval(values: Sequence[float]) -> tuple[float, float]:
    """95 % confidence interval of a mean of values in 0..1 (normal approximation)."""
    array = np.asarray(values, float)
    half = _Z * float(array.std(ddof=1)) / math.sqrt(len(array)) if len(array) > 1 else 1.0
    mean = float(array.mean())
    return max(0.0, mean - half), min(1.0, mean + half)


def is_exact(expected: str, answer: str) -> bool:
    """Whether two answers are the same but for case and white space."""
    return " ".join(expected.split()).casefold() == " ".join(answer.split()).casefold()


def rouge_l(expected: str, answer: str) -> float:
    """ROUGE-L F1 (Lin 2004) over words, case ignored: 0..1; 1 for two texts without words."""
    one, other = (_WORD.findall(text.casefold()) for text in (expected, answer))
    if not one or not other:
        return float(one == other)
    common = _common(one, other)
    return 2 * common / (len(one) + len(other))


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """Length of the longest common subsequence."""
    numbers = {word: number for number, word in enumerate(dict.fromkeys(other))}
    codes = np.array([numbers[word] for word in other])
    row = np.zeros(len(other) + 1, np.int64)
    for word in one:
        # Each cell is the larger of: the diagonal plus a match, the cell above, the cell before (a running maximum).
        best = np.maximum(row[1:], row[:-1] + (codes == numbers.get(word, -1)))
        row[1:] = np.maximum.accumulate(best)
    return int(row[-1])
