"""A linear head's loss and gradient over all rows, and its answers; features are read piece by piece."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from desktop.tuning.head.classes import Codes

Floats = npt.NDArray[np.float32]
Halves = npt.NDArray[np.float16]
Vector = npt.NDArray[np.float64]

_PIECE = 4096
_IN_MEMORY = 1 << 30
"""Bytes of features that are kept as float32; beyond that they are converted at each pass."""


class Scales(NamedTuple):
    """Mean and standard deviation of each feature over the training rows."""

    mean: Floats
    deviation: Floats


class Features:
    """Rows' features [rows, features] in pieces, with the code of each row's label."""

    def __init__(self, pieces: Sequence[Halves | Floats], codes: Codes, rows: npt.NDArray[np.int64] | None = None) -> None:
        chosen = np.arange(len(codes)) if rows is None else rows
        self.codes = codes[chosen]
        width = pieces[0].shape[1]
        keep = len(chosen) * width * 4 <= _IN_MEMORY
        self._pieces: list[Halves | Floats] = []
        start = 0
        for piece in pieces:
            here = chosen[(chosen >= start) & (chosen < start + len(piece))] - start
            start += len(piece)
            part = piece if len(here) == len(piece) else piece[here]
            self._pieces.append(part.astype(np.float32) if keep else part)

    def only(self, chosen: npt.NDArray[np.bool_], new_codes: Codes, most: int, seed: int) -> Features:
        """Those of the chosen rows, ``most`` of them drawn by ``seed`` when there are more; ``new_codes`` by old code."""
        rows = np.flatnonzero(chosen)
        if len(rows) > most:
            rows = np.sort(np.random.Generator(np.random.PCG64([seed, 13])).choice(rows, most, replace=False))
        return Features(self._pieces, new_codes[self.codes], rows)

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def width(self) -> int:
        """Features of a row."""
        return int(self._pieces[0].shape[1])

    def parts(self) -> Iterator[tuple[slice, Floats]]:
        """Which rows, and their features."""
        start = 0
        for piece in self._pieces:
            for at in range(0, len(piece), _PIECE):
                part = np.asarray(piece[at : at + _PIECE], np.float32)
                yield slice(start + at, start + at + len(part)), part
            start += len(piece)

    def scales(self) -> Scales:
        """Of these rows."""
        total, squares = np.zeros(self.width), np.zeros(self.width)
        for _, part in self.parts():
            total += part.sum(axis=0, dtype=np.float64)
            squares += np.square(part).sum(axis=0, dtype=np.float64)
        mean = total / len(self)
        deviation = np.sqrt(np.maximum(squares / len(self) - mean**2, 0))
        return Scales(mean.astype(np.float32), np.maximum(deviation, 1e-6).astype(np.float32))


class Linear(NamedTuple):
    """A head on features as they are: weight [labels, features], bias [labels]."""

    weight: Floats
    bias: Floats

    def logits(self, features: Features) -> Floats:
        """[rows, labels]."""
        found = np.empty((len(features), len(self.bias)), np.float32)
        for rows, part in features.parts():
            found[rows] = _product(part, self.weight.T) + self.bias
        return found


class Objective:
    """Mean cross-entropy of the softmax over rows whose codes are all labels, plus penalty / 2 · |weights|².

    A point holds the weights [labels, features] of the features brought to mean 0 and deviation 1, then the biases.
    """

    def __init__(self, features: Features, labels: int, scales: Scales, penalty: float) -> None:
        self._features, self._labels, self._scales = features, labels, scales
        self.penalty = penalty

    def start(self) -> Vector:
        """The point where all labels are as likely as they are frequent."""
        counts = np.bincount(self._features.codes, minlength=self._labels) + 1.0
        biases = np.log(counts / counts.sum())
        return np.concatenate([np.zeros(self._labels * self._features.width), biases])

    def __call__(self, point: Vector) -> tuple[float, Vector]:
        features, codes, scales = self._features, self._features.codes, self._scales
        weights = point[: -self._labels].reshape(self._labels, -1)
        head = self.head(point)
        loss, turned, sums = 0.0, np.zeros_like(weights), np.zeros(self._labels)
        for rows, part in features.parts():
            shares, logs = softmax(_product(part, head.weight.T) + head.bias)
            own = (np.arange(len(part)), codes[rows])
            loss -= float(logs[own].sum(dtype=np.float64))
            shares[own] -= 1
            turned += _product(shares.T, part)
            sums += shares.sum(axis=0, dtype=np.float64)
        count = len(features)
        gradient = (turned - np.outer(sums, scales.mean)) / scales.deviation / count + self.penalty * weights
        value = loss / count + 0.5 * self.penalty * float(np.square(weights).sum())
        return value, np.concatenate([gradient.ravel(), sums / count])

    def head(self, point: Vector) -> Linear:
        """The head of a point."""
        weights = point[: -self._labels].reshape(self._labels, -1) / self._scales.deviation
        bias = point[-self._labels :] - weights @ self._scales.mean
        return Linear(weights.astype(np.float32), bias.astype(np.float32))


def _product(one: Floats, other: Floats) -> Floats:
    """Matrix product by torch, whose threads wait for each other without using up the processors that others need."""
    result: Floats = torch.mm(torch.from_numpy(one), torch.from_numpy(other)).numpy()
    return result


def softmax(logits: Floats) -> tuple[Floats, Floats]:
    """Probabilities and their logarithms, over the last axis."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    powers = np.exp(shifted)
    total = powers.sum(axis=1, keepdims=True)
    return powers / total, shifted - np.log(total)
