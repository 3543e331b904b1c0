"""Faces brought to a restorer's template: the matrix from five points, and the crop that it cuts out of a picture.

A *crop matrix* [2, 3] takes places in the stored picture to places in the crop, both counted in pixels from the centre of the
first pixel, as OpenCV's warps do. It holds the pixel aspect: the crop has square pixels whatever the picture has.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any, NamedTuple, Protocol

import cv2
import numpy as np
import numpy.typing as npt

from desktop.video.faces.data import Floats

Array = npt.NDArray[Any]
Box = tuple[int, int, int, int]

TEMPLATE_512 = np.array(
    [(192.98138, 239.94708), (318.90277, 240.1936), (256.63416, 314.01935), (201.26117, 371.41043), (313.08905, 371.15118)],
    np.float64,
)
"""Where the five points lie in an aligned face of 512 px (FFHQ), counted from the centre of the first pixel."""
TEMPLATE_512.flags.writeable = False

_ROUNDS = 8
_SOFTNESS = 14.0  # px of 512: a point that is this far off counts half
_MARGIN = 3  # px that interpolation needs around


class Canvas(Protocol):
    """What this package needs of a picture (``desktop.video.media.picture.Picture``)."""

    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...
    @property
    def sar(self) -> Fraction: ...

    def rgb(self, box: Box | None = None, size: tuple[int, int] | None = None) -> npt.NDArray[np.uint8]:
        """The box's pixels [h, w, 3], averaged over areas to the width and height ``size``."""
        ...

    def blend(self, rgb: Floats, mask: Floats, box: Box) -> None:
        """Mix ``rgb`` (0..1) into the box by ``mask``; nothing changes where it is 0."""
        ...


class Crop(NamedTuple):
    """A face cut out for a restorer.

    Attributes:
        rgb: [size, size, 3], 0..1.
        inside: share of the crop's inner half (eyes, nose, mouth) that the picture covers, 0..1; the rest repeats its border.
    """

    rgb: Floats
    inside: float


def template(size: int, points: Array = TEMPLATE_512, side: int = 512) -> Array:
    """A template's points [5, 2] (given for ``side`` px) in a crop of ``size`` px, counted from the first pixel's centre."""
    return (points + 0.5) * (size / side) - 0.5


def crop_matrix(points: Array, size: int, sar: Fraction | float = 1, points_template: Array = TEMPLATE_512) -> Floats:
    """Matrix [2, 3] that takes the stored picture to a crop of ``size`` px with the points on the template.

    A similarity in square pixels (Umeyama, "Least-squares estimation of transformation parameters between two point patterns",
    IEEE PAMI 1991), re-weighted softly (Cauchy) so that one bad point pulls little; it depends smoothly on the points, so that a
    face that moves smoothly does not jump.

    Args:
        points: [5, 2] in square pixels, from the picture's corner (``desktop.video.faces.data``).
        sar: pixel aspect of the picture: square x = stored x · sar.
        points_template: for 512 px.

    Raises:
        ValueError: the points are not numbers, or all in one place.
    """
    source = np.asarray(points, np.float64)
    if source.shape != (5, 2) or not np.isfinite(source).all() or np.ptp(source, axis=0).max() <= 0:
        raise ValueError("points: five different places are needed")
    target = template(size, points_template) + 0.5
    soft = _SOFTNESS * size / 512
    places, goals = ([complex(x, y) for x, y in values] for values in (source, target))
    weights = [1.0] * 5
    for _ in range(_ROUNDS):
        turn, shift_to = _similarity(places, goals, weights)
        weights = [1 / (1 + (abs(turn * place + shift_to - goal) / soft) ** 2) for place, goal in zip(places, goals, strict=True)]
    linear = np.array([[turn.real, -turn.imag], [turn.imag, turn.real]])
    shift = np.array([shift_to.real, shift_to.imag])
    # From corner-based square pixels to centre-based stored ones, on both sides.
    stretched = linear * np.array([float(sar), 1.0])
    return np.concatenate([stretched, (stretched @ (0.5, 0.5) + shift - 0.5)[:, None]], axis=1).astype(np.float32)


def _similarity(source: list[complex], target: list[complex], weights: list[float]) -> tuple[complex, complex]:
    """Turn with scale, and shift, that take ``source`` to ``target`` with the least weighted squares; never a mirror.

    Places are complex numbers, and plain ones: for five of them, arrays take longer than the sums.
    """
    total = sum(weights)
    from_centre = sum(w * z for w, z in zip(weights, source, strict=True)) / total
    to_centre = sum(w * z for w, z in zip(weights, target, strict=True)) / total
    spread, along = 0.0, 0j
    for weight, place, goal in zip(weights, source, target, strict=True):
        away = place - from_centre
        spread += weight * (away.real**2 + away.imag**2)
        along += weight * away.conjugate() * (goal - to_centre)
    turn = along / spread
    return turn, to_centre - turn * from_centre


