"""Keys that were played while a song ran, as notes of its cover. Pure: every time is handed in."""

from __future__ import annotations

import numpy as np

from desktop.piano.cover import LEFT, NOTE, RIGHT, Grid, Notes
from desktop.piano.live.schedule import HANDS

LEAST_S = 0.05
"""Real keys that were held for less are made this long: a touch is meant to be heard."""
MIDDLE_C = 60


class Recorder:
    """Gathers keys in seconds of the song; keys of several passes of a loop add up."""

    def __init__(self) -> None:
        self._down: dict[int, tuple[float, int]] = {}
        self._taken: list[tuple[float, float, int, int]] = []

    @property
    def count(self) -> int:
        """Keys so far."""
        return len(self._taken) + len(self._down)

    def press(self, pitch: int, velocity: int, second: float) -> None:
        """A key goes down."""
        self.lift(pitch, second)
        self._down[pitch] = (second, velocity)

    def lift(self, pitch: int, second: float) -> None:
        """A key comes up."""
        if (found := self._down.pop(pitch, None)) is not None:
            start, velocity = found
            self._taken.append((start, max(second, start + LEAST_S), pitch, velocity))

    def rest(self, second: float) -> None:
        """The song stops or goes elsewhere: what is down ends here."""
        for pitch in list(self._down):
            self.lift(pitch, second)

    def notes(self, grid: Grid, hands: tuple[int, ...] = HANDS) -> Notes:
        """What was played, in beats; for both hands, middle C parts them. Keys that are still down are left out."""
        made = np.zeros(len(self._taken), NOTE)
        if len(made):
            start, end, pitch, velocity = (np.array(column) for column in zip(*self._taken, strict=True))
            made["start"], made["end"] = grid.beats(np.maximum(start, 0.0)), grid.beats(end)
            made["pitch"], made["velocity"] = pitch, np.clip(velocity, 1, 127)
            made["hand"] = np.where(pitch >= MIDDLE_C, RIGHT, LEFT) if len(hands) > 1 else hands[0]
        return made[(made["pitch"] >= 21) & (made["pitch"] <= 108)]
