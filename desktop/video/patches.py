"""Faces on their way through a picture: cut out, judged, restored, put back. Preview, trial and pipeline share it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from desktop.video.faces.align import crop, crop_matrix
from desktop.video.faces.data import Floats, face_size
from desktop.video.faces.gates import Verdict, judge
from desktop.video.faces.paste import paste
from desktop.video.media.picture import Picture
from desktop.video.restorers import Restorer
from desktop.video.temporal import Steady


@dataclass(frozen=True)
class Face:
    """Where a face is in a picture.

    Attributes:
        points: [5, 2] and box [4] in square pixels.
        track: number of its track; None outside of a clip.
    """

    points: Floats
    box: Floats
    track: int | None = None

    @property
    def size(self) -> float:
        """Side of its square box, px."""
        return face_size(self.points)


@dataclass
class Patch:
    """A face that was cut out.

    Attributes:
        matrix: [2, 3], takes the stored picture to the crop.
        crop: [size, size, 3], 0..1; None once it is of no more use.
        verdict: whether and how strongly to restore it.
        restored: what the restorer made of ``crop``.
    """

    face: Face
    matrix: Floats
    crop: Floats | None
    verdict: Verdict
    restored: Floats | None = None

    @property
    def is_wanted(self) -> bool:
        """Whether it goes to the restorer."""
        return self.verdict.strength > 0


def largest(faces: Sequence[Face]) -> list[Face]:
    """Only the largest face."""
    return [max(faces, key=lambda face: face.size)] if faces else []


def cut(picture: Picture, faces: Iterable[Face], restorer: Restorer) -> list[Patch]:
    """Cut all faces out of a picture for ``restorer``, before any of them changes it."""
    return [_cut(picture, face, restorer.size) for face in faces]


def restore(patches: Sequence[Patch], restorer: Restorer, fidelity: float) -> None:
    """Restore those that are wanted, in the restorer's batches."""
    wanted = [patch for patch in patches if patch.is_wanted]
    if not wanted:
        return
    results = restorer(np.stack([patch.crop for patch in wanted if patch.crop is not None]), fidelity)
    for patch, result in zip(wanted, results, strict=True):
        patch.restored = result


def calm(patches: Iterable[Patch], steady: Steady, picture: int) -> None:
    """Reduce the flicker of the restored ones; picture by picture, in order."""
    for patch in patches:
        if patch.restored is not None and patch.crop is not None and patch.face.track is not None:
            patch.restored = steady.apply(patch.face.track, picture, patch.restored, patch.crop)


def put_back(picture: Picture, patches: Iterable[Patch], *, scale: float = 1.0) -> None:
    """Paste the restored ones into a picture that is ``scale`` times the size of the one they were cut out of."""
    for patch in patches:
        if patch.restored is not None and patch.crop is not None:
            paste(picture, patch.restored, patch.crop, scaled(patch.matrix, scale), strength=patch.verdict.strength)


def scaled(matrix: Floats, scale: float) -> Floats:
    """The matrix for a picture of ``scale`` times the size; both count from the centre of the first pixel."""
    if scale == 1.0:
        return matrix
    moved: npt.NDArray[Any] = matrix.astype(np.float64)
    moved[:, 2] += moved[:, :2] @ np.full(2, 0.5 / scale - 0.5)
    moved[:, :2] /= scale
    return moved.astype(np.float32)


def _cut(picture: Picture, face: Face, size: int) -> Patch:
    matrix = crop_matrix(face.points, size, picture.sar)
    found = crop(picture, matrix, size)
    return Patch(face, matrix, found.rgb, judge(found.rgb, face.size, inside=found.inside, points=face.points))
