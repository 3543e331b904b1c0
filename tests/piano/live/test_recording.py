"""Keys as notes."""

from __future__ import annotations

import numpy as np
import pytest

from desktop.piano.cover import LEFT, RIGHT, Grid
from desktop.piano.live.recording import LEAST_S, Recorder

GRID = Grid(np.arange(9) * 0.5)


def test_keys_become_notes_in_beats() -> None:
    recorder = Recorder()
    recorder.press(60, 90, 1.0)
    recorder.press(48, 50, 1.0)
    recorder.lift(60, 1.25)
    recorder.lift(60, 1.3)
    recorder.press(60, 80, 2.0)
    recorder.lift(60, 2.0)
    recorder.press(10, 80, 2.0)
    recorder.press(48, 60, 2.5)
    assert recorder.count == 5
    recorder.rest(3.0)
    notes = recorder.notes(GRID)
    assert notes[["pitch", "velocity", "hand"]].tolist() == [(60, 90, RIGHT), (60, 80, RIGHT), (48, 50, LEFT), (48, 60, LEFT)]
    assert notes["start"] == pytest.approx([2.0, 4.0, 2.0, 5.0])
    assert notes["end"] == pytest.approx([2.5, 4.0 + 2 * LEAST_S, 5.0, 6.0])
    assert set(recorder.notes(GRID, (LEFT,))["hand"].tolist()) == {LEFT}
    assert len(Recorder().notes(GRID)) == 0
