"""Decoded pictures of one file, found by their time."""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from desktop.errors import UserError
from desktop.ui.widgets.picture import Picture, Rgb

EPSILON = 1e-3
"""Seconds by which times of the same picture may differ after a way through text or floats."""


@dataclass(frozen=True)
class Frame:
    """A picture: its time in seconds, its pixels [h, w, 3], its number in the clip if that is known."""

    time: float
    rgb: Rgb
    index: int | None = None

    def is_same(self, other: Frame | None) -> bool:
        """Whether it is the same picture of the clip."""
        return other is not None and abs(self.time - other.time) <= EPSILON

    def picture(self) -> Picture:
        """Ready for painting."""
        return Picture.of(self.rgb)


@dataclass(frozen=True)
class Stretch:
    """Pictures in a row, as a FramesJob gives them; the pixels stay in their file until they are looked at."""

    times: tuple[float, ...]
    indexes: tuple[int | None, ...]
    rgb: Any
    ends: bool

    @classmethod
    def read(cls, result: dict[str, Any], asked: int) -> Stretch:
        """From the result of a job that asked for so many pictures; raises UserError when the file cannot be read."""
        path = Path(str(result.get("frames", "")))
        times = tuple(float(t) for t in result.get("times") or ())
        try:
            rgb = np.load(path, mmap_mode="r")
        except (OSError, ValueError) as error:
            raise UserError(f"The pictures cannot be read: {error}", path=path, remedy="Go there again.") from error
        count = min(len(times), len(rgb))
        indexes = [None if n is None else int(n) for n in result.get("indexes") or ()]
        return cls(times[:count], tuple([*indexes, *[None] * count][:count]), rgb, count < asked)

    def at(self, place: int) -> Frame:
        """One of the pictures."""
        return Frame(self.times[place], self.rgb[place], self.indexes[place])


class Reel:
    """The stretches of a file that were decoded last.

    Args:
        kept: how many of them.
    """

    def __init__(self, kept: int = 6) -> None:
        self._kept = kept
        self._stretches: OrderedDict[int, Stretch] = OrderedDict()
        self._number = 0

    def clear(self) -> None:
        """Forget all."""
        self._stretches.clear()

    def add(self, stretch: Stretch) -> None:
        """Keep pictures."""
        if not stretch.times:
            return
        self._number += 1
        self._stretches[self._number] = stretch
        while len(self._stretches) > self._kept:
            self._stretches.popitem(last=False)

    def at(self, second: float, *, length: float = 0.0) -> Frame | None:
        """The picture that is shown at a moment; None when it has not been decoded.

        ``length``: how long the last picture of a stretch is taken to last, as the one after it is not known.
        """
        found = self._find(second, length)
        return found[0].at(found[1]) if found else None

    def nearest(self, second: float, within: float) -> Frame | None:
        """The picture whose time is nearest to a moment, at most ``within`` seconds away; None when none has been decoded.

        So the same picture of two files is found, though containers round times and may begin with the sound.
        """
        best: tuple[float, Stretch, int] | None = None
        for stretch in self._stretches.values():
            place = bisect_right(stretch.times, second)
            for near in (place - 1, place):
                if 0 <= near < len(stretch.times):
                    away = abs(stretch.times[near] - second)
                    if away <= within and (best is None or away < best[0]):
                        best = (away, stretch, near)
        return best[1].at(best[2]) if best is not None else None

    def beside(self, frame: Frame, way: int) -> Frame | None:
        """The picture before (-1) or after (1) another one; None when it has not been decoded."""
        for stretch in reversed(self._stretches.values()):
            here = bisect_right(stretch.times, frame.time + EPSILON) - 1
            if here >= 0 and abs(stretch.times[here] - frame.time) <= EPSILON and 0 <= here + way < len(stretch.times):
                return stretch.at(here + way)
        return None

    def until(self, second: float) -> float:
        """The moment up to which, from ``second`` on, all pictures are here; ``second`` when that one is not."""
        reached = second
        while True:
            further = [
                s.times[-1]
                for s in self._stretches.values()
                if s.times[0] <= reached + EPSILON and s.times[-1] > reached + EPSILON
            ]
            if not further:
                return reached
            reached = max(further)

    def ends_at(self, second: float) -> bool:
        """Whether the file is known to have no picture after this moment."""
        return any(s.ends and s.times[-1] <= second + EPSILON for s in self._stretches.values())

    def _find(self, second: float, length: float) -> tuple[Stretch, int] | None:
        for number, stretch in reversed(self._stretches.items()):
            place = bisect_right(stretch.times, second + EPSILON) - 1
            last = len(stretch.times) - 1
            if place < 0 or (place == last and second > stretch.times[last] + max(EPSILON, length) and not stretch.ends):
                continue
            self._stretches.move_to_end(number)
            return stretch, place
        return None
