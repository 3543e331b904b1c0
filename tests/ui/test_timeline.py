"""The time axis."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtWidgets import QApplication

from desktop.ui.widgets.timeline import GUTTER, MAX_SCALE, Timeline


@pytest.fixture
def line(qapp: QApplication) -> Timeline:
    line = Timeline()
    line.set_width(1000)
    line.set_duration(180.0)
    return line


def test_a_new_song_is_shown_whole(line: Timeline) -> None:
    assert line.start == 0 and line.end >= 180
    line.set_width(500)
    assert line.end >= 180


@given(x=st.floats(GUTTER, GUTTER + 1000), factor=st.floats(1.05, 4.0))
def test_zoom_keeps_what_is_under_the_cursor(x: float, factor: float) -> None:
    line = Timeline()
    line.set_width(1000)
    line.set_duration(180.0)
    line.show_range(60, 100)
    before = line.start + (x - GUTTER) / line.scale
    line.zoom(factor, x)
    after = line.start + (x - GUTTER) / line.scale
    assert abs(after - before) * line.scale <= 1.0 or line.start == 0


def test_zoom_has_ends(line: Timeline) -> None:
    for _ in range(80):
        line.zoom(2.0, 300)
    assert line.scale == MAX_SCALE
    for _ in range(80):
        line.zoom(0.5, 300)
    assert line.fitted and line.start == 0


def test_the_view_never_leaves_the_song(line: Timeline) -> None:
    line.show_range(100, 110)
    line.pan(-1e9)
    assert line.start == 0
    line.pan(1e9)
    assert line.end <= 180 * 1.02


def test_the_page_turns_with_the_playhead(line: Timeline) -> None:
    line.show_range(0, 10)
    line.follow(5.0)
    assert line.start == pytest.approx(0, abs=0.01)
    line.follow(9.9)
    assert 9 < line.start < 9.9


def test_an_empty_line_does_not_divide_by_zero(qapp: QApplication) -> None:
    line = Timeline()
    line.zoom(2.0, 100)
    line.fit()
    assert line.seconds(500) == 0
