"""The sustain pedal: changed with the harmony, lifted just before the new bass, off where it would blur."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from desktop.piano.arranging.draft import Draft, Role
from desktop.piano.arranging.patterns import Style
from desktop.piano.arranging.plan import Plan
from desktop.piano.arranging.sheet import Sheet
from desktop.piano.cover import PEDAL, Notes

_LIFT = 0.03
"""Seconds before a new bass that the pedal is up ..."""
_CATCH = 0.09
"""... and after it that it is down again, when the fingers have let the old harmony go."""


def make_pedals(sheet: Sheet, plan: Plan, style: Style, drafts: Sequence[Draft]) -> Notes:
    """Pedal spans (array of ``PEDAL``) of an arrangement."""
    changes = _changes(sheet, plan, drafts)
    end = max((draft.end for draft in drafts), default=0.0)
    spans: list[tuple[float, float]] = []
    for at, following in pairwise([*changes, end]):
        chord = sheet.chord_at(at)
        last = at >= changes[-1] - 1e-6
        if chord is None or (plan.bar_at(at).level > style.pedal and not (last and style.pedal >= 0)):
            continue
        until = following if last else min(following, max(chord.end, at + 0.5))
        down, up = sheet.grid.seconds([at, until]) + np.array([_CATCH, -_LIFT])
        if up - down > 0.15:
            spans.append((float(down), float(up)))
    out = np.zeros(len(spans), PEDAL)
    if spans:
        seconds = np.array(spans)
        out["down"], out["up"] = sheet.grid.beats(seconds[:, 0]), sheet.grid.beats(seconds[:, 1])
    return out


def _changes(sheet: Sheet, plan: Plan, drafts: Sequence[Draft]) -> list[float]:
    """Where the harmony changes or a bar begins with a bass note."""
    lines = {bar.start for bar in plan.bars}
    starts = {chord.start for chord in sheet.chords}
    strikes = sorted({draft.start for draft in drafts if draft.role == Role.BASS})
    out: list[float] = []
    for at in strikes:
        new = sheet.chord_at(at) != (sheet.chord_at(out[-1]) if out else None)
        if new or at in lines or at in starts:
            out.append(at)
    return out
