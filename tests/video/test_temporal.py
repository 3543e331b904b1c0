"""Steadiness of restored faces: less flicker, nothing late, exact continuation."""

from __future__ import annotations

import io
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from desktop.errors import UsageError
from desktop.models.library import Library
from desktop.video.quality import psnr, warping_errors
from desktop.video.temporal import Steady

SIDE = 256
INNER = slice(24, SIDE - 24)
LIPS = (slice(150, 200), slice(80, 176))


def smooth_noise(rng: np.random.Generator, sigma: float, level: float, size: int = SIDE) -> np.ndarray:
    noise = cv2.GaussianBlur(rng.standard_normal((size, size, 3), dtype=np.float32), (0, 0), sigma)
    return level / 255 * noise / noise.std()


def drawn_face(step: int, *, lips_open: bool = False, size: int = SIDE) -> np.ndarray:
    """A picture with the places and contrasts of a face, moving a little."""
    rng = np.random.default_rng(11)
    face = np.full((SIDE, SIDE, 3), (0.78, 0.6, 0.5), np.float32) + smooth_noise(rng, 3.0, 6.0)
    for x in (92, 164):
        cv2.ellipse(face, (x, 118), (16, 8), 0, 0, 360, (0.95, 0.95, 0.95), -1, cv2.LINE_AA)
        cv2.circle(face, (x, 118), 7, (0.15, 0.1, 0.1), -1, cv2.LINE_AA)
    cv2.ellipse(face, (128, 176), (34, 20 if lips_open else 6), 0, 0, 360, (0.6, 0.2, 0.25), -1, cv2.LINE_AA)
    if lips_open:
        cv2.ellipse(face, (128, 176), (26, 13), 0, 0, 360, (0.1, 0.05, 0.05), -1, cv2.LINE_AA)
    way = np.array([[1, 0, 0.9 * step], [0, 1, 1.2 * np.sin(step / 3)]], np.float32)
    face = cv2.warpAffine(cv2.GaussianBlur(face, (0, 0), 1.2), way, (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE)
    return cv2.resize(face, (size, size), interpolation=cv2.INTER_LINEAR)


def clip(count: int = 14, opens_at: int | None = None) -> tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray]]:
    """Truth, noisy source and a restoration that flickers, each a list of crops."""
    rng = np.random.default_rng(2)
    truth = [drawn_face(t, lips_open=opens_at is not None and t >= opens_at) for t in range(count)]
    source = [np.clip(x + smooth_noise(rng, 0.7, 8.0), 0, 1) for x in truth]
    restored = [np.clip(x + smooth_noise(rng, 3.0, 4.0), 0, 1) for x in truth]
    return truth, source, restored


def steadied(level: str, restored: list[np.ndarray], source: list[np.ndarray]) -> list[np.ndarray]:
    steady = Steady(level)
    return [steady.apply(1, i, r, s) for i, (r, s) in enumerate(zip(restored, source, strict=True))]


def bytes_of(crops: list[np.ndarray]) -> list[np.ndarray]:
    return [(np.clip(c, 0, 1) * 255 + 0.5).astype(np.uint8)[INNER, INNER] for c in crops]


def decibels(crops: list[np.ndarray], truth: list[np.ndarray], where: tuple[slice, slice] = (INNER, INNER)) -> float:
    pairs = zip(crops, truth, strict=True)
    return float(np.mean([psnr((255 * np.clip(c, 0, 1))[where], (255 * t)[where]) for c, t in pairs]))


def test_flicker_falls_and_truth_comes_nearer() -> None:
    truth, source, restored = clip()
    reference = bytes_of(truth)
    errors, likeness = {}, {}
    for level in ("off", "low", "high"):
        result = steadied(level, restored, source)
        errors[level] = warping_errors(bytes_of(result), reference).mean()
        likeness[level] = decibels(result[1:], truth[1:])
    assert errors["high"] < 0.75 * errors["low"] and errors["low"] < 0.8 * errors["off"]
    assert likeness["high"] > likeness["off"] + 1.0 and likeness["low"] > likeness["off"] + 0.5


@pytest.mark.parametrize("level", ["low", "high"])
def test_lips_that_open_at_once_leave_no_ghost(level: str) -> None:
    truth, source, restored = clip(12, opens_at=8)
    result = steadied(level, restored, source)
    assert decibels(result[8:9], truth[8:9], LIPS) > decibels(restored[8:9], truth[8:9], LIPS) - 0.5
    closed = decibels([drawn_face(8)], truth[8:9], LIPS)
    assert closed < 20 < decibels(result[8:9], truth[8:9], LIPS)


def test_off_passes_everything() -> None:
    _, source, restored = clip(2)
    steady = Steady("off")
    assert steady.apply(1, 0, restored[0], source[0]) is restored[0]
    assert steady.apply(1, 1, restored[1], source[1]) is restored[1]
    with pytest.raises(UsageError, match="steadiness"):
        Steady("very")


