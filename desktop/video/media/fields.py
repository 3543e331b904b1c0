"""Whether a clip's pictures are made of two fields, and which comes first: seen in the pictures themselves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from itertools import islice
from typing import Any

import av
from av.error import BlockingIOError as Again
from av.error import EOFError as End

from desktop.video.media.clip import BOTTOM_FIRST, PROGRESSIVE, TOP_FIRST, Clip
from desktop.video.media.decode import Decoder
from desktop.video.media.deinterlace import can_deinterlace

_PLACES = 6
_TICK = Fraction(1, 25)
_MEASURED = "lavfi.idet.single.current_frame"
_SURE = 0.03
"""Share of the pictures that must show something either way; most move too little to tell."""
_COMBED = 0.25
"""Combed pictures among those, in a clip whose pictures say that they are made of fields."""
_COMBED_UNSAID = 0.6
"""The same when they say that they are not."""
_LEAST_LINES = 400
"""Smaller pictures, unless they say so, hold one field at most; in theirs, blocks of a coarse coder look like combs."""
_CLEAR = 2.0
"""So many times as many pictures must show one order as the other."""


def find_fields(clip: Clip, limit: int) -> str:
    """Say "progressive", "tff" or "bff", seen in about ``limit`` pictures at several places of the clip."""
    if clip.is_still or not can_deinterlace(clip.video.width, clip.video.height):
        return PROGRESSIVE
    seen: Counter[str] = Counter()
    decoder = Decoder(clip.path)
    try:
        places = _places(clip)
        for place in places:
            if place is None or decoder.seek(place):
                seen.update(_judged(islice(decoder.frames(), limit // len(places))))
    finally:
        decoder.close()
    if clip.video.height < _LEAST_LINES and seen["flagged"] * 2 <= seen["all"]:
        return PROGRESSIVE
    return decide(seen, _said(clip))


def decide(seen: Counter[str], said: str) -> str:
    """Say the field order, from how many pictures ("all") looked "tff", "bff" or "progressive", how many were "flagged" as
    interlaced, and the order that the stream states."""
    flagged = seen["flagged"] * 2 > seen["all"]
    combed = seen[TOP_FIRST] + seen[BOTTOM_FIRST]
    sure = combed + seen[PROGRESSIVE]
    if sure < max(2.0, _SURE * seen["all"]):
        return said if flagged else PROGRESSIVE
    if combed < (_COMBED if flagged else _COMBED_UNSAID) * sure:
        return PROGRESSIVE
    if seen[TOP_FIRST] > _CLEAR * seen[BOTTOM_FIRST]:
        return TOP_FIRST
    if seen[BOTTOM_FIRST] > _CLEAR * seen[TOP_FIRST]:
        return BOTTOM_FIRST
    return said if flagged else PROGRESSIVE


def _said(clip: Clip) -> str:
    if clip.video.field_order in (TOP_FIRST, BOTTOM_FIRST):
        return clip.video.field_order
    return BOTTOM_FIRST if clip.video.codec == "dvvideo" or clip.video.height in (480, 486) else TOP_FIRST


def _places(clip: Clip) -> list[int | None]:
    """Time stamps to look at; the first is the file's beginning."""
    if not clip.duration or clip.duration < 10:
        return [None]
    step = clip.duration / _PLACES / clip.video.time_base
    begin = clip.video.start / clip.video.time_base
    return [None, *(int(begin + number * step) for number in range(1, _PLACES))]


def _judged(frames: Iterator[Any]) -> Iterator[str]:
    """What idet makes of each frame; also "all" for each and "flagged" for those that say themselves that they are fields."""
    graph: Any = None
    for number, frame in enumerate(frames):
        if graph is None:
            graph = av.filter.Graph()
            source = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=_TICK)
            graph.link_nodes(source, graph.add("idet"), graph.add("buffersink"))
            graph.configure()
            kind = frame.format.name, frame.width, frame.height
        if (frame.format.name, frame.width, frame.height) != kind:
            break
        yield "all"
        # Asked before the filter sees the frame, for it writes its own opinion there.
        if frame.interlaced_frame:
            yield "flagged"
        frame.pts, frame.time_base = number, _TICK
        graph.vpush(frame)
        yield from _pulled(graph)
    if graph is not None:
        graph.vpush(None)
        yield from _pulled(graph)


def _pulled(graph: Any) -> Iterator[str]:
    while True:
        try:
            yield graph.vpull().metadata.get(_MEASURED, "undetermined")
        except (Again, End):
            return
