"""Whether five points can be those of a face: a detector that errs puts them anywhere."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from desktop.video.faces.data import Faces

_OUTSIDE = 0.1  # of the box: how far a point may lie beyond it
_LEAST_SPREAD = 0.12  # of the box's side: a face whose points all lie together is none


def plausible(faces: Faces) -> npt.NDArray[np.bool_]:
    """For each face: eyes above mouth along the face's own axis, the nose between, left before right, points in the box.

    Turned and tilted heads pass, upside-down ones do not.
    """
    points = faces["points"].astype(np.float64)
    eyes, nose, mouth = points[:, :2].mean(axis=1), points[:, 2], points[:, 3:].mean(axis=1)
    down = mouth - eyes
    length = np.hypot(*down.T)
    side = (faces["box"][:, 2:] - faces["box"][:, :2]).max(axis=1)
    axis = down / np.maximum(length, 1e-6)[:, None]
    across = np.stack([axis[:, 1], -axis[:, 0]], axis=1)
    along = _dot(nose - eyes, axis) / np.maximum(length, 1e-6)
    eye_width, mouth_width = _dot(points[:, 1] - points[:, 0], across), _dot(points[:, 4] - points[:, 3], across)
    upright = axis[:, 1] > 0.2
    ordered = (eye_width > 0) & (mouth_width > 0) & (along > 0.05) & (along < 1.0)
    spread = (length > _LEAST_SPREAD * side) & (np.maximum(eye_width, mouth_width) > _LEAST_SPREAD * side)
    return np.asarray(upright & ordered & spread & _inside(points, faces["box"].astype(np.float64)))


def _dot(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> npt.NDArray[Any]:
    total: npt.NDArray[Any] = (a * b).sum(axis=1)
    return total


def _inside(points: npt.NDArray[Any], boxes: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    room = _OUTSIDE * (boxes[:, 2:] - boxes[:, :2])
    low, high = (boxes[:, :2] - room)[:, None], (boxes[:, 2:] + room)[:, None]
    inside: npt.NDArray[np.bool_] = ((points >= low) & (points <= high)).all(axis=(1, 2))
    return inside
