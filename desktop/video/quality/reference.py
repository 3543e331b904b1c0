"""Likeness of a picture to the true one: PSNR and SSIM."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

_WINDOW, _SIGMA = 11, 1.5
_MIDDLE = 128.0
_C1, _C2 = (0.01 * 255.0) ** 2, (0.03 * 255.0) ** 2


def luma(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    """BT.601 luma, 0..255, float32 [h, w]; a grey picture [h, w] stays as it is."""
    if rgb.ndim == 2:
        return rgb.astype(np.float32)
    return cv2.cvtColor(rgb.astype(np.float32), cv2.COLOR_RGB2GRAY)  # type: ignore[no-any-return]


def psnr(picture: NDArray[np.uint8], truth: NDArray[np.uint8]) -> float:
    """Peak signal-to-noise ratio in dB over all channels, peak 255; infinite for equal pictures.

    Raises ValueError for pictures of different shape.
    """
    _need_same(picture, truth)
    error = float(np.mean((picture.astype(np.float32) - truth.astype(np.float32)) ** 2, dtype=np.float64))
    return 10.0 * math.log10(255.0**2 / error) if error > 0.0 else math.inf


def ssim(picture: NDArray[np.uint8], truth: NDArray[np.uint8]) -> float:
    """Structural similarity of the luma, -1..1, 1 for equal pictures.

    Wang, Bovik, Sheikh, Simoncelli: Image quality assessment: from error visibility to structural similarity, 2004,
    section III-C: Gaussian window of 11 x 11 px with sigma 1.5, K1 = 0.01, K2 = 0.03, population statistics, and only
    windows that lie wholly inside. Raises ValueError for pictures of different shape or smaller than the window.
    """
    _need_same(picture, truth)
    if min(picture.shape[:2]) < _WINDOW:
        raise ValueError(f"pictures of {picture.shape[1]} x {picture.shape[0]} px are smaller than the window of {_WINDOW} px")
    # About the middle, where single precision has most digits to spare for the variances.
    x, y = luma(picture) - np.float32(_MIDDLE), luma(truth) - np.float32(_MIDDLE)
    mean_x, mean_y = _local(x), _local(y)
    var_x, var_y = _local(x * x) - mean_x**2, _local(y * y) - mean_y**2
    covariance = _local(x * y) - mean_x * mean_y
    mean_x += np.float32(_MIDDLE)
    mean_y += np.float32(_MIDDLE)
    likeness = (2.0 * mean_x * mean_y + _C1) * (2.0 * covariance + _C2)
    likeness /= (mean_x**2 + mean_y**2 + _C1) * (var_x + var_y + _C2)
    return float(likeness.mean(dtype=np.float64))


def _local(plane: NDArray[np.float32]) -> NDArray[np.float32]:
    """Gaussian mean around every pixel whose window lies inside."""
    edge = _WINDOW // 2
    blurred = cv2.GaussianBlur(plane, (_WINDOW, _WINDOW), _SIGMA)
    return blurred[edge:-edge, edge:-edge]  # type: ignore[no-any-return]


def _need_same(picture: NDArray[np.uint8], truth: NDArray[np.uint8]) -> None:
    if picture.shape != truth.shape:
        raise ValueError(f"pictures differ in shape: {picture.shape} and {truth.shape}")
