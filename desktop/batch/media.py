"""Frames and lengths of media, in a process that may load what decodes them: a request and an answer a line, as JSON."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import TextIO

from desktop.containers import open_media
from desktop.errors import UserError

_SIDE = 160
_QUALITY = 78


def serve(requests: TextIO, answers: TextIO) -> None:
    """Answer each request to its end: a list of two files with their frames (base64 of JPEG), a name with its seconds or null."""
    for line in requests:
        asked = json.loads(line)
        answer: object = length(asked) if isinstance(asked, str) else pair(Path(asked[0]), Path(asked[1]))
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def length(path: str) -> float | None:
    """Seconds that a file plays, None when it does not say or cannot be opened."""
    import av

    try:
        with open_media(path) as file:
            return None if file.duration is None else file.duration / av.time_base
    except (av.FFmpegError, OSError, ValueError, UserError):
        return None


def pair(before: Path, after: Path) -> list[str]:
    """A frame of each file at a third of the second one's length; [] when one cannot be decoded."""
    import av

    try:
        at = (length(str(after)) or 0.0) / 3
        return [_frame(path, at) for path in (before, after)]
    except (av.FFmpegError, OSError, ValueError, StopIteration, UserError):
        return []


def _frame(path: Path, at: float) -> str:
    import av
    import cv2

    with open_media(path) as file:
        video = file.streams.video[0]
        if at and file.duration:
            file.seek(round(at * av.time_base))
        frame = next(frame for frame in file.decode(video) if not at or frame.time is None or frame.time >= at - 0.05)
    wide = frame.width * float(video.sample_aspect_ratio or 1)
    factor = _SIDE / max(wide, frame.height)
    size = max(2, round(wide * factor)), max(2, round(frame.height * factor))
    picture = cv2.resize(frame.to_ndarray(format="bgr24"), size, interpolation=cv2.INTER_AREA)
    done, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    if not done:
        raise ValueError("the picture cannot be stored")
    return base64.b64encode(data.tobytes()).decode()
