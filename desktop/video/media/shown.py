"""What is shown at a time of a clip: pictures and thumbnails, quickly."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

from desktop.errors import UserError
from desktop.video.media.clip import Clip
from desktop.video.media.picture import Picture
from desktop.video.media.reader import open_reader
from desktop.video.media.stills import is_still, read_still

_SAME_S = 1e-3
"""Times that differ by less mean the same picture."""
_BACK_S = (2.0, 15.0)


@contextmanager
def pictures_from(path: Path, clip: Clip | None, how: str, time: float) -> Iterator[Iterator[Picture]]:
    """Pictures in a row, the first being the one that is shown at ``time`` (seconds), or the last of all.

    Args:
        clip: None for a still.
        how: as ``open_reader`` takes for ``deinterlace``.

    Raises:
        UserError: there is none.
    """
    if clip is None or is_still(path):
        yield iter([read_still(path)])
        return
    step = float(1 / clip.video.rate) if clip.video.rate else 0.1
    last = max(0.0, (clip.duration or time) - step)
    for begin in dict.fromkeys(max(0.0, min(time, last) - back) for back in (1.5 * step, *_BACK_S, min(time, last))):
        # Where it began does not matter for the very first pictures, and a time stamp may be a little before 0.
        with open_reader(path, deinterlace=how, start=begin or None, quick=True) as reader:
            held: Picture | None = None
            for picture in reader:
                if picture.time > time + _SAME_S:
                    if held is None and begin:
                        break
                    yield chain([held] if held else [], [picture], reader)
                    return
                held = picture
            else:
                if held is not None:
                    yield iter([held])
                    return
    raise UserError("No picture of this clip can be decoded", path=path)
