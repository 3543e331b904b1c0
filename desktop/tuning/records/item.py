"""What the readers of all formats yield: a row, a problem, or a row with a problem."""

from __future__ import annotations

from typing import Any, NamedTuple

from desktop.tuning.records.facts import Problem, Severity
from desktop.tuning.records.lines import DAMAGED, MAX_ROW
from desktop.tuning.records.values import shortened

TOO_LONG = f"longer than {MAX_ROW // 1_000_000} MB"
HAS_NUL = "has NUL characters"
REPLACED = "has bytes that are no characters in this encoding; they were replaced"


class Item(NamedTuple):
    """One row of a file.

    Attributes:
        row: its values by column; None when it could not be read.
        line: where it begins.
        end: position after it, to go on from.
        original: the value as JSON had it.
    """

    row: dict[str, str] | None
    line: int
    end: int
    problem: Problem | None = None
    original: Any = None


def bad(line: int, end: int, reason: str, text: str = "") -> Item:
    """A row that could not be read."""
    return Item(None, line, end, Problem(line, reason, shortened(text.strip())))


def warning(line: int, reason: str, text: str) -> Problem:
    """Something about a row that was kept."""
    return Problem(line, reason, shortened(text.strip()), Severity.WARNING)


def text_of(data: bytes) -> tuple[str, bool]:
    """A line's text, and whether something in it had to be replaced."""
    try:
        return data.decode(), not data.isascii() and DAMAGED in data
    except UnicodeDecodeError:
        return data.decode("utf-8", "replace"), True
