"""Labels as numbers, and rows that belong to none of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from desktop.errors import UserError
from desktop.tuning.records.names import plain

UNKNOWN, OUTSIDE = -1, -2
"""Codes of a label that the training rows have not, and of one that means none of them."""

_OUTSIDE_NAMES = frozenset(
    (
        "oos",
        "ood",
        "outofscope",
        "outofdomain",
        "outscope",
        "outside",
        "unknown",
        "unknownintent",
        "noneofthese",
        "noneoftheabove",
    )
)

Codes = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Classes:
    """What there is to tell apart.

    Attributes:
        labels: sorted.
        outside: labels whose rows belong to none; they are not learnt, but show how unlike such rows are.
    """

    labels: tuple[str, ...]
    outside: frozenset[str]

    def codes(self, values: Sequence[str]) -> Codes:
        """Number of each label in ``labels``, or UNKNOWN, or OUTSIDE."""
        numbers = {label: number for number, label in enumerate(self.labels)} | dict.fromkeys(self.outside, OUTSIDE)
        return np.fromiter((numbers.get(value, UNKNOWN) for value in values), np.int64, len(values))


def classes_of(values: Sequence[str], held_out: Sequence[str] = ()) -> Classes:
    """The classes of the training rows' labels; rows of none may be among them, or among the held-out ones.

    Raises:
        UserError: there are fewer than two.
    """
    found = set(values)
    outside = frozenset(label for label in found.union(held_out) if plain(label) in _OUTSIDE_NAMES)
    if len(found - outside) < 2:
        outside = frozenset()
    labels = tuple(sorted(found - outside))
    if len(labels) < 2:
        raise UserError(
            "All training rows have the same label: there is nothing to tell apart", remedy="Choose another output column."
        )
    return Classes(labels, outside)
