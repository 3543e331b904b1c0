"""What must hold for every cover, whatever the song."""

from __future__ import annotations

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from desktop.jobs.job import DIFFICULTIES, STYLES
from desktop.piano.analysis import Analysis
from desktop.piano.arrange import arrange
from desktop.piano.cover import Cover
from desktop.piano.engines import engine
from desktop.piano.playability import LIMITS, violations
from tests.piano.random_songs import songs


def top_pitch(cover: Cover, seconds: np.ndarray) -> np.ndarray:
    """Highest key held at each time, 0 where none is."""
    start, end = cover.note_seconds()
    top = np.zeros(len(seconds))
    for a, b, pitch in zip(start, end, cover.notes["pitch"], strict=True):
        inside = (seconds >= a) & (seconds < b)
        top[inside] = np.maximum(top[inside], pitch)
    return top


def cover_of(song: Analysis, style: str = "pop", difficulty: str = "medium") -> Cover:
    return engine("sketch")(song, style=style, difficulty=difficulty, title="")


@given(song=songs, style=st.sampled_from(STYLES), difficulty=st.sampled_from(DIFFICULTIES))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_two_hands_can_play_it(song: Analysis, style: str, difficulty: str) -> None:
    notes, pedals = arrange(song, style, difficulty)
    assert violations(notes, song.grid, LIMITS[difficulty]) == []
    assert np.all(notes["end"] > notes["start"]) and np.all(np.diff(notes["start"]) >= 0)
    if len(notes):
        assert notes["velocity"].min() >= 30 and notes["velocity"].max() <= 115
    assert np.all(pedals["up"] > pedals["down"]) and np.all(pedals["down"][1:] >= pedals["up"][:-1])
