"""Shapes with smooth edges, by their signed distance in pixels (negative inside)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Field = npt.NDArray[np.float32]


def rows(height: int) -> Field:
    """Vertical places of the pixels' middles: [height, 1]."""
    return np.arange(height, dtype=np.float32)[:, None] + np.float32(0.5)


def columns(width: int) -> Field:
    """Horizontal places of the pixels' middles: [1, width]."""
    return np.arange(width, dtype=np.float32)[None, :] + np.float32(0.5)


def box(height: int, width: int, top: float, left: float, bottom: float, right: float, radius: float) -> Field:
    """Distance of each pixel's middle of a picture to a box with rounded corners.

    Args:
        height, width: of the picture.
        top, left, bottom, right: of the box in the picture's pixels; may lie outside of it.
    """
    y, x = rows(height), columns(width)
    radius = max(0.0, min(radius, (right - left) / 2, (bottom - top) / 2))
    dx = np.abs(x - (left + right) / 2) - ((right - left) / 2 - radius)
    dy = np.abs(y - (top + bottom) / 2) - ((bottom - top) / 2 - radius)
    outside = np.hypot(np.maximum(dx, 0), np.maximum(dy, 0))
    distance: Field = (outside + np.minimum(np.maximum(dx, dy), 0) - radius).astype(np.float32)
    return distance


def cover(distance: Field) -> Field:
    """How much of each pixel lies inside (0..1)."""
    inside: Field = np.clip(np.float32(0.5) - distance, 0.0, 1.0).astype(np.float32, copy=False)
    return inside


def ramp(values: Field, low: float, high: float) -> Field:
    """Smooth step from 0 at ``low`` to 1 at ``high``."""
    share = np.clip((values - low) / (high - low), 0.0, 1.0).astype(np.float32)
    smooth: Field = share * share * (3 - 2 * share)
    return smooth
