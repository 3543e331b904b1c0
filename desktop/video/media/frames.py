"""Decoded frames that are the same each time, whatever the damage and wherever decoding begins.

Several threads decode several frames at once. How a damaged frame is then mended from its neighbours depends on how far those
have come, that is, on chance, and not every decoder says that it mended something. So one thread decodes pictures of a size for
which that is fast; larger ones are decoded by several until the first sign of damage, when one thread takes over and begins anew.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import chain, dropwhile, islice
from typing import Any

from desktop.video.media.decode import Decoder
from desktop.video.media.entry import SAFE, Known, enter

_HELD = 3
_ONE_THREAD = 1920 * 1088
"""Pixels of a picture up to which one thread is fast enough."""


def threads_for(width: int, height: int, wish: int | None) -> int | None:
    """Decoding threads for pictures of this size that must be the same each time; None: as many as the machine has."""
    return 1 if wish is None and width * height <= _ONE_THREAD else wish


class Frames:
    """The main video stream's frames.

    Attributes:
        decoder: the one at work; it counts errors.
    """

    def __init__(self, path: str, threads: int | None) -> None:
        self._path, self._threads = path, threads
        self.decoder = Decoder(path, threads=threads)

    def close(self) -> None:
        """Free the file."""
        self.decoder.close()

    def from_start(self) -> Iterator[Any]:
        """All frames."""
        self._reopen(self._threads)
        return self._steady(self.decoder.frames(), None)

    def from_stamp(self, goal: int, *, known: Known | None = None, keys: int = SAFE) -> Iterator[Any] | None:
        """Frames from the time stamp ``goal`` on, as ``entry.enter`` gives them; None when only ``from_start`` is sure."""
        self._reopen(self._threads)
        frames = enter(self.decoder, goal, known=known, keys=keys)
        if frames is None:
            return None
        first = next(frames)
        return self._steady(chain([first], frames), first.pts)

    def _reopen(self, threads: int | None) -> None:
        self.decoder.close()
        self.decoder = Decoder(self._path, threads=threads)

    def _steady(self, frames: Iterator[Any], begin: int | None) -> Iterator[Any]:
        """The frames, by one thread from the first damage on; ``begin`` is the first one's time stamp, None: the file's."""
        if self._threads == 1:
            yield from frames
            return
        # Held back a little, for an error may show after a frame that it has spoiled.
        held: deque[Any] = deque()
        delivered = 0
        for frame in frames:
            if self.decoder.faults:
                yield from self._again(delivered, begin)
                return
            held.append(frame)
            if len(held) > _HELD:
                delivered += 1
                yield held.popleft()
        if self.decoder.faults:
            yield from self._again(delivered, begin)
        else:
            yield from held

    def _again(self, delivered: int, begin: int | None) -> Iterator[Any]:
        """What follows the first ``delivered`` frames from ``begin`` on, decoded by one thread from the file's start."""
        self._reopen(1)
        frames = self.decoder.frames()
        if begin is not None:
            frames = dropwhile(lambda frame: frame.pts != begin, frames)
        return islice(frames, delivered, None)
