"""Whole pictures made larger or clearer: by a model, or by a plain resampler when only the size is asked for."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from desktop.jobs.job import RestoreOptions
from desktop.video.background import Upscaler
from desktop.video.media.picture import Picture


def enlarger(options: RestoreOptions, upscaler: Upscaler | None) -> Callable[[Picture], Picture] | None:
    """What makes the picture that the faces are put into; None when pictures stay as they are."""
    scale = options.scale
    if upscaler is not None:
        return lambda picture: picture.like(upscaler.to(picture.rgb(), scale))
    if scale == 1:
        return None
    return lambda picture: _resampled(picture, scale)


def _resampled(picture: Picture, scale: int) -> Picture:
    """Plane by plane, so that nothing is converted: Lanczos over eight samples, chroma at its own places."""
    form, width, height = picture.format, picture.width * scale, picture.height * scale
    most = (1 << form.bits) - 1
    planes = []
    for number, plane in enumerate(picture.planes):
        shift_x = 0 if number == 0 else form.shift_x
        rows, columns = form.plane_shape(number, width, height)
        # From a sample's number in the result to the place in the source that it stands for.
        place = 0.5 / (1 << shift_x) if form.siting == "left" else 0.5
        matrix = np.array([[1 / scale, 0, place * (1 / scale - 1)], [0, 1 / scale, 0.5 * (1 / scale - 1)]])
        how = cv2.INTER_LANCZOS4 | cv2.WARP_INVERSE_MAP
        larger = cv2.warpAffine(plane, matrix, (columns, rows), flags=how, borderMode=cv2.BORDER_REPLICATE)
        planes.append(np.minimum(larger, most).astype(plane.dtype) if form.bits not in (8, 16) else larger)
    return picture.with_planes(tuple(planes), width, height)
