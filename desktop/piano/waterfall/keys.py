"""Where the keys of a piano stand: horizontal places in whole pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from desktop.piano.waterfall.scene import Scene

LOWEST, HIGHEST = 21, 108
BLACK = frozenset({1, 3, 6, 8, 10})
_WIDTH = 0.58
"""Width of a black key in white keys, as on a real keyboard (13.7 of 23.5 mm)."""
_LEAN = {1: -0.14, 3: 0.14, 6: -0.16, 8: 0.0, 10: 0.16}
"""How far black keys stand off the border of their neighbours, in their own widths."""
_FEWEST = 22
"""White keys (three octaves and a key) that a cut-down keyboard shows at least."""


def is_black(pitch: int) -> bool:
    """Whether a MIDI pitch is a black key."""
    return pitch % 12 in BLACK


@dataclass(frozen=True)
class Keys:
    """The keys ``low``..``high`` (both white) across ``width`` pixels.

    Attributes:
        spans: pitch -> first pixel and the pixel after the last one.
        white: width of a white key in pixels, on average.
    """

    low: int
    high: int
    width: int
    spans: dict[int, tuple[int, int]]
    white: float

    def centre(self, pitch: int) -> float:
        """Middle of a key in pixels."""
        left, right = self.spans[pitch]
        return (left + right) / 2

    def neighbours(self, pitch: int) -> tuple[int, ...]:
        """The black keys that stand beside a white one."""
        return tuple(p for p in (pitch - 1, pitch + 1) if p in self.spans and is_black(p))


def lay_out(low: int, high: int, width: int) -> Keys:
    """Place the keys; ``low`` and ``high`` are widened to white keys."""
    low, high = low - is_black(low), high + is_black(high)
    whites = [p for p in range(low, high + 1) if not is_black(p)]
    white = width / len(whites)
    borders = [round(i * white) for i in range(len(whites) + 1)]
    spans = {pitch: (borders[i], borders[i + 1]) for i, pitch in enumerate(whites)}
    wide = max(2, round(white * _WIDTH))
    for pitch in range(low, high + 1):
        if is_black(pitch):
            left = round(spans[pitch - 1][1] + _LEAN[pitch % 12] * wide - wide / 2)
            spans[pitch] = (left, left + wide)
    return Keys(low, high, width, dict(sorted(spans.items())), white)


def bounds(keys: Keys, pitch: int) -> tuple[float, float]:
    """Left and right edge of a key's notes."""
    left, right = keys.spans[pitch]
    spare = 0.0 if is_black(pitch) else max(0.5, 0.07 * keys.white)
    return left + spare, right - spare


def choose_keys(scene: Scene, width: int, height: int, choice: str = "auto") -> Keys:
    """The keys to show.

    Args:
        choice: "all" for all 88, "used" for the octaves that the notes need, "auto" for all 88 on pictures that are wider than
            high and for those used on others, where keys would be too narrow.
    """
    if choice == "all" or (choice == "auto" and width >= 1.2 * height) or not len(scene.pitch):
        return lay_out(LOWEST, HIGHEST, width)
    return lay_out(*_used(int(scene.pitch.min()), int(scene.pitch.max())), width)


def _used(low: int, high: int) -> tuple[int, int]:
    """From a C or F below the lowest note to a B or E above the highest one, widened evenly to ``_FEWEST`` white keys."""
    low = max(LOWEST, min(low, HIGHEST))
    high = min(HIGHEST, max(high, low))
    while low > LOWEST and low % 12 not in (0, 5):
        low -= 1
    while high < HIGHEST and high % 12 not in (4, 11):
        high += 1
    while _whites(low, high) < _FEWEST and (low > LOWEST or high < HIGHEST):
        down = low > LOWEST and (high >= HIGHEST or 60 - low < high - 60)
        low, high = (low - 1, high) if down else (low, high + 1)
    return low, high


def _whites(low: int, high: int) -> int:
    return int(np.sum([not is_black(p) for p in range(low, high + 1)]))
