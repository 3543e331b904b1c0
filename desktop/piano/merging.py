"""A take put into a cover: the bars that were written anew replace those that were there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from desktop.piano.cover import NOTE, PEDAL, Cover, Notes, sort_notes

_SHORTEST = 1 / 64
"""Beats below which the rest of a note is not worth keeping."""


def as_notes(rows: Sequence[Sequence[float]]) -> Notes:
    """Notes from [start, end, pitch, velocity, hand] rows, as the results of takes have them."""
    return sort_notes(np.array([tuple(row) for row in rows], NOTE))


def merge_take(
    cover: Cover, first: float, last: float, notes: Notes, pedals: Sequence[Sequence[float]], info: dict[str, Any] | None = None
) -> Cover:
    """``cover`` with everything that starts in beats ``first`` .. ``last`` (exclusive) replaced by a take.

    What was struck before and still sounds is let go where the take strikes the same key; what the take leaves sounding ends
    where the cover strikes the same key again. Pedals end and begin at the edges.

    Args:
        notes: array of ``NOTE`` that start in the stretch. pedals: [down, up] of the stretch.
        info: what to note about the take in ``cover.info["takes"]``.
    """
    old = cover.notes
    inside = (old["start"] >= first - 1e-9) & (old["start"] < last - 1e-9)
    kept, fresh = old[~inside].copy(), notes.copy()
    for pitch in np.unique(fresh["pitch"]):
        mine = fresh["pitch"] == pitch
        earliest = float(fresh["start"][mine].min())
        ringing = (kept["pitch"] == pitch) & (kept["start"] < first) & (kept["end"] > earliest)
        kept["end"][ringing] = earliest
        after = kept["start"][(kept["pitch"] == pitch) & (kept["start"] >= last - 1e-9)]
        if len(after):
            fresh["end"][mine] = np.minimum(fresh["end"][mine], float(after.min()))
    merged = np.concatenate([kept, fresh])
    merged = merged[merged["end"] - merged["start"] >= _SHORTEST]
    known = list(cover.info.get("takes") or [])
    noted = {**cover.info, "takes": [*known, {"first": first, "last": last, **info}]} if info is not None else cover.info
    return replace(cover, notes=sort_notes(merged), pedals=_pedals(cover.pedals, first, last, pedals), info=noted)


def _pedals(old: Notes, first: float, last: float, fresh: Sequence[Sequence[float]]) -> Notes:
    spans = [(float(down), min(float(up), first)) for down, up in old.tolist() if down < first]
    spans += [(max(float(down), first), min(float(up), last)) for down, up in fresh if down < last and up > first]
    spans += [(max(float(down), last), float(up)) for down, up in old.tolist() if up > last and down >= first]
    spans += [(last, float(up)) for down, up in old.tolist() if down < first and up > last]
    spans = sorted(span for span in spans if span[1] - span[0] >= _SHORTEST)
    return np.array(spans, PEDAL) if spans else np.zeros(0, PEDAL)
