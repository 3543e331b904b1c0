"""How long a job still needs, judged by what it has done so far."""

from __future__ import annotations

import math
from collections.abc import Callable
from time import monotonic

_SETTLED = ((2.0, 0.1), (6.0, 0.02))
"""Seconds and fraction after which a guess is made: starting up says little about the rest."""

_MEMORY_S = 5.0
_RECENT_WEIGHT = 0.7
_SMOOTHING_S = 2.0


class TimeLeft:
    """Seconds left of one job, from the fractions that it reports.

    The speed is a mean of the overall speed and that of the last seconds, as stages differ; the shown value follows it
    smoothly and counts down by itself. Time spent paused is left out. No guess is made before something can be known.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._offset = clock()
        self._paused_at: float | None = None
        self._fraction = 0.0
        self._at = 0.0
        self._speed: float | None = None
        self._shown: tuple[float, float] | None = None

    @property
    def elapsed(self) -> float:
        """Seconds of work, without the pauses."""
        return (self._clock() if self._paused_at is None else self._paused_at) - self._offset

    def pause(self) -> None:
        """The work stands still from now on."""
        if self._paused_at is None:
            self._paused_at = self._clock()

    def resume(self) -> None:
        """The work goes on."""
        if self._paused_at is not None:
            self._offset += self._clock() - self._paused_at
            self._paused_at = None

    def update(self, fraction: float) -> None:
        """``fraction`` (0..1) of the work is done; steps back are ignored."""
        now = self.elapsed
        step, span = fraction - self._fraction, now - self._at
        if step <= 0 or span <= 0:
            return
        weight = 1.0 - math.exp(-span / _MEMORY_S)
        recent = step / span
        self._speed = recent if self._speed is None else self._speed + weight * (recent - self._speed)
        self._fraction, self._at = fraction, now
        if not any(now >= seconds and fraction >= part for seconds, part in _SETTLED):
            return
        guess = (1.0 - fraction) / (_RECENT_WEIGHT * self._speed + (1.0 - _RECENT_WEIGHT) * fraction / now)
        if self._shown is not None and fraction < 1.0:
            value, then = self._shown
            follow = 1.0 - math.exp(-(now - then) / _SMOOTHING_S)
            guess = (value - (now - then)) * (1.0 - follow) + guess * follow
        self._shown = (max(0.0, guess), now)

    @property
    def remaining(self) -> float | None:
        """Seconds left, or None while nothing can be said."""
        if self._shown is None:
            return None
        value, then = self._shown
        return max(0.0, value - (self.elapsed - then))
