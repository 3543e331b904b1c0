"""Where a new shot begins.

A picture belongs to the shot of an earlier one when its levels are, but for a small shift of the frame, a function of that
picture's levels. That holds through fades, flashes, exposure and camera shake, and not across a cut.
"""

from __future__ import annotations

from collections import deque
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

_WIDTH, _HEIGHT = 64, 48  # px, what is looked at
_REACH_X, _REACH_Y = 4, 3  # px of that: how far the frame may shift
_REFERENCES = 3  # a picture is compared with this many before it, for flashes and damaged pictures
_BINS = 24

_CUT = 0.17  # measured: 0.04 to 0.14 within shots (pans, shake, noise, zooms), 0.27 and 0.79 at cuts
_EARLY_CUT = 0.45  # before the motion of a shot is known
_CLEAR = 0.45  # no flash looks like that
_OVER_USUAL = 3.0  # times the usual change of the shot
_OVER_LAST = 1.3  # times the change that began the shot
_KNOWN = 4  # pictures after which the usual change is known
_HISTORY = 12
_FLAT = 3.0  # levels: a picture with less contrast (black, white, fog) tells nothing
_FLASH = 25.0  # levels that a flash adds at least
_WHITE = 235.0  # level; a flash may drown any share of the picture


class ShotFinder:
    """Says, picture by picture, where a shot begins. Memory and time do not depend on the picture's size."""

    def __init__(self) -> None:
        self._references: deque[Array] = deque(maxlen=_REFERENCES)
        self._changes: deque[float] = deque(maxlen=_HISTORY)
        self._suspect = False
        self._last_cut = 0.0

    def feed(self, rgb: npt.NDArray[np.uint8]) -> bool:
        """Whether the next picture (uint8 [height, width, 3], any size, the same each time) begins a new shot.

        The very first one does not. After a sudden gain of light, which may be a flash, the answer comes one picture late.
        """
        picture = _looked_at(rgb)
        if picture[..., 0].std() < _FLAT:
            self._suspect = False
            return False
        if not self._references:
            self._references.append(picture)
            return False
        change = self._least_change(picture)
        if change <= self._limit():
            self._suspect = False
            self._remember(picture, change)
            return False
        brighter = float(picture[..., 0].mean() - self._references[-1][..., 0].mean())
        drowned = float((picture[..., 0] > _WHITE).mean())
        if not self._suspect and brighter > _FLASH and (change < _CLEAR or drowned > 0.3):
            self._suspect = True
            return False
        self._suspect = False
        self._last_cut = change
        self._references.clear()
        self._changes.clear()
        self._references.append(picture)
        return True

    def _least_change(self, picture: Array) -> float:
        """Against any of the references; the newest tells enough where that is no cut."""
        least = float("inf")
        for reference in reversed(self._references):
            least = min(least, _change(reference, picture))
            if least <= _CUT:
                break
        return least

    def _limit(self) -> float:
        if len(self._changes) < _KNOWN:
            # A whip pan is one change after the other, each as large as a cut.
            return max(_EARLY_CUT, _OVER_LAST * self._last_cut)
        return max(_CUT, _OVER_USUAL * float(np.median(self._changes)))

    def _remember(self, picture: Array, change: float) -> None:
        self._references.append(picture)
        self._changes.append(change)


def _looked_at(rgb: npt.NDArray[np.uint8]) -> Array:
    """Luma and colour [height, width, 3] of a small, slightly blurred copy, 0..255."""
    # Halving is many times faster than reducing at once.
    while rgb.shape[0] >= 4 * _HEIGHT and rgb.shape[1] >= 4 * _WIDTH:
        height, width = rgb.shape[0] // 2, rgb.shape[1] // 2
        rgb = np.asarray(cv2.resize(rgb[: 2 * height, : 2 * width], (width, height), interpolation=cv2.INTER_AREA))
    small = cv2.resize(rgb, (_WIDTH, _HEIGHT), interpolation=cv2.INTER_AREA).astype(np.float32)
    return np.asarray(cv2.GaussianBlur(cv2.cvtColor(small / 255, cv2.COLOR_RGB2YCrCb), (0, 0), 0.8)) * 255


def _change(before: Array, after: Array) -> float:
    """Share of a picture that is no function of the one before, 0..about 1."""
    dx, dy = _shift(_even(before), _even(after))
    old = before[_REACH_Y + dy : _HEIGHT - _REACH_Y + dy, _REACH_X + dx : _WIDTH - _REACH_X + dx].reshape(-1, 3)
    new = after[_REACH_Y : _HEIGHT - _REACH_Y, _REACH_X : _WIDTH - _REACH_X].reshape(-1, 3)
    unexplained = contrast = 0.0
    for channel in range(3):
        level, value = old[:, channel], new[:, channel]
        low = float(level.min())
        width = max(1.0, (float(level.max()) - low) / _BINS)
        place = ((level - low) / width).astype(np.intp)
        count = np.bincount(place)
        usual = np.bincount(place, value) / np.maximum(count, 1)
        unexplained += float(np.abs(value - usual[place]).mean())
        contrast += float(np.abs(value - value.mean()).mean())
    return unexplained / (contrast + _FLAT)


def _even(picture: Array) -> Array:
    luma = picture[..., 0]
    return np.asarray((luma - luma.mean()) / (luma.std() + 3))


def _shift(before: Array, after: Array) -> tuple[int, int]:
    """Shift (x, y) of the frame, px, at which the two pictures differ least."""
    patch = np.ascontiguousarray(after[_REACH_Y : _HEIGHT - _REACH_Y, _REACH_X : _WIDTH - _REACH_X])
    difference = cv2.matchTemplate(before, patch, cv2.TM_SQDIFF)
    y, x = np.unravel_index(int(difference.argmin()), difference.shape)
    return int(x) - _REACH_X, int(y) - _REACH_Y
