"""A soft note must sound soft: level goes with the square of velocity, and a little steeper where the SoundFont says so."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from desktop.piano.cover import NOTE, PEDAL, Cover, Grid, Key
from desktop.piano.synth import render

SECOND = 22050


@pytest.mark.parametrize("velocity", [30, 60, 90])
def test_level_follows_velocity(velocity):
    notes = np.zeros(2, NOTE)
    notes["start"], notes["end"], notes["pitch"], notes["velocity"] = [0, 8], [2, 10], 60, [velocity, 120]
    cover = Cover("", notes, np.zeros(0, PEDAL), Grid(np.arange(0, 8, 0.5)), (), Key(0, "major"), 6.0)
    spec = find_spec("pretty_midi")
    assert spec is not None and spec.origin is not None
    sound = render(cover, Path(spec.origin).with_name("TimGM6mb.sf2"), SECOND)
    soft, loud = np.abs(sound[: 3 * SECOND]).max(), np.abs(sound[4 * SECOND :]).max()
    assert soft / loud == pytest.approx((velocity / 120) ** 2, rel=0.35)
