"""Shapes with smooth edges, by their signed distance in pixels (negative inside)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Field = npt.NDArray[np.float32]


def box(
    height: int, width: int, top: float, left: float, bottom: float, right: float, radius: float, flat_top: bool = False
) -> Field:
    """Distance of each pixel's middle of a picture to a box with rounded corners.

    Args:
        height, width: of the picture.
        top, left, bottom, right: of the box in the picture's pixels; may lie outside of it.
        flat_top: the upper corners are not rounded.
    """
    y = np.arange(height, dtype=np.float32)[:, None] + 0.5
    x = np.arange(width, dtype=np.float32)[None, :] + 0.5
    radius = max(0.0, min(radius, (right - left) / 2, (bottom - top) / 2))
    dx = np.abs(x - (left + right) / 2) - ((right - left) / 2 - radius)
    if flat_top:
        dy = np.maximum(y - bottom + radius, radius + top - y)
        rounded = y > bottom - radius
        outside = np.where(rounded, np.hypot(np.maximum(dx, 0), np.maximum(dy, 0)), np.maximum(dx, dy))
    else:
        dy = np.abs(y - (top + bottom) / 2) - ((bottom - top) / 2 - radius)
        outside = np.hypot(np.maximum(dx, 0), np.maximum(dy, 0))
    distance: Field = (outside + np.minimum(np.maximum(dx, dy), 0) - radius).astype(np.float32)
    return distance


def cover(distance: Field) -> Field:
    """How much of each pixel lies inside (0..1)."""
    return np.clip(0.5 - distance, 0.0, 1.0)


def ramp(values: Field, low: float, high: float) -> Field:
    """Smooth step from 0 at ``low`` to 1 at ``high``."""
    share = np.clip((values - low) / (high - low), 0.0, 1.0).astype(np.float32)
    smooth: Field = share * share * (3 - 2 * share)
    return smooth