def inverse(matrix: Array) -> Array:
    """Matrix [2, 3] that takes the crop back to the picture."""
    linear = np.linalg.inv(np.asarray(matrix[:, :2], np.float64))
    return np.concatenate([linear, -(linear @ np.asarray(matrix[:, 2], np.float64))[:, None]], axis=1)


def steps(matrix: Array) -> tuple[float, float]:
    """Stored pixels of the picture that one pixel of the crop covers along its rows and its columns."""
    back = inverse(matrix)[:, :2]
    return float(np.hypot(*back[:, 0])), float(np.hypot(*back[:, 1]))


def footprint(matrix: Array, size: float, width: int, height: int, margin: int = 0) -> Box | None:
    """The picture's box that the crop covers, grown by ``margin`` px and cut at the border; None when it lies outside."""
    back = inverse(matrix)
    corners = np.array([(x, y, 1.0) for x in (-0.5, size - 0.5) for y in (-0.5, size - 0.5)]) @ back.T
    low, high = np.floor(corners.min(axis=0) + 0.5) - margin, np.ceil(corners.max(axis=0) + 0.5) + margin
    x0, y0 = (int(v) for v in np.clip(low, 0, (width, height)))
    x1, y1 = (int(v) for v in np.clip(high, 0, (width, height)))
    return (x0, y0, x1, y1) if x1 > x0 and y1 > y0 else None


def crop(picture: Canvas, matrix: Array, size: int) -> Crop:
    """Cut a face out. A face larger than the crop is averaged over areas first; beyond the picture its border repeats."""
    box = footprint(matrix, size, picture.width, picture.height, _MARGIN)
    if box is None:
        # Of a face that lies outside altogether, the border is all there is to see.
        x, y = np.clip(inverse(matrix) @ (size / 2, size / 2, 1.0), 0, (picture.width - 1, picture.height - 1)).astype(int)
        box = (int(x), int(y), int(x) + 1, int(y) + 1)
    wanted, moved = reduced_to(moved_to(matrix, box), box[2] - box[0], box[3] - box[1])
    region = picture.rgb(box, wanted).astype(np.float32)
    region *= np.float32(1 / 255)
    warped = cv2.warpAffine(region, moved, (size, size), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return Crop(np.clip(warped, 0, 1, out=warped), _inside(inverse(matrix), size, picture.width, picture.height))


def moved_to(matrix: Array, box: Box) -> Array:
    """The matrix for a region that was cut out of the picture."""
    moved = np.array(matrix, np.float64)
    moved[:, 2] += moved[:, :2] @ np.array(box[:2], np.float64)
    return moved


def reduced(region: npt.NDArray[np.uint8], matrix: Array) -> tuple[npt.NDArray[np.uint8], Array]:
    """A region with more pixels than the crop shrunk by area, and the matrix for it; the same two when it has not."""
    height, width = region.shape[:2]
    size, smaller = reduced_to(matrix, width, height)
    return region if size == (width, height) else np.asarray(cv2.resize(region, size, interpolation=cv2.INTER_AREA)), smaller


def reduced_to(matrix: Array, width: int, height: int) -> tuple[tuple[int, int], Array]:
    """Width and height that a region is to be shrunk to so that it has no more pixels than the crop, and the matrix for that."""
    # Pixels of the crop that one pixel of the picture covers, along x and y.
    across, down = float(np.hypot(*matrix[:, 0])), float(np.hypot(*matrix[:, 1]))
    size = max(1, round(width * min(1.0, across))), max(1, round(height * min(1.0, down)))
    if size[0] > 0.9 * width and size[1] > 0.9 * height:
        return (width, height), matrix
    factor = np.array([width / size[0], height / size[1]])
    smaller = matrix.copy()
    smaller[:, :2] = matrix[:, :2] * factor
    smaller[:, 2] += matrix[:, :2] @ (0.5 * factor - 0.5)
    return size, smaller


def _inside(back: Array, size: int, width: int, height: int) -> float:
    corners = np.array([(x, y, 1.0) for x in (0.25 * size, 0.75 * size) for y in (0.25 * size, 0.75 * size)]) @ back.T
    if corners.min() >= 0 and (corners.max(axis=0) <= (width - 1, height - 1)).all():
        return 1.0
    place = (np.arange(16) + 0.5) / 32 + 0.25
    x, y = np.meshgrid(place * size - 0.5, place * size - 0.5)
    spots = np.stack([x.ravel(), y.ravel(), np.ones(x.size)], axis=1) @ back.T
    good = (spots >= -0.5).all(axis=1) & (spots[:, 0] <= width - 0.5) & (spots[:, 1] <= height - 0.5)
    return float(good.mean())
