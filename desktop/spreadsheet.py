"""Tables for spreadsheets, from names and texts of strangers."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_DELIMITERS = (";", "\t", "|")


def table_text(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """Rows below a head of our own words, as CSV with a byte order mark, as spreadsheets want it; None is an empty cell.

    A clip may be called ``=HYPERLINK(...)``: a text that would be taken for a formula gets an apostrophe before it, and one that
    is cut in two where another delimiter is used stands in quotes. Names that are no UTF-8 lose what is not.
    """
    text = io.StringIO()
    plain, quoted = csv.writer(text), csv.writer(text, quoting=csv.QUOTE_NONNUMERIC)
    plain.writerow(head)
    for row in rows:
        cells = [_cell(value) for value in row]
        cut = any(mark in value for value in cells if isinstance(value, str) for mark in _DELIMITERS)
        (quoted if cut else plain).writerow(cells)
    return text.getvalue().encode("utf-8-sig", "replace")


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
