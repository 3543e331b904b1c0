"""The keys and values that a decoder keeps of each row, in memory that its graph changes in place.

On the CPU they are one array, of which rows are moved by numpy; on a GPU they stay there, and a small graph moves them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from desktop.models import runtime
from desktop.models.decoding.stepper import Ints
from desktop.models.session import Session

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class CacheShape:
    """
    Attributes:
        names: of the graph's caches, without "past_" or "present_".
        groups: heads of each.
        head: values of a head.
        dtype: float32 or float16.
    """

    names: tuple[str, ...]
    groups: int
    head: int
    dtype: type[np.generic]

    @property
    def bytes_per_token(self) -> int:
        return len(self.names) * self.groups * self.head * np.dtype(self.dtype).itemsize


class Caches(ABC):
    """Caches of ``count`` rows with room for ``room`` tokens each."""

    count: int
    room: int

    @abstractmethod
    def values(self) -> dict[str, Any]:
        """What to bind, by name: of all rows [count, groups, room, head]."""

    @abstractmethod
    def take(self, rows: Ints, since: Ints, end: int) -> bool:
        """Go on with these rows; whether what ``values`` gave is void.

        Args:
            since: for each new row, how many tokens it has in common with the row that is at its place now.
            end: tokens in the longest row.
        """

    @abstractmethod
    def grow(self, room: int) -> None:
        """Make room for so many tokens in each row; what ``values`` gave is void."""


class HostCaches(Caches):
    """In the computer's memory.

    Args:
        prefix: caches of the tokens that all rows begin with [caches, 1, groups, tokens, head].
    """

    def __init__(self, shape: CacheShape, count: int, room: int, prefix: Array | None = None) -> None:
        self.count, self.room = count, room
        self._names = shape.names
        # Zeros, not garbage: what is masked is still multiplied by zero.
        self._data = np.zeros((len(shape.names), count, shape.groups, room, shape.head), shape.dtype)
        if prefix is not None:
            self._data[:, :, :, : prefix.shape[3]] = prefix

    def values(self) -> dict[str, Any]:
        return {name: self._data[number, : self.count] for number, name in enumerate(self._names)}

    def take(self, rows: Ints, since: Ints, end: int) -> bool:
        if len(rows) > self._data.shape[1]:
            self._data = np.ascontiguousarray(self._data[:, rows])
            self.count = len(rows)
            return True
        moved = np.flatnonzero(rows != np.arange(len(rows)))
        if len(moved):
            first = int(since[moved].min())
            self._data[:, moved, :, first:end] = self._data[:, rows[moved], :, first:end]
        changed = len(rows) != self.count
        self.count = len(rows)
        return changed

    def grow(self, room: int) -> None:
        old = self._data[:, : self.count]
        self._data = np.zeros((*old.shape[:3], room, old.shape[4]), old.dtype)
        self._data[:, :, :, : self.room] = old
        self.room = room

    def first_row(self) -> Array:
        """A copy of the first row's caches, as ``prefix`` wants them."""
        return self._data[:, :1].copy()


class DeviceCaches(Caches):
    """In the memory of the session's device.

    Args:
        mover: see ``desktop.models.export.decoder_net.write_mover``.
        prefix: values of another one with one row.
    """

    def __init__(self, shape: CacheShape, mover: Session, count: int, room: int, prefix: dict[str, Any] | None = None) -> None:
        self.count, self.room = count, room
        self._shape, self._mover = shape, mover
        if prefix is None:
            empty = np.zeros((count, shape.groups, room, shape.head), shape.dtype)
            device = mover.device.lower()
            self._values = {name: runtime.load().OrtValue.ortvalue_from_numpy(empty.copy(), device, 0) for name in shape.names}
        else:
            self._values = self._moved(prefix, np.zeros(count, np.int64), room - next(iter(prefix.values())).shape()[2])

    def values(self) -> dict[str, Any]:
        return dict(self._values)

    def take(self, rows: Ints, since: Ints, end: int) -> bool:
        del since, end
        if np.array_equal(rows, np.arange(self.count)):
            return False
        self._values = self._moved(self._values, rows, 0)
        self.count = len(rows)
        return True

    def grow(self, room: int) -> None:
        self._values = self._moved(self._values, np.arange(self.count), room - self.room)
        self.room = room

    def _moved(self, values: dict[str, Any], rows: Ints, longer: int) -> dict[str, Any]:
        feeds = {f"past_{name}": value for name, value in values.items()} | {"rows": rows, "longer": np.array([longer])}
        names = [f"present_{name}" for name in values]
        found = self._mover.run_bound(feeds, names, names)
        return {name: found[f"present_{name}"] for name in values}


def shape_of(session: Session) -> CacheShape:
    """Of a decoder's graph; raises ValueError when it is none."""
    pasts = [port for port in session.inputs if port.name.startswith("past_")]
    if not pasts:
        raise ValueError("it keeps no past")
    _, groups, _, head = pasts[0].shape
    if not isinstance(groups, int) or not isinstance(head, int):
        raise ValueError("its caches have no fixed shape")
    names = tuple(port.name.removeprefix("past_") for port in pasts)
    return CacheShape(names, groups, head, np.float16 if pasts[0].type == "tensor(float16)" else np.float32)


def bound(values: dict[str, Any], kinds: Sequence[str]) -> list[dict[str, Any]]:
    """The values under the names that the graph has for them: one dictionary for each of ``kinds`` ("past", "present")."""
    return [{f"{kind}_{name}": value for name, value in values.items()} for kind in kinds]
