"""Which encoders work on this machine, which one a result gets, and in what format."""

from __future__ import annotations

import os
from fractions import Fraction
from functools import cache
from typing import Any

import av
from av.codec.context import CodecContext

from desktop.errors import UsageError, UserError
from desktop.video.media.containers import container_of, default_output
from desktop.video.media.encoder_options import encoder_options
from desktop.video.media.encoder_table import AUTOMATIC, BY_ID, ENCODERS, Encoder, estimate_bytes
from desktop.video.media.formats import Format, layout_of, make_format
from desktop.video.media.scheduling import fairly_scheduled

__all__ = [
    "Encoder",
    "available",
    "choose",
    "codec_name",
    "default_output",
    "estimate_bytes",
    "output_format",
    "pixel_format",
]

# SVT-AV1 writes its settings to the terminal unless told to report errors alone.
os.environ.setdefault("SVT_LOG", "1")

_LARGE = 1280 * 720
_RGB = {"libx264": "libx264rgb"}
# What the encoder calls the planes of ``Format``; the samples are the same, packed another way.
_PACKED = {("libx264rgb", "gbrp"): "rgb24", ("ffv1", "gbrp"): "bgr0", ("h264_qsv", "yuv420p"): "nv12"}
_PACKED |= {(name, "yuv420p10le"): "p010le" for name in ("hevc_nvenc", "av1_nvenc")}


def available() -> list[Encoder]:
    """The encoders that work here: software that is built in, and hardware that really opens (tried once)."""
    return [encoder for encoder in ENCODERS if _works(encoder)]


def choose(name: str, container: str, form: Format, *, width: int = 0, height: int = 0, quality: int | None = None) -> Encoder:
    """The encoder for a result.

    Args:
        name: id of an encoder, or "auto": software for what a processor encodes in passing; for pictures from 1280x720 on,
            hardware that works and takes the format, when ``quality`` is left to it.
        container: the result's name or its ending.
        form: of the pictures.
        width, height: of the pictures, where they are known.

    Raises:
        UsageError: the container cannot hold it, the quality is out of its range, or the pictures are too small for it.
        UserError: it does not work on this machine.
    """
    kind = container_of(container)
    fitting = [encoder for encoder in ENCODERS if kind.suffix in encoder.containers]
    if name == "auto":
        encoder = _automatic(fitting, kind.suffix, form, width * height, quality)
    else:
        encoder = BY_ID[name]
        if encoder not in fitting:
            usable = ", ".join(other.id for other in fitting if _works(other))
            raise UsageError(f"{kind.title} cannot hold {encoder.title}", remedy=f"Choose one of {usable}, or another container.")
        if not _works(encoder):
            usable = ", ".join(other.id for other in fitting if _works(other))
            raise UserError(f"{encoder.title} does not work on this machine", remedy=f"Choose one of {usable}.")
    if width and height and min(width, height) < encoder.smallest:
        what = f"{encoder.title} needs pictures of {encoder.smallest}x{encoder.smallest} or more, these are {width}x{height}"
        raise UsageError(what, remedy="Choose another encoder.")
    _check_quality(encoder, quality, form)
    return encoder


def output_format(encoder: Encoder, form: Format, width: int = 0, height: int = 0) -> Format:
    """The format to encode pictures of ``form`` in: its own, else the smallest that loses nothing, else the nearest.

    H.264 and H.265 share chroma between two pixels only in even sizes: give the size, and odd ones get a sample for each.
    """
    candidates = [_parse(name, form) for name in encoder.formats]
    if encoder.stream in ("h264", "hevc"):
        candidates = [other for other in candidates if not (other.shift_x and width % 2) and not (other.shift_y and height % 2)]
    return min(candidates, key=lambda candidate: _loss(form, candidate))


def loses(form: Format, other: Format) -> bool:
    """Whether pictures of ``form`` lose detail in the format ``other``."""
    return _loss(form, other)[0] > 0


def codec_name(encoder: Encoder, form: Format) -> str:
    """ffmpeg's name of the encoder for pictures of ``form``."""
    return _RGB.get(encoder.codec, encoder.codec) if form.kind == "rgb" else encoder.codec


def pixel_format(encoder: Encoder, form: Format) -> str:
    """ffmpeg's name of the pixel format that is handed to the encoder; its samples are those of ``form``."""
    return _PACKED.get((codec_name(encoder, form), form.name), form.name)


