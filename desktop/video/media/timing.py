"""Time stamps as they should be: one for every picture, each later than the one before."""

from __future__ import annotations

from fractions import Fraction

LONGEST_GAP = Fraction(6 * 3600)
"""A picture that is shown for so many seconds is none: the clock has jumped."""
_MOST_TICKS = 2**31 - 1
"""That containers can count between two pictures."""


class Stamps:
    """Hands on the time stamps of decoded frames; makes those that are missing or go backwards.

    Attributes:
        made: pictures without a time stamp so far.
        jumps: places where the clock jumped back, or hours forward; what follows is moved, so that it goes on without a gap.
    """

    def __init__(self, time_base: Fraction, rate: Fraction | None) -> None:
        self.made = 0
        self.jumps = 0
        self._step = max(1, round(1 / (rate * time_base))) if rate else max(1, round(Fraction(1, 25) / time_base))
        self._exact = 1 / (rate * time_base) if rate else Fraction(self._step)
        self._longest = min(int(LONGEST_GAP / time_base), _MOST_TICKS)
        self._last: int | None = None
        self._duration = 0
        self._shift = 0
        self._anchor: tuple[int, int] | None = None

    def next(self, stamp: int | None, duration: int) -> int:
        """The time stamp of the next picture, of which ``stamp`` and ``duration`` (0 unknown) are what the stream says."""
        if stamp is None:
            self.made += 1
            result = self._made()
        else:
            self._anchor = None
            result = stamp + self._shift
            if self._last is not None and not 0 < result - self._last <= self._longest:
                self.jumps += 1
                result = self._last + (self._duration or self._step)
                self._shift = result - stamp
        self._last, self._duration = result, duration or self._duration
        return result

    def _made(self) -> int:
        """A stamp by the rate, counted from the last one that the stream gave, so that rounding does not add up."""
        if self._last is None:
            self._anchor = (0, 0)
            return 0
        if self._anchor is None:
            self._anchor = (self._last, 0)
        begin, count = self._anchor
        self._anchor = (begin, count + 1)
        return max(self._last + 1, begin + round((count + 1) * self._exact))
