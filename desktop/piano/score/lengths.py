"""Written lengths: what a player holds, cleaned as an engraver would, so that tiny rests and overlaps do not reach the page."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from desktop.piano.score.metre import EIGHTH, QUARTER, SIXTEENTH, Metre
from desktop.piano.score.quantise import Division, grid_step
from desktop.piano.score.voices import Chord, Pedalled, leading

_HALF = 2 * QUARTER
Strikes = Mapping[int, Sequence[int]]
"""Onsets of each pitch in ticks, rising."""


@dataclass(frozen=True)
class Event:
    """A chord of one voice with its written span in ticks."""

    start: int
    end: int
    chord: Chord


def with_lengths(
    voice: Sequence[Chord],
    hand: int,
    metre: Metre,
    chosen: dict[int, Division],
    pedalled: Pedalled,
    last: int,
    strikes: Strikes,
    *,
    crowded: Callable[[int], bool],
) -> list[Event]:
    """Events of a voice, none overlapping the next.

    Args:
        chosen: division of each beat, from ``quantise``.
        last: tick where the score ends; nothing goes beyond.
        strikes: when the hand strikes each key, in any voice: no note lasts beyond the next stroke of its key.
        crowded: whether the hand has two voices in the bar of a tick: there, small rests would only confuse.
    """
    events = []
    for chord, following in pairwise([*voice, None]):
        if chord is None:
            continue
        until = min([following.start if following is not None else last, *_struck_again(chord, strikes)])
        sounding = leading(chord, hand)
        near = crowded(chord.start) and until - sounding <= EIGHTH
        if near or _reaches(chord.start, sounding, until, pedalled, ends=following is None):
            end = until
        else:
            end = min(until, _rounded(chord.start, sounding, metre, chosen))
        events.append(Event(chord.start, end, chord))
    return events


def _struck_again(chord: Chord, strikes: Strikes) -> list[int]:
    found: list[int] = []
    for pitch in chord.pitches:
        times = strikes[pitch]
        number = bisect_right(times, chord.start)
        found += times[number : number + 1]
    return found


def _reaches(start: int, sounding: float, until: int, pedalled: Pedalled, *, ends: bool) -> bool:
    """Whether a chord is written up to the next one: it nearly gets there, or the rest would only tell of touch."""
    gap, room = until - sounding, until - start
    if gap <= SIXTEENTH + 1:
        return True
    if ends:
        return gap <= EIGHTH
    share = (sounding - start) / room
    if room <= QUARTER:
        return share >= 0.6 or (share >= 0.35 and pedalled(sounding))
    return room <= _HALF and (share >= 0.7 or (share >= 0.5 and pedalled(sounding)))


def _rounded(start: int, sounding: float, metre: Metre, chosen: dict[int, Division]) -> int:
    """The nearest simple end: whole beats for long notes, eighths for others, a tuplet's own steps inside of one."""
    step = grid_step(chosen, sounding - 1e-6, metre)
    if step == EIGHTH and sounding - start >= _HALF:
        step = QUARTER
    end = round(sounding / step) * step
    if end <= start:
        own = grid_step(chosen, start, metre)
        end = (start // own + 1) * own
    return end