def _automatic(fitting: list[Encoder], suffix: str, form: Format, pixels: int, quality: int | None) -> Encoder:
    order = AUTOMATIC.get(suffix, ("x264", "x265", "av1", "vp9", "ffv1"))
    software = [BY_ID[name] for name in order if BY_ID[name] in fitting and _works(BY_ID[name])]
    if quality == 0:
        software = [encoder for encoder in software if _keeps(encoder, form)] or software
    if quality is None and pixels >= _LARGE:
        cards = [encoder for encoder in fitting if encoder.hardware and form.name in encoder.formats]
        software = [*(encoder for encoder in cards if _works(encoder)), *software]
    if not software:
        raise UserError("No encoder for this container works on this machine", remedy="Choose another container, such as .mkv.")
    # The first that keeps the format, else the first that loses nothing, else the first.
    return next(
        (encoder for encoder in software if not loses(form, output_format(encoder, form))),
        software[0],
    )


def _check_quality(encoder: Encoder, quality: int | None, form: Format) -> None:
    if quality is None or encoder.id == "ffv1":
        return
    if quality > encoder.worst:
        raise UsageError(f"quality: {quality} is not between 0 and {encoder.worst} for {encoder.title}")
    if quality == 0 and encoder.id != "prores" and not _keeps(encoder, form):
        able = ", ".join(other.id for other in ENCODERS if not other.hardware and _keeps(other, form))
        what = f"{encoder.title} cannot keep these pictures ({form.name}) without loss"
        raise UsageError(what, remedy=f"Choose one of {able}, or a quality above 0.")


def _keeps(encoder: Encoder, form: Format) -> bool:
    """Whether quality 0 is without any loss."""
    kept = output_format(encoder, form)
    return kept.name in encoder.lossless and not loses(form, kept)


def _parse(name: str, like: Format) -> Format:
    """The format called ``name``, with range and matrix of ``like``."""
    bare = name.removesuffix("le")
    base = next(
        base
        for base in ("gray", "gbrp", "yuv420p", "yuv422p", "yuv444p", "yuv440p", "yuv411p", "yuv410p")
        if bare.startswith(base)
    )
    layout = base if base == "gray" else "gbr" if base == "gbrp" else base[3:6]
    full = like.full_range if like.kind != "rgb" or layout == "gbr" else False
    bits = int(bare[len(base) :] or 8)
    return make_format(layout, bits, full_range=full, matrix=like.matrix, siting=like.siting)


def _loss(form: Format, other: Format) -> tuple[int, int, int]:
    """How much is lost on the way (0 is nothing), then how much is wasted; the format itself comes first."""
    kind = 0 if other.kind == form.kind or (form.kind == "gray" and other.kind == "yuv") else 100
    chroma = max(0, other.shift_x - form.shift_x) + max(0, other.shift_y - form.shift_y) if form.kind != "gray" else 0
    if form.kind == "rgb" and other.kind == "yuv":
        chroma = other.shift_x + other.shift_y
    depth = max(0, form.bits - other.bits)
    spare = max(0, form.shift_x - other.shift_x) + max(0, form.shift_y - other.shift_y)
    if form.kind == "gray":
        spare = {"gray": 0, "420": 1, "422": 2, "440": 2}.get(layout_of(other), 3)
    return kind + 10 * depth + chroma, spare, other.bits


@cache
def _works(encoder: Encoder) -> bool:
    if encoder.codec not in av.codecs_available:
        return False
    return not encoder.hardware or _opens(encoder)


def _opens(encoder: Encoder) -> bool:
    """Encode one gray picture: drivers that are listed but cannot work fail at that, not before."""
    plain = Format("yuv420p", 1, 1)
    try:
        context: Any = CodecContext.create(encoder.codec, "w")
        context.width, context.height, context.pix_fmt = 320, 256, pixel_format(encoder, plain)
        context.time_base, context.framerate = Fraction(1, 25), Fraction(25)
        context.options = encoder_options(encoder, None, plain, Fraction(25), 1)
        frame = av.VideoFrame(320, 256, pixel_format(encoder, plain))
        for plane in frame.planes:
            plane.update(bytes([128]) * plane.buffer_size)
        frame.pts = 0
        with fairly_scheduled():
            context.open()
        return bool([*context.encode(frame), *context.encode(None)])
    except (av.FFmpegError, ValueError, NotImplementedError):
        return False
