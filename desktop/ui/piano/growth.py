"""A cover while it is being made: notes and beats as they come in previews."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from desktop.jobs.events import Previewed
from desktop.piano.cover import NOTE, Chord, Grid, Notes, sort_notes
from desktop.ui.widgets.roll_data import RollData, from_notes


class Growth:
    """Gathers previews of one run.

    Attributes:
        count: notes so far.
        grid: beats, once they are found.
    """

    def __init__(self) -> None:
        self._parts: list[Notes] = []
        self._chords: tuple[Chord, ...] = ()
        self.grid: Grid | None = None
        self.count = 0

    def add(self, event: Previewed) -> bool:
        """Take a preview; whether it changed what is to be seen."""
        if event.kind == "grid":
            self.grid = Grid(
                _array(event.data["times"], np.dtype("<f8")), int(event.data.get("downbeat", 0)), int(event.data.get("meter", 4))
            )
            self._chords = tuple(Chord(*chord) for chord in event.data.get("chords", ()))
            return True
        if event.kind == "notes":
            part = _array(event.data["notes"], NOTE)
            self._parts.append(part)
            self.count += len(part)
            return len(part) > 0
        return False

    def roll(self, fallback: Grid | None) -> RollData:
        """What there is, on the new grid or the one known before."""
        notes = sort_notes(np.concatenate(self._parts)) if self._parts else np.zeros(0, NOTE)
        return from_notes(notes, self.grid or fallback, self._chords)


def _array(value: Any, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """Raw bytes or a list as an array."""
    if isinstance(value, bytes | bytearray | memoryview):
        return np.frombuffer(bytes(value), dtype)
    if dtype.names and len(value) and not isinstance(value[0], tuple):
        return np.array([tuple(row) for row in value], dtype)
    return np.array(value, dtype)
