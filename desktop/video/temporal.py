"""Steadiness: restored faces follow the motion of the source instead of flickering about it.

A restorer sees one picture at a time, so noise that differs from picture to picture comes out as detail that flickers.
Here the result before is moved along the motion between the *source* crops and blended with the new one, where two things
hold: the moved source looks like the new source (else the motion is wrong, or something was hidden or has changed, such as
lips and lids), and the moved result looks like the new result. "Looks like" is in units of how much the crop as a whole
differs, so that noise, which is everywhere, is no obstacle and a change, which is somewhere, is. Where either fails the new
result stands alone, so nothing lags and nothing ghosts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from desktop.errors import UsageError

Crop = NDArray[np.float32]

_SIDE = 128  # px, where motion and likeness are judged: faces in old video hold no more
_CALM = 1.0  # sigma in px of the blur before motion is looked for
_AREA = 9  # px, over which differences are averaged
_SOFT = 5  # px, over which the share of the past fades
_LEAST = 0.5  # levels of 255 that never count as a difference
_DEEP = 65535.0


@dataclass(frozen=True)
class _Level:
    """``past``: the greatest share of the moved result; ``usual``: percentile of the crop's differences that counts as
    noise; ``reach``: how many times that halves the share."""

    past: float
    usual: float
    reach: float


_LEVELS = {"low": _Level(past=0.5, usual=25.0, reach=2.0), "high": _Level(past=0.8, usual=50.0, reach=1.8)}


class _Past(NamedTuple):
    """What is kept of a face: the picture's number, the source [128, 128] and the result [s, s, 3] in 1/65535."""

    frame: int
    source: NDArray[np.uint8]
    result: NDArray[np.uint16]


class Steady:
    """Reduces the flicker of restored crops, face by face, in the order of the pictures.

    Args:
        level: "off" (everything passes unchanged), "low" or "high".
    """

    def __init__(self, level: str) -> None:
        if level != "off" and level not in _LEVELS:
            raise UsageError(f"steadiness: '{level}' is not one of off, low, high")
        self._level = _LEVELS.get(level)
        self._past: dict[int, _Past] = {}
        self._motion: Any = None

    def apply(self, track_id: int, frame: int, restored: Crop, crop: Crop) -> Crop:
        """The restored crop made steady; the arguments are not changed.

        Args:
            track_id: the face. One that was not given in the picture before begins anew.
            frame: number of the picture; must not fall.
            restored: RGB 0..1, float32 [s, s, 3].
            crop: what it was restored from, the same shape and range.
        """
        if self._level is None:
            return restored
        # Nobody who has missed a picture is taken up again.
        self._past = {track: past for track, past in self._past.items() if past.frame >= frame - 1}
        past = self._past.pop(track_id, None)
        source = cv2.GaussianBlur(_grey(crop), (0, 0), _CALM)
        result = restored
        if past is not None and past.frame == frame - 1 and past.result.shape == restored.shape:
            result = self._blend(self._level, past, source, restored)
        self._past[track_id] = _Past(frame, source, _deep(result))
        return result

    def reset(self) -> None:
        """Forget everything: a new shot begins."""
        self._past.clear()

    def state(self) -> dict[str, NDArray[Any]]:
        """All that the next picture depends on (about 0.4 MB a face of 256 px); for ``restore``."""
        faces: dict[str, NDArray[Any]] = {
            "faces": np.array([(t, p.frame) for t, p in self._past.items()], np.int64).reshape(-1, 2)
        }
        for track, past in self._past.items():
            faces[f"source {track}"], faces[f"result {track}"] = past.source, past.result
        return faces

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on exactly where ``state`` was taken. Raises ValueError for what is no state."""
        try:
            self._past = {int(t): _Past(int(f), state[f"source {t}"], state[f"result {t}"]) for t, f in state["faces"]}
        except (KeyError, TypeError) as error:
            raise ValueError(f"not a state of steadiness: {error}") from error

    def _blend(self, level: _Level, past: _Past, source: NDArray[np.uint8], restored: Crop) -> Crop:
        if self._motion is None:
            self._motion = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
        flow = self._motion.calc(source, past.source, None)
        moved_source = _moved(past.source, flow, cv2.INTER_LINEAR)
        side = restored.shape[0]
        full = cv2.resize(flow, (side, side), interpolation=cv2.INTER_LINEAR) * (side / _SIDE)
        # Cubic, as a bilinear picture of a picture of a picture loses its detail.
        moved = _moved(past.result.astype(np.float32) * np.float32(1.0 / _DEEP), full, cv2.INTER_CUBIC)
        share = _likeness(source, moved_source, level) * _likeness(_grey(restored), _grey(moved), level)
        share = cv2.blur(share * np.float32(level.past), (_SOFT, _SOFT))
        share = cv2.resize(share, (side, side), interpolation=cv2.INTER_LINEAR)
        moved -= restored
        moved *= cv2.merge([share, share, share])
        moved += restored
        return moved


def _likeness(a: NDArray[np.uint8], b: NDArray[np.uint8], level: _Level) -> Crop:
    """1 where two pictures [128, 128] differ as little as they usually do, 0 where much more."""
    difference = cv2.blur(cv2.absdiff(a, b).astype(np.float32), (_AREA, _AREA))
    # Averages change little from one place to the next.
    unit = level.reach * max(float(np.percentile(difference[::2, ::2], level.usual)), _LEAST)
    share: Crop = np.float32(1.0) / (np.float32(1.0) + (difference / np.float32(unit)) ** 4)
    return share


def _moved(picture: NDArray[Any], flow: NDArray[np.float32], interpolation: int) -> NDArray[Any]:
    """The picture [s, s(, 3)] before, moved to where things are now."""
    return cv2.remap(picture, flow + _places(picture.shape[0]), None, interpolation, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[no-any-return]


@lru_cache(maxsize=4)
def _places(side: int) -> NDArray[np.float32]:
    """x and y of every pixel, [side, side, 2]."""
    steps = np.arange(side, dtype=np.float32)
    return np.stack(np.meshgrid(steps, steps), axis=-1)


def _grey(rgb: Crop) -> NDArray[np.uint8]:
    """Luma 0..255 of a crop, uint8 [128, 128]."""
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    return cv2.convertScaleAbs(small, alpha=255.0)  # type: ignore[no-any-return]


def _deep(rgb: Crop) -> NDArray[np.uint16]:
    """A crop in 1/65535, clipped and rounded."""
    flat = np.ascontiguousarray(rgb).reshape(rgb.shape[0], -1)
    return cv2.addWeighted(flat, _DEEP, flat, 0.0, 0.0, dtype=cv2.CV_16U).reshape(rgb.shape)  # type: ignore[no-any-return]
