"""One picture on its own: faces found, restored, put back. For images, previews and trials."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter

import numpy as np

from desktop.jobs.job import RestoreOptions
from desktop.video.enlarge import enlarger
from desktop.video.faces.detect import Detector, reduced_size
from desktop.video.kit import Kit
from desktop.video.media.picture import Picture
from desktop.video.patches import Face, Patch, cut, largest, put_back, restore


@dataclass(frozen=True)
class Mended:
    """A restored picture.

    Attributes:
        after: the result; the very same object when nothing was to be done.
        patches: all faces that were found, with their verdicts.
        seconds: by step.
    """

    after: Picture
    patches: list[Patch]
    seconds: dict[str, float]


def find_faces(picture: Picture, detector: Detector) -> list[Face]:
    """Faces of one picture, best first."""
    width, height = picture.square_size
    small = reduced_size(width, height)
    factor = np.array([width / small[0], height / small[1]], np.float32)
    found = detector(picture.small(*small))
    return [Face(one["points"] * factor, one["box"] * np.tile(factor, 2)) for one in found]


def mend(picture: Picture, kit: Kit, options: RestoreOptions, faces: list[Face] | None = None) -> Mended:
    """Restore a picture; ``picture`` itself is not changed.

    Args:
        faces: where they are, when that is known already.
    """
    seconds: dict[str, float] = {}

    def timed(name: str, began: float) -> None:
        seconds[name] = round(perf_counter() - began, 4)

    began = perf_counter()
    faces = find_faces(picture, kit.detector) if faces is None else faces
    timed("detect", began)
    began = perf_counter()
    patches = cut(picture, largest(faces) if options.faces == "largest" else faces, kit.restorer)
    timed("cut", began)
    began = perf_counter()
    restore(patches, kit.restorer, options.fidelity)
    timed("restore", began)
    began = perf_counter()
    enlarge: Callable[[Picture], Picture] | None = enlarger(options, kit.upscaler)
    after = picture if enlarge is None else enlarge(picture)
    timed("enlarge", began)
    began = perf_counter()
    if any(patch.restored is not None for patch in patches):
        after = after.copy() if after is picture else after
        put_back(after, patches, scale=options.scale)
    timed("paste", began)
    return Mended(after, patches, seconds)
