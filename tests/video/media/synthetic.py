"""Small clips of every awkward kind, made on the spot."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import numpy.typing as npt

RGB = npt.NDArray[np.uint8]

_CANVAS = cv2.resize(np.random.default_rng(1).integers(0, 256, (64, 78), np.uint8), (1404, 1152), interpolation=cv2.INTER_CUBIC)


def drawn(number: int, width: int = 176, height: int = 144) -> RGB:
    """Picture ``number`` of a slow pan over soft blotches: something moves everywhere, and no two pictures are alike."""
    x, y = (2 * number) % 300, int(1.3 * number) % 200
    one = _CANVAS[y : y + height, x : x + width]
    two = _CANVAS[y + 100 : y + 100 + height, x + 50 : x + 50 + width]
    return np.ascontiguousarray(np.dstack([one, two, one[::-1]]))


def make(
    path: Path,
    codec: str = "libx264",
    *,
    frames: int = 50,
    size: tuple[int, int] = (176, 144),
    pixels: str = "yuv420p",
    options: dict[str, str] | None = None,
    bit_rate: int = 0,
    rate: int = 25,
    times_ms: Sequence[int] | None = None,
    sar: Fraction | None = None,
    paint: Callable[[int, int, int], RGB] = drawn,
    tags: dict[str, int] | None = None,
    muxer: dict[str, str] | None = None,
    turn: tuple[int, bool, bool] | None = None,
) -> Path:
    """Write a clip of ``paint``'s pictures, at a constant rate or at ``times_ms``.

    Args:
        turn: display matrix: degrees counter-clockwise, then mirrored left to right, then top to bottom.
    """
    with av.open(str(path), "w", options=muxer or {}) as output:
        stream: Any = output.add_stream(codec, rate=rate)
        stream.width, stream.height = size
        stream.pix_fmt = pixels
        stream.options = {"preset": "veryfast"} if codec == "libx264" else {}
        stream.options = {**stream.options, **(options or {})}
        if bit_rate:
            stream.bit_rate = bit_rate
        if sar is not None:
            stream.codec_context.sample_aspect_ratio = sar
        for name, value in (tags or {}).items():
            setattr(stream.codec_context, name, value)
        if turn is not None:
            stream.set_display_rotation(turn[0], hflip=turn[1], vflip=turn[2])
        if times_ms is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(paint(number, *size), format="rgb24").reformat(format=pixels)
            frame.pts = number if times_ms is None else times_ms[number]
            frame.time_base = Fraction(1, rate) if times_ms is None else Fraction(1, 1000)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


def woven(order: str) -> Callable[[int, int, int], RGB]:
    """Pictures made of two fields of twice as many moments; ``order`` is "tff" or "bff"."""

    def paint(number: int, width: int, height: int) -> RGB:
        early, late = drawn(4 * number, width, height), drawn(4 * number + 2, width, height)
        top, bottom = (early, late) if order == "tff" else (late, early)
        picture = top.copy()
        picture[1::2] = bottom[1::2]
        return picture

    return paint


def decoded(path: Path) -> list[Any]:
    """Frames as ffmpeg gives them, one thread, from the beginning."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        return list(container.decode(stream))


def digest(picture: Any) -> tuple[int, int, int, bytes]:
    """What makes a picture: its number, time, duration and every sample."""
    return picture.index, picture.pts, picture.duration, b"".join(plane.tobytes() for plane in picture.planes)
