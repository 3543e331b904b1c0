"""MTCNN's cascade: a small network looks everywhere at every size, two larger ones judge and sharpen what it found.

Zhang, Zhang, Li, Qiao, "Joint face detection and alignment using multitask cascaded convolutional networks", IEEE Signal
Processing Letters 2016.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from desktop.models.session import Session, open_session
from desktop.video.faces import boxes as rectangles
from desktop.video.faces.align import TEMPLATE_512, crop_matrix, footprint, inverse, moved_to, reduced
from desktop.video.faces.data import FACE, Faces, empty
from desktop.video.faces.detect import RGB
from desktop.video.faces.plausible import plausible

Array = npt.NDArray[Any]

_CELL, _STRIDE = 12, 2  # the first network's window and step, px
_PYRAMID = 0.709  # the published step between sizes: half the area
_FIRST, _SECOND, _THIRD = 0.6, 0.7, 0.7  # published thresholds
_CANDIDATES = 1500  # a picture of noise must not take minutes
_BATCH = 256

_SIDE = 48  # px, the last network's view
# The view in the frame of the FFHQ template (512 px): centre and side with the least error, measured.
_VIEW = (TEMPLATE_512 + 0.5 - (256, 290)) * (512 / 320) + 256 - 0.5
_MIRRORED = [1, 0, 2, 4, 3]
# Mean error against the landmarks that the template's faces were aligned by, in views; measured on 150 faces.
_ERROR = np.array([(-0.9, 2.05), (0.9, 2.05), (0.0, 3.8), (-3.05, 0.95), (3.05, 0.95)]) / 320


class Mtcnn:
    """Detector of the catalog entry "mtcnn".

    Args:
        folder: with pnet.onnx, rnet.onnx and onet.onnx.
        smallest: side of the smallest face box that is looked for, px.
        least: score that a face must have.
    """

    name = "mtcnn"

    def __init__(
        self, folder: Path, *, device: str = "auto", threads: int | None = None, smallest: float = 24.0, least: float = 0.9
    ) -> None:
        # Three tiny networks: on a GPU the copies would cost more than the arithmetic.
        where = "cpu" if device == "auto" else device
        self._propose, self._sift, self._finish = (
            open_session(folder / f"{net}.onnx", device=where, threads=threads) for net in ("pnet", "rnet", "onet")
        )
        self.device = self._finish.device
        self._smallest, self._least = smallest, least

    def __call__(self, rgb: RGB) -> Faces:
        """Faces of a picture [height, width, 3], best first."""
        boxes = self._proposals(rgb)
        if not len(boxes):
            return empty()
        found = _run(self._sift, _crops(rgb, boxes, 24), ["face", "shift"])
        score, shift = found[0][:, 1], found[1]
        good = score >= _SECOND
        boxes, score = _shifted(boxes[good], shift[good]), score[good]
        boxes = rectangles.squares(boxes[rectangles.suppress(boxes, score, 0.7)])
        if not len(boxes):
            return empty()
        faces = self._judged(rgb, boxes)
        faces = faces[faces["score"] >= _THIRD]
        faces = faces[rectangles.suppress(faces["box"], faces["score"], 0.4)]
        faces = faces[rectangles.suppress(faces["box"], faces["score"], 0.7, smaller=True)]
        faces = self.refine(rgb, faces[(faces["score"] >= self._least) & plausible(faces)])
        return faces[np.argsort(-faces["score"], kind="stable")][: np.count_nonzero(faces["score"] >= self._least)]

    def refine(self, rgb: RGB, faces: Faces) -> Faces:
        """The faces again, by the last network alone, each turned upright and seen from both sides.

        The network errs with the place of its crop far more than with noise (1.2 against 0.2 px of 512, measured). So the crop
        is laid by the points, not by its own box, and mirrored once; what it errs in common is taken off.
        """
        found = faces.copy()
        found["score"] = 0
        known = np.nonzero(plausible(faces))[0]
        if not len(known):
            return found
        matrices = [crop_matrix(points, _SIDE, points_template=_VIEW) for points in faces["points"][known]]
        views = np.stack([_view(rgb, matrix) for matrix in matrices])
        face, points = _run(self._finish, np.concatenate([views, views[:, :, ::-1]]), ["face", "points"])
        left, right = np.split(points.reshape(-1, 2, 5).transpose(0, 2, 1), 2)
        right = right[:, _MIRRORED] * (-1, 1) + (1, 0)
        places = ((left + right) / 2 - _ERROR) * _SIDE - 0.5
        score = np.minimum(*np.split(face[:, 1], 2))
        for number, matrix, place in zip(known, matrices, places, strict=True):
            back = inverse(matrix)
            found["points"][number] = place @ back[:, :2].T + back[:, 2] + 0.5
        found["box"][known] = rectangles.around(found["points"][known])
        found["score"][known] = np.where((score >= _THIRD) & plausible(found)[known], score, 0)
        return found

    def _proposals(self, rgb: RGB) -> Array:
        """Squares [n, 4], whole pixels, where the first network sees a face."""
        height, width = rgb.shape[:2]
        scale = _CELL / self._smallest
        found = [np.zeros((0, 4)), np.zeros(0)]
        level = rgb
        while min(height, width) * scale >= _CELL:
            # Each size from the one before: reducing the whole picture anew costs more than the network on the small ones.
            level = _resized(level, (max(_CELL, round(width * scale)), max(_CELL, round(height * scale))))
            boxes, score = self._level(level, (width, height))
            found = [np.concatenate(pair) for pair in zip(found, (boxes, score), strict=True)]
            scale *= _PYRAMID
        boxes, score = found
        return rectangles.squares(boxes[rectangles.suppress(boxes, score, 0.7)])

    def _level(self, level: RGB, full: tuple[int, int]) -> tuple[Array, Array]:
        face, shift = self._propose.run({"image": _normal(level[None])}, ["face", "shift"])
        likely = face[0, 1]
        rows, columns = np.nonzero(likely >= _FIRST)
        score = likely[rows, columns]
        if len(score) > _CANDIDATES:
            best = np.argsort(-score, kind="stable")[:_CANDIDATES]
            rows, columns, score = rows[best], columns[best], score[best]
        corner = np.stack([columns, rows], axis=1) * float(_STRIDE)
        step = np.array([full[0] / level.shape[1], full[1] / level.shape[0]])
        boxes = np.concatenate([corner * step, (corner + _CELL) * step], axis=1)
        kept = rectangles.suppress(boxes, score, 0.5)
        return _shifted(boxes[kept], shift[0][:, rows[kept], columns[kept]].T), score[kept]

    def _judged(self, rgb: RGB, boxes: Array) -> Faces:
        boxes = _whole(boxes)
        face, shift, points = _run(self._finish, _crops(rgb, boxes, 48), ["face", "shift", "points"])
        faces = np.zeros(len(boxes), FACE)
        faces["score"] = face[:, 1]
        faces["box"] = _shifted(boxes, shift)
        sides = (boxes[:, 2:] - boxes[:, :2])[:, None]
        faces["points"] = boxes[:, None, :2] + sides * points.reshape(-1, 2, 5).transpose(0, 2, 1)
        return faces


def _whole(boxes: Array) -> Array:
    """Squares with whole-pixel corners and at least two pixels a side."""
    sides = np.maximum(2, np.round((boxes[:, 2:] - boxes[:, :2]).max(axis=1, keepdims=True)))
    corner = np.round((boxes[:, :2] + boxes[:, 2:] - sides) / 2)
    return np.concatenate([corner, corner + sides], axis=1)


def _shifted(boxes: Array, shift: Array) -> Array:
    """Boxes with their sides moved by ``shift`` [n, 4] box sizes."""
    sides = boxes[:, 2:] - boxes[:, :2]
    return np.asarray(boxes + shift * np.concatenate([sides, sides], axis=1))


def _crops(rgb: RGB, boxes: Array, side: int) -> npt.NDArray[np.uint8]:
    """The squares ``boxes`` as pictures [n, side, side, 3]; black outside of the picture, as in training."""
    height, width = rgb.shape[:2]
    result = np.zeros((len(boxes), side, side, 3), np.uint8)
    for crop, (x0, y0, x1, y1) in zip(result, _whole(boxes).astype(int), strict=True):
        if x0 >= width or y0 >= height or x1 <= 0 or y1 <= 0:
            continue
        inside = rgb[max(y0, 0) : y1, max(x0, 0) : x1]
        if inside.shape[:2] != (y1 - y0, x1 - x0):
            edges = max(-y0, 0), max(y1 - height, 0), max(-x0, 0), max(x1 - width, 0)
            inside = np.asarray(cv2.copyMakeBorder(inside, *edges, cv2.BORDER_CONSTANT))
        crop[:] = _resized(inside, (side, side))
    return result


def _view(rgb: RGB, matrix: Array) -> RGB:
    """What the last network sees of a face; black outside of the picture, as in training."""
    box = footprint(matrix, _SIDE, rgb.shape[1], rgb.shape[0], 2)
    if box is None:
        return np.zeros((_SIDE, _SIDE, 3), np.uint8)
    region, moved = reduced(rgb[box[1] : box[3], box[0] : box[2]], moved_to(matrix, box))
    return np.asarray(cv2.warpAffine(region, moved, (_SIDE, _SIDE), flags=cv2.INTER_LINEAR))


def _resized(rgb: RGB, size: tuple[int, int]) -> RGB:
    larger = size[0] > rgb.shape[1] or size[1] > rgb.shape[0]
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_LINEAR if larger else cv2.INTER_AREA))


def _normal(pictures: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    planes = np.ascontiguousarray(pictures.transpose(0, 3, 1, 2)).astype(np.float32)
    planes -= 127.5
    planes *= 1 / 128
    return planes


def _run(session: Session, pictures: npt.NDArray[np.uint8], names: list[str]) -> list[Array]:
    """Outputs for all pictures, in batches that bound the memory."""
    parts = [session.run({"image": _normal(pictures[at : at + _BATCH])}, names) for at in range(0, len(pictures), _BATCH)]
    return [np.concatenate(columns) for columns in zip(*parts, strict=True)]
