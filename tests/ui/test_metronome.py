"""Clicks fall on the beats to the sample, at every speed, in blocks of any size, through loops."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from desktop.piano.cover import Grid
from desktop.ui.metronome import click
from desktop.ui.mixer import Mixer

RATE = 8000


def clicks(mixer: Mixer, seconds: float, blocks: list[int]) -> np.ndarray:
    """What is heard, in blocks of these sizes in turn."""
    parts, made, number = [], 0, 0
    while made < seconds * RATE:
        count = blocks[number % len(blocks)]
        parts.append(np.frombuffer(mixer.read(count), "<i2"))
        made, number = made + count, number + 1
    return np.concatenate(parts).reshape(-1, 2)[:, 0].astype(float)


def silent(grid: Grid, speed: float, seconds: float = 10.0) -> Mixer:
    """A metronome over silence."""
    mixer = Mixer(RATE)
    mixer.lasts = seconds
    mixer.metronome.set_grid(grid)
    mixer.metronome.on, mixer.metronome.volume = True, 1.0
    mixer.speed = speed
    mixer.restart()
    return mixer


def expected(grid: Grid, frames: list[tuple[int, int]], length: int) -> np.ndarray:
    """Clicks at (frame, beat)."""
    out = np.zeros(length + RATE)
    for frame, beat in frames:
        sound = click(grid.is_downbeat(beat), RATE)
        out[frame : frame + len(sound)] += sound
    return np.clip(out[:length], -32768, 32767).astype(np.int16).astype(float)


@settings(max_examples=10, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(
    gaps=st.lists(st.floats(0.2, 1.1), min_size=8, max_size=14),
    speed=st.sampled_from([0.25, 0.5, 0.73, 1.0]),
    blocks=st.lists(st.integers(150, 900), min_size=1, max_size=4),
    downbeat=st.integers(0, 2),
)
def test_on_the_beat_to_the_sample(gaps: list[float], speed: float, blocks: list[int], downbeat: int) -> None:
    grid = Grid(np.cumsum(gaps), downbeat, 3)
    heard = clicks(silent(grid, speed), 2.0, blocks)
    at = np.ceil(grid.times * RATE / speed - 1e-6).astype(int)
    wanted = expected(grid, [(int(f), n) for n, f in enumerate(at) if f < len(heard)], len(heard))
    assert heard == pytest.approx(wanted, abs=2)


def test_in_a_loop_and_through_a_change_of_speed() -> None:
    grid = Grid(np.arange(20) * 0.5)
    mixer = silent(grid, 1.0)
    mixer.loop = (RATE, 2 * RATE)
    first = clicks(mixer, 2.5, [640])
    loud = [1 if at < 2 else 1 + (at - 2) % 1 for at in (0.0, 0.5, 1.0, 1.5, 2.0)]
    places = [
        (round(at * RATE), round(song * 2)) for at, song in zip((0.0, 0.5, 1.0, 1.5, 2.0), (0, 0.5, *loud[2:]), strict=True)
    ]
    assert first[: round(2.4 * RATE)] == pytest.approx(expected(grid, places, round(2.4 * RATE)), abs=2)
    mixer.loop, mixer.speed = None, 0.5
    after = np.abs(clicks(mixer, 3.0, [640]))
    begins = np.flatnonzero(after > 500)
    begins = begins[np.diff(begins, prepend=-RATE) > RATE // 4]
    assert np.diff(begins)[1:] == pytest.approx(RATE, abs=2)
