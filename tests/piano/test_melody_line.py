"""The likeliest line through made-up probabilities, and its notes."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from desktop.piano.melody_line import SILENT, Habits, follow, segment

Floats = npt.NDArray[np.float32]
PITCHES = 61


def score(*parts: tuple[int, int], noise: float = 0.0) -> tuple[Floats, Floats, Floats]:
    """(column or SILENT, frames) one after the other, as silence, pitch and onset probabilities."""
    frames = sum(length for _, length in parts)
    silence, pitch, onset = (np.full(shape, 0.002, np.float32) for shape in ((frames,), (frames, PITCHES), (frames, PITCHES)))
    at = 0
    for column, length in parts:
        if column == SILENT:
            silence[at : at + length] = 0.85
        else:
            pitch[at : at + length, column] = 0.85
            onset[at, column] = 0.9
        at += length
    if noise:
        pitch += np.random.default_rng(0).uniform(0, noise, pitch.shape).astype(np.float32)
    return silence, pitch, onset


def notes(silence: Floats, pitch: Floats, onset: Floats, habits: Habits | None = None) -> list[tuple[int, int, int]]:
    habits = habits or Habits()
    return [run[:3] for run in segment(follow(silence, pitch, onset, habits), pitch, onset, habits)]


def test_a_clear_line_is_found_as_it_is() -> None:
    found = notes(*score((SILENT, 20), (30, 20), (32, 20), (SILENT, 15), (25, 30), (SILENT, 10), noise=0.01))
    assert found == [(20, 40, 30), (40, 60, 32), (75, 105, 25)]


def test_silence_gives_nothing() -> None:
    assert notes(*score((SILENT, 100))) == []
    assert notes(*(values[:0] for values in score((SILENT, 2)))) == []


def test_a_short_octave_error_is_repaired() -> None:
    silence, pitch, onset = score((30, 40))
    pitch[15:19, 30], pitch[15:19, 42] = 0.2, 0.6
    assert notes(silence, pitch, onset) == [(0, 40, 30)]


def test_vibrato_is_one_note() -> None:
    path = np.array([30] * 10 + [31] * 4 + [30] * 4 + [31] * 4 + [30] * 10)
    pitch = np.full((len(path), PITCHES), 0.002, np.float32)
    pitch[np.arange(len(path)), path] = 0.9
    pitch[:, 30] = np.maximum(pitch[:, 30], 0.3)
    assert [run[:3] for run in segment(path, pitch, np.zeros_like(pitch), Habits())] == [(0, len(path), 30)]


def test_a_repeated_note_is_struck_again() -> None:
    silence, pitch, onset = score((30, 15), (30, 15), (30, 15))
    assert notes(silence, pitch, onset) == [(0, 15, 30), (15, 30, 30), (30, 45, 30)]


def test_a_scoop_belongs_to_the_note_it_leads_to() -> None:
    path = np.array([SILENT] * 5 + [28] * 2 + [30] * 20)
    pitch = np.full((len(path), PITCHES), 0.5, np.float32)
    assert [run[:3] for run in segment(path, pitch, np.zeros_like(pitch), Habits())] == [(5, 27, 30)]


def test_weak_notes_are_left_out() -> None:
    path = np.array([30] * 20)
    pitch = np.full((20, PITCHES), 0.01, np.float32)
    assert segment(path, pitch, np.zeros_like(pitch), Habits(least=0.2)) == []


@settings(max_examples=40, deadline=None)
@given(
    hnp.arrays(np.float32, st.tuples(st.integers(0, 60), st.just(1 + 2 * PITCHES)), elements=st.floats(0, 1, width=32)),
)
def test_any_probabilities_give_one_voice_in_order(values: Floats) -> None:
    silence, pitch, onset = values[:, 0], values[:, 1 : 1 + PITCHES], values[:, 1 + PITCHES :]
    found = segment(follow(silence, pitch, onset, Habits()), pitch, onset, Habits())
    for start, end, column, confidence in found:
        assert 0 <= start < end <= len(silence)
        assert end - start >= Habits().shortest
        assert 0 <= column < PITCHES
        assert 0 <= confidence <= 1
    for before, after in pairwise(found):
        assert before[1] <= after[0]


@pytest.mark.parametrize("bias", [-20.0, 20.0])
def test_the_bias_decides_between_line_and_silence(bias: float) -> None:
    found = notes(*score((SILENT, 20), (30, 20)), Habits(silence_bias=bias, least=0.0))
    assert bool(found) == (bias < 0)
