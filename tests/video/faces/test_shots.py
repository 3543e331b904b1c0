"""Cuts are found; flashes, fades, shake, pans, noise and dissolves are not cuts."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from desktop.video.faces.shots import ShotFinder
from tests.video.faces.drawn import RGB, texture

ROOM, GARDEN = texture(700, 1100, 1), texture(700, 1100, 2)


def view(scene: RGB, x: float = 300, y: float = 200, zoom: float = 1.0) -> RGB:
    matrix = np.array([[zoom, 0, -x * zoom], [0, zoom, -y * zoom]])
    return np.asarray(cv2.warpAffine(scene, matrix, (360, 288), flags=cv2.INTER_LINEAR))


def lit(picture: RGB, gain: float, lift: float = 0) -> RGB:
    return np.clip(picture * gain + lift, 0, 255).astype(np.uint8)


def cuts(pictures: Iterable[RGB]) -> list[int]:
    finder = ShotFinder()
    return [number for number, picture in enumerate(pictures) if finder.feed(picture)]


def still(scene: RGB, count: int) -> list[RGB]:
    return [view(scene, 300 + 0.3 * i, 200) for i in range(count)]


def test_a_cut_and_the_way_back() -> None:
    assert cuts(still(ROOM, 12) + still(GARDEN, 12) + still(ROOM, 12)) == [12, 24]


def test_a_cut_in_grey_and_in_the_dark() -> None:
    grey = [np.repeat(p.mean(axis=2, keepdims=True), 3, axis=2).astype(np.uint8) for p in still(ROOM, 10) + still(GARDEN, 10)]
    assert cuts(grey) == [10]
    assert cuts([lit(p, 0.2) for p in still(ROOM, 10) + still(GARDEN, 10)]) == [10]


def test_flashes() -> None:
    pictures = still(ROOM, 30)
    pictures[10], pictures[11] = lit(pictures[10], 1.5, 110), lit(pictures[11], 1.0, 25)
    pictures[20] = np.full_like(pictures[20], 255)
    assert cuts(pictures) == []


def test_a_cut_hidden_by_a_flash_is_found_with_the_next_picture() -> None:
    pictures = [*still(ROOM, 12), np.full_like(ROOM[:288, :360], 255), *still(GARDEN, 12)]
    assert cuts(pictures) == [13]


def test_fades() -> None:
    assert cuts(lit(p, min(1, abs(i - 20) / 14)) for i, p in enumerate(still(ROOM, 40))) == []
    out_and_in = [lit(p, max(0, 1 - i / 10)) for i, p in enumerate(still(ROOM, 12))]
    out_and_in += [lit(p, min(1, i / 10)) for i, p in enumerate(still(GARDEN, 14))]
    assert len(cuts(out_and_in)) == 1


def test_dissolve() -> None:
    share = np.clip((np.arange(45) - 10) / 25, 0, 1)
    mixed = zip(still(ROOM, 45), still(GARDEN, 45), share, strict=True)
    assert cuts(np.uint8(one * (1 - t) + other * t) for one, other, t in mixed) == []


def test_camera_shake_pan_and_zoom() -> None:
    rng = np.random.default_rng(0)
    assert cuts(view(ROOM, *(np.array([300, 200]) + rng.normal(0, 7, 2))) for _ in range(40)) == []
    assert cuts(view(ROOM, 50 + 12 * i) for i in range(50)) == []
    assert cuts(view(ROOM, zoom=1 + 0.02 * i) for i in range(40)) == []


def test_a_whip_pan_is_hardly_more_than_a_cut() -> None:
    assert len(cuts([*still(ROOM, 10), *(view(ROOM, 300 + 60 * i) for i in range(8)), *still(ROOM, 10)])) <= 3


def test_noise_is_no_cut_and_a_broken_picture_is_a_shot_of_its_own() -> None:
    rng = np.random.default_rng(0)
    pictures = [np.clip(p + rng.normal(0, 25, p.shape), 0, 255).astype(np.uint8) for p in still(ROOM, 30)]
    assert cuts(pictures) == []
    pictures[15] = rng.integers(0, 255, pictures[15].shape).astype(np.uint8)
    assert cuts(pictures) == [15, 16]


@pytest.mark.parametrize("size", [(16, 16), (17, 1), (1, 1), (2000, 40)])
def test_odd_sizes(size: tuple[int, int]) -> None:
    one, other = (np.ascontiguousarray(cv2.resize(scene, size)) for scene in (ROOM, GARDEN))
    assert len(cuts([one] * 8 + [other] * 8)) <= 1


def test_real_clips(shared: Path) -> None:
    wanted = {
        "scene_cut_two_people.mp4": [40],
        # From the brook to the bird.
        "no_face.mp4": [88],
        "grid_bbaf2n.mpg": [],
        "interlaced_tff_720x576.mpg": [],
        "vfr.mp4": [],
    }
    for name, numbers in wanted.items():
        with av.open(str(shared / "clips" / name)) as container:
            assert cuts(frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)) == numbers, name
