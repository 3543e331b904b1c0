"""The restored face put back: colour matched, edge unseen, and nothing else touched."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from desktop.video.faces.align import Box, Canvas, inverse, steps
from desktop.video.faces.data import Floats

Array = npt.NDArray[Any]

# The face on the FFHQ template, in crop sides: an ellipse from above the brows to below the chin, cheek to cheek.
_CENTRE, _RADII = (0.5, 0.56), (0.40, 0.42)
_FEATHER = 0.30  # of the radius
_COARSE = 32  # px: side of the map of wide light and colour
_WIDE = 2.0  # px of that map: what is finer is detail, not light

_FINER = 1.2  # px of the crop or the picture, whichever are larger: limit of what the crop cannot hold
_GRAIN_AREA = 2.0  # px: spread of the areas in which detail is told from grain
_GRAIN_LEVEL = 0.3  # share of the face that is taken to be grain only
_GRAIN_MARGIN = 1.5  # times that level may be grain
_DISTRUST = 4.0  # weight of what the restorer changed against what the crop could not hold


def paste(picture: Canvas, restored: Floats, crop: Floats, matrix: Array, *, strength: float, enlarged: bool = False) -> None:
    """Blend a restored face into the picture, in place.

    What the crop could not hold of the picture (a face larger than the crop, or the finest detail lost by turning it) goes back
    on top where it stands out from the grain and the restorer changed little, so that nothing sharp gets soft and no noise
    stays. Light and colour follow the picture: wholly at the edge, in the mean everywhere.

    Args:
        restored: [size, size, 3], 0..1, what the restorer made of ``crop``.
        crop: what was cut out of this very picture with ``matrix`` (``desktop.video.faces.align``).
        strength: 0 leaves the picture as it is, 1 takes the restored face wholly where the mask is full.
        enlarged: the picture was made larger after the crop was cut out; ``matrix`` is for the larger one.
    """
    size = crop.shape[0]
    box = _support(matrix, size, picture.width, picture.height)
    if strength <= 0 or box is None:
        return
    place = _placed(matrix, size, box)
    mask = _warped(face_mask(size), place)
    after = _warped(crop, place)
    rest = np.asarray(cv2.addWeighted(picture.rgb(box), 1 / 255, after, -1.0, 0.0, dtype=cv2.CV_32F))
    change = np.subtract(restored, crop, dtype=np.float32)
    change -= np.asarray(cv2.resize(_cast(change), (size, size), interpolation=cv2.INTER_LINEAR))
    moved = _warped(change, place)
    if enlarged:
        # Only what is finer than the crop's own pixels: whatever enlarged the picture changed coarser things too.
        rest -= np.asarray(cv2.GaussianBlur(rest, (0, 0), _FINER * max(1.0, *steps(matrix))))
    share = _kept(rest, moved, mask)
    rest *= np.asarray(cv2.merge([share, share, share]))
    after += rest
    after += moved
    np.clip(after, 0, 1, out=after)
    mask *= min(strength, 1.0)
    picture.blend(after, mask, box)


@lru_cache(maxsize=4)
def face_mask(size: int) -> Floats:
    """Soft mask [size, size], 0..1, of the face on the FFHQ template: full from brows to chin, 0 before the crop's edge."""
    y, x = (np.mgrid[:size, :size] + 0.5) / size
    radius = np.hypot((x - _CENTRE[0]) / _RADII[0], (y - _CENTRE[1]) / _RADII[1])
    ramp = np.clip((1.0 - radius) / _FEATHER, 0, 1)
    mask: Floats = (ramp * ramp * (3 - 2 * ramp)).astype(np.float32)
    mask.flags.writeable = False
    return mask


