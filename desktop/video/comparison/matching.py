"""Pictures of several clips that are shown at the same time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, TypeVar


class Timed(Protocol):
    """Something that is shown at a time (seconds)."""

    @property
    def time(self) -> float: ...


_Shown = TypeVar("_Shown", bound=Timed)


class Follower(Iterator[_Shown]):
    """The pictures of a clip, asked for by rising times; holds two of them.

    Attributes:
        seen: pictures that were read so far.
    """

    def __init__(self, pictures: Iterator[_Shown]) -> None:
        self._pictures = pictures
        self._here: _Shown | None = None
        self._next: _Shown | None = None
        self.seen = 0
        self._next = self._read()

    def __next__(self) -> _Shown:
        self._step()
        if self._here is None:
            raise StopIteration
        return self._here

    def at(self, time: float, tolerance: float) -> _Shown | None:
        """The picture nearest to ``time``; None when it is further away than ``tolerance`` (seconds)."""
        while self._next is not None and (self._here is None or abs(self._next.time - time) <= abs(self._here.time - time)):
            self._step()
        return self._here if self._here is not None and abs(self._here.time - time) <= tolerance else None

    def finish(self) -> None:
        """Read, and count, what is left."""
        while self._next is not None:
            self._step()

    def _step(self) -> None:
        self._here, self._next = self._next, self._read()

    def _read(self) -> _Shown | None:
        found = next(self._pictures, None)
        self.seen += found is not None
        return found
