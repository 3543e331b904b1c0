"""How each encoder is told what we want of it."""

from __future__ import annotations

from fractions import Fraction

from desktop.video.media.encoder_table import Encoder
from desktop.video.media.formats import Format


def encoder_options(
    encoder: Encoder, quality: int | None, form: Format, rate: Fraction, threads: int, *, odd: bool = False
) -> dict[str, str]:
    """What the encoder is told: rate factor, closed groups of at most about 5 s, no B pictures where their delay is unknown.

    Args:
        quality: rate factor (checked by ``choose``), 0 is lossless, None is the encoder's default.
        odd: width or height is; FFV1 cannot halve such pictures.
    """
    lossless = quality == 0
    factor = encoder.quality if quality is None else quality
    group = min(300, max(12, round(5 * rate)))
    common = {"g": str(group), "flags": "+cgop", "chroma_sample_location": form.siting}
    if encoder.id == "ffv1":
        return {"level": "3", "slices": "1" if odd else "4", "slicecrc": "1", "g": "1", "chroma_sample_location": form.siting}
    if encoder.id == "prores":
        return {"profile": _prores_profile(factor, form), "vendor": "apl0", "chroma_sample_location": form.siting}
    return common | _SPECIFIC[encoder.id](factor, lossless, threads)


def field_options(encoder: Encoder, fields: str, height: int) -> dict[str, str]:
    """How the encoder is told that pictures are woven of two fields, "tff" or "bff"; empty where it has no way for that.

    H.264 codes them as such when each field has whole blocks of chroma.
    """
    if fields not in ("tff", "bff"):
        return {}
    if encoder.id == "x264" and height % 4 == 0:
        return {"x264-params": f"{fields}=1"}
    return {"flags": "+ildct"} if encoder.id == "prores" else {}


def reorder(encoder: Encoder, quality: int | None) -> int:
    """By how many pictures coding order can lag behind showing order; x264 has no B pictures to reorder when it loses nothing."""
    return 0 if encoder.id == "x264" and quality == 0 else encoder.reorder


def _x264(factor: int, lossless: bool, threads: int) -> dict[str, str]:
    del threads
    if lossless:
        return {"preset": "veryfast", "qp": "0", "bf": "0"}
    # The size and likeness of "veryfast" in two thirds of its time: what that adds to these are smaller partitions only.
    return {"preset": "superfast", "mbtree": "1", "rc-lookahead": "10", "subq": "2", "crf": str(factor), "bf": "3"}


def _x265(factor: int, lossless: bool, threads: int) -> dict[str, str]:
    # What it writes about itself would differ between machines.
    params = f"log-level=none:info=0:open-gop=0:bframes=4:pools={threads}:frame-threads={min(threads, 4)}"
    return {"preset": "faster", "crf": str(factor), "x265-params": params + (":lossless=1" if lossless else "")}


def _svt(factor: int, lossless: bool, threads: int) -> dict[str, str]:
    speed = {"preset": "8", "svtav1-params": f"lp={threads}" + (":lossless=1" if lossless else "")}
    return speed if lossless else speed | {"crf": str(factor)}


def _vp9(factor: int, lossless: bool, threads: int) -> dict[str, str]:
    del threads
    speed = {"deadline": "good", "cpu-used": "4", "row-mt": "1", "b": "0"}
    return speed | ({"lossless": "1"} if lossless else {"crf": str(factor)})


def _nvenc(factor: int, lossless: bool, threads: int) -> dict[str, str]:
    del threads
    if lossless:
        return {"preset": "p5", "tune": "lossless", "rc": "constqp", "qp": "0", "bf": "0"}
    return {"preset": "p5", "tune": "hq", "rc": "vbr", "cq": str(factor), "b": "0", "bf": "0"}


def _qsv(factor: int, lossless: bool, threads: int) -> dict[str, str]:
    del lossless, threads
    return {"preset": "slow", "global_quality": str(max(1, factor)), "bf": "0"}


def _amf(factor: int, lossless: bool, threads: int) -> dict[str, str]:
    del lossless, threads
    return {"quality": "quality", "rc": "cqp", "qp_i": str(factor), "qp_p": str(factor), "bf": "0"}


def _videotoolbox(factor: int, lossless: bool, threads: int) -> dict[str, str]:
    del lossless, threads
    # Its quality runs from 1 to 100, higher is better; 118 units of ffmpeg's are one step.
    return {"flags": "+cgop+qscale", "global_quality": str(118 * max(1, 100 - round(factor * 1.9))), "bf": "0", "realtime": "0"}


def _prores_profile(factor: int, form: Format) -> str:
    if form.name == "yuv444p10le":
        return "4"
    return next(profile for limit, profile in ((18, "3"), (28, "2"), (38, "1"), (99, "0")) if factor <= limit)


_SPECIFIC = {
    "x264": _x264,
    "x265": _x265,
    "av1": _svt,
    "vp9": _vp9,
    "nvenc": _nvenc,
    "nvenc-hevc": _nvenc,
    "nvenc-av1": _nvenc,
    "qsv": _qsv,
    "amf": _amf,
    "videotoolbox": _videotoolbox,
}
