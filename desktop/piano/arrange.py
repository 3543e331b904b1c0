"""From an analysed song to the notes of a cover."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from desktop.errors import UsageError
from desktop.piano.analysis import Analysis
from desktop.piano.arranging.draft import Draft, Role, to_notes
from desktop.piano.arranging.ending import ending_start, play_ending
from desktop.piano.arranging.fills import fill_rests
from desktop.piano.arranging.harmonise import harmonise
from desktop.piano.arranging.left_hand import LeftHand
from desktop.piano.arranging.pace import paced, settled
from desktop.piano.arranging.patterns import STYLES, Style
from desktop.piano.arranging.plan import Plan, make_plan
from desktop.piano.arranging.quantise import in_register, quantise
from desktop.piano.arranging.right_hand import RightHand
from desktop.piano.arranging.sheet import Sheet
from desktop.piano.arranging.simplify import thinned
from desktop.piano.cover import LEFT, RIGHT, Notes
from desktop.piano.dynamics import shape
from desktop.piano.hands import make_playable
from desktop.piano.pedal import make_pedals
from desktop.piano.playability import LIMITS

_RATES = {"easy": (1.5, 4.6), "medium": (4.0, 7.6), "full": (5.6, 11.5)}
"""Notes a second that each difficulty aims at."""


def lead_sheet(analysis: Analysis) -> Sheet:
    """What the arranger needs of an analysis: the melody on the grid and in the piano's register, chords of its own where none
    were heard."""
    line = in_register(quantise(analysis.melody, analysis.grid))
    chords = tuple(chord for chord in analysis.chords if chord.end > chord.start)
    return Sheet(
        grid=analysis.grid,
        key=analysis.key,
        chords=chords or harmonise(line, analysis.grid, analysis.key),
        melody=line,
        energy=np.asarray(analysis.energy, np.float64),
        loudness=np.asarray(analysis.loudness, np.float64),
        accents=np.asarray(analysis.accents, np.float64),
        duration=analysis.duration,
    )


def arrange(analysis: Analysis, style: str = "pop", difficulty: str = "medium") -> tuple[Notes, Notes]:
    """Write the cover: arrays of ``NOTE`` and ``PEDAL``; the same for the same input.

    Raises UsageError when there is no such style or difficulty.
    """
    if style not in STYLES or difficulty not in LIMITS:
        raise UsageError(f"There is no style '{style}' at difficulty '{difficulty}'", remedy=f"Styles: {', '.join(STYLES)}.")
    sheet = lead_sheet(analysis)
    if difficulty == "easy":
        sheet = replace(sheet, melody=thinned(sheet.melody, sheet.grid))
    low, high = _RATES[difficulty]
    tried: dict[int, tuple[list[Draft], Plan]] = {}
    bias = 0
    while bias not in tried and abs(bias) <= 3:
        plan = make_plan(sheet, bias)
        tried[bias] = (_write(sheet, plan, STYLES[style], difficulty), plan)
        rate = _rate(tried[bias][0], sheet)
        bias += 1 if rate < low else -1 if rate > high else 0
    drafts, plan = min(tried.values(), key=lambda one: _miss(_rate(one[0], sheet), low, high))
    shape(drafts, sheet)
    return to_notes(drafts), make_pedals(sheet, plan, STYLES[style], drafts)


def _write(sheet: Sheet, plan: Plan, style: Style, difficulty: str) -> list[Draft]:
    close = ending_start(sheet, plan)
    left = LeftHand(sheet, plan, style, difficulty).play(until=close)
    last = play_ending(sheet, plan, difficulty)
    right = RightHand(sheet, plan, style, difficulty, [*left, *last]).play()
    right = [draft for draft in right if draft.start < close - 1e-6 or draft.role == Role.MELODY or not last]
    fills = fill_rests(sheet, plan, difficulty, left, until=close)
    drafts = [*left, *right, *fills, *last]
    if difficulty == "easy":
        drafts = paced(drafts, sheet.grid)
        low = settled([draft for draft in drafts if draft.hand == LEFT], sheet)
        drafts = [*low, *(draft for draft in drafts if draft.hand == RIGHT)]
    return make_playable(drafts, sheet.grid, LIMITS[difficulty])


def _rate(drafts: list[Draft], sheet: Sheet) -> float:
    if not drafts:
        return 0.0
    first, last = sheet.grid.seconds([drafts[0].start, drafts[-1].start])
    return len(drafts) / max(1.0, float(last - first))


def _miss(rate: float, low: float, high: float) -> float:
    return max(0.0, low - rate, rate - high)
