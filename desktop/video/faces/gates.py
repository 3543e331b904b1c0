"""Whether a face should be restored at all, how strongly, and why not."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from desktop.video.faces.data import Floats

Array = npt.NDArray[Any]

_SMALL = 24.0, 32.0  # px of the face's side: nothing is restored below the first, all above the second
_COVERED = 0.55, 0.85  # share of the face that must lie in the picture
_SHARP = 0.5, 0.7  # of ``sharpness``


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


def judge(crop: Floats, size: float, *, inside: float = 1.0) -> Verdict:
    """Decide on a face.

    Args:
        crop: [s, s, 3], 0..1, aligned.
        size: side of its box in the picture, px (``desktop.video.faces.data.face_size``).
        inside: share of the face that lies in the picture (``desktop.video.faces.align.Crop``).
    """
    large, whole, blurred = _ramp(size, *_SMALL), _ramp(inside, *_COVERED), 1 - _ramp(sharpness(crop), *_SHARP)
    strength = large * whole * blurred
    if strength > 0:
        return Verdict(Kind.RESTORED, strength, f"{strength:.0%} restored" if strength < 0.995 else "Restored")
    if large == 0:
        return Verdict(Kind.SMALL, 0.0, f"Left as it is: only {size:.0f} pixels wide")
    if whole == 0:
        return Verdict(Kind.OUTSIDE, 0.0, "Left as it is: most of it lies outside of the picture")
    return Verdict(Kind.SHARP, 0.0, "Left as it is: it is sharp already")


def sharpness(crop: Floats) -> float:
    """How much of the finest detail that the crop can hold is there, 0..1."""
    luma = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
    edge = luma.shape[0] // 5
    inner = luma[edge:-edge, edge:-edge]
    fine = np.abs(inner - cv2.GaussianBlur(inner, (0, 0), 1.0)).mean()
    coarse = np.abs(inner - cv2.GaussianBlur(inner, (0, 0), 4.0)).mean()
    return float(fine / (coarse + 1e-3))


def _ramp(value: float, low: float, high: float) -> float:
    t = min(1.0, max(0.0, (value - low) / (high - low)))
    return t * t * (3 - 2 * t)
