"""Left-hand patterns by style, as strings that are read like a rhythm.

A cell covers a number of pulses with characters of equal length: digits are steps of the chord's open ladder (0 is the
bass), `B` bass in octaves, `P` bass and fifth, `C` a close chord in the middle, `H` one tone of it, `V` bass and tenor
together, `.` goes on sounding, `-` rests.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from desktop.piano.arranging.easy_patterns import EASY, Cells
from desktop.piano.arranging.pace import PACE


@dataclass(frozen=True)
class Style:
    """How a style plays.

    Attributes:
        levels: left-hand cells for fullness 0..3.
        easy: left-hand cells of the easy difficulty, for fullness 0, 1..2 and 3.
        bass: middle of the bass line's octave.
        easy_bass: the same at the easy difficulty, where the hand stays near the middle of the keyboard.
        top: highest left-hand pitch.
        inner: added to the number-of-voices level of the right hand.
        comping: pulses between chords that the right hand strikes below a held melody note; 0 for none.
        broken: the right hand plays those one voice at a time.
        chord: notes of the close chord; one more at the full difficulty.
        pedal: pedal from this fullness down; -1 for none.
        detached: share of its length that an accompanying note sounds without pedal.
    """

    levels: tuple[Cells, Cells, Cells, Cells]
    easy: tuple[Cells, Cells, Cells]
    bass: int = 43
    easy_bass: int = 48
    top: int = 62
    inner: int = 0
    comping: float = 0.0
    broken: bool = False
    chord: int = 2
    pedal: int = 3
    detached: float = 1.0


STYLES: dict[str, Style] = {
    # Chords and bass notes that come an eighth before the beat.
    "pop": Style(
        levels=(
            {4: ("0..1..0.", "0..1...."), 3: ("0..1..",), 2: ("0..1",), 1: ("0.",)},
            {4: ("01.C0.12", "01.C01..", "01..CC.1"), 3: ("01.C.1", "0..C10"), 2: ("01.C",), 1: ("01",)},
            {4: ("01.C0121", "012C01.1", "01.1CC.1"), 3: ("01.C.1", "01.C01"), 2: ("01.C",), 1: ("01",)},
            {4: ("B1.C01.C", "B1.C0.CC", "B1.0CC.C"), 3: ("B1.C01", "B1.C.C"), 2: ("B1.C",), 1: ("B1",)},
        ),
        easy=EASY["pop"],
        easy_bass=48,
        bass=45,
        comping=0.5,
    ),
    # Opens from the bass to the tenth, in no hurry.
    "ballad": Style(
        levels=(
            {4: ("0.1.3...", "0.1.2..."), 3: ("0.1...", "0.2..."), 2: ("0.1.",), 1: ("0.",)},
            {4: ("0.123...", "0.132..."), 3: ("0.123.",), 2: ("0.12", "0.13"), 1: ("0.",)},
            {4: ("0.123212", "0.132123"), 3: ("0.1232", "0.1321"), 2: ("0.12", "0.13"), 1: ("0.",)},
            {4: ("B.123212", "B.132123"), 3: ("B.1232",), 2: ("B.12", "B.13"), 1: ("0.",)},
        ),
        easy=EASY["ballad"],
        easy_bass=47,
        bass=44,
        top=65,
        comping=0.5,
        broken=True,
    ),
    "arpeggio": Style(
        levels=(
            {4: ("01232123", "01234321"), 3: ("012321",), 2: ("0123", "0121"), 1: ("01",)},
            {4: ("0123432101232121", "0123212101232121"), 3: ("012321232123",), 2: ("01232123", "01232101"), 1: ("0123",)},
            {4: ("0123432101234321", "0123454321234321"), 3: ("012345432121",), 2: ("01234321", "01232123"), 1: ("0123",)},
            {4: ("B123432101234543", "B123454321234321"), 3: ("B12345432123",), 2: ("B1234321",), 1: ("0123",)},
        ),
        easy=EASY["arpeggio"],
        easy_bass=52,
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
        easy=EASY["stride"],
        easy_bass=46,
        bass=41,
        top=64,
        chord=3,
        pedal=-1,
        detached=0.7,
    ),
    # Eighths on the root with fifths thrown in.
    "rock": Style(
        levels=(
            {4: ("P...0.00", "P..00..."), 3: ("P...00",), 2: ("P.00",), 1: ("P.",)},
            {4: ("P.00P.00", "P.00P00."), 3: ("P.0000",), 2: ("P.00",), 1: ("P0",)},
            {4: ("P0P.0PP0", "P0P00P0."), 3: ("P0P0P.",), 2: ("P00.", "P0P0"), 1: ("P0",)},
            {4: ("P0P0P0P0", "Q0P00PP0"), 3: ("P0P0P0",), 2: ("P0P0",), 1: ("P0",)},
        ),
        easy=EASY["rock"],
        easy_bass=42,
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
        easy=EASY["chorale"],
        easy_bass=50,
        bass=45,
        top=62,
        comping=1.0,
        inner=2,
        pedal=3,
    ),
}


_TIER = (0, 1, 1, 2)
"""The table of an easy style for each fullness."""


def cells_for(style: Style, difficulty: str, level: int, pulses: int, seconds: float) -> Sequence[str]:
    """The cells of a fullness 0..3 at a difficulty that are ``pulses`` long and last ``seconds``; easy ones are no faster than a
    beginner plays, where there is one."""
    if difficulty != "easy":
        return style.levels[level][pulses]
    for tier in range(_TIER[level], -1, -1):
        fitting = [cell for cell in style.easy[tier][pulses] if strokes(cell) <= PACE * seconds]
        if fitting:
            return fitting
    return style.easy[0][pulses]


def strokes(cell: str) -> int:
    """Keys that an easy cell strikes."""
    return sum(0 if token in ".-" else 2 if token in "PVC" else 1 for token in cell)


def split_pulses(pulses: float) -> list[float]:
    """A stretch of pulses as lengths that cells exist for; what is left of a pulse comes last.

    Fours and threes as metres group them: 5 is 3 + 2, 6 is 3 + 3, 7 is 4 + 3, 12 is 3 + 3 + 3 + 3.
    """
    whole = int(pulses + 1e-6)
    if whole == 12:
        out = [3.0] * 4
    else:
        threes = {0: 0, 1: 3, 2: 2, 3: 1}[whole % 4] if whole > 5 else 0
        out = [4.0] * ((whole - 3 * threes) // 4) + [3.0] * threes if whole > 5 else _SHORT[whole].copy()
    left = pulses - whole
    return [*out, left] if left > 1e-6 else out


_SHORT: tuple[list[float], ...] = ([], [1.0], [2.0], [3.0], [4.0], [3.0, 2.0])
