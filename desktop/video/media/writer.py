"""One segment of a result: some seconds of encoded pictures in a small file that can be decoded on its own.

The encoder is handed evenly spaced pictures, and the packets get the pictures' own time stamps afterwards: no encoder's opinion
about uneven time stamps, time bases or rates changes a picture or moves one. Segments are MP4 files (QuickTime for ProRes), which
keep time stamps in any time base exactly, the colours' description, and the last picture's duration.
"""

from __future__ import annotations

import json
from contextlib import ExitStack, suppress
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import av

from desktop.errors import UserError
from desktop.jobs.cores import encoding_threads
from desktop.paths import atomic_write
from desktop.video.media import colours
from desktop.video.media.clip import BOTTOM_FIRST, PROGRESSIVE, TOP_FIRST, VideoFacts
from desktop.video.media.encoder_options import encoder_options, field_options, reorder
from desktop.video.media.encoders import Encoder, codec_name, output_format, pixel_format
from desktop.video.media.formats import MATRICES, Format, choose_matrix
from desktop.video.media.hdr import hdr_options
from desktop.video.media.pack import frame_of
from desktop.video.media.picture import Picture
from desktop.video.media.scheduling import fairly_scheduled

_PLAIN_RATE = Fraction(25)
_MOST_THREADS = 16
_FIELDS = {TOP_FIRST: 2, BOTTOM_FIRST: 3}
"""ffmpeg's numbers for which field comes first."""


class SegmentWriter:
    """Writes pictures in constant memory; also a context manager that throws the file away when an exception passes.

    Args:
        path: of the segment; it appears when it is complete.
        width, height, sar: of the pictures, upright.
        format: of the pictures; what is encoded is ``output_format`` of it.
        time_base: seconds of a tick of the pictures' time stamps.
        rate: pictures a second on average, for the encoder's rate control; None when unknown.
        colour: the source's stream, whose colour tags are kept.
        encoder, quality: as ``encoders.choose`` gave and checked them.
        fields: "tff" or "bff" when the pictures are woven of two fields, the top or the bottom one first; else "progressive".
        threads: for the encoder; as many as the machine has, up to 16, when None. The same number gives the same bytes.

    Raises:
        UserError: the encoder does not take these pictures, the disk is full, ...
    """

    def __init__(
        self,
        path: Path | str,
        *,
        width: int,
        height: int,
        sar: Fraction,
        format: Format,
        time_base: Fraction,
        rate: Fraction | None,
        colour: VideoFacts,
        encoder: Encoder,
        quality: int | None = None,
        threads: int | None = None,
        fields: str = PROGRESSIVE,
    ) -> None:
        self._encoder, self._time_base, self._reorder = encoder, time_base, reorder(encoder, quality)
        self._form = output_format(encoder, format, width, height)
        self._rate = Fraction(rate).limit_denominator(100_000) if rate and 1 <= rate <= 1000 else _PLAIN_RATE
        self._pts: list[int] = []
        self._muxed = 0
        self._last_duration = 0
        self._held: Any = None
        self._container: Any = None
        if min(width, height) < encoder.smallest:
            # x265 writes beyond its memory for the smallest pictures instead of refusing them.
            what = f"{encoder.title} needs pictures of {encoder.smallest}x{encoder.smallest} or more, these are {width}x{height}"
            raise UserError(what, remedy="Choose another encoder.")
        self._stack = ExitStack()
        file = self._stack.enter_context(atomic_write(Path(path).absolute()))
        try:
            kind = "mov" if encoder.id == "prores" else "mp4"
            self._container = av.open(file.name, "w", format=kind, container_options={"fflags": "+bitexact"})
            self._stream = self._container.add_stream(codec_name(encoder, self._form), rate=self._rate)
            self._stream.time_base = time_base
            self._container.metadata["comment"] = json.dumps(
                {
                    "time_base": [time_base.numerator, time_base.denominator],
                    "rate": [self._rate.numerator, self._rate.denominator],
                    "reorder": self._reorder,
                    "encoder": encoder.id,
                }
            )
            context = self._stream.codec_context
            _describe(context, self._form, colour, width, height)
            context.sample_aspect_ratio = sar
            context.field_order = _FIELDS.get(fields, 1)
            count = threads or min(_MOST_THREADS, encoding_threads())
            odd = bool(width % 2 or height % 2)
            context.options = encoder_options(encoder, quality, self._form, self._rate, count, odd=odd)
            for more in (field_options(encoder, fields, height), hdr_options(encoder.id, colour.hdr)):
                context.options |= {key: _joined(key, context.options.get(key), told) for key, told in more.items()}
            self._open(context, width, height, count)
        except BaseException as error:
            self._abort(error)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if error is None:
            self.close()
        else:
            self._abort(error)

    @property
    def pictures(self) -> int:
        """How many were written so far."""
        return len(self._pts)

    def write(self, picture: Picture) -> None:
        """Encode the next picture; its time stamp must be later than the one before (ValueError)."""
        if self._pts and picture.pts <= self._pts[-1]:
            raise ValueError(f"time stamp {picture.pts} follows {self._pts[-1]}")
        try:
            frame = frame_of(picture, self._form, self._stream.codec_context.pix_fmt)
            frame.pts, frame.time_base = len(self._pts), 1 / self._rate
            _tag(frame, self._stream.codec_context)
            self._pts.append(picture.pts)
            self._last_duration = picture.duration
            self._mux(self._stream.codec_context.encode(frame))
        except BaseException as error:
            self._abort(error)
            raise

    def close(self) -> None:
        """Encode what the encoder holds back, and put the finished, synced file in its place; ValueError when no picture came."""
        if self._container is None:
            return
        try:
            if not self._pts:
                raise ValueError("a segment without pictures")
            self._mux(self._stream.codec_context.encode(None))
            if self._held is None or self._muxed + 1 != len(self._pts):
                raise RuntimeError(f"{self._encoder.title} gave {self._muxed} of {len(self._pts)} pictures")
            self._held.duration = self._last_duration or self._gap()
            self._put(self._held)
            self._container.close()
        except BaseException as error:
            self._abort(error)
            raise
        self._container = None
        self._stack.close()

    def _open(self, context: Any, width: int, height: int, threads: int) -> None:
        context.width, context.height = width, height
        context.pix_fmt = pixel_format(self._encoder, self._form)
        context.time_base = 1 / self._rate
        context.thread_count = threads
        try:
            with fairly_scheduled():
                context.open()
        except av.FFmpegError as error:
            what = f"{self._encoder.title} does not take pictures of {width}x{height} ({self._form.name})"
            raise UserError(what, remedy="Choose another encoder.") from error

    def _mux(self, packets: list[Any]) -> None:
        """Hold the newest packet back: of the last one the duration is what the file keeps."""
        for packet in packets:
            if self._held is not None:
                self._put(self._held)
            number = packet.pts
            packet.stream, packet.time_base = self._stream, self._time_base
            packet.pts = self._pts[number] - self._pts[0]
            packet.dts = self._coded_at(self._muxed)
            packet.duration = self._pts[number + 1] - self._pts[number] if number + 1 < len(self._pts) else self._gap()
            self._held = packet

    def _put(self, packet: Any) -> None:
        self._container.mux(packet)
        self._muxed += 1

    def _coded_at(self, number: int) -> int:
        """Decoding time of the packet ``number`` in coding order: the time stamp of the picture ``reorder`` places earlier.

        The first ones have none so far back; theirs keep the pictures' distances, as x264 does it.
        """
        place = number - self._reorder
        if place >= 0:
            return self._pts[place] - self._pts[0]
        if len(self._pts) > self._reorder:
            return self._pts[number] - self._pts[self._reorder]
        return place * self._gap()

    def _gap(self) -> int:
        return max(1, round(1 / (self._rate * self._time_base)))

    def _abort(self, error: BaseException) -> None:
        """Close and remove what is there; raises what ``error`` means to the user where that is known."""
        container, self._container = self._container, None
        self._held = None
        if container is not None:
            with suppress(av.FFmpegError, ValueError):
                container.close()
        self._stack.__exit__(type(error), error, error.__traceback__)


