"""How a CSV file is written: what separates its fields, how they are quoted, whether there is a header. Found from a sample."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Collection
from typing import NamedTuple

from desktop.errors import UserError
from desktop.tuning.records.names import ANSWERS, MESSAGES, QUESTIONS, plain

DELIMITERS = ("\t", ",", ";", "|")
NO_DELIMITER = "\x1f"
"""Separates nothing: makes the csv module read one column, quoted or not."""

_NAMES = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|", "space": " "}
_ROWS = 300
_KNOWN = frozenset((*ANSWERS, *QUESTIONS, *MESSAGES, "id"))
_NUMBER = re.compile(r"[+-]?[\d.,]+(e[+-]?\d+)?%?", re.IGNORECASE)


class Dialect(NamedTuple):
    """Options of the csv module; ``escape`` is "" for doubled quotes."""

    delimiter: str
    quoted: bool = True
    escape: str = ""

    def options(self) -> dict[str, object]:
        """As the csv module takes them."""
        return {
            "delimiter": self.delimiter,
            "quoting": csv.QUOTE_MINIMAL if self.quoted else csv.QUOTE_NONE,
            "escapechar": self.escape or None,
            "doublequote": not self.escape,
            "strict": True,
        }


def check_delimiter(text: str) -> str:
    """The character that ``text`` means ("tab" and "\\t" too).

    Raises:
        UserError: it is not one character.
    """
    delimiter = _NAMES.get(text.lower(), text)
    if len(delimiter) != 1 or delimiter in '"\r\n\0':
        raise UserError(f"'{text}' cannot separate columns", remedy="Use auto, tab, or one character such as , or ;")
    return delimiter


def find_dialect(sample: list[str], delimiter: str = "") -> Dialect:
    """The way of writing under which most rows of the sample have as many fields as the first.

    Args:
        sample: lines with their ends.
        delimiter: the one to take; "" to find it.
    """
    found = [_quoting(sample, sign) for sign in ([delimiter] if delimiter else DELIMITERS)]
    dialect, share = max(found, key=lambda one: round(one[1], 2))
    if delimiter or share >= 0.6:
        return dialect
    named = next((dialect for dialect, _ in found if _is_header_of(sample, dialect.delimiter)), None)
    return named or Dialect(NO_DELIMITER)


def _quoting(sample: list[str], sign: str) -> tuple[Dialect, float]:
    """How fields that are separated by ``sign`` are quoted: doubled quotes, unless something else fits plainly better."""
    best = Dialect(sign)
    share = _fitting(sample, best)
    if share < 0.99 and any('\\"' in line for line in sample):
        escaped = best._replace(escape="\\")
        if (better := _fitting(sample, escaped)) > share:
            best, share = escaped, better
    quoted = re.compile(f'(^|{re.escape(sign)})"[^"]*"({re.escape(sign)}|\\s*$)')
    if share < 0.99 and not any(quoted.search(line) for line in sample):
        plainly = best._replace(quoted=False, escape="")
        if (better := _fitting(sample, plainly)) > share:
            best, share = plainly, better
    return best, share


def _fitting(sample: list[str], dialect: Dialect) -> float:
    """Share of rows with as many fields as the first; 0 when that has one field but may have more."""
    rows, failed = _parse(sample, dialect)
    if not rows or (len(rows[0]) < 2 and dialect.delimiter != NO_DELIMITER):
        return 0.0
    return sum(len(row) == len(rows[0]) for row in rows) / (len(rows) + failed)


def _parse(sample: list[str], dialect: Dialect) -> tuple[list[list[str]], int]:
    """Rows that could be read, and how many could not; a row left open by the sample's end is neither."""
    rows: list[list[str]] = []
    failed = 0
    lines = iter(sample)
    reader = csv.reader(lines, **dialect.options())  # type: ignore[arg-type]
    while len(rows) + failed < _ROWS:
        try:
            row = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            failed += "unexpected end" not in str(error)
            continue
        if row:
            rows.append(row)
    return rows, failed


def _is_header_of(sample: list[str], sign: str) -> bool:
    first = sample[0].rstrip("\r\n").split(sign) if sample else []
    return len(first) > 1 and any(plain(name) in _KNOWN for name in first) and all(len(name) < 40 for name in first)


def find_header(sample: list[str], dialect: Dialect, wanted: Collection[str] = ()) -> tuple[list[str], bool]:
    """The first row, and whether it names the columns.

    Args:
        wanted: names that the user gave: a row that has one of them is a header.
    """
    rows, _ = _parse(sample, dialect)
    if not rows:
        return [], False
    first, rest = rows[0], rows[1:]
    cells = [cell.strip() for cell in first]
    if any(cell in wanted for cell in cells) or any(plain(cell) in _KNOWN for cell in cells):
        return first, True
    if any(len(cell) > 60 or _NUMBER.fullmatch(cell) for cell in cells) or len(set(cells)) < len(cells):
        return first, False
    votes = sum(_vote(cell, [row[place] for row in rest if place < len(row)]) for place, cell in enumerate(cells))
    if votes:
        return first, votes > 0
    return first, all(len(cell.split()) <= 3 and not cell.endswith((".", "?", "!")) for cell in cells)


def _vote(head: str, values: list[str]) -> int:
    """1 when the column's first cell is unlike its values, -1 when it is one of them, 0 when that cannot be told."""
    if not values:
        return 0
    counts = Counter(value.strip() for value in values)
    if head in counts:
        return -1
    if sum(bool(_NUMBER.fullmatch(value)) for value in counts) > 0.9 * len(counts):
        return 1
    if len(values) >= 6 and len(counts) <= len(values) // 3:
        return 1
    mean = sum(map(len, values)) / len(values)
    return int(mean > 20 and 3 * len(head) < mean)
