"""What networks do not write: hands, loudness, pedal, and leaving out what two hands cannot do."""

from __future__ import annotations

from bisect import bisect_right
from itertools import groupby

import numpy as np

from desktop.piano.analysis_data import Analysis
from desktop.piano.arrange import lead_sheet
from desktop.piano.arranging.draft import Draft, Role, to_notes
from desktop.piano.arranging.pace import paced, settled
from desktop.piano.arranging.patterns import STYLES
from desktop.piano.arranging.plan import make_plan
from desktop.piano.arranging.sheet import Sheet
from desktop.piano.cover import LEFT, PEDAL, RIGHT, Notes
from desktop.piano.dynamics import shape
from desktop.piano.hands import make_playable
from desktop.piano.pedal import make_pedals
from desktop.piano.playability import LIMITS
from desktop.piano.struck import Struck
from desktop.piano.two_hands import splits

_NEAR = 0.3
"""Beats within which a note counts as the melody's."""
_TRUST = 0.8


def perform(struck: Struck, steps_per_beat: int, analysis: Analysis, difficulty: str) -> tuple[Notes, Notes]:
    """Notes and pedals (arrays of ``NOTE`` and ``PEDAL``) of what a network wrote; both empty when it wrote nothing.

    Loudness follows the song's own, melody over accompaniment, and the metre; the pedal changes with harmony and bass.

    Args:
        struck: as ``struck.one_at_a_time`` leaves them.
    """
    sheet = lead_sheet(analysis)
    drafts = _roles(_handed(struck, steps_per_beat), sheet)
    if difficulty == "easy":
        drafts = _easier(drafts, sheet)
    drafts = make_playable(drafts, sheet.grid, LIMITS[difficulty])
    if not drafts:
        return to_notes(drafts), np.zeros(0, PEDAL)
    shape(drafts, sheet)
    pedals = make_pedals(sheet, make_plan(sheet), STYLES["pop"], drafts)
    return to_notes(drafts), pedals


def _handed(struck: Struck, steps_per_beat: int) -> list[list[Draft]]:
    """The notes of each onset, rising."""
    chords = [list(group) for _, group in groupby(struck, key=lambda note: int(note["onset"]))]
    counts = splits([[int(note["pitch"]) for note in chord] for chord in chords])
    return [
        [
            Draft(
                start=note["onset"] / steps_per_beat,
                end=note["offset"] / steps_per_beat,
                pitch=int(note["pitch"]),
                hand=LEFT if place < count else RIGHT,
                role=Role.HARMONY,
            )
            for place, note in enumerate(chord)
        ]
        for chord, count in zip(chords, counts, strict=True)
    ]


def _roles(chords: list[list[Draft]], sheet: Sheet) -> list[Draft]:
    """The drafts with what each is for: the tune where the right hand has it, the top line, the lowest note of the left."""
    starts = [float(start) for start in sheet.melody["start"]]
    out: list[Draft] = []
    for chord in chords:
        if chord[0].hand == LEFT:
            chord[0].role = Role.BASS
        right = [draft for draft in chord if draft.hand == RIGHT]
        if right:
            index = bisect_right(starts, right[0].start + _NEAR) - 1
            _lead(right, sheet.melody[index : index + 1] if index >= 0 else sheet.melody[:0])
        out += chord
    return out


def _lead(right: list[Draft], tune: Notes) -> None:
    """Say which of the right hand's notes, rising, carries the tune, whose note there is given, or leads without it."""
    same = [
        draft for draft in right for note in tune if (draft.pitch - int(note["pitch"])) % 12 == 0 and draft.start < note["end"]
    ]
    top = same[-1] if same else right[-1]
    top.role = Role.LEAD
    if same and abs(float(tune["start"][0]) - top.start) <= _NEAR:
        top.role, top.trust = Role.MELODY, max(_TRUST, float(tune["trust"][0]))


def _easier(drafts: list[Draft], sheet: Sheet) -> list[Draft]:
    """A line for each hand, no faster than a beginner plays, with a left hand that does not leap."""
    lines = [draft for draft in drafts if draft.role in (Role.MELODY, Role.LEAD, Role.BASS)]
    calm = paced(lines, sheet.grid)
    left = settled([draft for draft in calm if draft.hand == LEFT], sheet)
    return [*(draft for draft in calm if draft.hand == RIGHT), *left]
