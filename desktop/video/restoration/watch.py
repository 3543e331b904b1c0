"""What a user sees of a running restoration: now and then a picture before and after, small, as JPEG."""

from __future__ import annotations

from time import monotonic
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from desktop.jobs.progress import Progress
from desktop.video.media.picture import Picture

_EVERY_S = 1.0
_SIDE = 720
_QUALITY = 85


class Watch:
    """Sends a "frame" preview about once a second; of pictures with a restored face, where there are any."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._last = 0.0

    def __call__(self, before: Picture, after: Picture, changed: bool) -> None:
        """A picture goes by."""
        since = monotonic() - self._last
        if since < _EVERY_S or (not changed and since < 3 * _EVERY_S):
            return
        self._last = monotonic()
        width, height = before.square_size
        share = min(1.0, _SIDE / max(width, height))
        size = max(1, round(width * share)), max(1, round(height * share))
        data: dict[str, Any] = {"time": before.time, "index": before.index, "width": size[0], "height": size[1]}
        data |= {"before": _jpeg(before.small(*size)), "after": _jpeg(after.small(*size))}
        self._progress.preview("frame", data)


def _jpeg(rgb: npt.NDArray[np.uint8]) -> bytes:
    _, data = cv2.imencode(".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return data.tobytes()
