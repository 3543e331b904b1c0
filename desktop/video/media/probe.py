"""Facts about a clip."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

import av

from desktop.errors import UserError
from desktop.video.media import colours
from desktop.video.media.clip import UNKNOWN_ORDER, Clip, StreamFacts, VideoFacts
from desktop.video.media.decode import Decoder, is_cover
from desktop.video.media.fields import find_fields
from desktop.video.media.hdr import hdr_of
from desktop.video.media.state import FileState
from desktop.video.media.turn import turn_of
from desktop.video.media.unpack import chroma_place

_STILL_CONTAINERS = ("image2", "_pipe", "gif", "apng")
_LONG_S = 15.0
_SAMPLE = 240
"""Pictures whose time stamps are looked at to see whether the rate is constant."""


def probe(path: Path | str) -> Clip:
    """What the file holds; remembered as long as the file does not change.

    Raises:
        UserError: it is no video, or not one picture of it can be decoded.
    """
    return _probe(FileState.of(path))


def find_interlacing(path: Path | str, limit: int = 150) -> str:
    """Say "progressive", "tff" or "bff": from the pictures themselves (ffmpeg's idet) and their flags, at several places.

    Args:
        limit: about how many pictures are looked at.

    Raises:
        UserError: the file is no video.
    """
    return _find_interlacing(FileState.of(path), limit)


@lru_cache(maxsize=64)
def _find_interlacing(state: FileState, limit: int) -> str:
    return find_fields(_probe(state), limit)


@lru_cache(maxsize=64)
def _probe(state: FileState) -> Clip:
    path = state.path
    decoder = Decoder(path)
    try:
        frame, stamps = _first_frame(decoder)
        if frame is None:
            remedy = "The file is damaged, or was cut off before its first picture; copy it again."
            raise UserError("No picture of this clip can be decoded", path=path, remedy=remedy)
        container = decoder.container
        video = _video(decoder.stream, frame, [stamps, *_further_stamps(decoder)])
        others = tuple(_stream(stream) for stream in container.streams if stream.index != decoder.stream.index)
        return Clip(
            path=path,
            container=container.format.name,
            duration=_duration(container, decoder.stream),
            video=video,
            streams=others,
            chapters=len(container.chapters()),
            metadata=dict(container.metadata),
            is_still=any(name in container.format.name for name in _STILL_CONTAINERS),
            start=_start(container, decoder.stream, frame),
        )
    finally:
        decoder.close()


def _first_frame(decoder: Decoder) -> tuple[Any, list[int]]:
    """The first frame, and the time stamps of the packets of about the first ``_SAMPLE`` pictures; none when any is missing."""
    stamps: list[int | None] = []
    first = None
    for packet in decoder.packets():
        stamps.append(packet.pts)
        if first is None:
            first = next(iter(decoder.decoded(packet)), None)
        if first is not None and len(stamps) >= _SAMPLE:
            return first, _whole(stamps)
    return first or next(decoder.flush(), None), _whole(stamps)


def _further_stamps(decoder: Decoder) -> list[list[int]]:
    """Time stamps at other places of a long clip."""
    duration = _duration(decoder.container, decoder.stream)
    if duration is None or duration < _LONG_S:
        return []
    found = []
    for part in (1, 2):
        place = Fraction(duration) * part / 3 / decoder.stream.time_base
        if decoder.seek(int(place) + (decoder.stream.start_time or 0)):
            # The first ones after a seek may be shown before it, with others missing between.
            found.append(sorted(_whole([packet.pts for packet in islice(decoder.packets(), _SAMPLE)]))[4:])
    return found


def _whole(stamps: list[int | None]) -> list[int]:
    return [stamp for stamp in stamps if stamp is not None] if None not in stamps else []


def _video(stream: Any, frame: Any, samples: list[list[int]]) -> VideoFacts:
    context = stream.codec_context
    turn = turn_of(frame)
    name = frame.format.name
    tagged = "pc" if name.startswith("yuvj") else colours.RANGES.get(int(frame.color_range), "")
    rate = stream.average_rate or stream.guessed_rate or None
    start = frame.pts if frame.pts is not None else (stream.start_time or 0)
    return VideoFacts(
        index=stream.index,
        codec=context.codec.canonical_name,
        width=frame.width,
        height=frame.height,
        sar=_aspect(stream.sample_aspect_ratio),
        rotation=turn.degrees,
        mirrored=turn.mirrored,
        pixel_format=name,
        bits=min(16, max(component.bits for component in frame.format.components)),
        color_range=tagged,
        matrix=colours.MATRICES.get(int(frame.colorspace), ""),
        primaries=colours.PRIMARIES.get(int(frame.color_primaries), ""),
        transfer=colours.TRANSFERS.get(int(frame.color_trc), ""),
        time_base=stream.time_base,
        rate=Fraction(rate) if rate else None,
        constant_rate=_is_constant(samples),
        field_order=colours.FIELD_ORDERS.get(int(context.field_order), UNKNOWN_ORDER),
        frames=stream.frames or None,
        start=float(start * stream.time_base),
        chroma=chroma_place(context.name),
        hdr=hdr_of(frame),
    )


def _aspect(sar: Fraction | None) -> Fraction:
    return Fraction(sar) if sar and sar > 0 else Fraction(1)


def _is_constant(samples: list[list[int]]) -> bool | None:
    """Whether the distances of time stamps differ by no more than rounding does, in each sample and between them."""
    steps = []
    for stamps in samples:
        # The last ones may lack neighbours that come later in the file.
        ordered = sorted(set(stamps))[:-4] if len(stamps) > 8 else sorted(set(stamps))
        if len(ordered) < 3:
            continue
        step = (ordered[-1] - ordered[0]) / (len(ordered) - 1)
        if any(abs(stamp - ordered[0] - number * step) > max(1.0, step * 0.02) for number, stamp in enumerate(ordered)):
            return False
        steps.append(step)
    return max(steps) - min(steps) <= 0.02 * max(steps) if steps else None


def _duration(container: Any, stream: Any) -> float | None:
    if container.duration:
        return float(container.duration / 1_000_000)
    return float(stream.duration * stream.time_base) if stream.duration else None


def _start(container: Any, stream: Any, first: Any) -> Fraction:
    """When the clip begins on its own clock: as the container has it, but never after its first picture."""
    said = Fraction(container.start_time or 0, 1_000_000)
    return min(said, max(Fraction(0), first.pts * stream.time_base)) if first.pts is not None else said


def _stream(stream: Any) -> StreamFacts:
    context = getattr(stream, "codec_context", None)
    kind = "picture" if stream.type == "video" and is_cover(stream) else stream.type
    tags = stream.metadata
    return StreamFacts(
        index=stream.index,
        kind=kind,
        codec=context.codec.canonical_name if context is not None else "",
        language=tags.get("language", "").replace("und", ""),
        # MP4 has a name for each track, other containers a title.
        title=tags.get("title") or tags.get("name", ""),
        default=bool(int(stream.disposition) & int(av.stream.Disposition.default)),
        detail=_detail(context, stream.type),
    )


def _detail(context: Any, kind: str) -> str:
    if context is None:
        return ""
    if kind == "audio":
        return f"{context.sample_rate / 1000:g} kHz, {context.layout.name}"
    return f"{context.width}x{context.height}" if kind == "video" else ""
