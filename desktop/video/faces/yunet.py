"""YuNet: one small network that looks for faces of all sizes at once.

Wu, Peng, Yu, "YuNet: a tiny millisecond-level face detector", Machine Intelligence Research 2023. The file is that of OpenCV's
model zoo; any of the family with the same outputs will do.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from desktop.errors import UserError
from desktop.models.session import open_session
from desktop.video.faces import boxes as rectangles
from desktop.video.faces.data import FACE, Faces, empty
from desktop.video.faces.detect import RGB
from desktop.video.faces.plausible import plausible

Array = npt.NDArray[Any]

STRIDES = (8, 16, 32)
_FREE_SIDE = 640  # px, the longer side at which a network of free size looks
_OVERLAP = 0.3  # suppression, as published
_SAME = 0.3  # overlap of a face with where it was expected


class YuNet:
    """Detector of the catalog entry "yunet".

    Args:
        folder: with one ONNX file.
        least: score that a face must have.

    Raises:
        UserError: the file is not a YuNet.
    """

    name = "yunet"

    def __init__(self, folder: Path, *, device: str = "auto", threads: int | None = None, least: float = 0.7) -> None:
        path = next(iter(sorted(folder.glob("*.onnx"))), folder / "yunet.onnx")
        self._session = open_session(path, device=device, threads=threads)
        self.device = self._session.device
        self._least = least
        self._names = [f"{kind}_{stride}" for kind in ("cls", "obj", "bbox", "kps") for stride in STRIDES]
        if not set(self._names) <= {port.name for port in self._session.outputs}:
            raise UserError("This is not a YuNet face detector", path=path, remedy="Install the model again.")
        height, width = self._session.inputs[0].shape[2:]
        self._fixed = (width, height) if isinstance(width, int) and isinstance(height, int) else None
        self._last: tuple[RGB, Faces] | None = None

    def __call__(self, rgb: RGB) -> Faces:
        """Faces of a picture [height, width, 3], best first."""
        image, scale = self._framed(rgb)
        values = self._session.run({self._session.inputs[0].name: image}, self._names)
        faces = decode(dict(zip(self._names, values, strict=True)), image.shape[3], image.shape[2], self._least)
        faces["box"] /= scale
        faces["points"] /= scale
        faces = faces[plausible(faces)]
        self._last = (rgb, faces)
        return faces

    def refine(self, rgb: RGB, faces: Faces) -> Faces:
        """The same faces, out of a look at the whole picture: this network cannot look at one face for less."""
        found = faces.copy()
        found["score"] = 0
        if not len(faces):
            return found
        seen = self._last[1] if self._last is not None and self._last[0] is rgb else self(rgb)
        shared = rectangles.overlaps(rectangles.around(faces["points"]), rectangles.around(seen["points"]))
        for number, row in enumerate(shared):
            if len(row) and row.max() >= _SAME:
                found[number] = seen[row.argmax()]
        return found

    def _framed(self, rgb: RGB) -> tuple[npt.NDArray[np.float32], float]:
        """The picture as the network takes it (BGR, 0..255, in the upper left corner of its frame), and its scale in there."""
        height, width = rgb.shape[:2]
        if self._fixed:
            frame = self._fixed
            scale = min(frame[0] / width, frame[1] / height)
        else:
            scale = min(1.0, _FREE_SIDE / max(width, height))
            step = STRIDES[-1]
            frame = (-(-round(width * scale) // step) * step, -(-round(height * scale) // step) * step)
        size = max(1, min(frame[0], round(width * scale))), max(1, min(frame[1], round(height * scale)))
        small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
        image = np.zeros((1, 3, frame[1], frame[0]), np.float32)
        image[0, :, : size[1], : size[0]] = small.transpose(2, 0, 1)[::-1]
        return image, scale


def decode(values: dict[str, Array], width: int, height: int, least: float) -> Faces:
    """Faces out of the network's outputs, best first, in pixels of its input.

    Each cell of each stride says, in strides from its upper left corner: the box's centre, the logarithm of the box's sides, and
    the five points. A face's score is the root of the product of its two likelihoods.

    Args:
        values: by name, "cls_8" [1, cells, 1], "obj_8" [1, cells, 1], "bbox_8" [1, cells, 4], "kps_8" [1, cells, 10], and so on
            for strides 16 and 32; cells row by row.
        width, height: of the input, px.
    """
    parts = [empty()]
    for stride in STRIDES:
        likely, there, box, points = (values[f"{kind}_{stride}"][0] for kind in ("cls", "obj", "bbox", "kps"))
        score = np.sqrt(np.clip(likely[:, 0], 0, 1) * np.clip(there[:, 0], 0, 1))
        good = np.nonzero(score >= least)[0]
        rows, columns = np.divmod(good, width // stride)
        corner = np.stack([columns, rows], axis=1).astype(np.float32)
        centre, half = corner + box[good, :2], np.exp(np.minimum(box[good, 2:], 10)) / 2
        faces = np.zeros(len(good), FACE)
        faces["score"] = score[good]
        faces["box"] = np.concatenate([centre - half, centre + half], axis=1) * stride
        faces["points"] = (points[good].reshape(-1, 5, 2) + corner[:, None]) * stride
        parts.append(faces)
    faces = np.concatenate(parts)
    inside = (faces["points"].mean(axis=1) < (width, height)).all(axis=1)
    faces = faces[inside]
    return np.asarray(faces)[rectangles.suppress(faces["box"], faces["score"], _OVERLAP)]
