"""Where notes and drums begin in a sound, found piece by piece as playing reaches them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

PIECE = 1 << 15
"""Frames that are looked at in one go."""
STEP = 64
"""Frames of one measurement of energy."""
BACK = 16
"""Measurements before one that it is compared with."""
RISE = 6.0
"""How many times more energy makes an attack."""
FLOOR = 4e3
"""Energy a frame of the loudest channel's differences (16-bit units, squared) under which nothing is heard as an attack."""
APART_S = 0.05
Frames = npt.NDArray[np.int64]


class AttackFinder:
    """Attacks of one 16-bit stereo ``sound`` [n, 2]."""

    def __init__(self, sound: npt.NDArray[np.int16], rate: int) -> None:
        self.sound = sound
        self._apart = max(1, round(APART_S * rate / STEP))
        self._pieces: dict[int, Frames] = {}

    def between(self, first: int, last: int) -> Frames:
        """Frames of the attacks from ``first`` to before ``last``, rising."""
        first, last = max(0, first), min(len(self.sound), last)
        if last <= first:
            return np.zeros(0, np.int64)
        found = np.concatenate([self._piece(number) for number in range(first // PIECE, (last - 1) // PIECE + 1)])
        return found[(found >= first) & (found < last)]

    def _piece(self, number: int) -> Frames:
        kept = self._pieces.get(number)
        if kept is None:
            kept = self._pieces[number] = self._look(number * PIECE)
        return kept

    def _look(self, start: int) -> Frames:
        # What comes before a piece decides whether its first attacks are some.
        lead = (self._apart + BACK) * STEP
        first = max(0, start - lead)
        # Differences favour what attacks are made of: high frequencies.
        part = np.diff(np.asarray(self.sound[first : start + PIECE + STEP], np.float32), axis=0, prepend=0)
        part[0] = 0
        count = len(part) // STEP
        if count < 2:
            return np.zeros(0, np.int64)
        energy = (part[: count * STEP].reshape(count, -1) ** 2).mean(axis=1) + 1.0
        sums = np.cumsum(np.concatenate([[0.0], energy]))
        at = np.arange(count)
        low = np.maximum(0, at - BACK)
        before = (sums[at] - sums[low] + (BACK - (at - low))) / BACK
        rising = (energy > RISE * before) & (energy > FLOOR)
        found: list[int] = []
        for step in np.flatnonzero(rising).tolist():
            if not found or step - found[-1] >= self._apart:
                found.append(step)
        frames = first + np.array(found, np.int64) * STEP
        return frames[(frames >= start) & (frames < start + PIECE)]
