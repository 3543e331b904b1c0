"""The packets of finished segments as one stream, timed as if it had been encoded in one go."""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain, islice, pairwise
from pathlib import Path
from typing import Any

import av

from desktop.errors import UserError

_ANEW = "Start the restoration anew."


@dataclass(frozen=True)
class SegmentFacts:
    """What a segment says about itself.

    Attributes:
        time_base: seconds of a tick of the pictures' time stamps.
        rate: pictures a second on average.
        reorder: by how many pictures coding order can lag behind showing order.
        encoder: id of the encoder.
        extradata: what a decoder must know first; the same for all segments of a result.
    """

    time_base: Fraction
    rate: Fraction
    reorder: int
    encoder: str
    extradata: bytes


def open_segment(path: Path) -> Any:
    """The opened segment; UserError when it is missing or damaged."""
    try:
        return av.open(str(path))
    except (av.FFmpegError, OSError) as error:
        raise UserError("A finished part of the result cannot be read", path=path, remedy=_ANEW) from error


def facts_of(container: Any) -> SegmentFacts:
    """What the opened segment says about itself."""
    stream = container.streams.video[0]
    told = json.loads(container.metadata["comment"])
    return SegmentFacts(
        Fraction(*told["time_base"]),
        Fraction(*told["rate"]),
        told["reorder"],
        told["encoder"],
        stream.codec_context.extradata or b"",
    )


def length_of(path: Path) -> int:
    """How long the segment's pictures are shown, in ticks."""
    with open_segment(path) as container:
        facts = facts_of(container)
        ends = [(packet.pts, packet.duration) for packet in _packets(container, facts)]
    return int(max(pts for pts, _ in ends) + ends[-1][1])


def joined_packets(segments: Sequence[Path], offsets: Sequence[int], origin: int) -> Iterator[Any]:
    """The packets of all segments in coding order, with pts, dts and duration in ticks of their time base.

    Decoding times follow from the time stamps alone, so they are the same wherever segments end. One segment is open at a time.

    Args:
        offsets: time stamp of each segment's first picture.
        origin: the time stamp that becomes 0.

    Raises:
        UserError: a segment cannot be read, or was made with other settings than the first.
    """
    with open_segment(segments[0]) as container:
        facts = facts_of(container)
    packets = _in_coding_order(segments, [offset - origin for offset in offsets], facts)
    lag = facts.reorder
    # After so many packets the first time stamps can be put in order.
    head = list(islice(packets, 2 * lag + 1))
    earliest = sorted(packet.pts for packet in head)
    waiting: list[int] = []
    for number, packet in enumerate(chain(head, packets)):
        heapq.heappush(waiting, packet.pts)
        if number >= lag:
            packet.dts = heapq.heappop(waiting)
        elif len(earliest) > lag:
            packet.dts = earliest[0] + earliest[number] - earliest[lag]
        else:
            packet.dts = earliest[0] + round((number - lag) / (facts.rate * facts.time_base))
        yield packet


def _in_coding_order(segments: Sequence[Path], offsets: Sequence[int], facts: SegmentFacts) -> Iterator[Any]:
    for number, (path, offset) in enumerate(zip(segments, offsets, strict=True)):
        with open_segment(path) as container:
            if facts_of(container) != facts:
                raise UserError("The finished parts of the result were made with different settings", path=path, remedy=_ANEW)
            yield from _timed(container, facts, offset, offsets[number + 1] if number + 1 < len(offsets) else None)


def _timed(container: Any, facts: SegmentFacts, offset: int, following: int | None) -> Iterator[Any]:
    """The segment's packets with their time stamps in the result and their pictures' durations."""
    stamps, last = [], 0
    for packet in _packets(container, facts):
        stamps.append(packet.pts + offset)
        last = packet.duration
    stamps.sort()
    ends = dict(pairwise(stamps))
    container.seek(0, stream=container.streams.video[0])
    for packet in _packets(container, facts):
        packet.pts += offset
        end = ends.get(packet.pts, following)
        packet.duration = last if end is None else end - packet.pts
        yield packet


def _packets(container: Any, facts: SegmentFacts) -> Iterator[Any]:
    for packet in container.demux(container.streams.video[0]):
        if packet.size:
            packet.pts = round(packet.pts * packet.time_base / facts.time_base)
            packet.duration = round((packet.duration or 0) * packet.time_base / facts.time_base)
            packet.time_base = facts.time_base
            yield packet
