"""Opening sound and video from strangers: the file itself is read, and nothing that it names."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

from desktop.plain_files import check_plain

_LISTS = "applehttp concat dash dvdvideo hls image2 imf rtp rtsp sap sdp vobsub webm_dash_manifest"
_PROGRAMS = "avisynth lavfi vapoursynth"


def open_media(path: Path | str, **options: str) -> Any:
    """The container in a file, opened with these of ffmpeg's options.

    The name is that of a file whatever it looks like: no protocol, no device, no pattern of numbered pictures. A playlist (HLS,
    DASH, ffconcat, SDP, ...) is refused, because opening one reads whatever it names.

    Raises:
        UserError: it is a device or a pipe.
        av.FFmpegError, OSError, ValueError: ffmpeg cannot open it, or it is a playlist.
    """
    import av

    check_plain(path)
    closed = {"protocol_whitelist": "file", "format_whitelist": _formats()}
    return av.open(f"file:{Path(path).absolute()}", metadata_errors="replace", options={**options, **closed})


@functools.cache
def _formats() -> str:
    """The formats whose files stand for themselves, as a list for ffmpeg."""
    import av

    return ",".join(sorted(av.formats_available.difference(_LISTS.split(), _PROGRAMS.split())))
