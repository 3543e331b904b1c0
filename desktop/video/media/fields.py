"""Whether a clip's pictures are made of two fields, and which comes first: seen in the pictures themselves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

import av
from av.error import BlockingIOError as Again
from av.error import EOFError as End

from desktop.video.media.clip import BOTTOM_FIRST, PROGRESSIVE, TOP_FIRST, Clip
from desktop.video.media.decode import Decoder
from desktop.video.media.deinterlace import can_deinterlace
from desktop.video.media.probe import probe

_PLACES = 6
_MEASURED = "lavfi.idet.multiple.current_frame"
_SHARE = 0.1
"""Combed pictures among all that make a clip interlaced when its pictures say so too; still scenes show no fields."""
_SHARE_UNSAID = 0.3
"""The same when they say that they are progressive."""
_CLEAR = 2.0
"""So many times as many pictures must show one order as the other."""


def find_interlacing(path: Path | str, limit: int = 150) -> str:
    """"progressive", "tff" or "bff": from the pictures (ffmpeg's idet) and their flags, at several places of the clip.

    Args:
        limit: pictures looked at, in all.

    Raises:
        UserError: the file is no clip.
    """
    path = Path(path)
    stat = path.stat() if path.exists() else None
    return _find(str(path), limit, stat and stat.st_size, stat and stat.st_mtime_ns)


@lru_cache(maxsize=64)
def _find(path: str, limit: int, size: int | None, changed: int | None) -> str:
    clip = probe(path)
    if clip.is_still or not can_deinterlace(clip.video.width, clip.video.height):
        return PROGRESSIVE
    seen: Counter[str] = Counter()
    decoder = Decoder(path)
    try:
        for place in _places(clip):
            if place is not None and not decoder.seek(place):
                continue
            for frame, order in _judged(islice(decoder.frames(), limit // _PLACES)):
                seen[order] += 1
                seen["flagged"] += frame.interlaced_frame
                seen["all"] += 1
    finally:
        decoder.close()
    return decide(seen, _said(clip))


def decide(seen: Counter[str], said: str) -> str:
    """The field order, from how many pictures ("all") looked "tff", "bff" or "progressive", how many were "flagged" as
    interlaced, and the order that the stream states."""
    flagged = seen["flagged"] * 2 > seen["all"]
    combed = seen[TOP_FIRST] + seen[BOTTOM_FIRST]
    if combed > (_SHARE if flagged else _SHARE_UNSAID) * seen["all"]:
        if seen[TOP_FIRST] > _CLEAR * seen[BOTTOM_FIRST]:
            return TOP_FIRST
        if seen[BOTTOM_FIRST] > _CLEAR * seen[TOP_FIRST]:
            return BOTTOM_FIRST
        return said if flagged else PROGRESSIVE
    # Nothing moved: then the flags are all there is. Film that was flagged as fields looks progressive where it moves.
    return said if flagged and seen[PROGRESSIVE] < _SHARE * seen["all"] else PROGRESSIVE


def _said(clip: Clip) -> str:
    if clip.video.field_order in (TOP_FIRST, BOTTOM_FIRST):
        return clip.video.field_order
    return BOTTOM_FIRST if clip.video.codec == "dvvideo" or clip.video.height in (480, 486) else TOP_FIRST


def _places(clip: Clip) -> list[int | None]:
    """Time stamps to look at; the first is the file's beginning."""
    if not clip.duration or clip.duration < 10:
        return [None] * 1
    step = clip.duration / _PLACES / clip.video.time_base
    begin = clip.video.start / clip.video.time_base
    return [None, *(int(begin + number * step) for number in range(1, _PLACES))]


def _judged(frames: Iterator[Any]) -> Iterator[tuple[Any, str]]:
    """Frames with what idet makes of each."""
    graph: Any = None
    for number, frame in enumerate(frames):
        if graph is None:
            graph = av.filter.Graph()
            source = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base)
            graph.link_nodes(source, graph.add("idet"), graph.add("buffersink"))
            graph.configure()
            kind = frame.format.name, frame.width, frame.height
        if (frame.format.name, frame.width, frame.height) != kind:
            break
        frame.pts = number
        graph.vpush(frame)
        yield from _pulled(graph)
    if graph is not None:
        graph.vpush(None)
        yield from _pulled(graph)


def _pulled(graph: Any) -> Iterator[tuple[Any, str]]:
    while True:
        try:
            frame = graph.vpull()
        except (Again, End):
            return
        yield frame, frame.metadata.get(_MEASURED, "undetermined")
