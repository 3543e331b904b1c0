"""How steady a clip is: warping error along the motion of a reference, and flicker of the light.

Motion is found by dense inverse search (Kroeger et al.: Fast optical flow using dense inverse search, 2016) in the reference
(the truth where it is known, else the source), so that before and after are judged along one and the same motion.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from desktop.video.quality.reference import luma

_SLACK_PX, _SLACK_SHARE = 0.5, 0.01


class Motion(NamedTuple):
    """From one picture back to the one before.

    Attributes:
        flow: float32 [h, w, 2]; the content at (x, y) was at (x, y) + flow in the picture before.
        seen: bool [h, w]; False where that place was hidden, outside or not found.
    """

    flow: NDArray[np.float32]
    seen: NDArray[np.bool_]


def find_motion(previous: NDArray[np.uint8], picture: NDArray[np.uint8]) -> Motion:
    """Motion between two pictures of a reference; both RGB or grey uint8, at least 16 x 16 px.

    Hidden places by the forward-backward check of Sundaram, Brox, Keutzer: Dense point trajectories by GPU-accelerated large
    displacement optical flow, 2010, equation 5: |f + b|^2 > 0.01 (|f|^2 + |b|^2) + 0.5.
    """
    finder = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    before, now = (luma(p).astype(np.uint8) for p in (previous, picture))
    back = finder.calc(now, before, None)
    forth = warp(finder.calc(before, now, None), back)
    gap = ((forth + back) ** 2).sum(axis=2)
    allowed = _SLACK_SHARE * ((forth**2).sum(axis=2) + (back**2).sum(axis=2)) + _SLACK_PX
    x, y = _places(back)
    inside = (x >= 0) & (y >= 0) & (x <= back.shape[1] - 1) & (y <= back.shape[0] - 1)
    return Motion(back, (gap <= allowed) & inside)


def warp(picture: NDArray[np.generic], flow: NDArray[np.float32]) -> NDArray[np.float32]:
    """The picture before [h, w] or [h, w, c], moved to where things are now (bilinear, edges repeated); float32."""
    x, y = _places(flow)
    return cv2.remap(picture.astype(np.float32), x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[no-any-return]


def warping_error(previous: NDArray[np.uint8], picture: NDArray[np.uint8], motion: Motion) -> float:
    """Root of the mean square of what differs from the picture before, moved along; levels of 255, NaN when nothing is seen.

    Lai et al.: Learning blind video temporal consistency, 2018, section 4.2 (E_warp; there the mean square of 0..1).
    """
    difference = picture.astype(np.float32) - warp(previous, motion.flow)
    squares = difference[motion.seen] ** 2
    return float(np.sqrt(squares.mean(dtype=np.float64))) if squares.size else float("nan")


def warping_errors(pictures: Sequence[NDArray[np.uint8]], reference: Sequence[NDArray[np.uint8]]) -> NDArray[np.float64]:
    """``warping_error`` [n - 1] of a clip along the motion of a reference of the same size and length."""
    steps = range(1, len(pictures))
    return np.array(
        [warping_error(pictures[t - 1], pictures[t], find_motion(reference[t - 1], reference[t])) for t in steps], np.float64
    )


def luminance_flicker(means: Sequence[float] | NDArray[np.floating]) -> float:
    """Deviation of the mean luma of the face box (levels, a value a picture) from its course; NaN below five values.

    The course is the median of five neighbours, so that a face walking into the light is no flicker; NaN values are left out.
    """
    values = np.asarray(means, np.float64)
    values = values[np.isfinite(values)]
    if len(values) < 5:
        return float("nan")
    course = np.median(np.lib.stride_tricks.sliding_window_view(values, 5), axis=1)
    return float(np.sqrt(np.mean((values[2:-2] - course) ** 2)))


def _places(flow: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Where each pixel was, x and y [h, w]."""
    y, x = np.indices(flow.shape[:2], np.float32)
    return x + flow[..., 0], y + flow[..., 1]
