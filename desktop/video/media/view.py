"""What the window shows of a clip: pictures in a row, and the strip of thumbnails."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from desktop.jobs.job import FramesJob, Result
from desktop.jobs.progress import Progress
from desktop.video.media import cache
from desktop.video.media.entry import number_of
from desktop.video.media.filmstrip import filmstrip
from desktop.video.media.picture import Picture
from desktop.video.media.probe import probe
from desktop.video.media.shown import pictures_from
from desktop.video.media.sizes import within
from desktop.video.media.state import FileState
from desktop.video.media.stills import is_still
from desktop.video.reading import how_to_read

__all__ = ["filmstrip", "frames_for_view"]


def frames_for_view(job: FramesJob, progress: Progress) -> Result:
    """Pictures in a row from the one that is shown at ``job.start`` on, in a file in the cache.

    Returns:
        "frames": path of a .npy, uint8 [n, h, w, 3] RGB, upright, square pixels; "times": seconds of each; "indexes": number of
        each in the clip, None where that is unknown; "duration" of the clip, "width", "height" of the pictures.

    Raises:
        UserError: the file is no clip and no picture.
    """
    path = Path(job.source)
    clip = None if is_still(path) else probe(path)
    how = how_to_read(path, clip, job.deinterlace) if clip else "off"
    frames, times, indexes = [], [], []
    with pictures_from(path, clip, how, job.start) as pictures:
        for picture in islice(pictures, job.count):
            progress.checkpoint()
            frames.append(shown(picture, job.side))
            times.append(picture.time)
            indexes.append(number_of(clip, picture.pts, 2 if how.startswith("double") else 1) if clip else 0)
    height, width = frames[0].shape[:2]
    file = cache.keep(np.stack(frames), FileState.of(path), job.start, job.count, job.side, how)
    duration = (clip.duration or times[-1]) if clip else 0.0
    return {
        "frames": str(file),
        "times": times,
        "indexes": indexes,
        "duration": duration,
        "width": width,
        "height": height,
    }


def shown(picture: Picture, side: int = 0) -> npt.NDArray[np.uint8]:
    """uint8 RGB [h, w, 3] in square pixels, its longer side no longer than ``side`` (0: any)."""
    size = within(picture.square_size, side)
    if size == (picture.width, picture.height):
        return picture.rgb()
    if size == picture.square_size:
        return np.asarray(cv2.resize(picture.rgb(), size, interpolation=cv2.INTER_CUBIC))
    return picture.small(*size)
