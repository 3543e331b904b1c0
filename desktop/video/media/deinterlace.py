"""Whole pictures from fields, by ffmpeg's bwdif."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from enum import StrEnum
from fractions import Fraction
from typing import Any, NamedTuple

import av
from av.error import BlockingIOError as Again
from av.error import EOFError as End

CONTEXT = 2
"""So many frames before (and after) one decide what becomes of it, and one to spare."""


class Deinterlace(StrEnum):
    """What becomes of fields: a picture a frame, or ("double") one a field; top or bottom field first."""

    OFF = "off"
    TOP = "tff"
    BOTTOM = "bff"
    DOUBLE_TOP = "double-tff"
    DOUBLE_BOTTOM = "double-bff"

    @property
    def doubles(self) -> bool:
        """Whether each field becomes a picture."""
        return self in (Deinterlace.DOUBLE_TOP, Deinterlace.DOUBLE_BOTTOM)

    @property
    def parity(self) -> str:
        """bwdif's name of the field that comes first."""
        return "bff" if self in (Deinterlace.BOTTOM, Deinterlace.DOUBLE_BOTTOM) else "tff"


class Timed(NamedTuple):
    """A frame with its time stamp and duration (0 unknown), in ticks of the reader's time base."""

    frame: Any
    pts: int
    duration: int


def can_deinterlace(width: int, height: int) -> bool:
    """Whether pictures are large enough to have fields worth parting."""
    return width >= 3 and height >= 4


class Weaver:
    """Feeds frames through bwdif.

    The filter sees frame numbers for time stamps, so irregular ones come through as they were: a second field lies in the middle
    between its frame and the next.
    """

    def __init__(self, mode: Deinterlace, first: Any, threads: int | None) -> None:
        self._mode = mode
        self._fed = 0
        self._waiting: deque[tuple[int, int, int]] = deque()
        self._graph = av.filter.Graph()
        self._graph.threads = threads or 0
        one = Fraction(1, 1)
        source = self._graph.add_buffer(width=first.width, height=first.height, format=first.format, time_base=one)
        kind = "send_field" if mode.doubles else "send_frame"
        weave = self._graph.add("bwdif", f"mode={kind}:parity={mode.parity}:deint=all")
        self._graph.link_nodes(source, weave, self._graph.add("buffersink"))
        self._graph.configure()

    def feed(self, frame: Any, pts: int, duration: int) -> Iterator[Timed]:
        """Pictures that come out when a frame goes in; time stamps are doubled when the number of pictures is."""
        self._waiting.append((self._fed, pts, duration))
        frame.pts, frame.time_base = self._fed, Fraction(1, 1)
        self._fed += 1
        self._graph.vpush(frame)
        yield from self._pull()

    def flush(self) -> Iterator[Timed]:
        """What is left at the end."""
        self._graph.vpush(None)
        yield from self._pull()

    def _pull(self) -> Iterator[Timed]:
        while True:
            try:
                frame = self._graph.vpull()
            except (Again, End):
                return
            number, second = divmod(round(frame.pts * frame.time_base * 2), 2)
            yield self._timed(frame, number, bool(second))

    def _timed(self, frame: Any, number: int, second: bool) -> Timed:
        while self._waiting[0][0] < number:
            self._waiting.popleft()
        _, pts, duration = self._waiting[0]
        if not self._mode.doubles:
            return Timed(frame, pts, duration)
        gap = self._waiting[1][1] - pts if len(self._waiting) > 1 else duration or self._last_gap
        self._last_gap = gap
        return Timed(frame, 2 * pts + (gap if second else 0), gap)

    _last_gap = 2
