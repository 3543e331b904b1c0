"""Steady points: jitter of the findings taken out without lagging behind the face.

Each point is replaced by that of a parabola fitted to a window about it (Savitzky and Golay, "Smoothing and differentiation of
data by simplified least squares procedures", Analytical Chemistry 1964), which has no delay and follows an accelerating face.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from desktop.video.faces import boxes as rectangles
from desktop.video.faces.data import Floats, Track

Array = npt.NDArray[Any]

_WINDOW_S = 0.36  # half of the window: about the time in which a head turns visibly


def smooth(track: Track, rate: float) -> Track:
    """The track with smoothed points and the boxes that go with them. A track lies within one shot, so no window crosses a cut.

    Args:
        rate: pictures a second.
    """
    reach = max(2, round(_WINDOW_S * rate))
    if len(track) < 3:
        return replace(track, boxes=rectangles.around(track.points).astype(np.float32))
    weights = np.where(track.seen, np.clip(track.score, 0.1, 1.0), 0.1).astype(np.float64)
    flat = track.points.reshape(len(track), 10).astype(np.float64)
    points: Floats = _fitted(flat, weights, reach).reshape(-1, 5, 2).astype(np.float32)
    return replace(track, points=points, boxes=rectangles.around(points).astype(np.float32))


def _fitted(values: Array, weights: Array, reach: int) -> Array:
    """Value at the centre of a weighted parabola over ``reach`` samples to either side; a line where the window is cut off."""
    offsets = np.arange(-reach, reach + 1)
    bell = np.exp(-0.5 * (offsets / (0.5 * reach)) ** 2)
    count = len(values)
    result = np.empty_like(values)
    for centre in range(count):
        first, last = max(0, centre - reach), min(count, centre + reach + 1)
        time = np.arange(first - centre, last - centre, dtype=np.float64)
        weight = weights[first:last] * bell[time.astype(int) + reach]
        degree = 2 if len(time) > 4 and min(centre - first, last - 1 - centre) >= reach // 2 else 1
        basis = np.stack([time**power for power in range(degree + 1)], axis=1)
        gram = basis.T @ (weight[:, None] * basis)
        result[centre] = np.linalg.solve(gram, basis.T @ (weight[:, None] * values[first:last]))[0]
    return result
