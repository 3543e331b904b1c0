"""How fast notes fall, so that each frame of a video moves them by the same number of pixels.

A speed that is no multiple of a pixel a frame judders when it is rounded and blurs when it is interpolated. So the speed is
rounded to a fraction n/k of a pixel with a small k, and the falling strip is drawn in each of the k places between two pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

FINEST = 6
_NEAR = 0.06
"""A lead that is off by less than this share is not worth finer steps."""


@dataclass(frozen=True)
class Pace:
    """``steps`` steps of 1/``parts`` pixel a frame, ``rate`` frames a second."""

    steps: int
    parts: int
    rate: float

    @property
    def speed(self) -> float:
        """Pixels a second."""
        return self.steps * self.rate / self.parts

    def place(self, second: float) -> int:
        """How far the strip has fallen at a second, in steps of 1/``parts`` pixel."""
        # Not a half: times of frames fall on it exactly, and would be rounded up or down by chance.
        return int((second * self.speed * self.parts + 0.501) // 1)


def pace(height: int, lead: float, rate: float) -> Pace:
    """The pace at which notes fall through ``height`` pixels in about ``lead`` seconds, at ``rate`` frames a second."""
    wanted = height / (lead * rate)
    found = [Pace(max(1, round(wanted * parts)), parts, rate) for parts in range(1, FINEST + 1)]
    off = [abs(one.steps / one.parts - wanted) / wanted for one in found]
    near = [one for one, error in zip(found, off, strict=True) if error <= _NEAR]
    return near[0] if near else found[off.index(min(off))]
