"""One voice of one bar as chords and rests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from desktop.piano.score.beams import beamed
from desktop.piano.score.lengths import Event
from desktop.piano.score.metre import Metre
from desktop.piano.score.model import Head, Name, Symbol, Value
from desktop.piano.score.values import Piece, Span, pieces, tuplet_spans


@dataclass(frozen=True)
class BarSpan:
    """A bar's number, first tick and length; ``skipped`` ticks of the metre's bar lie before a pickup."""

    number: int
    start: int
    length: int
    skipped: int
    pickup: bool


def voice_symbols(
    events: Sequence[Event], names: Mapping[tuple[int, int], Name], span: BarSpan, metre: Metre, *, second: bool
) -> list[Symbol]:
    """Symbols that fill the bar exactly; rests of the ``second`` voice are hidden: the first one shows the rhythm.

    Args:
        events: those that sound in the bar, also when they begin before it or end after it.
    """
    if not events and not span.pickup:
        return [Symbol(0, span.length, Value("whole"), whole_bar=True, hidden=second)]
    origin = span.start - span.skipped
    first, last = span.skipped, span.skipped + span.length
    edges = sorted({min(max(edge - origin, first), last) for event in events for edge in (event.start, event.end)})
    spans = tuplet_spans(edges, metre)
    out: list[Symbol] = []
    at = first
    for event in events:
        begin, end = max(event.start - origin, first), min(event.end - origin, last)
        out += _rest(at, begin, metre, spans, span, second=second)
        out += _chord(event, begin, end, names, metre, spans, span)
        at = end
    out += _rest(at, last, metre, spans, span, second=second)
    return beamed(_with_brackets(out, spans, span), metre, span.skipped)


def _rest(start: int, end: int, metre: Metre, spans: Sequence[Span], bar: BarSpan, *, second: bool) -> list[Symbol]:
    if start >= end:
        return []
    return [_symbol(piece, bar, hidden=second) for piece in pieces(start, end, metre, spans, rest=True)]


def _chord(
    event: Event, start: int, end: int, names: Mapping[tuple[int, int], Name], metre: Metre, spans: Sequence[Span], bar: BarSpan
) -> list[Symbol]:
    parts = pieces(start, end, metre, spans, rest=False)
    origin = bar.start - bar.skipped
    out = []
    for piece in parts:
        tied_from = piece.start + origin > event.start
        tied_to = piece.start + piece.length + origin < event.end
        heads = tuple(
            Head(pitch, names[event.start, pitch], tied_from=tied_from, tied_to=tied_to) for pitch in event.chord.pitches
        )
        out.append(replace(_symbol(piece, bar), heads=heads))
    return out


def _symbol(piece: Piece, bar: BarSpan, *, hidden: bool = False) -> Symbol:
    return Symbol(piece.start - bar.skipped, piece.length, piece.value, tuplet=piece.tuplet, hidden=hidden)


def _with_brackets(symbols: Sequence[Symbol], spans: Sequence[Span], bar: BarSpan) -> list[Symbol]:
    """The first and last symbol of each tuplet marked as such."""
    out: list[Symbol] = []
    starts = [span.start for span in spans]

    def owner(symbol: Symbol) -> int:
        at = symbol.start + bar.skipped
        return -1 if symbol.tuplet is None else max(start for start in starts if start <= at)

    for key, run in groupby(symbols, key=owner):
        members = list(run)
        if key >= 0:
            for place, name in ((0, "first"), (-1, "last")):
                tuplet = members[place].tuplet
                if tuplet is not None:
                    marked = replace(tuplet, first=True) if name == "first" else replace(tuplet, last=True)
                    members[place] = replace(members[place], tuplet=marked)
        out += members
    return out
