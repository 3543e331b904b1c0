"""Plain tables and JSON on stdout."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec


def print_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns as wide as they need to be; the last one is not padded."""
    lines = [tuple(heads), *(tuple(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(heads))]
    for line in lines:
        print("  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip())


def print_json(value: Any) -> None:
    """``value`` as indented JSON."""
    print(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())
