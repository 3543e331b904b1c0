"""Note values: how a span of a bar is written so that the beats can be seen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from desktop.piano.score.metre import EIGHTH, QUARTER, SIXTEENTH, THIRTY_SECOND, Metre
from desktop.piano.score.model import Tuplet, Value

_TYPES = {96: "whole", 48: "half", 24: "quarter", 12: "eighth", 6: "16th", 3: "32nd"}
VALUES = {ticks: Value(name) for ticks, name in _TYPES.items()} | {
    ticks * 3 // 2: Value(name, 1) for ticks, name in _TYPES.items() if ticks > THIRTY_SECOND
}
"""Values without tuplets by their ticks."""


@dataclass(frozen=True)
class Piece:
    """Part of a span: ticks from the beginning of the bar, with its value."""

    start: int
    length: int
    value: Value
    tuplet: Tuplet | None = None


@dataclass(frozen=True)
class Span:
    """Ticks of a bar that are divided by a tuplet; ``unit`` ticks are one note of ``type``."""

    start: int
    end: int
    unit: int
    actual: int
    normal: int
    type: str

    def values(self, start: int, end: int) -> list[tuple[int, int, Value]]:
        """Start, length and value of what is written for a span inside."""
        names = {self.unit * count: value for count, value in _TUPLET_VALUES[self.type].items()}
        out = []
        while start < end:
            length = max(ticks for ticks in names if ticks <= end - start)
            out.append((start, length, names[length]))
            start += length
        return out


_TUPLET_VALUES = {
    "quarter": {1: Value("quarter"), 2: Value("half")},
    "eighth": {1: Value("eighth"), 2: Value("quarter")},
    "16th": {1: Value("16th"), 2: Value("eighth"), 3: Value("eighth", 1), 4: Value("quarter")},
}


def tuplet_spans(edges: Iterable[int], metre: Metre) -> list[Span]:
    """The tuplets that a voice's edges (onsets and ends, from the beginning of the bar) call for."""
    inside: dict[int, set[int]] = {}
    for edge in edges:
        if edge % QUARTER:
            inside.setdefault(edge // QUARTER, set()).add(edge % QUARTER)
    if metre.compound:
        return []
    spans: list[Span] = []
    for beat in sorted(inside):
        places = inside[beat]
        start = beat * QUARTER
        if spans and start < spans[-1].end:
            continue
        if all(place % THIRTY_SECOND == 0 for place in places):
            continue
        paired = places == {16} and inside.get(beat + 1) == {8} and _joins(start, metre)
        if paired and start + QUARTER not in set(edges):
            spans.append(Span(start, start + 2 * QUARTER, 16, 3, 2, "quarter"))
        elif all(place % 8 == 0 for place in places):
            spans.append(Span(start, start + QUARTER, 8, 3, 2, "eighth"))
        else:
            spans.append(Span(start, start + QUARTER, 4, 6, 4, "16th"))
    return spans


def _joins(start: int, metre: Metre) -> bool:
    first, end = metre.group(start)
    return (start - first) % (2 * QUARTER) == 0 and start + 2 * QUARTER <= end


def pieces(start: int, end: int, metre: Metre, spans: Sequence[Span], *, rest: bool) -> list[Piece]:
    """How ``start`` .. ``end`` of a bar is written: tied notes, or rests, in order."""
    cuts = sorted({start, end} | {edge for span in spans for edge in (span.start, span.end) if start < edge < end})
    out: list[Piece] = []
    for a, b in pairwise(cuts):
        span = next((s for s in spans if s.start <= a < s.end), None)
        if span is None:
            out += _rests(a, b, metre) if rest else _notes(a, b, metre)
        elif (a, b) == (span.start, span.end):
            out.append(Piece(a, b - a, VALUES[b - a]))
        else:
            kind = Tuplet(span.actual, span.normal, span.type)
            out += [Piece(at, length, value, kind) for at, length, value in span.values(a, b)]
    return out


def _notes(start: int, end: int, metre: Metre) -> list[Piece]:
    length = end - start
    if length in VALUES and _readable(start, end, metre):
        return [Piece(start, length, VALUES[length])]
    _, places = metre.strongest(start, end)
    if not places:
        return [Piece(start, length, VALUES.get(length, Value("32nd")))]
    at = places[-1] if metre.strength(start) >= metre.strength(end) else places[0]
    return _notes(start, at, metre) + _notes(at, end, metre)


def _readable(start: int, end: int, metre: Metre) -> bool:
    """Whether one note may stand for the span without hiding where the beats are."""
    inner, places = metre.strongest(start, end)
    first, last = metre.strength(start), metre.strength(end)
    length = end - start
    if metre.compound:
        whole = 3 * EIGHTH
        crosses = any(start < group < end for group in metre.groups)
        return (start in metre.groups and length % whole == 0) if crosses else inner <= max(first, last)
    if inner <= max(first, last):
        return True
    # The usual syncopations: short long short within a beat, a pair of beats, or a bar of four.
    middle = len(places) == 1 and 2 * (places[0] - start) == length
    return middle and (length, first, inner) in {(EIGHTH, 1, 2), (QUARTER, 2, 3), (2 * QUARTER, 3, 4)}


def _rests(start: int, end: int, metre: Metre) -> list[Piece]:
    """Rests are never syncopated, and dotted only where three make the pulse."""
    out = []
    while start < end:
        length = next(ticks for ticks in _rest_values(start, metre) if ticks <= end - start)
        out.append(Piece(start, length, VALUES[length]))
        start += length
    return out


def _rest_values(start: int, metre: Metre) -> list[int]:
    first, following = metre.group(start)
    within = start - first
    if metre.compound:
        beats = [3 * EIGHTH, QUARTER] if within % (3 * EIGHTH) == 0 else []
    else:
        whole = following - first
        halves = [2 * QUARTER] if whole % (2 * QUARTER) == 0 and within % (2 * QUARTER) == 0 else []
        beats = [*halves, QUARTER] if within % QUARTER == 0 else []
    small = [ticks for ticks in (EIGHTH, SIXTEENTH, THIRTY_SECOND) if within % ticks == 0]
    return [*beats, *small]
