"""A clip's own pictures, untouched, as a segment that can be joined like an encoded one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from desktop.paths import atomic_write
from desktop.video.media.clip import Clip
from desktop.video.media.containers import MOV, MP4, container_of
from desktop.video.media.decode import Decoder

_MOST_REORDERED = 16


def can_copy(clip: Clip, output: Path) -> bool:
    """Whether the result's container holds the clip's pictures as they are, and a segment does."""
    codec = clip.video.codec
    return codec in container_of(output).video and codec in MP4.video | MOV.video


def copy_video(clip: Clip, times: Sequence[int], path: Path) -> bool:
    """Write the packets of all pictures into a segment at ``path``.

    Args:
        times: time stamps of the pictures as decoding gave them.

    Returns:
        False, and nothing is written, where packets and pictures do not agree: then only encoding gives what was seen.
    """
    decoder = Decoder(clip.path)
    try:
        stamps = [packet.pts for packet in decoder.packets() if packet.size]
        if None in stamps or sorted(stamps) != list(times) or decoder.errors:
            return False
        reorder = _reorder(stamps)
        if reorder is None or not decoder.seek(min(stamps)):
            return False
    finally:
        decoder.close()
    decoder = Decoder(clip.path)
    try:
        return _write(decoder, clip, sorted(stamps), reorder, path)
    finally:
        decoder.close()


def _write(decoder: Decoder, clip: Clip, order: list[int], reorder: int, path: Path) -> bool:
    base = Fraction(decoder.stream.time_base)
    kind = "mp4" if clip.video.codec in MP4.video else "mov"
    with atomic_write(path) as file, av.open(file.name, "w", format=kind, container_options={"fflags": "bitexact"}) as segment:
        try:
            stream: Any = segment.add_stream_from_template(decoder.stream, opaque=True)
        except (av.FFmpegError, ValueError):
            return False
        stream.time_base = base
        told = {"time_base": base.as_integer_ratio(), "rate": _rate(order, base), "reorder": reorder, "encoder": "copy"}
        segment.metadata["comment"] = json.dumps(told)
        for packet in _timed(decoder, order, reorder):
            packet.stream, packet.time_base = stream, base
            segment.mux(packet)
    return True


def _timed(decoder: Decoder, order: list[int], reorder: int) -> Iterator[Any]:
    """The packets, their time stamps counted from the first picture; decoding times follow from the order of the pictures."""
    gap = max(1, (order[-1] - order[0]) // max(1, len(order) - 1))
    for number, packet in enumerate(packet for packet in decoder.packets() if packet.size):
        place = number - reorder
        packet.pts -= order[0]
        packet.dts = order[place] - order[0] if place >= 0 else place * gap
        yield packet


def _reorder(stamps: Sequence[int]) -> int | None:
    """By how many pictures coding order lags behind showing order; None for more than any codec allows."""
    order = sorted(stamps)
    for reorder in range(_MOST_REORDERED + 1):
        if all(order[number - reorder] <= stamp for number, stamp in enumerate(stamps) if number >= reorder):
            return reorder
    return None


def _rate(order: Sequence[int], base: Fraction) -> tuple[int, int]:
    """Pictures a second on average, as numerator and denominator; 25 for a single one."""
    if len(order) < 2:
        return 25, 1
    return Fraction((len(order) - 1) / ((order[-1] - order[0]) * base)).limit_denominator(100_000).as_integer_ratio()
