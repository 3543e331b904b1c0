"""The rows of an evaluation: a file of JSON lines, indexed once, of which only what is looked at is read."""

from __future__ import annotations

from array import array
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from desktop.errors import UserError
from desktop.malformed import MALFORMED
from desktop.tuning.evaluation.metrics import is_exact

KEPT = 512
"""Rows kept in memory."""


class Answered(msgspec.Struct, frozen=True):
    """A row of the file."""

    line: int
    prompt: str
    expected: str
    answer: str
    confidence: float | None = None


@dataclass(frozen=True)
class Filter:
    """Which rows are wanted: ``right`` None for both; ``expected`` and ``answer`` None for any; ``text`` anywhere in the row."""

    right: bool | None = None
    expected: str | None = None
    answer: str | None = None
    text: str = ""


class RowsFile:
    """See the module's docstring.

    Args:
        by_label: right answers are equal to the letter; otherwise case and white space do not count.

    Raises:
        UserError: the file is not there or is not what an evaluation wrote.
    """

    def __init__(self, path: Path, *, by_label: bool) -> None:
        self.path = path
        self._by_label = by_label
        offsets, expected, answers, right = array("q"), array("l"), array("l"), array("b")
        names: dict[str, int] = {}
        at = 0
        decode = msgspec.json.Decoder(Answered).decode
        try:
            with path.open("rb") as file:
                for line in file:
                    row = decode(line)
                    offsets.append(at)
                    at += len(line)
                    expected.append(names.setdefault(row.expected, len(names)))
                    answers.append(names.setdefault(row.answer, len(names)))
                    right.append(self.is_right(row))
        except FileNotFoundError as error:
            raise UserError(
                "The answers of this evaluation are not there any more", path=path, remedy="Evaluate again."
            ) from error
        except (OSError, *MALFORMED) as error:
            raise UserError("The answers of this evaluation cannot be read", path=path, remedy="Evaluate again.") from error
        self._names = names
        self._offsets = np.array(offsets, np.int64)
        self._expected, self._answers = np.array(expected, np.int64), np.array(answers, np.int64)
        self._right = np.array(right, bool)
        self._kept: OrderedDict[int, Answered] = OrderedDict()

    def __len__(self) -> int:
        return len(self._offsets)

    def is_right(self, row: Answered) -> bool:
        """Whether the answer counts as right."""
        return row.answer == row.expected if self._by_label else is_exact(row.expected, row.answer)

    def row(self, number: int) -> Answered:
        """A row by its number in the file, from 0; an empty one when the file has changed under us."""
        found = self._kept.get(number)
        if found is None:
            found = self._read(number)
            self._kept[number] = found
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return found

    def select(self, wanted: Filter) -> npt.NDArray[np.int64]:
        """Numbers of the rows that a filter lets through, in the file's order."""
        keep = np.ones(len(self), bool)
        if wanted.right is not None:
            keep &= self._right == wanted.right
        if wanted.expected is not None:
            keep &= self._expected == self._names.get(wanted.expected, -1)
        if wanted.answer is not None:
            keep &= self._answers == self._names.get(wanted.answer, -1)
        numbers = np.flatnonzero(keep)
        if wanted.text:
            numbers = np.array([number for number in numbers.tolist() if self._has(number, wanted.text.casefold())], np.int64)
        return numbers

    @property
    def right(self) -> int:
        """How many are right."""
        return int(self._right.sum())

    def _has(self, number: int, text: str) -> bool:
        row = self._read(number)
        return any(text in part.casefold() for part in (row.prompt, row.expected, row.answer))

    def _read(self, number: int) -> Answered:
        try:
            with self.path.open("rb") as file:
                file.seek(int(self._offsets[number]))
                return msgspec.json.decode(file.readline(), type=Answered)
        except (OSError, *MALFORMED):
            return Answered(0, "", "", "")


def one_line(text: str) -> str:
    """A text with its line breaks and tabs as single blanks, as tables show it."""
    return " ".join(text.split())


def confidence(value: Any) -> str:
    """A confidence: "0.93"; "" for none."""
    return f"{float(value):.2f}" if isinstance(value, int | float) else ""
