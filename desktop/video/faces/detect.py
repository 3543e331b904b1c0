"""Finding faces in one picture: which detectors there are, and what all of them promise."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from desktop.errors import UsageError
from desktop.models.library import Library
from desktop.video.faces.data import Faces

RGB = npt.NDArray[np.uint8]

DETECTORS = ("mtcnn", "yunet")
SHORT_SIDE = 576  # px; the detectors see no more of a larger face, and larger pictures only cost time


class Detector(Protocol):
    """Finds faces; may be called by one thread at a time."""

    name: str
    device: str

    def __call__(self, rgb: RGB) -> Faces:
        """Faces of a picture [height, width, 3], best first, in its pixels (measured from its corner)."""
        ...

    def refine(self, rgb: RGB, faces: Faces) -> Faces:
        """The same faces in this picture, given about where they are; much cheaper than looking everywhere.

        Same length and order; a score of 0 says that there is no face any more.
        """
        ...


def reduced_size(width: int, height: int) -> tuple[int, int]:
    """Width and height at which to look at a picture of that size (square pixels); never larger than it."""
    scale = min(1.0, SHORT_SIDE / min(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def open_detector(library: Library, name: str = "mtcnn", device: str = "auto", threads: int | None = None) -> Detector:
    """The detector of that catalog id.

    Args:
        device, threads: as in ``desktop.models.session.open_session``.

    Raises:
        UserError: unknown name, or its model is not installed, or cannot be used.
    """
    if name not in DETECTORS:
        raise UsageError(f"There is no face detector '{name}'", remedy=f"Choose one of: {', '.join(DETECTORS)}.")
    folder = library.folder(name)
    if name == "yunet":
        from desktop.video.faces.yunet import YuNet

        return YuNet(folder, device=device, threads=threads)
    from desktop.video.faces.mtcnn import Mtcnn

    return Mtcnn(folder, device=device, threads=threads)
