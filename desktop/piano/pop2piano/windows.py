"""How a song is cut for Pop2Piano: windows of eight steps, two of which are a beat, each heard and answered by itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from desktop.piano.cover import Grid
from desktop.piano.pop2piano.mel import RATE, Floats, frames

STEPS_PER_BEAT = 2
STEPS = 8
"""Of a window."""
BEATS = STEPS // STEPS_PER_BEAT
BEYOND = 4
"""Steps after a window's end at which the notes that it leaves sounding end."""


@dataclass(frozen=True)
class Windows:
    """The windows of a song; number 0 starts at the grid's first beat. What lies before it or after the last beat is not heard.

    Attributes:
        spans: first sample of each window and the one behind its last [windows, 2], at ``RATE``.
        length: samples that each is filled up to with silence: those of the longest.
    """

    spans: npt.NDArray[np.int64]
    length: int

    @property
    def frames(self) -> int:
        """Frames of each window's spectrogram."""
        return frames(self.length)

    def cut(self, sound: Floats, numbers: npt.NDArray[np.int64]) -> Floats:
        """Sound of some windows [numbers, length] of the whole song's mono sound [samples] at ``RATE``."""
        out = np.zeros((len(numbers), self.length), np.float32)
        for row, (first, last) in zip(out, self.spans[numbers], strict=True):
            start, end = (int(np.clip(place, 0, len(sound))) for place in (first, last))
            if end > start:
                row[start - first : end - first] = sound[start:end]
        return out

    def between(self, first: float, last: float) -> npt.NDArray[np.int64]:
        """Numbers of the windows that overlap a stretch of beats."""
        low = max(0, int(np.floor(first / BEATS + 1e-9)))
        high = min(len(self.spans), int(np.ceil(last / BEATS - 1e-9)))
        return np.arange(low, max(low, high))


def song_windows(grid: Grid) -> Windows:
    """The windows that cover a grid's beats.

    As in the authors' program: two steps a beat, the last beat as long as the one before it. Steps count from the first beat, so
    that its time is taken off before sample numbers are rounded down.
    """
    steps = STEPS_PER_BEAT * len(grid.times) + 1
    times = grid.seconds(np.arange(steps + 1) / STEPS_PER_BEAT)
    start = float(times[0])
    places = ((times - start) * RATE).astype(np.int64) + int(start * RATE)
    # Nothing is heard after the last step: a window that begins there is left out.
    firsts = np.arange(0, steps - 1, STEPS)
    ends = np.minimum(firsts + STEPS, steps)
    spans = np.stack([places[firsts], places[ends]], axis=1)
    length = int(np.diff(spans, axis=1).max())
    spans[:, 1] = np.minimum(spans[:, 1], int(times[steps - 1] * RATE))
    return Windows(spans, length)
