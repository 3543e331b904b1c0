"""Left-hand patterns of the easy difficulty: each style's gait with few notes and without leaving a five-finger stretch.

Three tables a style, from calm to lively, read as in ``patterns``; a tempo that makes one too fast is played from the
one before.
"""

from __future__ import annotations

from collections.abc import Mapping

Cells = Mapping[int, tuple[str, ...]]

EASY: dict[str, tuple[Cells, Cells, Cells]] = {
    # Pushes: dotted notes that lead across the middle of the bar.
    "pop": (
        {4: ("0.....1.", "0..1...."), 3: ("0..1..",), 2: ("0..1",), 1: ("0.",)},
        {4: ("0..1..0.", "0..1..2."), 3: ("0..1.0",), 2: ("0..1",), 1: ("0.",)},
        {4: ("0..1.20.", "0..1.2.1"), 3: ("0..1.2",), 2: ("0..1",), 1: ("0.",)},
    ),
    # Rolls up at once, and lets it sound.
    "ballad": (
        {4: ("01......",), 3: ("01....",), 2: ("01..",), 1: ("0.",)},
        {4: ("01..C...", "01..2..."), 3: ("01..2.",), 2: ("01..",), 1: ("0.",)},
        {4: ("012.C...", "012..1.."), 3: ("012...",), 2: ("012.",), 1: ("01",)},
    ),
    # Climbs and never stands still.
    "arpeggio": (
        {4: ("0.12.3..",), 3: ("0.12..",), 2: ("0.3.",), 1: ("0.",)},
        {4: ("0.12.123", "0.123.2."), 3: ("0.123.",), 2: ("0.12",), 1: ("0.",)},
        {4: ("01212321", "01232121"), 3: ("012321",), 2: ("0123",), 1: ("01",)},
    ),
    # A bass note before the bar's chords: low, high, rest, high.
    "stride": (
        {4: ("0.H...C.",), 3: ("0.H.H.",), 2: ("0.H.",), 1: ("0.",)},
        {4: ("0.C...C.",), 3: ("0.C.H.", "0.H.C."), 2: ("0.C.", "0.H."), 1: ("0.",)},
        {4: ("0.C...C.", "0.C.0.C."), 3: ("0.C.C.",), 2: ("0.C.",), 1: ("0.",)},
    ),
    # Hammers its root.
    "rock": (
        {4: ("0...00..",), 3: ("0...0.",), 2: ("0.0.",), 1: ("0.",)},
        {4: ("0.0.0.00", "0.0.000."), 3: ("0.0.00",), 2: ("0.00",), 1: ("0.",)},
        {4: ("00000000", "P.00P.00"), 3: ("000000",), 2: ("0000",), 1: ("00",)},
    ),
    # Two voices that move together.
    "chorale": (
        {4: ("V.......",), 3: ("V.....",), 2: ("V...",), 1: ("V.",)},
        {4: ("V...V...",), 3: ("V.....",), 2: ("V...",), 1: ("V.",)},
        {4: ("V.V.V...", "V...V.V."), 3: ("V...V.",), 2: ("V.V.",), 1: ("V.",)},
    ),
}
