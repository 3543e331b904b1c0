"""What the columns hold, and which of them are the prompt and the answer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from desktop.tuning.records.facts import MAX_CLASSES, Column, Kind
from desktop.tuning.records.names import ANSWERS, LABELS, LAYOUTS, PART, QUESTIONS, plain
from desktop.tuning.records.values import shortened

SKETCH = 1 << 16
_ID_NAME = re.compile(r"(.*[_ -])?(id|ids|idx|index|uuid|guid|key|nr|no|number|hash|sha|commit|unnamed ?\d*)$", re.IGNORECASE)
_NUMBER = r"^[+-]?(\d+([.,]\d+)*|[.]\d+)([eE][+-]?\d+)?%?$"


class Distinct:
    """Counts different values in constant memory: the smallest hashes are kept, and how far they reach tells the number.

    Bar-Yossef et al., Counting Distinct Elements in a Data Stream, 2002, first algorithm.
    """

    def __init__(self) -> None:
        self._least = np.zeros(0, np.uint64)
        self._waiting: list[npt.NDArray[np.uint64]] = []
        self._held = 0

    def add(self, values: Sequence[str]) -> None:
        """Count values in."""
        hashes = np.fromiter(map(hash, values), np.int64, len(values)).view(np.uint64)
        if len(self._least) == SKETCH:
            hashes = hashes[hashes < self._least[-1]]
        self._waiting.append(hashes)
        self._held += len(hashes)
        if self._held > 2 * SKETCH:
            self._merge()

    def _merge(self) -> None:
        found = np.sort(np.concatenate([self._least, *self._waiting]))
        first = np.ones(len(found), np.bool_)
        first[1:] = found[1:] != found[:-1]
        self._least = found[first][:SKETCH]
        self._waiting, self._held = [], 0

    def count(self) -> int:
        """How many there are: exact up to ``SKETCH``."""
        self._merge()
        if len(self._least) < SKETCH:
            return len(self._least)
        return round((SKETCH - 1) * 2.0**64 / float(self._least[-1]))


class Tally:
    """A column's statistics, gathered batch by batch."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._rows = self._filled = self._chars = self._longest = self._values = self._numbers = 0
        self._example = ""
        self._distinct = Distinct()

    def add(self, values: Any) -> None:
        """Count an Arrow array of texts in."""
        trimmed = pc.utf8_trim_whitespace(values)
        chars = pc.utf8_length(trimmed)
        filled = pc.sum(pc.greater(chars, 0)).as_py() or 0
        self._rows += len(values)
        if not filled:
            return
        self._filled += filled
        self._chars += pc.sum(chars).as_py()
        self._longest = max(self._longest, pc.max(chars).as_py())
        different = pc.unique(trimmed)
        self._values += len(different)
        self._numbers += pc.sum(pc.match_substring_regex(different, _NUMBER)).as_py()
        texts = [text for text in different.to_pylist() if text]
        self._distinct.add(texts)
        self._example = self._example or shortened(texts[0], 120)

    def column(self) -> Column:
        """What was found."""
        distinct = self._distinct.count()
        mean = self._chars / self._filled if self._filled else 0.0
        return Column(
            name=self.name,
            kind=self._kind(distinct, mean),
            filled=round(self._filled / self._rows, 4) if self._rows else 0.0,
            distinct=distinct,
            mean_chars=round(mean, 1),
            example=self._example,
        )

    def _kind(self, distinct: int, mean: float) -> Kind:
        if not self._filled:
            return Kind.EMPTY
        repeated = self._filled / max(1, distinct)
        named = plain(self.name) in LABELS
        short = mean <= 64 and self._longest <= 200 and distinct <= MAX_CLASSES
        if self._filled > 4 and repeated < 1.02 and self._longest <= 64 and _ID_NAME.fullmatch(self.name):
            return Kind.ID
        if short and named and (repeated >= 1.5 or self._filled <= 50):
            return Kind.LABEL
        if self._numbers >= 0.98 * self._values:
            return Kind.NUMBER
        return Kind.LABEL if short and repeated >= 3 else Kind.TEXT


def is_classification(column: Column | None, rows: int) -> bool:
    """Whether the answers in a column are labels to choose from."""
    if column is None:
        return False
    few = column.distinct <= 100 and rows * column.filled >= 3 * column.distinct
    return column.kind is Kind.LABEL or (column.kind is Kind.NUMBER and few)


def find_roles(columns: Sequence[Column], inputs: Sequence[str] = (), output: str = "") -> tuple[tuple[str, ...], str]:
    """The columns of the prompt and of the answer: as asked for, or by their names and what they hold; empty when unclear."""
    there = {plain(column.name): column for column in reversed(columns) if column.kind is not Kind.EMPTY and column.name != PART}
    if not inputs and not output:
        for firsts, others, answers in LAYOUTS:
            first = next((there[name] for name in firsts if name in there), None)
            answer = next((there[name] for name in answers if name in there), None)
            if first and answer:
                return (first.name, *(there[name].name for name in others if name in there)), answer.name
    free = [column for column in there.values() if column.name not in inputs and column.kind is not Kind.ID][::-1]
    output = output or _find_output(free, bool(inputs))
    return tuple(inputs) or _find_inputs([column for column in free if column.name != output]), output


def _find_output(columns: Sequence[Column], has_inputs: bool) -> str:
    if len(columns) < (1 if has_inputs else 2):
        return ""
    named = {plain(column.name): column.name for column in columns}
    for name in ANSWERS:
        if name in named:
            return named[name]
    labels = [column for column in columns if column.kind is Kind.LABEL and column.distinct > 1]
    if labels:
        return labels[-1].name
    texts = [column for column in columns if column.kind is Kind.TEXT]
    return texts[-1].name if len(texts) == (1 if has_inputs else 2) else ""


def _find_inputs(columns: Sequence[Column]) -> tuple[str, ...]:
    """All texts when they are few; else the one with the likeliest name, or the longest; without texts whatever there is."""
    texts = [column for column in columns if column.kind is Kind.TEXT]
    if 1 <= len(texts) <= 3:
        return tuple(column.name for column in texts)
    named = {plain(column.name): column.name for column in texts or columns}
    for name in QUESTIONS:
        if name in named:
            return (named[name],)
    if texts:
        return (max(texts, key=lambda column: column.mean_chars).name,)
    return tuple(column.name for column in columns[:8])
