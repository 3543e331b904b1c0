"""The encoders that Reprise knows, as plain data, and how large their results will be."""

from __future__ import annotations

import math
from dataclasses import dataclass

_420 = ("yuv420p", "yuv420p10le")
_YUV8 = ("yuv420p", "yuv422p", "yuv444p")
_YUV10 = ("yuv420p10le", "yuv422p10le", "yuv444p10le")
_YUV12 = ("yuv420p12le", "yuv422p12le", "yuv444p12le")
_DEEP = tuple(f"{name}{bits}le" for bits in (9, 10, 12, 14, 16) for name in ("yuv420p", "yuv422p", "yuv444p", "gbrp", "gray"))


@dataclass(frozen=True)
class Encoder:
    """A way to encode pictures.

    Attributes:
        id: its name in jobs.
        title: its name for people.
        codec: ffmpeg's name of the encoder.
        stream: ffmpeg's name of the codec that it makes.
        hardware: it needs a graphics card or a processor with video units.
        containers: endings of the files that can hold it.
        formats: planar pixel formats that it takes, as ``Format.name``.
        quality: constant rate factor that is used unless the user asks for another.
        worst: the highest rate factor.
        lossless: formats that it keeps bit for bit at quality 0.
        reorder: by how many pictures coding order can lag behind the order in which they are shown.
        bits_per_pixel: of ordinary film at ``quality``, for estimates.
        bits_lossless: the same at quality 0.
        smallest: width and height that it needs at least, in pixels.
    """

    id: str
    title: str
    codec: str
    stream: str
    hardware: bool
    containers: tuple[str, ...]
    formats: tuple[str, ...]
    quality: int
    worst: int
    lossless: tuple[str, ...] = ()
    reorder: int = 0
    bits_per_pixel: float = 0.12
    bits_lossless: float = 3.0
    smallest: int = 2


_H264 = (".mp4", ".m4v", ".mov", ".mkv")
_AV1 = (".mp4", ".m4v", ".mkv", ".webm")
_X264_FORMATS = (*_YUV8, *_YUV10, "gbrp")
_X265_FORMATS = (*_YUV8, *_YUV10, *_YUV12, "gray", "gray10le", "gray12le", "gbrp", "gbrp10le", "gbrp12le")
_VP9_FORMATS = (*_YUV8, "gbrp")
_PRORES_FORMATS = ("yuv422p10le", "yuv444p10le")
_FFV1_FORMATS = (*_YUV8, "yuv440p", "yuv411p", "yuv410p", "gray", "gbrp", *_DEEP, "yuv440p10le", "yuv440p12le")

ENCODERS = (
    Encoder("x264", "H.264 (x264)", "libx264", "h264", False, _H264, _X264_FORMATS, 16, 51, _X264_FORMATS, 2, 0.20, 3.0),
    Encoder("x265", "H.265 (x265)", "libx265", "hevc", False, _H264, _X265_FORMATS, 18, 51, _X265_FORMATS, 2, 0.10, 3.0, 64),
    Encoder("av1", "AV1 (SVT-AV1)", "libsvtav1", "av1", False, _AV1, _420, 20, 63, ("yuv420p",), 0, 0.08, 3.0, 16),
    Encoder("vp9", "VP9", "libvpx-vp9", "vp9", False, _AV1, _VP9_FORMATS, 18, 63, _VP9_FORMATS, 0, 0.12, 3.0),
    Encoder("ffv1", "FFV1 (lossless)", "ffv1", "ffv1", False, (".mkv",), _FFV1_FORMATS, 0, 0, _FFV1_FORMATS, 0, 3.0, 3.0),
    Encoder("prores", "ProRes", "prores_ks", "prores", False, (".mov", ".mkv"), _PRORES_FORMATS, 10, 51, (), 0, 4.8, 4.8),
    Encoder("nvenc", "H.264 (NVIDIA)", "h264_nvenc", "h264", True, _H264, ("yuv420p",), 18, 51, ("yuv420p",), 0, 0.20, 3.5, 160),
    Encoder("nvenc-hevc", "H.265 (NVIDIA)", "hevc_nvenc", "hevc", True, _H264, _420, 20, 51, _420, 0, 0.14, 3.5, 160),
    Encoder("nvenc-av1", "AV1 (NVIDIA)", "av1_nvenc", "av1", True, _AV1, _420, 24, 51, (), 0, 0.12, 3.5, 192),
    Encoder("qsv", "H.264 (Intel Quick Sync)", "h264_qsv", "h264", True, _H264, ("yuv420p",), 19, 51, (), 0, 0.20, 3.5, 128),
    Encoder("amf", "H.264 (AMD)", "h264_amf", "h264", True, _H264, ("yuv420p",), 19, 51, (), 0, 0.22, 3.5, 128),
    Encoder(
        "videotoolbox", "H.264 (Apple)", "h264_videotoolbox", "h264", True, _H264, ("yuv420p",), 20, 51, (), 0, 0.22, 3.5, 128
    ),
)
BY_ID = {encoder.id: encoder for encoder in ENCODERS}
AUTOMATIC = {".webm": ("vp9", "av1")}
"""What "auto" tries for a container, in order; x264 and then the rest for those not named."""


def estimate_bytes(encoder: str, quality: int | None, width: int, height: int, rate: float, duration: float) -> int:
    """About how many bytes the pictures will take; within a factor of 2 for ordinary film, more is possible for noise and titles.

    Args:
        encoder: id of an encoder; "auto" counts as x264.
        quality: its rate factor, None for its own default.
        width, height: of the result, in pixels.
        rate: pictures a second.
        duration: in seconds.
    """
    kind = BY_ID.get(encoder, BY_ID["x264"])
    pixels = width * height
    if quality == 0 or kind.worst == 0:
        bits = kind.bits_lossless * pixels
    elif kind.id == "prores":
        bits = kind.bits_per_pixel * pixels
    else:
        # Six steps of the rate factor are a factor of about two; larger pictures have less detail in each pixel.
        steps = kind.quality - (kind.quality if quality is None else quality)
        scale = 6.0 if kind.worst <= 51 else 8.0
        bits = kind.bits_per_pixel * 2.0 ** (steps / scale) * pixels * math.sqrt(414_720 / max(pixels, 1)) ** 0.5
    return round(bits / 8 * max(rate, 0.0) * max(duration, 0.0))
