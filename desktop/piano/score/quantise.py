"""Onsets on a grid that can be read: sixteenths, triplets where they fit better, 32nds and sextuplets where nothing else does.

Each hand's notes are first gathered into chords, so that fingers that are not quite together stay together; then each beat
gets the subdivision that explains its onsets best for its complexity, with a preference for going on as before (Viterbi).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import floor

import numpy as np

from desktop.piano.cover import Cover, Notes
from desktop.piano.score.metre import EIGHTH, QUARTER, SIXTEENTH, THIRTY_SECOND, Metre

_TOGETHER, _SPREAD = 0.07, 0.12
"""Beats between neighbours of a chord, and between its first and last note, at most."""
_SIGMA = 0.042
"""Beats by which a player's onset is off."""
_SWITCH = 0.5


@dataclass(frozen=True)
class Division:
    """A way to divide a beat: ``step`` in ticks, and what it costs to read."""

    step: int
    cost: float

    @property
    def triplet(self) -> bool:
        """Whether it needs a tuplet."""
        return self.step % THIRTY_SECOND != 0


SIMPLE = (Division(EIGHTH, 0.0), Division(SIXTEENTH, 0.7), Division(8, 1.2), Division(4, 3.4), Division(THIRTY_SECOND, 4.0))
COMPOUND = (Division(EIGHTH, 0.0), Division(SIXTEENTH, 0.5), Division(THIRTY_SECOND, 3.0))


@dataclass
class Onset:
    """A chord of one hand: its written onset in ticks, and its notes as rows of the cover's array."""

    start: int
    rows: list[int] = field(default_factory=list)


def quantise(notes: Notes, metre: Metre) -> tuple[list[Onset], dict[int, Division]]:
    """Onsets of one hand, and the division of every beat (number of the beat -> division) in which something starts.

    Args:
        notes: array of ``cover.NOTE`` of one hand, sorted by start.
    """
    clusters = _clusters(notes["start"].tolist())
    divisions = COMPOUND if metre.compound else SIMPLE
    centres = [float(np.mean(notes["start"][rows])) for rows in clusters]
    beats = _by_beat(centres)
    chosen = _choose(beats, centres, divisions, metre.beat)
    placed: dict[int, Onset] = {}
    for beat, members in beats.items():
        for member in members:
            start = beat * metre.beat + _snap((centres[member] - beat) * metre.beat, chosen[beat].step, metre.beat)
            placed.setdefault(start, Onset(start)).rows.extend(clusters[member])
    return [placed[start] for start in sorted(placed)], chosen


def _clusters(starts: Sequence[float]) -> list[list[int]]:
    out: list[list[int]] = []
    for row, start in enumerate(starts):
        if out and start - starts[row - 1] <= _TOGETHER and start - starts[out[-1][0]] <= _SPREAD:
            out[-1].append(row)
        else:
            out.append([row])
    return out


def _by_beat(centres: Sequence[float]) -> dict[int, list[int]]:
    """Members of each beat; what is played just ahead of a beat belongs to it."""
    beats: dict[int, list[int]] = {}
    for member, centre in enumerate(centres):
        beats.setdefault(floor(centre + 0.06), []).append(member)
    return beats


def _snap(ticks: float, step: int, beat: int) -> int:
    return min(max(0, round(ticks / step) * step), beat)


def _choose(
    beats: dict[int, list[int]], centres: Sequence[float], divisions: Sequence[Division], ticks: int
) -> dict[int, Division]:
    """The cheapest sequence of divisions."""
    order = sorted(beats)
    costs: list[list[float]] = []
    back: list[list[int]] = []
    for number, beat in enumerate(order):
        here = [_cost([(centres[m] - beat) * ticks for m in beats[beat]], division, ticks) for division in divisions]
        if not number or order[number - 1] != beat - 1:
            base, way = (min(costs[-1]), costs[-1].index(min(costs[-1]))) if costs else (0.0, -1)
            costs.append([base + cost for cost in here])
            back.append([way] * len(here))
            continue
        row, ways = [], []
        for division, cost in zip(divisions, here, strict=True):
            moved = [c + _SWITCH * (d.triplet != division.triplet) for c, d in zip(costs[-1], divisions, strict=True)]
            ways.append(int(np.argmin(moved)))
            row.append(cost + min(moved))
        costs.append(row)
        back.append(ways)
    chosen: dict[int, Division] = {}
    at = int(np.argmin(costs[-1])) if costs else 0
    for number in range(len(order) - 1, -1, -1):
        chosen[order[number]] = divisions[at]
        at = back[number][at]
    return chosen


def _cost(places: Sequence[float], division: Division, beat: int) -> float:
    """What a division costs for onsets at ``places`` (ticks in the beat); those that fall on one another count as missed."""
    snapped = [_snap(place, division.step, beat) for place in places]
    off = sum(((a - b) / beat) ** 2 for a, b in zip(places, snapped, strict=True)) / (2 * _SIGMA**2)
    needed = 0.0 if all(place % beat == 0 for place in snapped) else division.cost
    # A beat that only begins is as simple as it gets, but a coarser division must win it.
    return off + needed + 0.01 * division.cost + 6.0 * (len(snapped) - len(set(snapped)))


def grid_step(chosen: dict[int, Division], at: float, metre: Metre) -> int:
    """Ticks to which an end near ``at`` is rounded: those of its beat's tuplet, else an eighth."""
    division = chosen.get(floor(at / metre.beat))
    return division.step if division is not None and division.triplet else min(EIGHTH, QUARTER)


def notes_of_hand(cover: Cover, hand: int) -> Notes:
    """The notes of one hand, in order."""
    mine: Notes = cover.notes[cover.notes["hand"] == hand]
    return mine
