"""What a beginner's hands are spared: too many notes in a few seconds, and leaps of the left hand."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import numpy as np
import numpy.typing as npt

from desktop.piano.arranging.draft import Draft, Role
from desktop.piano.arranging.sheet import Sheet
from desktop.piano.cover import LEFT, RIGHT, Floats, Grid

PACE = 2.5
"""Notes a second of each hand ..."""
WINDOW = 4.0
"""... in any stretch of so many seconds."""
_OCTAVE = 12
_LEAP_S = 1.0
"""Seconds that are time enough for any leap."""
_FOOT = 36
_CLEARANCE = 3
_WORTH = {Role.MELODY: 100.0, Role.BASS: 4.0, Role.LEAD: 3.0, Role.HARMONY: 0.0, Role.DOUBLING: -4.0}


def within_pace(starts: Floats, worth: Floats) -> npt.NDArray[np.bool_]:
    """Which notes are kept so that no window holds more than ``PACE`` allows; those worth least go.

    Args:
        starts: seconds, rising.
        worth: how much each note would be missed.
    """
    limit = int(PACE * WINDOW)
    kept = np.arange(len(starts))
    while len(kept) > limit:
        times = starts[kept]
        counts = np.searchsorted(times, times + WINDOW - 1e-9) - np.arange(len(times))
        full = np.flatnonzero(counts > limit)
        if not len(full):
            break
        first = int(full[0])
        window = kept[first : first + int(counts[first])]
        kept = np.delete(kept, first + int(np.argmin(worth[window])))
    out = np.zeros(len(starts), bool)
    out[kept] = True
    return out


def paced(drafts: Sequence[Draft], grid: Grid) -> list[Draft]:
    """``drafts`` without those that make a hand too fast: inner voices first, then what falls between beats."""
    out: list[Draft] = []
    for hand in (RIGHT, LEFT):
        mine = sorted((d for d in drafts if d.hand == hand), key=lambda d: (d.start, d.pitch))
        starts = grid.seconds(np.array([d.start for d in mine]))
        keep = within_pace(starts, np.array([_worth(d, grid) for d in mine]))
        out += [draft for draft, stays in zip(mine, keep, strict=True) if stays]
    return out


def _worth(draft: Draft, grid: Grid) -> float:
    _, within = grid.bar(draft.start + 1e-6)
    place = 2.0 if within < 1e-3 else 1.0 if abs(within - round(within)) < 1e-3 else 0.0
    return _WORTH[draft.role] + place


def settled(left: Sequence[Draft], sheet: Sheet) -> list[Draft]:
    """A left hand whose strokes lie within an octave of those before, unless there is a second for the way.

    What lies further is played an octave nearer; inner voices for which that is no help are left out, and those that stand
    between a bass note and the hand as well.
    """
    groups: list[tuple[float, list[Draft]]] = []
    for start, group in groupby(sorted(left, key=lambda d: (d.start, d.role, d.pitch)), key=lambda d: d.start):
        now = float(sheet.grid.seconds(start))
        struck: list[Draft] = []
        for draft in group:
            pitch = _nearer(draft, _near(groups, struck, now), sheet)
            while pitch is None and draft.role == Role.BASS and groups and all(d.role != Role.BASS for d in groups[-1][1]):
                groups.pop()
                pitch = _nearer(draft, _near(groups, struck, now), sheet)
            if pitch is not None or draft.role == Role.BASS:
                draft.pitch = draft.pitch if pitch is None else pitch
                struck.append(draft)
        if struck:
            groups.append((now, struck))
    return [draft for _, group in groups for draft in group]


def _near(groups: Sequence[tuple[float, list[Draft]]], struck: Sequence[Draft], now: float) -> list[int]:
    """Keys that the hand has just struck, and those that it strikes now."""
    before = groups[-1][1] if groups and now - groups[-1][0] < _LEAP_S else []
    return [draft.pitch for draft in (*before, *struck)]


def _nearer(draft: Draft, keys: Sequence[int], sheet: Sheet) -> int | None:
    """The draft's pitch in the octave that lies within an octave of ``keys``, nearest to its own; None when there is none."""
    ceiling = max(draft.pitch, sheet.ceiling(draft.start, draft.end) - _CLEARANCE)
    for pitch in (draft.pitch + _OCTAVE * octaves for octaves in (0, -1, 1, -2, 2)):
        fits = not keys or max(*keys, pitch) - min(*keys, pitch) <= _OCTAVE
        if fits and (pitch == draft.pitch or _FOOT <= pitch <= ceiling):
            return pitch
    return None
