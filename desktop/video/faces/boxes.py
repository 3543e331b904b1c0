"""Arithmetic on boxes [n, 4] (x0, y0, x1, y1)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Boxes = npt.NDArray[Any]

_TABLE = 2000  # boxes: a table of all pairs stays below 100 MB


def areas(boxes: Boxes) -> npt.NDArray[Any]:
    """Areas [n]; 0 for boxes turned inside out."""
    sides: npt.NDArray[Any] = np.maximum(boxes[:, 2:] - boxes[:, :2], 0)
    area: npt.NDArray[Any] = sides[:, 0] * sides[:, 1]
    return area


def overlaps(one: Boxes, other: Boxes, *, smaller: bool = False) -> npt.NDArray[Any]:
    """Shared area over the union's, or over the smaller box's, of every pair [len(one), len(other)]; 0..1."""
    low = np.maximum(one[:, None, :2], other[None, :, :2])
    high = np.minimum(one[:, None, 2:], other[None, :, 2:])
    sides = np.maximum(high - low, 0)
    shared = sides[..., 0] * sides[..., 1]
    first, second = areas(one)[:, None], areas(other)[None]
    whole = np.minimum(first, second) if smaller else first + second - shared
    return np.asarray(np.divide(shared, whole, out=np.zeros_like(shared), where=whole > 0))


def suppress(boxes: Boxes, scores: npt.NDArray[Any], limit: float, *, smaller: bool = False) -> npt.NDArray[np.intp]:
    """Greedy non-maximum suppression: indices of the boxes that stay, best first.

    A box goes when it overlaps a better one that stays by more than ``limit`` (``overlaps``). Of equals the first stays.
    """
    order = np.argsort(-scores, kind="stable")
    if len(order) > _TABLE:
        kept: list[int] = []
        while len(order):
            best, rest = order[0], order[1:]
            kept.append(int(best))
            order = rest[overlaps(boxes[best : best + 1], boxes[rest], smaller=smaller)[0] <= limit]
        return np.array(kept, np.intp)
    # All pairs at once: a loop over rows of a table is several times faster than as many small calls.
    ranked = boxes[order]
    clash = overlaps(ranked, ranked, smaller=smaller) > limit
    stays = np.ones(len(order), bool)
    for place in range(len(order)):
        if stays[place]:
            stays[place + 1 :] &= ~clash[place, place + 1 :]
    return np.asarray(order[stays])


def around(points: npt.NDArray[Any]) -> Boxes:
    """Upright boxes [n, 4] of faces with these five points [n, 5, 2]: brow to chin, temple to temple."""
    eyes, mouth = points[:, :2].mean(axis=1), points[:, 3:].mean(axis=1)
    down = mouth - eyes
    wide = np.hypot(*(points[:, 1] - points[:, 0]).T)
    unit = np.maximum(np.hypot(*down.T), 0.9 * wide)[:, None]
    centre = eyes + 0.55 * down
    half = unit * np.array([0.95, 1.15])
    return np.concatenate([centre - half, centre + half], axis=1)


def squares(boxes: Boxes) -> Boxes:
    """Squares about the same centres, with the longer side."""
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    half = (boxes[:, 2:] - boxes[:, :2]).max(axis=1, keepdims=True) / 2
    return np.concatenate([centres - half, centres + half], axis=1)
