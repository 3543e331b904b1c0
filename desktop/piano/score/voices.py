"""Which notes of a hand stand in which of two voices.

One voice is read most easily, so a second one is used only where a note that matters is held while others move. A beam search
goes through the hand's chords and weighs what a reader loses: sound that is cut short in print (less where the pedal holds it
anyway, more for melody and bass), chords whose notes end apart, voices that cross, and the second voice itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from desktop.piano.cover import RIGHT
from desktop.piano.score.metre import EIGHTH, QUARTER, SIXTEENTH

Pedalled = Callable[[float], bool]
"""Whether the sustain pedal is down at a tick."""

_WIDTH = 10
_ENTRY, _PRESENT = 1.5, 0.15
_CROSSING = 1.5
_GAP = 0.5
"""A rest in the upper voice while only the lower one moves."""
_OUTER = {True: 1.5, False: 1.0}
"""Of the right hand and of the left, whose bass the ear keeps anyway."""
_INNER = 0.35
_STRETCHED = 0.15
_FREE, _FREE_INNER = SIXTEENTH + 1, EIGHTH
"""Ticks by which a leading, and any other, note may be cut without a loss to the reader."""


@dataclass(frozen=True)
class Chord:
    """Notes struck together: onset in ticks, and for each note, from low to high, velocity, pitch and sounding end in ticks."""

    start: int
    velocities: tuple[int, ...]
    pitches: tuple[int, ...]
    ends: tuple[float, ...]

    def part(self, first: int, last: int) -> Chord | None:
        """The notes ``first`` .. ``last`` (exclusive), or None when there are none."""
        if first >= last:
            return None
        return Chord(self.start, self.velocities[first:last], self.pitches[first:last], self.ends[first:last])


@dataclass(frozen=True)
class _State:
    cost: float
    upper: Chord | None = None
    lower: Chord | None = None
    before: _State | None = None
    step: tuple[Chord | None, Chord | None] = (None, None)


def separate(chords: Sequence[Chord], hand: int, bar: int, pedalled: Pedalled) -> tuple[list[Chord], list[Chord]]:
    """Upper and lower voice of one hand's ``chords`` (in order, all onsets different).

    Args:
        bar: ticks of a bar; a voice that comes back in another bar is a new entry to the reader.
    """
    search = _Search(hand, bar, pedalled)
    states = [_State(0.0)]
    for chord in chords:
        best: dict[tuple[int, int], _State] = {}
        for state in states:
            for made in search.steps(state, chord):
                key = (id(made.upper), id(made.lower))
                if key not in best or made.cost < best[key].cost:
                    best[key] = made
        states = sorted(best.values(), key=lambda state: state.cost)[:_WIDTH]
    upper: list[Chord] = []
    lower: list[Chord] = []
    at: _State | None = states[0]
    while at is not None:
        high, low = at.step
        if high is not None:
            upper.append(high)
        if low is not None:
            lower.append(low)
        at = at.before
    return upper[::-1], lower[::-1]


def leading(chord: Chord, hand: int) -> float:
    """Where the chord's leading note ends: the highest of the right hand, the lowest of the left."""
    return chord.ends[-1] if hand == RIGHT else chord.ends[0]


class _Search:
    def __init__(self, hand: int, bar: int, pedalled: Pedalled) -> None:
        self._hand, self._bar, self._pedalled = hand, bar, pedalled

    def steps(self, state: _State, chord: Chord) -> list[_State]:
        """Every way to go on with ``chord``: its lowest 0 .. all notes in the lower voice."""
        size = len(chord.velocities)
        held = state.upper is not None and leading(state.upper, self._hand) > chord.start + _FREE
        made = []
        for split in range(size + held):
            low, high = chord.part(0, split), chord.part(split, size)
            cost = state.cost
            if high is not None:
                cost += self._follow(state.upper, high, outer=self._hand == RIGHT) + self._above(high, state.lower)
                cost += self._silent(state, high)
            if low is not None:
                cost += self._follow(state.lower, low, outer=self._hand != RIGHT) + self._enter(state.lower, low)
                cost += self._below(low, state.upper if high is None else None)
            made.append(_State(cost, high or state.upper, low or state.lower, state, (high, low)))
        return made

    def _follow(self, before: Chord | None, after: Chord, *, outer: bool) -> float:
        """What printing ``before`` as one chord that ends where its leading note or ``after`` ends it takes away or adds."""
        if before is None:
            return 0.0
        end = min(leading(before, self._hand), after.start)
        share = 0.5 if self._pedalled(end) else 1.0
        cost = 0.0
        lead = len(before.velocities) - 1 if self._hand == RIGHT else 0
        for number, sounding in enumerate(before.ends):
            lost = (sounding - end) / QUARTER
            leads = outer and number == lead
            if lost * QUARTER > (_FREE if leads else _FREE_INNER):
                cost += (_OUTER[self._hand == RIGHT] if leads else _INNER) * min(lost, 2.0) * share
            elif lost < 0:
                cost += _STRETCHED * min(-lost, 2.0) * share
        return cost

    def _enter(self, before: Chord | None, low: Chord) -> float:
        if before is None or max(before.ends) < low.start - SIXTEENTH or before.start // self._bar != low.start // self._bar:
            return _ENTRY
        return _PRESENT

    def _silent(self, state: _State, high: Chord) -> float:
        if state.upper is None or state.lower is None or state.lower.start <= state.upper.start:
            return 0.0
        return _GAP if leading(state.upper, self._hand) < high.start - EIGHTH else 0.0

    def _above(self, high: Chord, lower: Chord | None) -> float:
        sounding = lower is not None and max(lower.ends) > high.start + _FREE
        return _CROSSING if sounding and lower is not None and lower.pitches[-1] > high.pitches[0] else 0.0

    def _below(self, low: Chord, upper: Chord | None) -> float:
        return _CROSSING if upper is not None and low.pitches[-1] > upper.pitches[0] else 0.0
