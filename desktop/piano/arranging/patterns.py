"""Left-hand patterns by style, as strings that are read like a rhythm.

A cell covers a number of pulses with characters of equal length: digits are steps of the chord's open ladder (0 is the
bass), `B` bass in octaves, `P` bass and fifth, `C` a close chord in the middle, `V` bass and tenor together, `.` goes on
sounding, `-` rests.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Cells = Mapping[int, tuple[str, ...]]
"""Cells by length in pulses; several are variants that take turns."""


@dataclass(frozen=True)
class Style:
    """How a style plays.

    Attributes:
        levels: left-hand cells for fullness 0..3.
        easy: left-hand cells of the easy difficulty, for fullness 0..1 and 2..3.
        bass: middle of the bass line's octave.
        top: highest left-hand pitch.
        inner: added to the number-of-voices level of the right hand.
        comping: pulses between chords that the right hand strikes below a held melody note; 0 for none.
        chord: notes of the close chord; one more at the full difficulty.
        pedal: pedal from this fullness down; -1 for none.
        detached: share of its length that an accompanying note sounds without pedal.
    """

    levels: tuple[Cells, Cells, Cells, Cells]
    easy: tuple[Cells, Cells]
    bass: int = 43
    top: int = 62
    inner: int = 0
    comping: float = 0.0
    chord: int = 2
    pedal: int = 3
    detached: float = 1.0


_EASY_FLOWING: tuple[Cells, Cells] = (
    {4: ("0...1...", "0......."), 3: ("0.....",), 2: ("0...",), 1: ("0.",)},
    {4: ("0.1.2.1.", "0...1.2."), 3: ("0.1.2.",), 2: ("0.1.",), 1: ("0.",)},
)
_EASY_STEADY: tuple[Cells, Cells] = (
    {4: ("0...0...",), 3: ("0.....",), 2: ("0...",), 1: ("0.",)},
    {4: ("0.1.0.1.", "0.1.2.1."), 3: ("0.1.1.",), 2: ("0.1.",), 1: ("0.",)},
)

STYLES: dict[str, Style] = {
    "pop": Style(
        levels=(
            {4: ("0.1.2...", "0...1.2."), 3: ("0.1...",), 2: ("0.1.",), 1: ("0.",)},
            {4: ("012.012.", "012.0.C."), 3: ("0.1.2.", "012.C."), 2: ("012.", "0.C."), 1: ("0.",)},
            {4: ("0.C.012.", "0.C.0.C.", "01C.0.C."), 3: ("0.C.C.", "012.C."), 2: ("0.C.", "012."), 1: ("0.",)},
            {4: ("B.C.0.C.", "B.C.0.CC", "B.C1B.C."), 3: ("B.C.C.", "B.C.CC"), 2: ("B.C.", "B.CC"), 1: ("B.",)},
        ),
        easy=_EASY_FLOWING,
        comping=1.0,
    ),
    "ballad": Style(
        levels=(
            {4: ("0.1.3...", "0.1.2..."), 3: ("0.1...", "0.2..."), 2: ("0.1.",), 1: ("0.",)},
            {4: ("0123....", "01232..."), 3: ("0123..", "012..."), 2: ("012.", "013."), 1: ("0.",)},
            {4: ("01234321", "01232.12"), 3: ("012321", "01232."), 2: ("0123", "0121"), 1: ("01",)},
            {4: ("B1234321", "B123B123"), 3: ("B12321",), 2: ("B123", "B121"), 1: ("01",)},
        ),
        easy=_EASY_FLOWING,
        bass=42,
        top=65,
    ),
    "arpeggio": Style(
        levels=(
            {4: ("01232123", "01234321"), 3: ("012321",), 2: ("0123", "0121"), 1: ("01",)},
            {4: ("0123432101232121", "0123212101232121"), 3: ("012321232123",), 2: ("01232123", "01232101"), 1: ("0123",)},
            {4: ("0123432101234321", "0123454321234321"), 3: ("012345432121",), 2: ("01234321", "01232123"), 1: ("0123",)},
            {4: ("B123432101234543", "B123454321234321"), 3: ("B12345432123",), 2: ("B1234321",), 1: ("0123",)},
        ),
        easy=_EASY_FLOWING,
        bass=42,
        top=69,
        inner=-1,
    ),
    "stride": Style(
        levels=(
            {4: ("0.C...C.", "0.C.1.C."), 3: ("0.C...",), 2: ("0.C.",), 1: ("0.",)},
            {4: ("0.C.1.C.",), 3: ("0.C.C.",), 2: ("0.C.", "1.C."), 1: ("0.",)},
            {4: ("0.C.1.C.", "0.C.1.CC"), 3: ("0.C.C.", "0.C.1C"), 2: ("0.C.", "B.C."), 1: ("0.",)},
            {4: ("B.C.1.C.", "B.C.1.CC"), 3: ("B.C.C.",), 2: ("B.C.",), 1: ("B.",)},
        ),
        easy=_EASY_STEADY,
        bass=41,
        top=64,
        chord=3,
        pedal=-1,
        detached=0.7,
    ),
    "rock": Style(
        levels=(
            {4: ("P...P...", "P.....0."), 3: ("P.....",), 2: ("P...",), 1: ("P.",)},
            {4: ("P.0.P.0.", "P.0.P.00"), 3: ("P.0.0.",), 2: ("P.0.",), 1: ("P.",)},
            {4: ("P0P.0P0.", "P0P00P0."), 3: ("P0P.0.",), 2: ("P00.", "P0P."), 1: ("P0",)},
            {4: ("02020202", "B2020212"), 3: ("020202",), 2: ("0202",), 1: ("02",)},
        ),
        easy=_EASY_STEADY,
        bass=38,
        top=60,
        comping=1.0,
        pedal=0,
        detached=0.85,
    ),
    "chorale": Style(
        levels=(
            {4: ("V.......", "V...V..."), 3: ("V.....",), 2: ("V...",), 1: ("V.",)},
            {4: ("V...V...", "V...V.V."), 3: ("V...V.",), 2: ("V...",), 1: ("V.",)},
            {4: ("V.V.V.V.",), 3: ("V.V.V.",), 2: ("V.V.",), 1: ("V.",)},
            {4: ("V.V.V.V.", "V.V.V.VV"), 3: ("V.V.V.",), 2: ("V.V.",), 1: ("V.",)},
        ),
        easy=_EASY_STEADY,
        bass=45,
        top=62,
        comping=1.0,
        inner=1,
        pedal=3,
    ),
}


def cells_for(style: Style, difficulty: str, level: int) -> Cells:
    """The cells of a fullness 0..3 at a difficulty."""
    return style.easy[level // 2] if difficulty == "easy" else style.levels[level]


def split_pulses(pulses: float) -> list[float]:
    """A stretch of pulses as lengths that cells exist for, fours first; what is left of a pulse comes last."""
    out: list[float] = []
    left = pulses
    for size in (4, 3, 2, 1):
        while left >= size - 1e-6 and not (size == 3 and abs(left - 4) < 1e-6):
            out.append(float(size))
            left -= size
    if left > 1e-6:
        out.append(left)
    return out
