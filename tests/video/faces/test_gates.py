"""Which faces are left alone, and what the user is told."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest

from desktop.video.faces.gates import Kind, frontality, judge, sharpness
from tests.video.faces.drawn import POINTS


def drawing(size: int) -> np.ndarray:
    """Strokes with hard edges on a plain ground: as sharp as pixels can be."""
    rng = np.random.default_rng(0)
    canvas = np.full((4 * size, 4 * size, 3), 150, np.uint8)
    for _ in range(260):
        start = rng.integers(0, 4 * size, 2)
        end = start + rng.integers(-size // 4, size // 4, 2)
        cv2.line(canvas, tuple(map(int, start)), tuple(map(int, end)), (60, 50, 40), 5, cv2.LINE_AA)
    return (cv2.resize(canvas, (size, size), interpolation=cv2.INTER_AREA) / 255).astype(np.float32)


def enlarged(picture: np.ndarray, times: int) -> np.ndarray:
    size = picture.shape[0]
    small = cv2.resize(picture, (size // times, size // times), interpolation=cv2.INTER_AREA)
    return np.clip(cv2.resize(small, (size, size), interpolation=cv2.INTER_CUBIC), 0, 1)


@pytest.mark.parametrize("size", [256, 512])
def test_a_sharp_face_is_left_alone_and_a_blurred_one_is_not(size: int) -> None:
    sharp = drawing(size)
    verdict = judge(sharp, 300)
    assert (verdict.kind, verdict.strength) == (Kind.SHARP, 0.0) and "sharp already" in verdict.reason
    for times in (2, 4):
        assert judge(enlarged(sharp, times), 300).strength > 0.9


def test_neither_grain_nor_combing_is_sharpness() -> None:
    rng = np.random.default_rng(1)
    blurred = enlarged(drawing(256), 3)
    grain = np.clip(blurred + rng.normal(0, 12 / 255, blurred.shape), 0, 1).astype(np.float32)
    combed = blurred.copy()
    combed[1::2] = np.roll(combed[1::2], 4, axis=1)
    for spoilt in (grain, combed):
        assert judge(spoilt, 300).strength > 0.9
    assert sharpness(np.full((256, 256, 3), 0.5, np.float32)) < 0.1


def test_strength_fades_with_blur_without_a_step() -> None:
    sharp = drawing(256)
    strengths = [judge(cv2.GaussianBlur(sharp, (0, 0), sigma), 300).strength for sigma in np.linspace(0.2, 1.2, 60)]
    assert strengths[0] == 0 and strengths[-1] == 1
    assert (np.diff(strengths) > -1e-6).all() and np.diff(strengths).max() < 0.2


def test_small_faces_and_those_at_the_border() -> None:
    blurred = enlarged(drawing(256), 4)
    small = judge(blurred, 17.4)
    assert (small.kind, small.strength) == (Kind.SMALL, 0.0) and "17 pixels" in small.reason
    assert judge(blurred, 60).reason == "Restored" and 0 < judge(blurred, 24).strength < 1
    outside = judge(blurred, 60, inside=0.4)
    assert (outside.kind, outside.strength) == (Kind.OUTSIDE, 0.0) and "outside of the picture" in outside.reason
    partly = judge(blurred, 60, inside=0.75)
    assert partly.kind is Kind.RESTORED and 0 < partly.strength < 1 and "cut off" in partly.reason


def test_profiles() -> None:
    blurred = enlarged(drawing(256), 4)
    assert frontality(POINTS) == pytest.approx(0.5, abs=0.02)
    profile = POINTS.copy()
    profile[2, 0] = POINTS[1, 0] + 5
    assert frontality(profile) < 0
    verdict = judge(blurred, 80, points=profile)
    assert (verdict.kind, verdict.strength) == (Kind.UNSURE, 0.0) and "profile" in verdict.reason
    assert judge(blurred, 80, points=POINTS).strength == 1.0
    assert frontality(np.zeros((5, 2))) == 0.0


def test_real_faces(shared: Path) -> None:
    """Portraits as they are against the same at half and a quarter of their resolution."""
    folder = shared / "faces512"
    with (folder / "index.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == "val"][::4]
    strengths: dict[int, list[float]] = {1: [], 2: [], 4: []}
    for row in rows:
        picture = cv2.imread(str(folder / row["file"]))[..., ::-1].astype(np.float32) / 255
        picture = cv2.resize(picture, (256, 256), interpolation=cv2.INTER_AREA)
        for times, found in strengths.items():
            found.append(judge(enlarged(picture, times) if times > 1 else picture, 200).strength)
    assert np.mean(strengths[1]) < 0.2
    assert np.mean(strengths[2]) > 0.95 and min(strengths[4]) == 1.0
