"""Changes of the sustain pedal: spans drawn, resized, taken away. Spans stay in order and never overlap."""

from __future__ import annotations

import numpy as np

from desktop.piano.cover import PEDAL, Notes

SHORTEST = 1 / 16
"""Beats of the shortest span."""


def press(pedals: Notes, down: float, up: float) -> Notes:
    """Hold the pedal from ``down`` to ``up``; spans that it meets give way to it."""
    down, up = min(down, up), max(down, up, min(down, up) + SHORTEST)
    before, after = pedals.copy(), pedals.copy()
    before["up"] = np.minimum(before["up"], down)
    after["down"] = np.maximum(after["down"], up)
    span = np.array([(down, up)], PEDAL)
    parts = np.concatenate([before[pedals["down"] < down], span, after[pedals["up"] > up]])
    kept: Notes = parts[parts["up"] - parts["down"] >= SHORTEST]
    kept.sort(order="down")
    return kept


def release(pedals: Notes, index: int) -> Notes:
    """Take a span away."""
    return np.delete(pedals, index)


def resize(pedals: Notes, index: int, down: float, up: float) -> Notes:
    """Give a span other ends, between its neighbours."""
    low = float(pedals["up"][index - 1]) if index > 0 else -np.inf
    high = float(pedals["down"][index + 1]) if index + 1 < len(pedals) else np.inf
    down = max(low, min(down, high - SHORTEST))
    changed = pedals.copy()
    changed[index] = (down, min(high, max(up, down + SHORTEST)))
    return changed


def span_at(pedals: Notes, beat: float) -> int | None:
    """Index of the span that holds the pedal down at a beat."""
    hits = np.flatnonzero((pedals["down"] <= beat) & (pedals["up"] > beat))
    return int(hits[0]) if len(hits) else None
