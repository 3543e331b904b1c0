"""Whether a face should be restored at all, how strongly, and why not.

All limits are ramps, so that a face which crosses one fades instead of flickering.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from desktop.video.faces.data import Floats
from desktop.video.faces.paste import face_mask

Array = npt.NDArray[Any]

_SMALL = 20.0, 28.0  # px of the face's side: a restorer makes faces up below the first
_COVERED = 0.60, 0.85  # share of eyes, nose and mouth that must lie in the picture
# ``sharpness`` of faces as sharp as their crop can be: 0.64 to 0.99, of those with half its resolution 0.50 to 0.61, a quarter
# 0.40; noisy sharp ones 0.5 to 0.83 (10th to 90th percentile, London set and synthetic faces, crops of 256 and 512 px).
_SHARP = 0.60, 0.80
_TURNED = 0.16, 0.06  # ``frontality``: a profile is below the second

_FINE, _COARSE = 0.7, 1.4  # px, the octaves that are compared
_AREA = 3.0 / 256  # of the crop: spread of the areas in which detail is told from grain
_GRAIN_LEVEL, _GRAIN_MARGIN = 0.3, 1.5  # as in ``desktop.video.faces.paste``


class Kind(StrEnum):
    """What is done with a face."""

    RESTORED = "restored"
    SMALL = "small"
    SHARP = "sharp"
    OUTSIDE = "outside"
    UNSURE = "unsure"


@dataclass(frozen=True)
class Verdict:
    """The decision on one face in one picture.

    Attributes:
        strength: 0 leaves the face as it is, 1 restores it wholly.
        reason: one sentence for the user.
    """

    kind: Kind
    strength: float
    reason: str


def judge(crop: Floats, size: float, *, inside: float = 1.0, points: Array | None = None) -> Verdict:
    """Decide on a face. What limits it most is named.

    Args:
        crop: [s, s, 3], 0..1, aligned.
        size: side of its box in the picture, px (``desktop.video.faces.data.face_size``).
        inside: share of the face that lies in the picture (``desktop.video.faces.align.Crop``).
        points: [5, 2], for a look at how far it is turned; None takes it for frontal.
    """
    limits = [
        (_ramp(size, *_SMALL), Kind.SMALL, f"it is only {size:.0f} pixels wide"),
        (_ramp(inside, *_COVERED), Kind.OUTSIDE, "most of it lies outside of the picture" if inside < 0.5 else "it is cut off"),
        (
            1.0 if points is None else 1 - _ramp(-frontality(points), *(-limit for limit in _TURNED)),
            Kind.UNSURE,
            "it is in profile",
        ),
    ]
    # Sharpness costs more than the rest and cannot help what is ruled out already.
    if all(strength > 0 for strength, _, _ in limits):
        blurred = 1 - _ramp(sharpness(crop), *_SHARP)
        limits.append((blurred, Kind.SHARP, "it is nearly sharp" if blurred > 0 else "it is sharp already"))
    strength = float(np.prod([share for share, _, _ in limits]))
    least, kind, reason = min(limits, key=lambda limit: limit[0])
    if strength <= 0:
        return Verdict(kind, 0.0, f"Left as it is: {reason}")
    if strength > 0.995:
        return Verdict(Kind.RESTORED, 1.0, "Restored")
    return Verdict(Kind.RESTORED, strength, f"Restored by {strength:.0%}: {reason}" if least < 0.995 else "Restored")


def sharpness(crop: Floats) -> float:
    """How much detail there is in the finest octave that the crop can hold, over that in the next: 0.4 (blurred) .. 1 (sharp).

    Taken along rows and along columns, of which the lesser counts: combing and scan lines are sharp in one of them only. Grain
    does not count: only what is above the power of the quietest parts of the face.
    """
    place, inside = _judged(crop.shape[0])
    luma = cv2.cvtColor(np.ascontiguousarray(crop[place]), cv2.COLOR_RGB2GRAY)
    ratios = []
    for x, y in ((1.0, 0.0), (0.0, 1.0)):
        one, two = (_blurred(luma, x * sigma, y * sigma) for sigma in (_FINE, _COARSE))
        fine, coarse = (_detail(band, inside, _AREA * crop.shape[0]) for band in (luma - one, one - two))
        ratios.append(fine / (coarse + 1e-4))
    return min(ratios)


@lru_cache(maxsize=4)
def _judged(side: int) -> tuple[tuple[slice, slice], npt.NDArray[np.bool_]]:
    """Rows and columns of the crop that sharpness is taken from, even in number, and which of every second of them are inside."""
    full = face_mask(side) > 0.9
    rows, columns = np.nonzero(full.any(axis=1))[0], np.nonzero(full.any(axis=0))[0]
    place = tuple(slice(int(lines[0]), int(lines[0]) + (len(lines) + 1) // 2 * 2) for lines in (rows, columns))
    return (place[0], place[1]), cv2.resize(
        full[place].astype(np.float32), None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA
    ) > 0.5


def _blurred(luma: Array, x: float, y: float) -> Array:
    """Blurred by that many px along rows or columns; 0 leaves a direction alone."""
    size = tuple(2 * round(4 * sigma) + 1 for sigma in (x, y))
    return np.asarray(cv2.GaussianBlur(luma, size, sigmaX=max(x, 0.1), sigmaY=max(y, 0.1)))


def frontality(points: Array) -> float:
    """Distance of the nose from the nearer of the eyes along the line of the eyes, over the eyes' distance: 0.5 from the front,
    0 or less in profile."""
    eyes = np.asarray(points[1] - points[0], np.float64)
    length = float(np.hypot(*eyes))
    if length <= 0:
        return 0.0
    along = float((points[2] - points[0]) @ eyes) / length**2
    return min(along, 1 - along)


def _detail(band: Array, inside: npt.NDArray[np.bool_], area: float) -> float:
    # The power is smooth, so that half of its size tells as much.
    power = cv2.resize(band * band, inside.shape[::-1], interpolation=cv2.INTER_AREA)
    power = np.asarray(cv2.GaussianBlur(power, (0, 0), area / 2))[inside]
    place = int(_GRAIN_LEVEL * len(power))
    grain = _GRAIN_MARGIN * float(np.partition(power, place)[place])
    return float(np.sqrt(np.maximum(power - grain, 0).mean()))


def _ramp(value: float, low: float, high: float) -> float:
    t = min(1.0, max(0.0, (value - low) / (high - low)))
    return t * t * (3 - 2 * t)
