"""How long a job still needs, judged by what it has done so far."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from time import monotonic

_SETTLED = ((2.0, 0.1), (6.0, 0.02))
"""Seconds and fraction after which a guess is made: starting up says little about the rest."""

_WINDOW_S, _WINDOW_PART = 8.0, 0.3
_SAMPLES = 50
_SMOOTHING_S = 2.0


class TimeLeft:
    """Seconds left of one job, from the fractions that it reports.

    The speed is that of the last seconds (eight, or three tenths of the time so far), as stages differ; the shown value
    follows it smoothly and counts down by itself. Time spent paused is left out. No guess is made before something can
    be known.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._offset = clock()
        self._paused_at: float | None = None
        self._samples = deque([(0.0, 0.0)])
        self._fraction = 0.0
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
        if fraction <= self._fraction or now <= self._samples[-1][0]:
            return
        self._fraction = fraction
        speed = self._speed(now, fraction)
        if not any(now >= seconds and fraction >= part for seconds, part in _SETTLED):
            return
        guess = (1.0 - fraction) / speed
        if self._shown is not None and fraction < 1.0:
            value, then = self._shown
            # In proportion, so that a guess that was far too long is forgotten as fast as one far too short.
            follow = 1.0 - math.exp(-(now - then) / _SMOOTHING_S)
            guess = max(0.1, value - (now - then)) ** (1.0 - follow) * guess**follow
        self._shown = (guess, now)

    @property
    def remaining(self) -> float | None:
        """Seconds left, or None while nothing can be said."""
        if self._shown is None:
            return None
        value, then = self._shown
        return max(0.0, value - (self.elapsed - then))

    def _speed(self, now: float, fraction: float) -> float:
        """Fraction a second over the window that ends now, which is noted."""
        window = max(_WINDOW_S, _WINDOW_PART * now)
        while len(self._samples) > 1 and self._samples[1][0] <= now - window:
            self._samples.popleft()
        then, before = self._samples[0]
        if now - self._samples[-1][0] >= window / _SAMPLES:
            self._samples.append((now, fraction))
        return (fraction - before) / (now - then)
