"""How much detail a picture or a face holds."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from desktop.video.quality.reference import luma

_SIDE = 192
_SIGMA = 2.0


def sharpness(rgb: NDArray[np.uint8]) -> float:
    """Deviation of the scale-normalised Laplacian of the luma, in levels, after bringing the shorter side to 192 px.

    The variance of the Laplacian (Pech-Pacheco et al.: Diatom autofocusing in brightfield microscopy, 2000) depends on the
    size of the picture and takes noise for detail. At a common size and at the scale sigma = 2 px (Lindeberg: Feature
    detection with automatic scale selection, 1998, section 4) eyes, brows and lips count and most noise does not, so that faces
    of different size and results of different scale can be compared. 0 for a flat picture; faces give about 3 (smear) to 8.
    """
    plane = luma(rgb)
    scale = _SIDE / min(plane.shape)
    size = (max(3, round(plane.shape[1] * scale)), max(3, round(plane.shape[0] * scale)))
    plane = cv2.resize(plane, size, interpolation=cv2.INTER_AREA if scale < 1.0 else cv2.INTER_CUBIC)
    return _SIGMA**2 * float(cv2.Laplacian(cv2.GaussianBlur(plane, (0, 0), _SIGMA), cv2.CV_32F).std())
