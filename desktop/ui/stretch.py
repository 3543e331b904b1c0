"""Slower playback at the same pitch, live: waveform-similarity overlap-add that keeps attacks whole.

Verhelst and Roelands, "An overlap-add technique based on waveform similarity (WSOLA) for high quality time-scale modification
of speech", ICASSP 1993. Sound comes in blocks of half a grain; each block fades from the natural continuation of the grain
before to a new grain, taken from where the song should be now, give or take what makes the two alike. Grains with an attack in
them are put where the attack belongs and play on unchanged until it has passed; no later grain reaches back before it. So
attacks are neither doubled nor smeared, and at full speed the new grain *is* the continuation: the sound passes unchanged.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

HOP_S = 0.024
"""Seconds of a block: half a grain. It holds a period of the lowest notes of a piano's useful range."""
SEARCH_S = 0.0125
"""Seconds around the due place among which the most alike one is looked for."""
GUARD_S = 0.003
"""Seconds after an attack that later grains keep away from."""
Sound = npt.NDArray[np.float32]
Source = Callable[[int, int], Sound]
"""(first frame, count) -> [count, 2]; silence where the song is not."""
Attacks = Callable[[int, int], npt.NDArray[np.int64]]
"""(first frame, last frame) -> frames of the attacks between, rising."""


class Stretcher:
    """The place in the song at which sound goes on, and what follows from it.

    Attributes:
        hop: frames of a block.
        next: frame of the song with which the last block goes on.
    """

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self.hop = round(HOP_S * rate)
        self._search = round(SEARCH_S * rate)
        self._guard = round(GUARD_S * rate)
        self._fade = _rise(self.hop)
        self.next = 0
        self._passed = -1

    def reset(self, frame: int) -> None:
        """Go on at a frame of the song, without a bond to what sounded before."""
        self.next, self._passed = frame, -1

    def is_at(self, frame: float) -> bool:
        """Whether sound that goes on unchanged is that of the song at ``frame``."""
        return abs(self.next - frame) < 1.0

    def skip(self, frames: int) -> None:
        """Sound was passed on unchanged, outside of here."""
        self.next += frames

    def block(self, due: float, speed: float, before: Source, now: Source, attacks: Attacks) -> Sound:
        """The next ``hop`` frames of sound.

        Args:
            due: frame of the song at which the block should begin.
            speed: frames of the song for a frame of sound, 0.25..1.
            before: reads the song as it sounded so far, ``now``: as it shall sound (another crossfade).
            attacks: finds attacks.
        """
        hop = self.hop
        first = self._choose(due, speed, now, attacks)
        new = now(first, hop)
        if first == self.next and before is now:
            out = new
        else:
            out = before(self.next, hop)
            out += (new - out) * self._fade
        self.next = first + hop
        return out

    def _choose(self, due: float, speed: float, now: Source, attacks: Attacks) -> int:
        """First frame of the new grain, which has faded in fully after a block."""
        hop = self.hop
        wanted = due + hop * (speed - 1.0)
        if speed >= 1.0:
            return round(wanted)
        last = due + 2 * hop * speed
        coming = attacks(round(due), round(last) + self._search + 2 * hop)
        if len(coming) and coming[0] < last:
            # Its moment is within this grain: there it is heard.
            attack = int(coming[0])
            self._passed = attack
            return attack - math.floor((attack - due) / speed + 0.5)
        low, high = wanted - self._search, wanted + self._search
        if self._passed >= 0 and low < self._passed + self._guard:
            low = self._passed + self._guard
            high = max(high, low + self._search)
        if len(coming):
            # The grain must be over before the attack whose moment is still to come.
            high = min(high, int(coming[0]) - 2 * hop)
        if high - low < 1:
            # Attacks closer than a grain: not hearing the last one twice comes first.
            return round(low if self._passed >= 0 else high)
        return self._most_alike(round(low), round(high), now)

    def _most_alike(self, low: int, high: int, now: Source) -> int:
        """The place from ``low`` to ``high`` whose sound is most like the continuation of the last grain."""
        hop = self.hop
        target = now(self.next, hop).sum(axis=1)
        field = now(low, hop + high - low).sum(axis=1)
        energy = np.cumsum(np.concatenate([[0.0], field.astype(np.float64) ** 2]))
        norm = np.sqrt(np.maximum(energy[hop:] - energy[:-hop], 0.0))
        if not target.any() or not norm.any():
            return min(high, max(low, self.next))
        size = 1 << (len(field) + hop - 1).bit_length()
        alike = np.fft.irfft(np.fft.rfft(field, size) * np.conj(np.fft.rfft(target, size)), size)[: high - low + 1]
        return low + int(np.argmax(alike / (norm + 1e-3 * norm.max())))


def _rise(hop: int) -> Sound:
    """A rise from 0 to 1 whose mirror image adds up to 1 with it: [hop, 1]."""
    return np.asarray(0.5 - 0.5 * np.cos(np.pi * (np.arange(hop) + 0.5) / hop), np.float32)[:, None]
