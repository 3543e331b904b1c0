"""An even clock for what moves with the sound: devices tell what was heard in steps that would be seen as judder."""

from __future__ import annotations

from collections import deque

GAP = 0.15
"""Seconds without news after which the sound is taken to have stopped."""
_JUMP = 0.12
"""Seconds of difference that are a jump, not an uneven step."""
_WINDOW = 0.6
_PULL = 0.08


class Glide:
    """Follows positions that are told now and then, and says where they are in between."""

    def __init__(self) -> None:
        self._told: deque[tuple[float, float]] = deque()
        self._at = 0.0
        self._now = 0.0

    def tell(self, position: float, now: float) -> None:
        """``position`` was heard at time ``now``."""
        told = self._told
        expected = self.at(now)
        if not told or now - told[-1][0] > GAP or abs(position - expected) > _JUMP:
            told.clear()
            self._at = position
        else:
            self._at = expected + _PULL * (position - expected)
        self._now = now
        told.append((now, position))
        while now - told[0][0] > _WINDOW:
            told.popleft()

    def at(self, now: float) -> float:
        """Where the position is at ``now``; where it was told to be when it does not move."""
        if not self._told:
            return self._at
        if not self.moving(now):
            return self._told[-1][1]
        return self._at + (now - self._now) * self._speed()

    def moving(self, now: float) -> bool:
        """Whether the position is on its way."""
        return len(self._told) > 1 and now - self._told[-1][0] <= GAP

    def _speed(self) -> float:
        (first, start), (last, end) = self._told[0], self._told[-1]
        # Two reports say little yet: songs are mostly heard at their own speed.
        if last - first < 0.1:
            return 1.0
        return min(2.0, max(0.0, (end - start) / (last - first)))
