"""Boxes of pictures to RGB and back."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import av
import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desktop.video.media.formats import Format, choose_matrix, make_format
from desktop.video.media.picture import Picture

_LAYOUTS = ("444", "440", "422", "420", "411", "410", "gray", "gbr")
_SHARES = {"bt601": (0.299, 0.114), "bt709": (0.2126, 0.0722), "bt2020nc": (0.2627, 0.0593)}


def noise(form: Format, width: int, height: int, seed: int = 0) -> Picture:
    """A picture of samples of every value."""
    chance = np.random.default_rng(seed)
    top = 1 << form.bits
    planes = tuple(chance.integers(0, top, form.plane_shape(n, width, height)).astype(form.dtype) for n in range(form.planes))
    return Picture(planes, form, width, height)


def reference(picture: Picture) -> npt.NDArray[np.float64]:
    """RGB of 0..255 by the textbook, for a picture with a chroma sample for each pixel; not clipped."""
    form = picture.format
    y, u, v = (plane.astype(np.float64) for plane in picture.planes)
    unit = 2.0 ** (form.bits - 8)
    top = 2.0**form.bits - 1
    luma = y / top if form.full_range else (y - 16 * unit) / (219 * unit)
    middle, scale = 2.0 ** (form.bits - 1), top if form.full_range else 224 * unit
    blue, red = (u - middle) / scale, (v - middle) / scale
    share_red, share_blue = _SHARES[form.matrix]
    r, b = luma + red * 2 * (1 - share_red), luma + blue * 2 * (1 - share_blue)
    g = (luma - share_red * r - share_blue * b) / (1 - share_red - share_blue)
    return 255 * np.dstack([r, g, b])


@pytest.mark.parametrize(("matrix", "full", "bits"), [*product(_SHARES, (False, True), (8, 10, 12, 16))])
def test_rgb_is_that_of_the_standards(matrix: str, full: bool, bits: int) -> None:
    picture = noise(make_format("444", bits, full_range=full, matrix=matrix), 64, 48)
    expected = np.clip(reference(picture), 0, 255)
    assert np.abs(picture.rgb() - expected).max() <= 1.1
    assert np.abs(picture.rgb() - expected).mean() < 0.3


@pytest.mark.parametrize(("matrix", "full"), [*product(("bt601", "bt709", "bt2020nc"), (False, True))])
def test_rgb_matches_ffmpegs_scaler(matrix: str, full: bool) -> None:
    form = make_format("444", 8, full_range=full, matrix=matrix)
    picture = noise(form, 64, 48).like(np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8))
    frame = av.VideoFrame(64, 48, "yuv444p")
    for plane, samples in zip(frame.planes, picture.planes, strict=True):
        plane.update(samples.tobytes())
    names = {"bt601": "ITU601", "bt709": "ITU709", "bt2020nc": 9}
    frame.color_range = 2 if full else 1
    converted = frame.reformat(format="rgb24", src_colorspace=names[matrix], src_color_range=2 if full else 1, dst_color_range=2)
    difference = np.abs(picture.rgb().astype(int) - converted.to_ndarray())
    assert difference.max() <= 4
    assert difference.mean() < 0.8


@pytest.mark.parametrize(("layout", "bits", "siting"), [*product(_LAYOUTS, (8, 10, 16), ("left", "center"))])
def test_boxes_and_colours_survive(layout: str, bits: int, siting: str) -> None:
    form = make_format(layout, bits, full_range=False, matrix="bt709", siting=siting)
    for width, height in ((64, 48), (33, 17), (1, 1), (2, 3)):
        picture = noise(form, width, height)
        whole = picture.rgb()
        x0, y0 = width // 3, height // 3
        box = (x0, y0, x0 + max(1, width // 2), y0 + max(1, height // 2))
        assert np.array_equal(picture.rgb(box), whole[box[1] : box[3], box[0] : box[2]])
        colour = np.array([200, 60, 90], np.uint8)
        painted = picture.like(np.tile(colour, (height, width, 1))).rgb().astype(int)
        assert np.abs(painted - (painted[0, 0] if layout == "gray" else colour)).max() <= 2
        assert picture.small(5, 4).shape == (4, 5, 3)


@pytest.mark.parametrize(("layout", "siting"), [*product(_LAYOUTS, ("left", "center"))])
def test_a_face_put_back_unchanged_changes_little(layout: str, siting: str) -> None:
    """Smooth colours go to RGB and back by the same places for chroma: nothing is shifted."""
    form = make_format(layout, 8, full_range=False, matrix="bt601", siting=siting)
    y, x = np.mgrid[:96, :128].astype(np.float32)
    rgb = np.dstack([80 + x, 90 + y, 200 - x / 2 - y / 2]).astype(np.uint8)
    picture = noise(form, 128, 96).like(rgb)
    before = [plane.copy() for plane in picture.planes]
    box = (13, 9, 101, 80)
    picture.blend(picture.rgb(box).astype(np.float32) / 255, np.ones((71, 88), np.float32), box)
    for old, new in zip(before, picture.planes, strict=True):
        # At the box's rim, chroma samples are only partly inside.
        assert np.abs(old.astype(int) - new).max() <= 2


@pytest.mark.parametrize(("layout", "siting", "times"), [*product(_LAYOUTS, ("left", "center"), (1.3, 2.0, 2.9, 6.5))])
def test_a_box_reduced_plane_by_plane_is_the_box_reduced(layout: str, siting: str, times: float) -> None:
    """Colours stay at their places when a face is cut out of a larger picture."""
    form = make_format(layout, 8, full_range=False, matrix="bt601", siting=siting)
    y, x = np.mgrid[:190, :230].astype(np.float32)
    rgb = np.dstack([128 + 90 * np.sin(x / 23), 128 + 90 * np.cos(y / 25), 128 + 90 * np.sin((x + y) / 31)]).astype(np.uint8)
    picture = noise(form, 230, 190).like(rgb)
    box = (13, 9, 201, 180)
    size = round(188 / times), round(171 / times)
    expected = cv2.resize(picture.rgb(box), size, interpolation=cv2.INTER_AREA).astype(int)
    difference = np.abs(picture.rgb(box, size) - expected)
    assert difference.max() <= 12 and difference.mean() < 1.2, (difference.max(), difference.mean())


@settings(max_examples=150, deadline=None)
@given(
    layout=st.sampled_from(_LAYOUTS),
    bits=st.sampled_from((8, 10, 16)),
    siting=st.sampled_from(("left", "center")),
    size=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    seed=st.integers(0, 10_000),
    data=st.data(),
)
def test_where_the_mask_is_0_nothing_changes(
    layout: str, bits: int, siting: str, size: tuple[int, int], seed: int, data: st.DataObject
) -> None:
    form = make_format(layout, bits, full_range=False, matrix="bt601", siting=siting)
    width, height = size
    picture = noise(form, width, height, seed)
    for plane in picture.planes:
        plane.flags.writeable = False
    x0, y0 = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    x1, y1 = data.draw(st.integers(x0 + 1, width)), data.draw(st.integers(y0 + 1, height))
    chance = np.random.default_rng(seed)
    mask = np.where(chance.random((y1 - y0, x1 - x0)) < 0.3, chance.random((y1 - y0, x1 - x0)), 0).astype(np.float32)
    rgb = chance.random((y1 - y0, x1 - x0, 3)).astype(np.float32)
    rgb[mask == 0] = np.nan
    before = picture.planes
    picture.blend(rgb, mask, (x0, y0, x1, y1))
    touched = np.zeros((height, width), bool)
    touched[y0:y1, x0:x1] = mask > 0
    for number, (old, new) in enumerate(zip(before, picture.planes, strict=True)):
        across, down = (1 << form.shift_x, 1 << form.shift_y) if number else (1, 1)
        rows, columns = old.shape
        padded = np.zeros((rows * down, columns * across), bool)
        padded[:height, :width] = touched
        blocks = padded.reshape(rows, down, columns, across).any(axis=(1, 3))
        assert np.array_equal(old[~blocks], new[~blocks])
        assert new.max() < 1 << form.bits


def test_a_full_mask_takes_the_new_colour_up_to_every_edge() -> None:
    for layout, siting, (width, height) in product(_LAYOUTS, ("left", "center"), ((16, 12), (17, 13))):
        picture = noise(make_format(layout, 8, full_range=False, matrix="bt601", siting=siting), width, height)
        picture.blend(np.full((height, width, 3), 0.5, np.float32), np.ones((height, width), np.float32), (0, 0, width, height))
        assert np.abs(picture.rgb().astype(int) - 128).max() <= 1, (layout, siting, width)


def test_half_a_mask_is_half_the_way() -> None:
    form = make_format("420", 10, full_range=True, matrix="bt709")
    picture = noise(form, 16, 16).like(np.full((16, 16, 3), 40, np.uint8))
    picture.blend(np.full((8, 8, 3), 200 / 255, np.float32), np.full((8, 8), 0.5, np.float32), (4, 4, 12, 12))
    assert np.abs(picture.rgb((4, 4, 12, 12)).astype(int) - 120).max() <= 1


def test_copies_stand_alone() -> None:
    picture = noise(make_format("420", 8, full_range=False, matrix="bt601"), 16, 16)
    copy = picture.copy()
    copy.blend(np.ones((4, 4, 3), np.float32), np.ones((4, 4), np.float32), (0, 0, 4, 4))
    assert not np.array_equal(copy.planes[0], picture.planes[0])
    assert (copy.index, copy.pts, copy.time_base) == (picture.index, picture.pts, picture.time_base)


def test_boxes_outside_and_wrong_sizes_are_refused() -> None:
    picture = noise(make_format("420", 8, full_range=False, matrix="bt601"), 16, 16)
    for box in ((-1, 0, 4, 4), (0, 0, 17, 4), (4, 4, 4, 8)):
        with pytest.raises(ValueError, match="not inside"):
            picture.rgb(box)
    with pytest.raises(ValueError, match="do not fit"):
        picture.blend(np.zeros((4, 4, 3), np.float32), np.zeros((4, 5), np.float32), (0, 0, 4, 4))


def test_time_and_square_pixels() -> None:
    form = make_format("gray", 8, full_range=True, matrix="bt601")
    plane = np.zeros((576, 720), np.uint8)
    picture = Picture(
        (plane,), form, 720, 576, sar=Fraction(16, 15), pts=48600, time_base=Fraction(1, 90000), origin=Fraction(1, 2)
    )
    assert picture.time == pytest.approx(0.04)
    assert picture.square_size == (768, 576)


def test_untagged_matrices_go_by_size() -> None:
    assert choose_matrix("", 720, 576) == "bt601"
    assert choose_matrix("", 1280, 720) == "bt709"
    assert choose_matrix("bt2020c", 64, 64) == "bt2020nc"
    assert choose_matrix("smpte170m", 1920, 1080) == "bt601"