def test_a_face_begins_anew_after_a_gap_a_cut_or_another_size() -> None:
    _, source, restored = clip(3)
    small = [cv2.resize(c, (128, 128)) for c in (restored[1], source[1])]
    for apart in ("gap", "cut", "track", "size"):
        steady = Steady("high")
        steady.apply(1, 5, restored[0], source[0])
        if apart == "cut":
            steady.reset()
        frame, track = (7 if apart == "gap" else 6), (2 if apart == "track" else 1)
        now = small if apart == "size" else [restored[1], source[1]]
        assert np.array_equal(steady.apply(track, frame, *now), now[0])
        assert steady.state()["faces"].tolist() == [[track, frame]] if apart != "track" else True


def test_arguments_stay_and_faces_do_not_mix() -> None:
    _, source, restored = clip(6)
    mirrored = [c[:, ::-1].copy() for c in restored], [c[:, ::-1].copy() for c in source]
    alone = steadied("high", restored, source)
    both = Steady("high")
    for i in range(6):
        kept = restored[i].copy(), source[i].copy()
        result = both.apply(1, i, restored[i], source[i])
        both.apply(2, i, mirrored[0][i], mirrored[1][i])
        assert np.array_equal(result, alone[i]) and result.dtype == np.float32
        assert np.array_equal(restored[i], kept[0]) and np.array_equal(source[i], kept[1])


@pytest.mark.parametrize("level", ["off", "low", "high"])
def test_state_continues_bit_for_bit(level: str) -> None:
    _, source, restored = clip(8)
    whole = steadied(level, restored, source)
    first = Steady(level)
    for i in range(4):
        first.apply(1, i, restored[i], source[i])
    stored = io.BytesIO()
    np.savez(stored, allow_pickle=False, **first.state())
    assert len(stored.getvalue()) < 450_000
    stored.seek(0)
    second = Steady(level)
    with np.load(stored, allow_pickle=False) as state:
        second.restore(state)
    for i in range(4, 8):
        assert np.array_equal(second.apply(1, i, restored[i], source[i]), whole[i])


def test_what_is_no_state_is_refused() -> None:
    with pytest.raises(ValueError, match="state"):
        Steady("low").restore({})
    with pytest.raises(ValueError, match="state"):
        Steady("low").restore({"faces": np.array([[1, 2]])})


def test_the_number_of_threads_changes_nothing() -> None:
    _, source, restored = clip(4)
    before = cv2.getNumThreads()
    try:
        results = []
        for threads in (1, 3):
            cv2.setNumThreads(threads)
            results.append(steadied("high", restored, source))
    finally:
        cv2.setNumThreads(before)
    assert all(np.array_equal(a, b) for a, b in zip(*results, strict=True))


@pytest.mark.parametrize(("size", "bound_s"), [(256, 0.006), (512, 0.020)])
def test_time_a_crop(size: int, bound_s: float) -> None:
    rng = np.random.default_rng(1)
    crops = [drawn_face(t, size=size) + smooth_noise(rng, 2.0, 4.0, size) for t in range(4)]
    steady, times = Steady("high"), []
    for i in range(12):
        begun = time.process_time()
        steady.apply(1, i, crops[i % 4], crops[i % 4])
        times.append(time.process_time() - begun)
    # The bound is for an idle core; the best of a few is near it, and others may be at work.
    assert min(times[1:]) < 2 * bound_s


def test_real_speech_gets_steadier_and_no_mouth_late(shared: Path) -> None:
    import av

    from desktop.video.restorers import open_restorer

    rng = np.random.default_rng(4)
    with av.open(str(shared / "clips" / "grid_bbaf2n.mpg")) as file:
        frames = [f.to_ndarray(format="rgb24") for f, _ in zip(file.decode(video=0), range(27), strict=False)][12:]
    # The face as the template has it, without looking for it: the camera stands still.
    way = np.array([[1.35, 0, -118], [0, 1.35, -113]], np.float32)
    truth = [cv2.warpAffine(f, way, (SIDE, SIDE), flags=cv2.INTER_CUBIC).astype(np.float32) / 255 for f in frames]
    source = [np.clip(t + smooth_noise(rng, 0.8, 10.0), 0, 1).astype(np.float32) for t in truth]
    restorer = open_restorer(Library(), "face-restorer", device="cpu")
    restored = [restorer(s[None], 0.5)[0] for s in source]
    results = {level: steadied(level, restored, source) for level in ("off", "low", "high")}
    reference = bytes_of(truth)
    errors = {level: warping_errors(bytes_of(result), reference).mean() for level, result in results.items()}
    assert errors["high"] < errors["low"] < errors["off"] < warping_errors(bytes_of(source), reference).mean()
    assert errors["high"] < 0.75 * errors["off"]
    mouth = (slice(150, 225), slice(75, 185))
    for level in ("low", "high"):
        assert decibels(results[level], truth) > decibels(restored, truth) + 0.2
        each = [
            decibels([a], [t], mouth) - decibels([b], [t], mouth) for a, b, t in zip(results[level], restored, truth, strict=True)
        ]
        assert min(each) > -1.0 and np.mean(each) > 0.0
