"""From a cover to its score."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from desktop.piano.cover import LEFT, RIGHT, Cover
from desktop.piano.score import marks
from desktop.piano.score.accidentals import Accidentals
from desktop.piano.score.clefs import clefs
from desktop.piano.score.lengths import Event, with_lengths
from desktop.piano.score.metre import Metre, metre_of
from desktop.piano.score.model import Bar, Mark, MarkKind, Name, Note, Score, Staff
from desktop.piano.score.quantise import Division, notes_of_hand, quantise
from desktop.piano.score.simplify import simplified
from desktop.piano.score.spelling import Speller, name_at, signature
from desktop.piano.score.symbols import BarSpan, voice_symbols
from desktop.piano.score.voices import Chord, Pedalled, separate

HANDS = (RIGHT, LEFT)


@dataclass(frozen=True)
class _Hand:
    """One hand, quantised: chords, divisions of its beats, and its voices once they have lengths."""

    hand: int
    chords: list[Chord]
    divisions: dict[int, Division]


def build_score(cover: Cover, *, chords: bool = True) -> Score:
    """The score of ``cover``; ``chords``: whether chord symbols stand above it."""
    metre = metre_of(cover.grid)
    pedalled = _pedalled(cover, metre)
    hands = [_hand(cover, hand, metre) for hand in HANDS]
    spans = _bars(hands, cover.grid.downbeat * metre.beat, metre)
    last = spans[-1].start + spans[-1].length
    speller = Speller(cover.key, cover.chords)
    fifths = signature(cover.key)
    staves: list[list[Staff]] = []
    notes: list[Note] = []
    for one in hands:
        voices = _voices(one, metre, cover.grid.downbeat * metre.beat, pedalled, last)
        names = _names(voices, speller, metre)
        staves.append(_staves(voices, names, spans, metre, fifths, one.hand))
        notes += _written(voices, one.hand)
    notes.sort(key=lambda note: (note.start, note.pitch))
    placed = _marks(cover, notes, speller, metre, spans, chords=chords)
    bars = tuple(
        Bar(span.number, span.start, span.length, span.pickup, (right, left), _within(placed, span))
        for span, right, left in zip(spans, *staves, strict=True)
    )
    return Score(cover.title, _subtitle(cover), metre, fifths, cover.key.mode, bars, tuple(notes))


def _hand(cover: Cover, hand: int, metre: Metre) -> _Hand:
    mine = notes_of_hand(cover, hand)
    onsets, divisions = quantise(mine, metre)
    chords = []
    for onset in onsets:
        struck: dict[int, tuple[float, int]] = {}
        for row in onset.rows:
            pitch, end = int(mine["pitch"][row]), float(mine["end"][row]) * metre.beat
            # One key cannot be written twice at one moment.
            if pitch not in struck or end > struck[pitch][0]:
                struck[pitch] = (end, int(mine["velocity"][row]))
        pitches = tuple(sorted(struck))
        chords.append(Chord(onset.start, tuple(struck[p][1] for p in pitches), pitches, tuple(struck[p][0] for p in pitches)))
    return _Hand(hand, chords, divisions)


def _voices(one: _Hand, metre: Metre, downbeat: int, pedalled: Pedalled, last: int) -> list[list[Event]]:
    """Both voices of a hand with their lengths."""
    strikes: dict[int, list[int]] = {}
    for chord in one.chords:
        for pitch in chord.pitches:
            strikes.setdefault(pitch, []).append(chord.start)
    parts = separate(one.chords, one.hand, metre.bar, pedalled)
    double = {(chord.start - downbeat) // metre.bar for chord in parts[1]}

    def crowded(tick: int) -> bool:
        return (tick - downbeat) // metre.bar in double

    upper, lower = (
        with_lengths(part, one.hand, metre, one.divisions, pedalled, last, strikes, crowded=crowded) for part in parts
    )
    return simplified(upper, lower)


def _pedalled(cover: Cover, metre: Metre) -> Pedalled:
    downs = (cover.pedals["down"] * metre.beat).tolist()
    ups = (cover.pedals["up"] * metre.beat).tolist()

    def pedalled(tick: float) -> bool:
        number = bisect_right(downs, tick) - 1
        return number >= 0 and ups[number] > tick

    return pedalled


def _bars(hands: Sequence[_Hand], downbeat: int, metre: Metre) -> list[BarSpan]:
    """The bars that hold notes; what begins in the second half of the first one makes it a pickup."""
    starts = [chord.start for one in hands for chord in one.chords]
    if not starts:
        return [BarSpan(1, downbeat, metre.bar, 0, False)]
    first = (min(starts) - downbeat) // metre.bar
    # What rings on after the last stroke opens one more bar only when that stroke comes late in its own.
    final, late = divmod(max(starts) - downbeat, metre.bar)
    ringing = max(max(chord.ends) for one in hands for chord in one.chords) - downbeat - (final + 1) * metre.bar
    final += late * 2 > metre.bar and ringing > metre.beat
    spans = [BarSpan(n + 1, downbeat + n * metre.bar, metre.bar, 0, False) for n in range(first, final + 1)]
    skipped = (min(starts) - spans[0].start) // metre.beat * metre.beat
    if skipped * 2 >= metre.bar and len(spans) > 1:
        spans[0] = BarSpan(spans[0].number, spans[0].start + skipped, metre.bar - skipped, skipped, True)
    return spans


Names = dict[tuple[int, int], Name]
"""Name of each note by its onset and pitch."""


def _names(voices: Sequence[Sequence[Event]], speller: Speller, metre: Metre) -> Names:
    names: Names = {}
    for voice in voices:
        for event, following in pairwise([*voice, None]):
            if event is None:
                continue
            pitches = event.chord.pitches
            for number, pitch in enumerate(pitches):
                single = following is not None and (number == len(pitches) - 1 or len(following.chord.pitches) == len(pitches))
                target = following.chord.pitches[-1 if number == len(pitches) - 1 else number] if single and following else None
                names[event.start, pitch] = name_at(speller.place(pitch, event.start / metre.beat, target), pitch)
    return names


def _staves(
    voices: Sequence[Sequence[Event]], names: Names, spans: Sequence[BarSpan], metre: Metre, fifths: int, hand: int
) -> list[Staff]:
    cut = [[_clipped(voice, span) for span in spans] for voice in voices]
    chosen = clefs([[p for voice in cut for event in voice[n] for p in event.chord.pitches] for n in range(len(spans))], hand)
    signs = Accidentals(fifths)
    out = []
    for number, (span, clef) in enumerate(zip(spans, chosen, strict=True)):
        upper, lower = cut[0][number], cut[1][number]
        if not upper and lower and all(span.start <= e.start and e.end <= span.start + span.length for e in lower):
            upper, lower = lower, []
        written = [voice_symbols(upper, names, span, metre, second=False)]
        if lower:
            written.append(voice_symbols(lower, names, span, metre, second=True))
        out.append(Staff(clef, tuple(tuple(voice) for voice in signs.bar(written))))
    return out


def _clipped(voice: Sequence[Event], span: BarSpan) -> list[Event]:
    """Events that sound in a bar, whole."""
    end = span.start + span.length
    low = max(0, bisect_right(voice, span.start, key=lambda event: event.start) - 1)
    high = bisect_right(voice, end - 1, key=lambda event: event.start)
    return [event for event in voice[low:high] if event.end > span.start]


def _written(voices: Sequence[Sequence[Event]], hand: int) -> list[Note]:
    return [
        Note(event.start, event.end, pitch, velocity, hand)
        for voice in voices
        for event in voice
        for pitch, velocity in zip(event.chord.pitches, event.chord.velocities, strict=True)
    ]


def _marks(
    cover: Cover, notes: Sequence[Note], speller: Speller, metre: Metre, spans: Sequence[BarSpan], *, chords: bool
) -> list[marks.Placed]:
    starts = [span.start for span in spans]
    last = spans[-1].start + spans[-1].length
    found = marks.tempo_marks(cover.grid, metre, starts)
    found += marks.dynamic_marks(notes, starts)
    found += marks.pedal_marks(cover, metre, starts[0], last)
    if chords:
        found += marks.chord_marks(cover.chords, speller, metre)
    return found


_ORDER = {MarkKind.TEMPO: 0, MarkKind.CHORD: 1, MarkKind.DYNAMIC: 2, MarkKind.PEDAL: 3}


def _within(placed: Sequence[marks.Placed], span: BarSpan) -> tuple[Mark, ...]:
    end = span.start + span.length
    # A pedal that comes up on the bar line does so at the end of the bar before.
    inside = [
        replace(mark, at=tick - span.start)
        for tick, mark in placed
        if (span.start < tick <= end if mark.text == "stop" else span.start <= tick < end)
    ]
    return tuple(sorted(inside, key=lambda mark: (mark.at, _ORDER[mark.kind], mark.text != "stop")))


def _subtitle(cover: Cover) -> str:
    said = [str(cover.info[key]).capitalize() for key in ("style", "difficulty") if cover.info.get(key)]
    return f"Piano cover ({', '.join(said).lower()})" if said else "Piano cover"