def _joined(key: str, told: str | None, more: str) -> str:
    """Two lists of an encoder's own parameters in one; flags have plus signs of their own."""
    return f"{told}{'' if key == 'flags' else ':'}{more}" if told else more


def _describe(context: Any, form: Format, colour: VideoFacts, width: int, height: int) -> None:
    """Tag the stream as the source is tagged; where the pictures have changed so that players would guess otherwise, say it."""
    if form.kind == "rgb":
        context.colorspace, context.color_range = 0, 2
    else:
        tagged = colour.matrix if colour.matrix != "gbr" else ""
        guessed = choose_matrix("", width, height)
        if not tagged and (guessed != form.matrix or colour.matrix == "gbr"):
            tagged = next(name for name in ("smpte170m", *MATRICES) if MATRICES[name] == form.matrix)
        context.colorspace = _number(colours.MATRICES, tagged)
        context.color_range = 2 if form.full_range else 1 if colour.color_range else 0
    context.color_primaries = _number(colours.PRIMARIES, colour.primaries)
    context.color_trc = _number(colours.TRANSFERS, colour.transfer)


def _tag(frame: Any, context: Any) -> None:
    """Some encoders believe the pictures rather than the stream."""
    frame.colorspace, frame.color_range = context.colorspace, context.color_range
    frame.color_primaries, frame.color_trc = context.color_primaries, context.color_trc


def _number(names: dict[int, str], name: str) -> int:
    """ffmpeg's number for a name; 2 is its "unspecified"."""
    return next((number for number, known in names.items() if known == name), 2)
