"""Getting into the middle of a clip so that every picture from there on is exactly what decoding from the beginning gives.

A key frame is not enough for that: pictures shown before it may need what came earlier (open groups of pictures), and some
streams heal over a while after it. So decoding begins a key frame earlier than need be, and what comes out is checked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from desktop.video.media.clip import Clip
from desktop.video.media.decode import Decoder
from desktop.video.media.state import FileState

_BACK_S = (0.0, 1.0, 3.0, 8.0, 20.0, 60.0)
"""Seconds before the goal that are tried for entering, one after another."""
SAFE = 3
"""Key frames that make what follows them independent of what came before."""
_SMALL = 64 << 20
"""Bytes of a file that is quickly read for its time stamps alone."""
_ROUGH = ("mpeg", "mpegts")
"""Containers that state times, but cut packets out of a stream of bytes."""
_LOOK = 5000
"""Packets that are looked at for key frames after one seek."""


class Known(NamedTuple):
    """What reading a file from end to end without decoding tells of its pictures, in the order of showing.

    Attributes:
        stamps: int64 [n] time stamps, all different.
        places: int64 [n] where each begins in the file, in bytes; -1 where the container says that only roughly.
    """

    stamps: npt.NDArray[np.int64]
    places: npt.NDArray[np.int64]

    def has(self, packet: Any) -> bool:
        """Whether the packet was met at the same place with the same time stamp: after a seek, some demuxers count anew."""
        number = int(np.searchsorted(self.stamps, packet.pts))
        found = number < len(self.stamps) and self.stamps[number] == packet.pts
        return bool(found and self.places[number] in (packet.pos, -1))


def enter(decoder: Decoder, goal: int, *, known: Known | None = None, keys: int = SAFE) -> Iterator[Any] | None:
    """Frames from the first one at or after the time stamp ``goal`` on.

    Args:
        known: the file's time stamps; the first frame then has just that time stamp, and all of it is checked.
        keys: key frames up to the goal, beginning with the one where decoding begins; one is quick, ``SAFE`` is exact.

    Returns:
        None when that cannot be done without a doubt: decode from the beginning then, with a new decoder.
    """
    if decoder.sorts and known is not None:
        # The time stamps tell the order of the pictures, and not which picture is which.
        return None
    for back in _BACK_S:
        place = goal - int(back / decoder.stream.time_base)
        if place <= (decoder.stream.start_time or 0):
            return None
        found = _keys_between(decoder, place, goal)
        if found is None or not all(known is None or known.has(packet) for packet in found):
            return None
        if len(found) >= keys:
            return _run_in(decoder, place, found[0].pts, goal, exactly=known is not None)
    return None


def _keys_between(decoder: Decoder, place: int, goal: int) -> list[Any] | None:
    """Key frames' packets up to ``goal`` that are met after a seek to ``place``; None when that cannot be known."""
    if not decoder.seek(place):
        return None
    keys = []
    for number, packet in enumerate(decoder.packets()):
        if packet.pts is None and packet.is_keyframe:
            return None
        if number > _LOOK or (packet.dts is not None and packet.dts > goal):
            break
        if packet.is_keyframe and packet.pts <= goal:
            keys.append(packet)
    return keys


def _run_in(decoder: Decoder, place: int, key: int, goal: int, *, exactly: bool) -> Iterator[Any] | None:
    """Decode from the key frame with the time stamp ``key`` to the goal."""
    faults = decoder.faults
    if not decoder.seek(place):
        return None
    frames = decoder.frames(since_key=True)
    for frame in frames:
        if decoder.faults > faults or frame.pts is None:
            return None
        # What is shown before the first key frame may lack what it was made from.
        if frame.pts >= max(goal, key):
            return chain([frame], frames) if frame.pts == goal or not exactly else None
    return None


def trusted(state: FileState, times: Sequence[int]) -> Known | None:
    """The file's own time stamps when ``times`` are among them without a gap, so that each says which picture it belongs to."""
    known = _read(state)
    if known is None or not len(times):
        return None
    first = int(np.searchsorted(known.stamps, times[0]))
    fits = np.array_equal(known.stamps[first : first + len(times)], np.asarray(times, np.int64))
    return known if fits else None


def number_of(clip: Clip, stamp: int, fields: int = 1) -> int | None:
    """The number in its clip of the picture with the time stamp ``stamp`` (in ticks of 1/``fields`` of the stream's).

    From the file's time stamps, or the rate where the file is large; None when neither tells.
    """
    video = clip.video
    state = FileState.of(clip.path)
    known = _read(state) if state.size <= _SMALL else None
    if known is not None and len(known.stamps):
        number = max(0, int(np.searchsorted(known.stamps, stamp // fields, side="right")) - 1)
        return number * fields + int(fields > 1 and stamp != known.stamps[number] * fields)
    if not (video.rate and video.constant_rate):
        return None
    return max(0, round((float(stamp * video.time_base / fields) - video.start) * video.rate * fields))


def about_how_many(clip: Clip) -> float | None:
    """Pictures of a clip, for estimates; None when nobody knows.

    The rate says little where it varies: a recording may pause for an hour.
    """
    video = clip.video
    if video.constant_rate is False:
        state = FileState.of(clip.path)
        known = _read(state) if not video.frames and state.size <= _SMALL else None
        counted = video.frames or (len(known.stamps) if known is not None else 0)
        if counted:
            return counted
    return clip.duration * float(video.rate) if clip.duration and video.rate else video.frames


@lru_cache(maxsize=8)
def _read(state: FileState) -> Known | None:
    """Read all of a file; None when time stamps are missing or double, or the file is damaged where that shows."""
    decoder = Decoder(state.path)
    try:
        rough = decoder.container.format.name in _ROUGH
        found = [(-1 if packet.pts is None else packet.pts, -1 if rough else packet.pos) for packet in decoder.packets()]
        missing = decoder.errors
    finally:
        decoder.close()
    stamps, places = np.array(sorted(found), np.int64).reshape(-1, 2).T
    return None if missing or (np.diff(stamps) <= 0).any() else Known(stamps, places)
