"""What is known of an imported file of examples. Plain shapes: nothing heavy is imported here."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

import msgspec

LINE = "_line"
"""Column with the number of the row's line in its file; for Parquet the row's number. Both begin at 1."""

SPLITS = ("train", "validation", "test")
MAX_PROBLEMS = 1_000
MAX_CLASSES = 2_000


class Kind(StrEnum):
    """What the values of a column are."""

    TEXT = "text"
    LABEL = "label"
    NUMBER = "number"
    ID = "id"
    EMPTY = "empty"


class Severity(StrEnum):
    """Whether a row with a problem was left out (``BAD``) or kept as far as it could be read (``WARNING``)."""

    BAD = "bad"
    WARNING = "warning"


class Problem(msgspec.Struct, frozen=True):
    """Something wrong with a row.

    Attributes:
        line: where it begins in its file, from 1.
        text: the start of it.
        file: name of the file when it is not the main one.
    """

    line: int
    reason: str
    text: str = ""
    severity: Severity = Severity.BAD
    file: str = ""


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """A column's statistics over all rows that could be read.

    Attributes:
        filled: share of rows with a value, 0..1.
        distinct: different values; exact up to 65,536, within 1 % above.
        mean_chars: of the filled ones.
        example: the first value, shortened.
    """

    name: str
    kind: Kind
    filled: float
    distinct: int
    mean_chars: float
    example: str


class SourceFile(msgspec.Struct, frozen=True, kw_only=True):
    """The file as it was when it was read; ``sha256`` is of its content, in hexadecimal."""

    path: str
    size: int
    mtime_ns: int
    sha256: str


class Histogram(msgspec.Struct, frozen=True):
    """Counts between edges (one more than counts); the last bin ends at the largest value, however far away that is."""

    edges: list[int]
    counts: list[int]


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What an import found; saved beside the rows.

    Attributes:
        format: "csv" (any delimiter), "jsonl", "json" or "parquet".
        encoding, delimiter: as found or asked for; "" where the format has none.
        rows: kept, in all splits together.
        inputs, output: columns that make the prompt and the answer; empty where they could not be told.
        problems_total: all of them; ``problems`` are the first 1,000 by line. bad_total: those whose row was left out.
        duplicates: rows equal in prompt and answer to an earlier one of their file (left out unless they were asked for).
        conflicts: prompts that occur with more than one answer.
        leakage: split -> rows whose prompt is in "train" too.
        classes: label -> split -> rows, by falling count; the 2,000 largest. Empty without labels.
        classes_total: number of labels; 0 without.
        unseen: labels of other splits that "train" has not.
        chars: lengths of the prompts' texts, in characters.
        held_out: the files given for validation and test.
    """

    format: str
    encoding: str
    delimiter: str
    rows: int
    columns: list[Column]
    inputs: tuple[str, ...]
    output: str
    splits: dict[str, int]
    problems_total: int
    problems: list[Problem]
    duplicates: int
    conflicts: int
    leakage: dict[str, int]
    classes: dict[str, dict[str, int]]
    classes_total: int
    is_classification: bool
    unseen: list[str]
    chars: Histogram
    source: SourceFile
    held_out: list[SourceFile] = []
    bad_total: int = 0

    def column(self, name: str) -> Column | None:
        """The column called so."""
        return next((column for column in self.columns if column.name == name), None)


def why_untrainable(facts: Facts) -> str:
    """Why nothing can be trained on these rows, one sentence; "" when it can."""
    names = ", ".join(column.name for column in facts.columns)
    if not facts.output or not facts.inputs:
        if len(facts.columns) < 2:
            return f"There is one column only ({names}): examples need an input and an answer"
        missing = "the answer" if not facts.output else "the input"
        return f"It is not clear which column is {missing}; the columns are {names}"
    if not facts.splits.get("train"):
        return "No row is left to train on"
    if facts.is_classification and facts.classes_total < 2:
        return f"All rows have the same label ('{next(iter(facts.classes), '')}'): there is nothing to tell apart"
    return ""


def name_of(source: SourceFile) -> str:
    """The file's name without its folder."""
    return Path(source.path).name
