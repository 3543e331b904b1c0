"""Tables for spreadsheets, from names and texts of strangers."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import Any

_FORMULA = re.compile(r'(^|[;|\t\r\n])(?=["\s]*[=+\-@])')
"""Where a formula would begin: in front, and behind what separates cells in other countries."""


def table_text(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """Rows below a head of our own words, as CSV with a byte order mark, as spreadsheets want it; None is an empty cell.

    A clip may be called ``=HYPERLINK(...)``: where a text would be taken for a formula it gets an apostrophe. Names that are no
    UTF-8 lose what is not.
    """
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(head)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue().encode("utf-8-sig", "replace")


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    return _FORMULA.sub(r"\1'", value) if isinstance(value, str) else value