def _support(matrix: Array, size: int, width: int, height: int) -> Box | None:
    """The picture's box outside of which the mask is 0; even where the picture lets it, as halves of it are looked at."""
    back = inverse(matrix)
    centre = back @ (_CENTRE[0] * size - 0.5, _CENTRE[1] * size - 0.5, 1.0)
    # A pixel more for what interpolation spreads, in the crop and in the picture.
    reach = np.hypot(*(back[:, :2] * (np.array(_RADII) * size + 1)).T) + 1
    low, high = np.floor((centre - reach) / 2) * 2, np.ceil((centre + reach + 1) / 2) * 2
    x0, y0 = (int(v) for v in np.clip(low, 0, (width, height)))
    x1, y1 = (int(v) for v in np.clip(high, 0, (width, height)))
    return (x0, y0, x1, y1) if x1 > x0 and y1 > y0 else None


def _cast(change: Floats) -> Floats:
    """The part of a change that is light and colour over wide areas, [_COARSE, _COARSE, 3]: its mean everywhere, and all of it
    towards the edge."""
    small = np.asarray(cv2.resize(change, (_COARSE, _COARSE), interpolation=cv2.INTER_AREA))
    weight = face_mask(_COARSE)[..., None]
    mean = (small * weight).sum(axis=(0, 1)) / weight.sum()
    wide = cv2.GaussianBlur(small - mean, (0, 0), _WIDE, borderType=cv2.BORDER_REPLICATE)
    cast: Floats = (mean + wide * (1 - weight)).astype(np.float32)
    return cast


def _kept(rest: Floats, moved: Floats, mask: Floats) -> Floats:
    """How much of what the crop could not hold is kept, [h, w], 0..1; looked at in half the size.

    Grain is everywhere alike, so its power is that of the quietest parts of the face; what is above that power is detail
    (Wiener's rule). Where the restorer changed what it saw, finer detail is in doubt.
    """
    power, changed = _power(rest), _power(moved)
    inner = power[_halved(mask) > 0.5]
    if not len(inner):
        return np.zeros_like(mask)
    place = int(_GRAIN_LEVEL * len(inner))
    grain = _GRAIN_MARGIN * float(np.partition(inner, place)[place])
    power += 1e-9
    share = np.divide(-grain, power, dtype=np.float32)
    share += 1
    np.maximum(share, 0, out=share)
    changed *= _DISTRUST
    changed += power
    share *= np.divide(power, changed, out=changed)
    return np.asarray(cv2.resize(share, mask.shape[::-1], interpolation=cv2.INTER_LINEAR))


def _power(values: Floats) -> Floats:
    """Power of the luma about each place, in half the size."""
    luma = cv2.cvtColor(values, cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.GaussianBlur(_halved(np.asarray(cv2.multiply(luma, luma))), (0, 0), _GRAIN_AREA / 2))


def _halved(values: Floats) -> Floats:
    height, width = values.shape
    return np.asarray(cv2.resize(values, (-(-width // 2), -(-height // 2)), interpolation=cv2.INTER_AREA))


class _Place(NamedTuple):
    """How a crop falls on a box: shrunk to ``reduced`` (width, height; None leaves it) first, then turned by ``matrix``."""

    reduced: tuple[int, int] | None
    matrix: Array
    size: tuple[int, int]


def _placed(matrix: Array, size: int, box: Box) -> _Place:
    back = inverse(matrix)
    shrink = [min(1.0, float(step)) for step in np.hypot(back[0, :2], back[1, :2])]
    reduced = None
    if min(shrink) < 0.9:
        reduced = max(2, round(size * shrink[0])), max(2, round(size * shrink[1]))
        factor = np.array([size / reduced[0], size / reduced[1]])
        back = np.concatenate([back[:, :2] * factor, (back[:, :2] @ (0.5 * factor - 0.5) + back[:, 2])[:, None]], axis=1)
    back[:, 2] -= box[:2]
    return _Place(reduced, back, (box[2] - box[0], box[3] - box[1]))


def _warped(values: Floats, place: _Place) -> Floats:
    """A crop's values as they fall on the box's pixels; averaged over areas where the picture is coarser than the crop."""
    if place.reduced is not None:
        values = np.asarray(cv2.resize(values, place.reduced, interpolation=cv2.INTER_AREA))
    flags = cv2.INTER_LINEAR
    return np.asarray(
        cv2.warpAffine(values, place.matrix, place.size, flags=flags, borderMode=cv2.BORDER_CONSTANT, borderValue=0)
    )
