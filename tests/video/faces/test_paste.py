"""The restored face in the picture: nothing around it changes, nothing sharp gets soft, and no edge shows."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from desktop.video.faces.align import crop, crop_matrix, inverse
from desktop.video.faces.paste import face_mask, paste
from desktop.video.media.picture import Picture
from desktop.video.media.reader import open_reader
from tests.video.faces.drawn import POINTS, Plain, texture

PLACE = POINTS * 0.45 + (90, 40)


def face_area(picture: Plain, matrix: np.ndarray, size: int, level: float) -> np.ndarray:
    shape = (picture.width, picture.height)
    return np.asarray(cv2.warpAffine(face_mask(size), inverse(matrix), shape, flags=cv2.INTER_LINEAR)) > level


def test_the_mask_covers_the_face_and_ends_before_the_crop_does() -> None:
    for size in (128, 256, 512):
        mask = face_mask(size)
        places = np.round(POINTS * size / 512).astype(int)
        assert (mask[places[:, 1], places[:, 0]] > 0.99).all()
        edge = np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]])
        assert edge.max() == 0
        # A visible edge would be a step: the steepest slope stays below a tenth for each twentieth of the crop.
        assert np.abs(np.diff(mask, axis=0)).max() * size / 20 < 0.75


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv422p10le"])
def test_outside_of_the_mask_every_bit_stays(pixel_format: str, tmp_path: Path) -> None:
    path = tmp_path / "clip.mkv"
    with av.open(path, "w") as container:
        stream = container.add_stream("ffv1", rate=25, width=322, height=298, pix_fmt=pixel_format)
        frame = av.VideoFrame.from_ndarray(texture(298, 322), format="rgb24")
        container.mux(stream.encode(frame) + stream.encode(None))
    with open_reader(path) as reader:
        picture: Picture = next(iter(reader))
    before = [plane.copy() for plane in picture.planes]
    matrix = crop_matrix(PLACE, 256, picture.sar)
    found = crop(picture, matrix, 256)
    paste(picture, 1 - found.rgb, found.rgb, matrix, strength=1.0)
    area = face_area(Plain(picture.rgb()), matrix, 256, 0.0)
    changed = 0
    for old, new in zip(before, picture.planes, strict=True):
        step = [round(full / part) for full, part in zip(area.shape, old.shape, strict=True)]
        rows, columns = -(-area.shape[0] // step[0]), -(-area.shape[1] // step[1])
        padded = np.zeros((rows * step[0], columns * step[1]), bool)
        padded[: area.shape[0], : area.shape[1]] = area
        touched = padded.reshape(rows, step[0], columns, step[1]).any(axis=(1, 3))
        touched = cv2.dilate(touched.astype(np.uint8), np.ones((3, 3))).astype(bool)
        assert np.array_equal(old[~touched], new[~touched])
        changed += int((old != new).sum())
    assert changed > 5000


def test_strength_zero_and_a_face_outside_change_nothing() -> None:
    picture = Plain(texture(300, 400))
    before = picture.pixels.copy()
    matrix = crop_matrix(PLACE, 256)
    found = crop(picture, matrix, 256).rgb
    paste(picture, 1 - found, found, matrix, strength=0.0)
    paste(picture, 1 - found, found, crop_matrix(PLACE + 2000, 256), strength=1.0)
    assert np.array_equal(picture.pixels, before)


@pytest.mark.parametrize("scale", [0.15, 0.45, 1.0, 1.6])
def test_what_the_restorer_left_alone_stays_sharp(scale: float) -> None:
    """Cutting out and putting back blurs; a face that needs nothing must not pay for it."""
    side = round(560 * scale)
    # Strokes on a plain ground, as features are on skin.
    strokes = np.full((side, side, 3), 150, np.uint8)
    rng = np.random.default_rng(1)
    for _ in range(round(60 * min(1.0, 2 * scale))):
        ends = rng.integers(0, side, (2, 2))
        cv2.line(strokes, tuple(map(int, ends[0])), tuple(map(int, ends[0] + (ends[1] - ends[0]) // 4)), (40, 60, 90), 1)
    picture = Plain(strokes.copy())
    turn = cv2.getRotationMatrix2D((256, 256), 7, scale)
    points = POINTS @ turn[:, :2].T + turn[:, 2] + (side / 2 - 256)
    matrix = crop_matrix(points, 256)
    found = crop(picture, matrix, 256).rgb
    paste(picture, found, found, matrix, strength=1.0)
    area = face_area(picture, matrix, 256, 0.9)
    error = float(((picture.pixels[area].astype(float) - strokes[area]) ** 2).mean())
    assert 10 * np.log10(255**2 / max(error, 1e-3)) > 40


def test_grain_goes_and_detail_stays() -> None:
    rng = np.random.default_rng(0)
    clean = cv2.GaussianBlur(texture(300, 400), (0, 0), 2.5)
    noisy = np.clip(clean + rng.normal(0, 14, clean.shape), 0, 255).astype(np.uint8)
    picture = Plain(noisy.copy())
    matrix = crop_matrix(PLACE, 256)
    found = crop(picture, matrix, 256).rgb
    truth = crop(Plain(clean), matrix, 256).rgb
    paste(picture, truth, found, matrix, strength=1.0)
    area = face_area(picture, matrix, 256, 0.99)
    assert (picture.pixels[area].astype(float) - clean[area]).std() < 0.25 * 14


def test_a_colour_cast_of_the_restorer_does_not_show() -> None:
    picture = Plain(np.full((300, 400, 3), 128, np.uint8))
    before = picture.pixels.copy()
    matrix = crop_matrix(PLACE, 256)
    found = crop(picture, matrix, 256).rgb
    slope = np.linspace(-0.1, 0.1, 256, dtype=np.float32)[None, :, None]
    paste(picture, found * np.float32([1.1, 1.0, 0.9]) + slope, found, matrix, strength=1.0)
    off = np.abs(picture.pixels.astype(int) - before)
    edge = face_area(picture, matrix, 256, 0.02) & ~face_area(picture, matrix, 256, 0.3)
    assert off[edge].max() <= 3
    centre = PLACE.mean(axis=0).astype(int)
    assert off[centre[1], centre[0]].max() <= 2
    # The restored light itself is kept within the face.
    assert off.max() >= 4


def test_narrow_pixels_get_the_same_face() -> None:
    """The same change pasted into a picture with a pixel aspect of 4:3 is the squeezed one."""
    wide = Plain(np.full((300, 400, 3), 100, np.uint8))
    narrow = Plain(np.full((300, 300, 3), 100, np.uint8), Fraction(4, 3))
    spot = np.zeros((256, 256, 3), np.float32)
    cv2.circle(spot, (100, 120), 14, (0.5, 0.5, 0.5), -1, cv2.LINE_AA)
    for picture in (wide, narrow):
        matrix = crop_matrix(PLACE, 256, picture.sar)
        found = crop(picture, matrix, 256).rgb
        paste(picture, found + spot, found, matrix, strength=1.0)
    squeezed = cv2.resize(wide.pixels, (300, 300), interpolation=cv2.INTER_AREA).astype(int)
    assert np.abs(squeezed - narrow.pixels).max() < 25 and np.abs(squeezed - narrow.pixels).mean() < 0.3
    assert narrow.pixels.max() > 180


def test_what_an_upscaler_did_to_the_face_gives_way_to_the_restorer() -> None:
    """The face was cut out of the small picture; the large one was sharpened since, which must not be added to it."""
    small = cv2.GaussianBlur(texture(240, 320), (0, 0), 2)
    large = cv2.resize(small, (640, 480), interpolation=cv2.INTER_CUBIC)
    sharpened = np.clip(large.astype(float) + 2.0 * (large.astype(float) - cv2.GaussianBlur(large, (0, 0), 6)), 0, 255)
    points = POINTS * 0.4 + (60, 20)
    found = crop(Plain(small), crop_matrix(points, 256), 256).rgb
    picture = Plain(sharpened.astype(np.uint8))
    matrix = crop_matrix(points * 2, 256)
    paste(picture, found, found, matrix, strength=1.0, enlarged=True)
    area = face_area(picture, matrix, 256, 0.99)
    before, after = (np.abs(p[area].astype(float) - large[area]).mean() for p in (sharpened, picture.pixels))
    assert after < 0.3 * before
