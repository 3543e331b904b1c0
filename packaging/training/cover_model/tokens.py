"""Pop2Piano's language on a grid of sixteenths, with one change: a time is the step in the window, not the shift since the last.

A place that is named is found in the sound by looking it up; one that is a sum of shifts must be counted first. ``published``
turns an answer into the language with shifts, which the product decodes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .settings import GridSettings

PAD, END = 0, 1
FIRST_PITCH, OFF, ON, FIRST_TIME = 4, 132, 133, 134
STRUCK = np.dtype([("onset", "i8"), ("offset", "i8"), ("pitch", "i8")])
"""A note in steps."""
Struck = npt.NDArray[Any]


def encode(notes: Struck, grid: GridSettings) -> list[int]:
    """Tokens of one window's notes (``STRUCK``, steps counted from the window's start, onsets in it), with the end's.

    Lifts after ``steps + beyond`` are left out, as are those of keys that are struck again by then.
    """
    ends: dict[tuple[int, int], int] = {}
    for onset, offset, pitch in notes.tolist():
        ends[onset, pitch] = max(ends.get((onset, pitch), onset + 1), offset)
    again = {pitch: sorted(at for at, other in ends if other == pitch) for _, pitch in ends}
    lifted = {
        (end, pitch)
        for (at, pitch), end in ends.items()
        if end < grid.steps + grid.beyond and not any(at < other <= end for other in again[pitch])
    }
    row: list[int] = []
    striking = False
    for time in sorted({at for at, _ in ends} | {at for at, _ in lifted}):
        row.append(FIRST_TIME + time)
        for strikes, events in ((False, lifted), (True, set(ends))):
            pitches = sorted(pitch for at, pitch in events if at == time)
            if pitches and strikes != striking:
                row.append(ON if strikes else OFF)
                striking = strikes
            row += [FIRST_PITCH + pitch for pitch in pitches]
    return [*row, END]


def decode(row: Sequence[int], grid: GridSettings) -> Struck:
    """Notes of one window's tokens (``STRUCK``), sorted; what makes no sense is passed over, times never go back."""
    cutoff = grid.steps + grid.beyond
    now, striking = 0, False
    sounding: dict[int, int] = {}
    found: list[tuple[int, int, int]] = []
    for token in row:
        if token == END:
            break
        if token >= FIRST_TIME:
            now = min(max(now, token - FIRST_TIME), cutoff)
        elif token in (OFF, ON):
            striking = token == ON
        elif token >= FIRST_PITCH:
            pitch = token - FIRST_PITCH
            if pitch in sounding and sounding[pitch] < now:
                found.append((sounding.pop(pitch), now, pitch))
            if striking and now < grid.steps:
                sounding.setdefault(pitch, now)
    found += [(onset, cutoff, pitch) for pitch, onset in sounding.items()]
    return np.array(sorted(found), STRUCK)


def published(row: Sequence[int]) -> list[int]:
    """The same answer with each time as the shift since the one before, as Pop2Piano writes it."""
    out, before = [], 0
    for token in row:
        if token >= FIRST_TIME:
            now = max(before, token - FIRST_TIME)
            token, before = FIRST_TIME + now - before, now
        out.append(token)
    return out
