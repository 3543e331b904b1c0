"""Which rows make each step: a plan that depends on the seed and the lengths only, so that any step can be found at once."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

_GROUP = 64
"""Steps whose rows are sorted by length together: much less padding, and still a different mixture in every epoch."""


class Plan:
    """Rows of each step; steps count from 1 through all epochs.

    Args:
        lengths: tokens of each row.
        step_rows: rows of a step, whatever batches they are computed in; the last of an epoch may have fewer.
        seed: of the order, with the epoch's number.
    """

    def __init__(self, lengths: Array, step_rows: int, seed: int) -> None:
        self.step_rows = step_rows
        self.steps_per_epoch = max(1, math.ceil(len(lengths) / step_rows))
        self._lengths = lengths
        self._seed = seed
        self._epoch = -1
        self._steps: list[Array] = []

    def rows(self, step: int) -> Array:
        """Numbers of the rows of a step, the longest first."""
        epoch, place = divmod(step - 1, self.steps_per_epoch)
        if epoch != self._epoch:
            self._epoch, self._steps = epoch, self._shuffled(epoch)
        return self._steps[place]

    def _shuffled(self, epoch: int) -> list[Array]:
        random = np.random.Generator(np.random.PCG64([self._seed, epoch]))
        order = random.permutation(len(self._lengths))
        steps: list[Array] = []
        for start in range(0, len(order), _GROUP * self.step_rows):
            group = order[start : start + _GROUP * self.step_rows]
            group = group[np.argsort(-self._lengths[group], kind="stable")]
            steps += [group[at : at + self.step_rows] for at in range(0, len(group), self.step_rows)]
        return [steps[index] for index in random.permutation(len(steps))]


def parts(rows: Array, batch: int, processes: int = 1, process: int = 0) -> list[Array]:
    """The batches of a step that one of several processes computes; neighbours in length stay together."""
    whole = [rows[start : start + batch] for start in range(0, len(rows), batch)]
    return whole[process::processes]


def by_length(lengths: Array, batch: int) -> list[Array]:
    """All rows in batches of similar length, the longest first: memory that is too small shows at once."""
    order = np.argsort(-lengths, kind="stable")
    return [order[start : start + batch] for start in range(0, len(order), batch)]
