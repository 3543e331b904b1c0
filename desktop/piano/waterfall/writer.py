"""A video file with sound, in constant memory: complete or not there."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import av
import numpy as np

from desktop.errors import UserError
from desktop.paths import atomic_write
from desktop.piano.waterfall.containers import Kind
from desktop.piano.waterfall.sound import RATE, Frames

_AHEAD = 0.5
"""Seconds that the sound is written before the pictures."""
_BLOCK = 4096
_BT709 = 1


class Writer:
    """Writes frames one after another; a context manager that leaves nothing when an exception passes.

    Args:
        path: of the video; its folder exists.
        sound: see ``sound.play_part``; None for a silent video.
        threads: for the encoder.

    Raises:
        UserError: the disk is full, the size does not suit the encoder, ...
    """

    def __init__(self, path: Path, kind: Kind, width: int, height: int, rate: int, sound: Frames | None, threads: int) -> None:
        self._kind, self._rate, self._sound = kind, rate, sound
        self._path = path
        self._count = self._heard = 0
        self._audio: Any = None
        self._container: Any = None
        self._stack = ExitStack()
        file = self._stack.enter_context(atomic_write(path))
        try:
            self._container = av.open(file.name, "w", format=kind.container, options=kind.muxing)
            self._video = self._add_video(width, height, threads)
            if sound is not None:
                self._audio = self._container.add_stream(kind.sound, rate=RATE, layout="stereo")
                if kind.bit_rate:
                    self._audio.bit_rate = kind.bit_rate
        except BaseException as error:
            self._leave(error)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if error is not None:
            self._leave(error)
            return
        try:
            self._finish()
        except BaseException as late:
            self._leave(late)
            raise
        self._stack.close()

    def write(self, frame: Any) -> None:
        """Encode the next frame, and the sound that belongs to it."""
        frame.pts, frame.time_base = self._count, Fraction(1, self._rate)
        self._count += 1
        self._container.mux(self._video.encode(frame))
        self._hear((self._count / self._rate) + _AHEAD)

    def _add_video(self, width: int, height: int, threads: int) -> Any:
        stream = self._container.add_stream(self._kind.codec, rate=self._rate, options=dict(self._kind.options))
        stream.width, stream.height, stream.pix_fmt = width, height, self._kind.pixels
        context = stream.codec_context
        context.thread_count = threads
        context.gop_size = 4 * self._rate
        context.colorspace, context.color_range = _BT709, 1
        context.color_primaries, context.color_trc = _BT709, _BT709
        return stream

    def _hear(self, until: float) -> None:
        """Encode the sound up to a second of the video."""
        if self._audio is None or self._sound is None:
            return
        stop = min(len(self._sound), int(until * RATE))
        while self._heard < stop:
            block = np.ascontiguousarray(self._sound[self._heard : self._heard + _BLOCK])
            frame = av.AudioFrame.from_ndarray(block.reshape(1, -1), format="s16", layout="stereo")
            frame.sample_rate, frame.pts, frame.time_base = RATE, self._heard, Fraction(1, RATE)
            self._heard += len(block)
            self._container.mux(self._audio.encode(frame))

    def _finish(self) -> None:
        self._hear(self._count / self._rate)
        self._container.mux(self._video.encode(None))
        if self._audio is not None:
            self._container.mux(self._audio.encode(None))
        self._container.close()

    def _leave(self, error: BaseException) -> None:
        """Close and remove what is there; raises what ``error`` means to the user where that is known."""
        if self._container is not None:
            with suppress(av.FFmpegError, OSError, ValueError):
                self._container.close()
        self._stack.__exit__(type(error), error, error.__traceback__)
        if isinstance(error, av.FFmpegError):
            raise UserError(f"The video could not be written: {error.strerror or error}", path=self._path) from error
