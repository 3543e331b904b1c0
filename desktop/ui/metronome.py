"""Clicks on the beats of a song, laid over what is played to the sample."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from desktop.piano.cover import Grid
from desktop.ui.playlog import Mark

LENGTH_S = 0.045
DECAY_S = 0.009
PITCHES = (1046.5, 1568.0)
"""Hertz of the clicks: on beats, on beats that start a bar."""
LOUDNESS = (0.42, 0.62)
Sound = npt.NDArray[np.float32]


@lru_cache(maxsize=8)
def click(accent: bool, rate: int) -> Sound:
    """One click as samples of full volume in the units of 16-bit sound; accented ones are higher and louder."""
    seconds = np.arange(round(LENGTH_S * rate)) / rate
    pitch = PITCHES[accent]
    # The partial above makes it wooden; half a millisecond of rise keeps it from cracking.
    tone = np.sin(2 * np.pi * pitch * seconds) + 0.35 * np.sin(2 * np.pi * pitch * 2.76 * seconds) * np.exp(-seconds / 0.003)
    shape = np.exp(-seconds / DECAY_S) * np.minimum(1.0, seconds / 0.0005)
    return np.asarray(32767 * LOUDNESS[accent] * tone * shape, np.float32)


class Metronome:
    """Clicks of one song.

    Attributes:
        on: whether it clicks.
        volume: 0..1.
    """

    def __init__(self) -> None:
        self.on = False
        self.volume = 0.7
        self._grid: Grid | None = None
        self._ringing: list[tuple[Sound, int]] = []

    @property
    def grid(self) -> Grid | None:
        """The beats that it clicks."""
        return self._grid

    def set_grid(self, grid: Grid | None) -> None:
        """Click other beats from now on."""
        self._grid = grid

    def silence(self) -> None:
        """Cut clicks that still ring."""
        self._ringing.clear()

    def bar_before(self, second: float) -> float:
        """The second one bar earlier by the beats; the edge tempo goes on before the first beat."""
        if self._grid is None:
            return second
        return float(self._grid.seconds(self._grid.beats(second) - self._grid.meter))

    def mix(self, out: Sound, mark: Mark, made: int, rate: int, *, forced: bool = False) -> None:
        """Add the clicks of ``len(out)`` frames from frame ``made`` on, which show the song as ``mark`` says.

        Args:
            out: [n, 2] float in the units of 16-bit sound, changed in place.
            forced: click although it is off (bars are counted in).
        """
        if self.on or forced:
            self._begin(len(out), mark, made, rate, before=forced)
        still: list[tuple[Sound, int]] = []
        for sound, at in self._ringing:
            part = sound[max(0, -at) : max(0, len(out) - at)]
            out[max(0, at) : max(0, at) + len(part)] += self.volume * part[:, None]
            if at + len(sound) > len(out):
                still.append((sound, at - len(out)))
        self._ringing = still

    def _begin(self, count: int, mark: Mark, made: int, rate: int, *, before: bool) -> None:
        """Find the beats that fall on frames ``made`` .. ``made + count``; with ``before`` also those before the first one."""
        grid = self._grid
        if grid is None or mark.speed <= 0 or count <= 0:
            return
        # A click belongs to one whole frame since the mark, whichever blocks the sound is made in.
        span = [(mark.song + (made + k - mark.made) * mark.speed) / rate for k in (-1, count)]
        first, last = (float(at) for at in grid.beats(np.array(span)))
        low = math.ceil(first - 1e-6) if before else max(0, math.ceil(first - 1e-6))
        beats = np.arange(low, min(len(grid.times), math.floor(last + 1e-6) + 1))
        frames = np.ceil((grid.seconds(beats) * rate - mark.song) / mark.speed - 1e-6).astype(np.int64) + mark.made - made
        for beat, frame in zip(beats.tolist(), frames.tolist(), strict=True):
            if 0 <= frame < count:
                self._ringing.append((click(grid.is_downbeat(int(beat)), rate), frame))
