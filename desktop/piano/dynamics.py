"""How loud each note is: the song's own loudness, melody over accompaniment, metre, and the arch of a phrase."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from desktop.piano.arranging.draft import Draft, Role
from desktop.piano.arranging.sheet import Sheet
from desktop.piano.cover import Floats, Notes

SOFTEST, LOUDEST = 30, 115
_FLOOR, _RANGE = 56.0, 34.0
"""Velocity of accompaniment where the song is quietest, and what is added where it is loudest."""
_OVER = {Role.MELODY: 17.0, Role.LEAD: 8.0, Role.BASS: 1.0, Role.HARMONY: -8.0, Role.DOUBLING: 5.0}
_ARCH = 7.0
_REST, _LONG = 0.5, 1.5
"""Beats of rest, and of a note's length, after which a phrase may end ..."""
_SHORTEST_PHRASE = 4.0
"""... when it has lasted so many."""
_DOUBT, _SURE = 30.0, 0.7
"""Velocity that a note loses for its doubtfulness, and where that begins."""


def shape(drafts: Sequence[Draft], sheet: Sheet) -> None:
    """Set the velocities of ``drafts``: 30..115."""
    arch = _phrases(sheet.melody)
    for draft in drafts:
        loud = _FLOOR + _RANGE * sheet.loud(draft.start)
        accent = _metre(sheet, draft.start) + 8.0 * (sheet.accent(draft.start) - 0.5)
        lift = float(np.interp(draft.start, arch[0], arch[1])) if len(arch[0]) else 0.0
        if draft.role in (Role.MELODY, Role.LEAD):
            accent *= 0.6
            accent -= _DOUBT * max(0.0, _SURE - draft.trust)
        else:
            lift *= 0.4
        value = loud + _OVER[draft.role] + accent + lift + _breath(draft)
        draft.velocity = int(np.clip(round(value), SOFTEST, LOUDEST))


def _metre(sheet: Sheet, beat: float) -> float:
    meter = sheet.grid.meter
    _, within = sheet.grid.bar(beat + 1e-6)
    if within < 1e-3:
        return 5.0
    if abs(within - round(within)) > 1e-3:
        return -4.0
    return 2.0 if meter % 2 == 0 and abs(within - meter / 2) < 1e-3 else 0.0


def _phrases(line: Notes) -> tuple[Floats, Floats]:
    """Positions and gains of phrase arches: each phrase swells to its highest note and fades to its last."""
    at: list[float] = []
    gain: list[float] = []
    if not len(line):
        return np.array(at), np.array(gain)
    for phrase in np.split(np.arange(len(line)), _breaks(line)):
        start, end = float(line["start"][phrase[0]]), float(line["start"][phrase[-1]])
        peak = float(line["start"][phrase[int(np.argmax(line["pitch"][phrase]))]])
        if end <= start:
            continue
        at += [start, min(max(peak, start + 1e-3), end - 1e-3), end]
        gain += [-0.4 * _ARCH, 0.7 * _ARCH, -_ARCH]
    return np.array(at), np.array(gain)


def _breaks(line: Notes) -> list[int]:
    """Indices of the notes that begin a phrase, but for the first."""
    breaks: list[int] = []
    begin = float(line["start"][0])
    for i in range(1, len(line)):
        start, before = float(line["start"][i]), line[i - 1]
        ended = start - before["end"] >= _REST or before["end"] - before["start"] >= _LONG
        if ended and start - begin >= _SHORTEST_PHRASE:
            breaks.append(i)
            begin = start
    return breaks


def _breath(draft: Draft) -> float:
    """A unit or two that no two notes share by rule; the same for the same note."""
    return ((round(draft.start * 48) * 7 + draft.pitch * 13) % 5) - 2.0
