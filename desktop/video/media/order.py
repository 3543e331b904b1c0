"""Time stamps of pictures in containers that keep no more than the order of the packets, such as AVI.

There, ffmpeg hands each picture of H.264 the time of its packet, though with B pictures packets are not in the order of showing:
the pictures come out rightly, with time stamps that go 1, 4, 3, 5, 2. The times themselves are right: sorted, they are those of
the pictures as they are shown.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import Any

_CONTAINERS = ("avi", "asf")
_CODECS = ("h264", "hevc", "mpeg4")
"""Codecs whose order of showing ffmpeg does not work out by itself; MPEG-4 when DivX has put two pictures into one packet."""


def needs_sorting(container: str, codec: str) -> bool:
    """Whether time stamps of this codec (ffmpeg's names) in this container are in the order of packets."""
    return container in _CONTAINERS and codec in _CODECS


class SortedStamps:
    """Gives each picture that comes out of the decoder the earliest time stamp of those that went in."""

    def __init__(self) -> None:
        self._waiting: list[int] = []

    def clear(self) -> None:
        """Forget what went in: reading goes on at another place."""
        self._waiting.clear()

    def sent(self, stamp: int | None) -> None:
        """A packet goes into the decoder."""
        if stamp is not None:
            insort(self._waiting, stamp)

    def lost(self, stamp: int | None) -> None:
        """Nothing comes out for a packet."""
        if stamp in self._waiting:
            self._waiting.remove(stamp)

    def apply(self, frame: Any) -> None:
        """Set the time stamp of a frame that came out."""
        if frame.pts is None or not self._waiting:
            return
        if frame.key_frame:
            # Nothing older is shown after a key frame: what still waits was never decoded.
            del self._waiting[: bisect_left(self._waiting, frame.pts)]
        if self._waiting:
            frame.pts = self._waiting.pop(0)
