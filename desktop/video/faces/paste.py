"""The restored face put back: colour matched, edge unseen, and nothing else touched."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from desktop.video.faces.align import Canvas, footprint, inverse, steps
from desktop.video.faces.data import Floats

Array = npt.NDArray[Any]

_COARSE = 32  # px: side of the map of low frequencies


def paste(picture: Canvas, restored: Floats, crop: Floats, matrix: Array, *, strength: float) -> None:
    """Blend a restored face into the picture, in place.

    Args:
        restored: [size, size, 3], 0..1, what the restorer made of ``crop``.
        crop: what was cut out of this very picture with ``matrix`` (``desktop.video.faces.align``).
        strength: 0 leaves the picture as it is, 1 takes the restored face wholly where the mask is full.
    """
    size = crop.shape[0]
    if strength <= 0:
        return
    box = footprint(matrix, size, picture.width, picture.height)
    if box is None:
        return
    mask = face_mask(size)
    matched = restored - _cast(restored - crop, mask)
    stack = np.dstack([matched, mask])
    warped = _warped(stack, matrix, box)
    picture.blend(np.clip(warped[..., :3], 0, 1), np.clip(warped[..., 3] * min(strength, 1.0), 0, 1), box)


@lru_cache(maxsize=4)
def face_mask(size: int) -> Floats:
    """Soft mask [size, size], 0..1, of the face on the FFHQ template: full from brows to chin, 0 before the crop's edge."""
    y, x = (np.mgrid[:size, :size] + 0.5) / size
    radius = np.hypot((x - 0.5) / 0.40, (y - 0.56) / 0.42)
    ramp = np.clip((1.0 - radius) / 0.30, 0, 1)
    mask: Floats = (ramp * ramp * (3 - 2 * ramp)).astype(np.float32)
    mask.flags.writeable = False
    return mask


def _cast(difference: Floats, mask: Floats) -> Floats:
    """The part of a change that is light and colour over wide areas: its mean everywhere, and all of it towards the edge."""
    size = mask.shape[0]
    small = cv2.resize(difference, (_COARSE, _COARSE), interpolation=cv2.INTER_AREA)
    weight = cv2.resize(mask, (_COARSE, _COARSE), interpolation=cv2.INTER_AREA)[..., None]
    mean = (small * weight).sum(axis=(0, 1)) / weight.sum()
    wide = cv2.GaussianBlur(small - mean, (0, 0), 2.0, borderType=cv2.BORDER_REPLICATE)
    cast = mean + wide * (1 - weight)
    return np.asarray(cv2.resize(cast.astype(np.float32), (size, size), interpolation=cv2.INTER_LINEAR))


def _warped(stack: Floats, matrix: Array, box: tuple[int, int, int, int]) -> Floats:
    """Channels of a crop as they fall on the box's pixels; averaged over areas where the picture is coarser than the crop."""
    back = inverse(matrix)
    size = stack.shape[0]
    shrink = [min(1.0, step) for step in steps(matrix)]
    if min(shrink) < 0.9:
        target = tuple(max(2, round(size * share)) for share in shrink)
        stack = np.asarray(cv2.resize(stack, target, interpolation=cv2.INTER_AREA))
        factor = np.array([size / target[0], size / target[1]])
        back = np.concatenate([back[:, :2] * factor, (back[:, :2] @ (0.5 * factor - 0.5) + back[:, 2])[:, None]], axis=1)
    back[:, 2] -= box[:2]
    wanted = (box[2] - box[0], box[3] - box[1])
    return np.asarray(cv2.warpAffine(stack, back, wanted, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0))
