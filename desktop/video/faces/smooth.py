"""Steady points: jitter of the findings taken out without lagging behind the face.

A face's points are taken apart into place, size, tilt and shape, and each is replaced by the middle of a parabola fitted to a
window about it (Savitzky and Golay, "Smoothing and differentiation of data by simplified least squares procedures", Analytical
Chemistry 1964): no delay. Where the wide window does not fit, because the face really moves, a narrow one takes over.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from desktop.video.faces import boxes as rectangles
from desktop.video.faces.data import Floats, Track

Array = npt.NDArray[Any]

_WIDE_S, _NARROW_S = 0.40, 0.14  # half of the windows
_FIT = 1.5, 4.0  # misfit of the wide window over the jitter: below the first it holds, above the second the narrow one does
_UNSEEN = 0.05  # weight of a place that was interpolated
_STIFF = 0.02  # keeps a window that is cut off at an end from swinging out


def smooth(track: Track, rate: float) -> Track:
    """The track with smoothed points and the boxes that go with them. A track lies within one shot, so no window crosses a cut.

    Args:
        rate: pictures a second.
    """
    points: Floats = track.points
    if len(track) > 2:
        weights = np.where(track.seen, np.clip(track.score, 0.1, 1.0), _UNSEEN).astype(np.float64)
        reaches = max(3, round(_WIDE_S * rate)), max(2, round(_NARROW_S * rate))
        place, turn, shape = _apart(track.points.astype(np.float64))
        # Place decides by itself; size and tilt go with it, for they share a motion. The shape hardly changes.
        place = _adaptive(place, weights, reaches)
        turn = _adaptive(turn, weights, reaches)
        shape = _fitted(shape, weights, reaches[0])
        points = _together(place, turn, shape).astype(np.float32)
    return replace(track, points=points, boxes=rectangles.around(points).astype(np.float32))


def _apart(points: Array) -> tuple[Array, Array, Array]:
    """Mean [n, 2], logarithm of the size and tilt (unwrapped) [n, 2], and points in the face's own frame [n, 10]."""
    place = points.mean(axis=1)
    centred = points - place[:, None]
    # Eyes against mouth give tilt and size together; either alone would suffer when a head turns.
    z = centred[..., 0] + 1j * centred[..., 1]
    axis = (z[:, 3] + z[:, 4] - z[:, 0] - z[:, 1]) / 2 + 1j * ((z[:, 1] - z[:, 0]) + (z[:, 4] - z[:, 3])) / 2
    axis = np.where(np.abs(axis) > 1e-6, axis, 1e-6)
    turn: Array = np.stack([np.log(np.abs(axis)), np.unwrap(np.angle(axis))], axis=1)
    shape: Array = z / axis[:, None]
    return np.asarray(place), turn, np.concatenate([shape.real, shape.imag], axis=1)


def _together(place: Array, turn: Array, shape: Array) -> Array:
    z = (shape[:, :5] + 1j * shape[:, 5:]) * np.exp(turn[:, :1] + 1j * turn[:, 1:])
    points: Array = np.stack([z.real, z.imag], axis=2) + place[:, None]
    return points


def _adaptive(values: Array, weights: Array, reaches: tuple[int, int]) -> Array:
    """Columns [n, k] smoothed together, by the wide window where it fits and by the narrow one where it does not."""
    wide, narrow = (_fitted(values, weights, reach) for reach in reaches)
    bell = _bell(reaches[1])
    misfit = (np.abs(values - wide) / _jitter(values)).max(axis=1)
    # Places that were interpolated say nothing about motion.
    sure = np.where(weights > _UNSEEN, weights, 0)
    local = np.sqrt(_summed(sure * misfit**2, bell) / np.maximum(_summed(sure, bell), 1e-9))
    known = np.minimum(1, 2 * _summed(sure, bell) / _summed(np.ones(len(values)), bell))
    share = known * np.clip((local - _FIT[0]) / (_FIT[1] - _FIT[0]), 0, 1)
    share = _summed(share, bell) / _summed(np.ones(len(share)), bell)
    blended: Array = wide + share[:, None] * (narrow - wide)
    return blended


def _jitter(values: Array) -> Array:
    """Standard deviation [k] of white noise in columns that are smooth otherwise, from their third differences."""
    if len(values) < 6:
        return np.full(values.shape[1], np.inf)
    third = np.diff(values, 3, axis=0)
    return np.asarray(np.maximum(np.median(np.abs(third), axis=0) / 0.6745 / np.sqrt(20.0), 1e-9))


def _bell(reach: int) -> Array:
    return np.asarray(np.exp(-0.5 * (np.arange(-reach, reach + 1) / (0.5 * reach)) ** 2))


def _fitted(values: Array, weights: Array, reach: int) -> Array:
    """Value [n, k] at the centre of a weighted parabola over ``reach`` samples to either side, fewer at the ends."""
    time = np.arange(-reach, reach + 1) / reach
    bell = _bell(reach)
    kernels = [(bell * time**power)[::-1] for power in range(5)]
    # Correlation: the sum over the window of weight · time^k (· value).
    moments = [_summed(weights, kernel) for kernel in kernels]
    gram = np.stack([np.stack([moments[row + column] for column in range(3)], axis=-1) for row in range(3)], axis=-2)
    gram[:, 1, 1] += _STIFF * moments[0] * 0.05
    gram[:, 2, 2] += _STIFF * moments[0]
    sums = np.stack(
        [np.stack([_summed(weights * column, kernel) for column in values.T], axis=-1) for kernel in kernels[:3]], axis=-2
    )
    return np.asarray(np.linalg.solve(gram, sums)[:, 0])


def _summed(values: Array, kernel: Array) -> Array:
    """Sum over the window about each sample of ``kernel`` (given backwards) times the values; nothing beyond the ends."""
    reach = len(kernel) // 2
    return np.asarray(np.convolve(values, kernel, "full")[reach : reach + len(values)])
