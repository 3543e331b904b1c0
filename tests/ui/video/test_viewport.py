"""Zoom and place of the compare view."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.ui.widgets.viewport import MAX_ZOOM, Viewport


def view(width: int = 720, height: int = 576, across: float = 1000, down: float = 800, ratio: float = 1.0) -> Viewport:
    made = Viewport()
    made.set_view(across, down, ratio)
    made.set_picture(width, height)
    return made


def test_it_fits_and_stays_fitted_when_the_view_grows() -> None:
    made = view()
    assert made.scale == pytest.approx(800 / 576)
    assert made.visible()[3] == pytest.approx(800)
    made.set_view(2000, 1600, 1.0)
    assert made.scale == pytest.approx(1600 / 576)


@pytest.mark.parametrize("ratio", [1.0, 1.5, 2.0])
def test_one_to_one_is_a_pixel_of_the_screen_at_any_resolution(ratio: float) -> None:
    made = view(ratio=ratio)
    made.set_zoom(1.0)
    assert made.zoom == pytest.approx(1.0)
    left, top = (value * ratio for value in made.origin)
    assert left == pytest.approx(round(left)) and top == pytest.approx(round(top))


@given(
    st.floats(0.2, 5.0), st.floats(0, 1000), st.floats(0, 800), st.lists(st.tuples(st.floats(-400, 400), st.floats(-400, 400)))
)
def test_the_place_under_the_cursor_stays_and_no_gap_opens(
    factor: float, x: float, y: float, pans: list[tuple[float, float]]
) -> None:
    made = view()
    made.set_zoom(3.0)
    for dx, dy in pans:
        made.pan(dx, dy)
    before = made.at(x, y)
    made.zoom_at(factor, x, y)
    after = made.at(x, y)
    if made.width * made.scale > made.view_width and made.height * made.scale > made.view_height and factor >= 1:
        assert after == pytest.approx(before, abs=1e-6)
    left, top, width, height = made.rect()
    assert made.zoom <= MAX_ZOOM + 1e-9
    for start, length, room in ((left, width, made.view_width), (top, height, made.view_height)):
        if length >= room:
            assert start <= 1 and start + length >= room - 1
        else:
            assert start == pytest.approx((room - length) / 2, abs=1)


def test_another_size_of_the_picture_keeps_what_was_looked_at() -> None:
    made = view()
    made.set_zoom(4.0)
    made.pan(-500, -300)
    place = (made.x / made.width, made.y / made.height)
    shown = made.width * made.scale
    made.set_picture(1440, 1152)
    assert (made.x / made.width, made.y / made.height) == pytest.approx(place)
    assert made.width * made.scale == pytest.approx(shown)
