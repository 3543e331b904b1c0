"""Tunes on the grid."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desktop.piano.analysis import LINE
from desktop.piano.arranging.pace import PACE
from desktop.piano.arranging.quantise import in_register, quantise
from desktop.piano.arranging.simplify import thinned
from desktop.piano.cover import Grid

GRID = Grid(1.0 + 0.5 * np.arange(64))


def tune(*rows: tuple[float, float, int]) -> np.ndarray:
    """Rows of (start, end, pitch) in beats."""
    line = np.zeros(len(rows), LINE)
    for i, (start, end, pitch) in enumerate(rows):
        line[i] = (*GRID.seconds([start, end]), pitch, 1.0)
    return line


def test_sixteenths_syncopation_and_sloppiness() -> None:
    line = quantise(tune((0.04, 0.45, 60), (0.46, 0.7, 62), (0.77, 1.4, 64), (1.72, 3.1, 65)), GRID)
    assert line["start"].tolist() == [0.0, 0.5, 0.75, 1.75]
    assert line["end"].tolist() == [0.5, 0.75, 1.75, 3.0]


def test_triplets_are_kept() -> None:
    line = quantise(tune((0.0, 0.3, 60), (0.34, 0.6, 62), (0.66, 1.0, 64), (1.0, 1.5, 65), (1.5, 2.0, 60)), GRID)
    assert line["start"] == pytest.approx([0, 1 / 3, 2 / 3, 1, 1.5])


def test_two_notes_on_one_step_become_the_longer() -> None:
    line = quantise(tune((0.0, 0.06, 61), (0.07, 1.0, 62), (1.0, 2.0, 64)), GRID)
    assert line["pitch"].tolist() == [62, 64] and line["start"].tolist() == [0, 1]


def test_small_rests_are_sung_over_and_long_ones_kept() -> None:
    line = quantise(tune((0.0, 0.8, 60), (1.0, 1.5, 62), (3.0, 4.0, 64)), GRID)
    assert line["end"].tolist() == [1.0, 1.5, 4.0]


def test_empty_and_impossible_notes() -> None:
    assert len(quantise(tune(), GRID)) == 0
    broken = tune((1.0, 2.0, 60), (3.0, 2.0, 61))
    assert quantise(broken, GRID)["pitch"].tolist() == [60]


@given(st.lists(st.tuples(st.floats(0, 60), st.floats(0.01, 4), st.integers(21, 108)), max_size=60))
@settings(max_examples=100, deadline=None)
def test_always_one_voice_on_the_grid(rows: list[tuple[float, float, int]]) -> None:
    line = quantise(tune(*((start, start + length, pitch) for start, length, pitch in rows)), GRID)
    assert np.all(line["end"] > line["start"]) and np.all(line["start"][1:] >= line["end"][:-1] - 1e-9)
    steps = line["start"] * 12
    assert np.allclose(steps, np.round(steps))


@pytest.mark.parametrize(("pitches", "moved"), [((60, 64, 67), 0), ((40, 44, 47), 12), ((30, 33, 35), 24), ((94, 96, 98), -12)])
def test_register(pitches: tuple[int, ...], moved: int) -> None:
    line = quantise(tune(*((i, i + 1, pitch) for i, pitch in enumerate(pitches))), GRID)
    assert (in_register(line)["pitch"] - line["pitch"]).tolist() == [moved] * 3


def test_thinning_leaves_the_strong_notes() -> None:
    fast = quantise(tune(*((i / 4, i / 4 + 0.24, 60 + i % 5) for i in range(160))), GRID)
    slow = thinned(fast, GRID)
    seconds = 0.5 * 40
    assert len(slow) <= PACE * seconds + 1
    assert np.mean(slow["start"] % 1 == 0) > 0.8
    assert np.allclose(slow["end"][:-1], slow["start"][1:])
    assert np.array_equal(thinned(slow, GRID), slow)
