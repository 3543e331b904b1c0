"""The matrix from five points, and what it cuts out."""

from __future__ import annotations

from fractions import Fraction

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.video.faces.align import TEMPLATE_512, crop, crop_matrix, footprint, inverse, steps, template
from tests.video.faces.drawn import POINTS, Plain, texture

PLACES = st.builds(
    lambda scale, turn, x, y: (scale, turn, np.array([x, y])),
    st.floats(0.05, 4),
    st.floats(-2, 2),
    st.floats(-500, 4000),
    st.floats(-500, 4000),
)
ASPECTS = st.sampled_from([Fraction(1), Fraction(16, 15), Fraction(4, 3), Fraction(10, 11), Fraction(1, 2)])


def moved(scale: float, turn: float, shift: np.ndarray) -> np.ndarray:
    c, s = np.cos(turn) * scale, np.sin(turn) * scale
    return np.asarray(POINTS @ np.array([[c, -s], [s, c]]).T + shift)


def stored(points: np.ndarray, sar: Fraction) -> np.ndarray:
    return np.asarray(points / (float(sar), 1) - 0.5)


@given(PLACES, ASPECTS, st.sampled_from([256, 512]))
def test_a_moved_template_is_put_right(place: tuple[float, float, np.ndarray], sar: Fraction, size: int) -> None:
    points = moved(*place)
    matrix = crop_matrix(points, size, sar)
    found = stored(points, sar) @ matrix[:, :2].T + matrix[:, 2]
    # The matrix has single precision, and the picture thousands of pixels.
    assert np.abs(found - template(size)).max() < 0.02 * max(1, 0.3 / place[0])
    back = inverse(matrix)
    assert np.abs(template(size) @ back[:, :2].T + back[:, 2] - stored(points, sar)).max() < 0.02 * max(1, place[0])


@given(PLACES, st.integers(0, 4), st.floats(-1, 1), st.floats(-1, 1))
def test_one_bad_point_pulls_little(place: tuple[float, float, np.ndarray], which: int, x: float, y: float) -> None:
    wrong = POINTS.copy()
    wrong[which] += np.array([x, y]) / max(0.01, np.hypot(x, y)) * 80
    scale, turn, shift = place
    c, s = np.cos(turn) * scale, np.sin(turn) * scale
    points = wrong @ np.array([[c, -s], [s, c]]).T + shift
    matrix = crop_matrix(points, 512)
    others = [i for i in range(5) if i != which]
    found = stored(points, Fraction(1)) @ matrix[:, :2].T + matrix[:, 2]
    # Plain least squares would be off by 12 px on average and by up to 30.
    assert np.abs(found - TEMPLATE_512)[others].mean() < 5


def test_it_moves_smoothly_with_the_points() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        points = POINTS + rng.normal(0, 12, (5, 2))
        one, other = crop_matrix(points, 512), crop_matrix(points + rng.normal(0, 0.1, (5, 2)), 512)
        corners = np.array([(0, 0, 1), (512, 0, 1), (0, 512, 1), (512, 512, 1)])
        assert np.abs(corners @ (one - other).T).max() < 1.5


@pytest.mark.parametrize("points", [np.zeros((5, 2)), np.full((5, 2), np.nan), np.zeros((4, 2))])
def test_points_that_are_none(points: np.ndarray) -> None:
    with pytest.raises(ValueError, match="points"):
        crop_matrix(points, 256)


def test_the_identity_cuts_out_what_is_there() -> None:
    picture = Plain(texture(512, 512))
    found = crop(picture, crop_matrix(POINTS, 512), 512)
    assert found.inside == 1.0
    assert np.abs(found.rgb * 255 - picture.pixels).max() < 1


def test_a_large_face_is_averaged_not_sampled() -> None:
    """One-pixel checks, which sampling would turn into stripes, come out grey."""
    checks = np.indices((1024, 1024)).sum(axis=0) % 2 * 255
    found = crop(Plain(np.repeat(checks[..., None], 3, axis=2).astype(np.uint8)), crop_matrix(POINTS * 2, 128), 128)
    assert abs(found.rgb.mean() - 0.5) < 0.01 and found.rgb.std() < 0.01


@pytest.mark.parametrize("size", [64, 256])
def test_a_reduced_crop_lies_where_it_should(size: int) -> None:
    picture = texture(512, 512, 3)
    wanted = cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA) / 255
    found = crop(Plain(picture), crop_matrix(POINTS, size), size).rgb
    assert np.abs(found - wanted)[4:-4, 4:-4].mean() < 0.004


def test_narrow_pixels_make_the_same_crop() -> None:
    picture = cv2.GaussianBlur(texture(400, 400, 1), (0, 0), 2)
    narrow = cv2.resize(picture, (300, 400), interpolation=cv2.INTER_AREA)
    points = POINTS * 0.6 + 40
    square = crop(Plain(picture), crop_matrix(points, 256), 256).rgb
    other = crop(Plain(narrow, Fraction(4, 3)), crop_matrix(points, 256, Fraction(4, 3)), 256).rgb
    assert np.abs(square - other).mean() < 0.006


def test_beyond_the_border_it_repeats() -> None:
    picture = np.zeros((200, 200, 3), np.uint8)
    picture[:, 0] = 200
    found = crop(Plain(picture), crop_matrix(POINTS * 0.4 - (100, 0), 256), 256)
    assert 0.2 < found.inside < 0.8
    assert np.abs(found.rgb[128, :60] * 255 - 200).max() < 2
    beyond = crop(Plain(picture), crop_matrix(POINTS * 0.4 - 3000, 256), 256)
    assert beyond.inside == 0 and np.abs(beyond.rgb * 255 - 200).max() < 1


def test_footprint_and_steps() -> None:
    matrix = crop_matrix(POINTS / 2 + 10, 512, Fraction(2))
    # A hair over a pixel counts as that pixel.
    assert np.abs(np.array(footprint(matrix, 512, 1000, 1000)) - (5, 10, 133, 266)).max() <= 1
    assert np.abs(np.array(footprint(matrix, 512, 100, 200)) - (5, 10, 100, 200)).max() <= 1
    assert footprint(matrix, 512, 4, 200) is None
    assert steps(matrix) == pytest.approx((0.25, 0.5))
