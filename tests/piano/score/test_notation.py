"""How music is written, on bars that a pianist would write in one way."""

from __future__ import annotations

import pytest

from desktop.piano.cover import LEFT, RIGHT, Chord, Key
from desktop.piano.score.build import build_score
from desktop.piano.score.metre import QUARTER, Metre
from desktop.piano.score.model import Clef, MarkKind, Name, Score, Symbol
from desktop.piano.score.spelling import Speller, name_at
from desktop.piano.score.values import pieces
from tests.piano.score.covers import Written, cover

SHORT = {"whole": "1", "half": "2", "quarter": "4", "eighth": "8", "16th": "16", "32nd": "32"}


def midi(name: Name) -> int:
    return 12 * (name.octave + 1) + {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}[name.step] + name.alter


def said(symbol: Symbol) -> str:
    """A symbol in short: "4." a dotted quarter, "r8" a rest, "8t" in a tuplet, "4~" tied on, "(r4)" hidden."""
    text = SHORT[symbol.value.type] + "." * symbol.value.dots + ("t" if symbol.tuplet else "")
    if not symbol.heads:
        rest = "r" + ("1" if symbol.whole_bar else text)
        return f"({rest})" if symbol.hidden else rest
    return text + ("~" if symbol.heads[0].tied_to else "")


def voice(score: Score, bar: int = 0, staff: int = RIGHT, number: int = 0) -> str:
    return " ".join(said(symbol) for symbol in score.bars[bar].staves[staff].voices[number])


def line(*spans: tuple[float, float]) -> list[Written]:
    return [(start, end, 72 - n, RIGHT) for n, (start, end) in enumerate(spans)]


@pytest.mark.parametrize(
    ("spans", "wanted"),
    [
        ([(0, 1.5), (1.5, 3), (3, 4)], "4. 8~ 4 4"),
        ([(0, 0.5), (0.5, 1.5), (1.5, 2), (2, 4)], "8 4 8 2"),
        ([(0, 1), (1, 3), (3, 4)], "4 2 4"),
        ([(0, 2.5), (2.5, 4)], "2~ 8 4."),
        ([(0, 0.75), (0.75, 1), (1, 4)], "8. 16 2."),
        ([(0.5, 1), (2, 3), (4, 5)], "r8 8 r4 4 r4"),
        ([(0, 1 / 3), (1 / 3, 2 / 3), (2 / 3, 1), (1, 2), (2, 4)], "8t 8t 8t 4 2"),
        ([(0, 2 / 3), (2 / 3, 1), (1, 2), (2, 4)], "4t 8t 4 2"),
        ([(0, 2 / 3), (2 / 3, 4 / 3), (4 / 3, 2), (2, 4)], "4t 4t 4t 2"),
        ([(0, 0.95), (1, 1.4), (2, 2.1), (3, 3.97)], "4 8 r8 8 r8 4"),
    ],
)
def test_rhythms(spans: list[tuple[float, float]], wanted: str) -> None:
    assert voice(build_score(cover(line(*spans)))) == wanted


def test_human_timing_is_written_straight() -> None:
    spans = [(0.02, 0.47), (0.53, 0.96), (0.98, 2.05), (1.97, 2.9), (3.03, 3.98)]
    assert voice(build_score(cover(line(*spans)))) == "8 8 4 4 4"


def test_fingers_that_are_not_together_stay_a_chord() -> None:
    score = build_score(cover([(1.98, 3.0, 60, RIGHT), (2.01, 3.02, 64, RIGHT), (2.04, 2.97, 67, RIGHT)]))
    chords = [symbol for *_, symbol in score.symbols() if symbol.heads]
    assert [[head.pitch for head in symbol.heads] for symbol in chords] == [[60, 64, 67]]


def test_a_held_tune_gets_a_voice_of_its_own() -> None:
    below: list[Written] = [(n / 2, n / 2 + 0.5, 60 + n % 3, RIGHT) for n in range(1, 8)]
    score = build_score(cover([(0, 4, 79, RIGHT), *below]))
    assert voice(score) == "1"
    assert voice(score, number=1) == "(r8) 8 8 8 8 8 8 8"


def test_the_pedal_holds_the_bass_of_an_arpeggio() -> None:
    notes: list[Written] = [(n / 2, 4, pitch, LEFT) for n, pitch in enumerate((36, 43, 48, 52, 55, 52, 48, 43)) if n < 5]
    score = build_score(cover(notes, pedals=[(0.1, 3.9)]))
    assert len(score.bars[0].staves[LEFT].voices) == 1
    assert voice(score, staff=LEFT) == "8 8 8 8 2"
    assert [(m.at, m.text) for m in score.bars[0].marks if m.kind is MarkKind.PEDAL] == [(0, "start"), (4 * QUARTER, "stop")]


def test_ties_go_over_the_bar_line_and_accidentals_with_them() -> None:
    score = build_score(cover([(3, 5, 66, RIGHT), (5, 6, 66, RIGHT), (6, 7, 65, RIGHT), (8, 9, 65, RIGHT)]))
    heads = [symbol.heads[0] for *_, symbol in score.symbols() if symbol.heads]
    assert [(h.name.step, h.name.alter, h.accidental, h.tied_from, h.cautionary) for h in heads] == [
        ("F", 1, "sharp", False, False),
        ("F", 1, "", True, False),
        ("F", 1, "sharp", False, False),
        ("F", 0, "natural", False, False),
        ("F", 0, "", False, False),
    ]


@pytest.mark.parametrize(
    ("key", "chord", "pitch", "wanted"),
    [
        (Key(0, "major"), Chord(0, 4, 4, "7", 4), 68, ("G", 1)),
        (Key(0, "major"), Chord(0, 4, 5, "min", 5), 68, ("A", -1)),
        (Key(9, "minor"), None, 68, ("G", 1)),
        (Key(3, "major"), None, 70, ("B", -1)),
        (Key(6, "major"), None, 65, ("E", 1)),
        (Key(10, "minor"), None, 66, ("G", -1)),
    ],
)
def test_spelling(key: Key, chord: Chord | None, pitch: int, wanted: tuple[str, int]) -> None:
    name = name_at(Speller(key, [chord] if chord else []).place(pitch, 1.0), pitch)
    assert (name.step, name.alter) == wanted and midi(name) == pitch


def test_every_spelling_sounds_as_it_should() -> None:
    for tonic in range(12):
        for mode in ("major", "minor"):
            speller = Speller(Key(tonic, mode), [])
            for pitch in range(21, 109):
                name = name_at(speller.place(pitch, 0.0), pitch)
                assert midi(name) == pitch and abs(name.alter) <= 2


def test_hands_that_stay_far_out_change_the_clef() -> None:
    high: list[Written] = [(float(n), n + 1.0, 76 if 8 <= n < 20 else 48, LEFT) for n in range(28)]
    clefs = [bar.staves[LEFT].clef for bar in build_score(cover(high)).bars]
    assert clefs == [Clef.BASS] * 2 + [Clef.TREBLE] * 3 + [Clef.BASS] * 2


@pytest.mark.parametrize("beats", range(2, 13))
@pytest.mark.parametrize("unit", [4, 8])
def test_every_span_of_every_bar_can_be_written(beats: int, unit: int) -> None:
    metre = Metre(beats, unit)
    for rest in (False, True):
        for start in range(0, metre.bar, 6):
            for end in range(start + 6, metre.bar + 1, 6):
                parts = pieces(start, end, metre, [], rest=rest)
                assert sum(part.length for part in parts) == end - start
                assert len(parts) <= (14 if rest else 7)
