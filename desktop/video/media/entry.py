"""Getting into the middle of a clip so that every picture from there on is exactly what decoding from the beginning gives.

A key frame is not enough for that: pictures shown before it may need what came earlier (open groups of pictures), and some
streams heal over a while after it. So decoding begins a key frame earlier than need be, and what comes out is checked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

import numpy as np

from desktop.video.media.clip import Clip
from desktop.video.media.decode import Decoder
from desktop.video.media.state import FileState

_BACK_S = (0.0, 1.0, 3.0, 8.0, 20.0, 60.0)
"""Seconds before the goal that are tried for entering, one after another."""
SAFE = 2
"""Key frames that make what follows them independent of what came before."""
_SMALL = 64 << 20
"""Bytes of a file that is quickly read for its time stamps alone."""
_LOOK = 5000
"""Packets that are looked at for key frames after one seek."""


def enter(decoder: Decoder, goal: int, *, exactly: bool, keys: int = SAFE) -> Iterator[Any] | None:
    """Frames from the first one at or after the time stamp ``goal`` on.

    Args:
        exactly: the first frame must have just this time stamp.
        keys: key frames up to the goal, beginning with the one where decoding begins; one is quick, ``SAFE`` is exact.

    Returns:
        None when that cannot be done without a doubt: decode from the beginning then, with a new decoder.
    """
    for back in _BACK_S:
        place = goal - int(back / decoder.stream.time_base)
        if place <= (decoder.stream.start_time or 0):
            return None
        found = _keys_between(decoder, place, goal)
        if found is None:
            return None
        if len(found) >= keys:
            return _run_in(decoder, place, found[0], goal, exactly=exactly)
    return None


def _keys_between(decoder: Decoder, place: int, goal: int) -> list[int] | None:
    """Time stamps up to ``goal`` of the key frames that are met after a seek to ``place``; None when they cannot be known."""
    if not decoder.seek(place):
        return None
    keys = []
    for number, packet in enumerate(decoder.packets()):
        if packet.pts is None and packet.is_keyframe:
            return None
        if number > _LOOK or (packet.dts is not None and packet.dts > goal):
            break
        if packet.is_keyframe and packet.pts <= goal:
            keys.append(packet.pts)
    return keys


def _run_in(decoder: Decoder, place: int, key: int, goal: int, *, exactly: bool) -> Iterator[Any] | None:
    """Decode from the key frame with the time stamp ``key`` to the goal."""
    faults = decoder.errors + decoder.damaged
    if not decoder.seek(place):
        return None
    frames = decoder.frames(since_key=True)
    for frame in frames:
        if decoder.errors + decoder.damaged > faults or frame.pts is None:
            return None
        # What is shown before the first key frame may lack what it was made from.
        if frame.pts >= max(goal, key):
            return chain([frame], frames) if frame.pts == goal or not exactly else None
    return None


def can_trust(state: FileState, times: Sequence[int]) -> bool:
    """Whether ``times`` are the stream's own time stamps, without a gap, so that one of them says which picture it belongs to."""
    known = _stamps(state)
    if known is None or not len(times):
        return False
    first = int(np.searchsorted(known, times[0]))
    return np.array_equal(known[first : first + len(times)], np.asarray(times, np.int64))


def number_of(clip: Clip, stamp: int, fields: int = 1) -> int | None:
    """The number in its clip of the picture with the time stamp ``stamp`` (in ticks of 1/``fields`` of the stream's).

    From the file's time stamps, or the rate where the file is large; None when neither tells.
    """
    video = clip.video
    state = FileState.of(clip.path)
    known = _stamps(state) if state.size <= _SMALL else None
    if known is not None and len(known):
        number = max(0, int(np.searchsorted(known, stamp // fields, side="right")) - 1)
        return number * fields + int(fields > 1 and stamp != known[number] * fields)
    if not (video.rate and video.constant_rate):
        return None
    return max(0, round((float(stamp * video.time_base / fields) - video.start) * video.rate * fields))


@lru_cache(maxsize=8)
def _stamps(state: FileState) -> np.ndarray[tuple[int], np.dtype[np.int64]] | None:
    """Time stamps of all packets in order; None when some are missing, double or damaged. Reads the whole file."""
    decoder = Decoder(state.path)
    try:
        found = np.array([-1 if packet.pts is None else packet.pts for packet in decoder.packets()], np.int64)
        missing = decoder.errors
    finally:
        decoder.close()
    found.sort()
    return None if missing or (np.diff(found) <= 0).any() else found
