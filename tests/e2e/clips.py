"""Small clips for the tests, made on the spot: drawn pictures that move, with a tone."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

WIDTH, HEIGHT, RATE = 176, 144, 25


def drawn(number: int, width: int = WIDTH, height: int = HEIGHT) -> npt.NDArray[np.uint8]:
    """A picture [height, width, 3] that tells its number: a bar of which one more pixel is white, over a gradient."""
    y, x = np.mgrid[0:height, 0:width]
    picture = np.stack([x * 200 // width, y * 200 // height, np.full_like(x, 60)], -1).astype(np.uint8)
    picture[height // 2 :, :, 2] = 200 if number >= 50 else 60
    picture[:16, : (2 * number) % width] = 255
    return picture


def make_clip(path: Path, frames: int = 75, *, sound: bool = True, codec: str = "libx264") -> Path:
    """A clip of so many frames at 25 a second."""
    with av.open(str(path), "w") as file:
        video = file.add_stream(codec, rate=RATE)
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        audio = file.add_stream("aac", rate=44100, layout="mono") if sound else None
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(drawn(number))
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            file.mux(video.encode(frame))
        file.mux(video.encode(None))
        if audio is not None:
            count = 44100 * frames // RATE
            tone = (8000 * np.sin(2 * np.pi * 440 * np.arange(count) / 44100)).astype(np.int16)
            for start in range(0, count, 1024):
                part = av.AudioFrame.from_ndarray(tone[None, start : start + 1024], format="s16", layout="mono")
                part.sample_rate, part.pts, part.time_base = 44100, start, Fraction(1, 44100)
                file.mux(audio.encode(part))
            file.mux(audio.encode(None))
    return path
