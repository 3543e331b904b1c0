"""Curves drawn with characters."""

from __future__ import annotations

from collections.abc import Sequence

BARS = "▁▂▃▄▅▆▇█"
_WIDTH = 24


def sparkline(values: Sequence[float | None], low: float, high: float, width: int = _WIDTH) -> str:
    """Values as bars of text between ``low`` and ``high``; a blank where there is none."""
    count = min(width, len(values))
    parts = [values[i * len(values) // count : (i + 1) * len(values) // count] for i in range(count)]
    return "".join(_bar([value for value in part if value is not None], low, high) for part in parts)


def _bar(values: Sequence[float], low: float, high: float) -> str:
    if not values:
        return " "
    share = (sum(values) / len(values) - low) / (high - low) if high > low else 0.5
    return BARS[min(len(BARS) - 1, int(share * len(BARS)))]
