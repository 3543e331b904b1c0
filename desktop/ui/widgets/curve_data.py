"""Curves of many points, kept so that drawing one costs the pixels that are shown, not the points: numbers only, no widget."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]

FAN = 8
"""Blocks of one level that make a block of the next."""
_BLOCK = 64


class Grown:
    """float64 values in an array that doubles when it is full."""

    def __init__(self) -> None:
        self._room = np.empty(64)
        self._length = 0

    def __len__(self) -> int:
        return self._length

    @property
    def values(self) -> Values:
        """All of them; a view that is valid until more are added."""
        return self._room[: self._length]

    def extend(self, values: Values) -> None:
        """Add values at the end."""
        needed = self._length + len(values)
        if needed > len(self._room):
            room = np.empty(max(needed, 2 * len(self._room)))
            room[: self._length] = self.values
            self._room = room
        self._room[self._length : needed] = values
        self._length = needed

    def cut(self, length: int) -> None:
        """Keep the first ``length``."""
        self._length = min(self._length, max(0, length))


class Pyramid:
    """Values with the least and the greatest of blocks of 8, 64, 512, ... of them, kept up to date as values are added.

    NaN is no value: it is never the least or greatest of a block that has others.
    """

    def __init__(self) -> None:
        self._all = Grown()
        self._levels: list[tuple[Grown, Grown]] = []

    def __len__(self) -> int:
        return len(self._all)

    @property
    def values(self) -> Values:
        """All values."""
        return self._all.values

    def extend(self, values: Values) -> None:
        """Add values at the end; costs about as much as they are many."""
        begin = len(self._all)
        self._all.extend(values)
        self._raise_from(begin)

    def cut(self, length: int) -> None:
        """Keep the first ``length`` values."""
        if length < len(self._all):
            self._all.cut(length)
            self._raise_from(len(self._all))

    def extremes(self, edges: npt.NDArray[np.int64]) -> tuple[Values, Values]:
        """Least and greatest value of each stretch ``edges[k]`` up to, without, ``edges[k + 1]`` (rising, none empty).

        Where stretches are long they are taken to the nearest block, which is at most half as long as they are on average.
        """
        mean = (edges[-1] - edges[0]) / max(1, len(edges) - 1)
        low = high = self._all
        size = 1
        for one in self._levels:
            if size * FAN > mean / 2:
                break
            (low, high), size = one, size * FAN
        starts = edges[:-1] // size
        end = min(len(low), -(-int(edges[-1]) // size))
        return np.fmin.reduceat(low.values[:end], starts), np.fmax.reduceat(high.values[:end], starts)

    def _raise_from(self, begin: int) -> None:
        """Make the blocks anew that hold the value number ``begin`` or later ones."""
        low = high = self._all
        for level in self._names():
            begin //= FAN
            level[0].cut(begin)
            level[1].cut(begin)
            fresh = len(low) - begin * FAN
            if fresh > 0:
                starts = np.arange(0, fresh, FAN)
                level[0].extend(np.fmin.reduceat(low.values[begin * FAN :], starts))
                level[1].extend(np.fmax.reduceat(high.values[begin * FAN :], starts))
            low, high = level

    def _names(self) -> Iterator[tuple[Grown, Grown]]:
        """The levels from the finest on, as many as make sense for the length."""
        size, number = FAN, 0
        while size <= max(len(self._all), 1) or number < len(self._levels):
            if number == len(self._levels):
                self._levels.append((Grown(), Grown()))
                # Its blocks are all to be made, whatever was added just now.
                self._fill(number)
            yield self._levels[number]
            size, number = size * FAN, number + 1

    def _fill(self, number: int) -> None:
        low, high = self._levels[number - 1] if number else (self._all, self._all)
        if len(low):
            starts = np.arange(0, len(low), FAN)
            self._levels[number][0].extend(np.fmin.reduceat(low.values, starts))
            self._levels[number][1].extend(np.fmax.reduceat(high.values, starts))


class Smoother:
    """The exponential mean of values as they come, without the pull towards 0 that a plain one has at its start.

    The mean of values y is the exponential mean of y over that of ones (Kingma and Ba 2014, section 3); where a value is NaN,
    both miss it.

    Args:
        span: values over which it averages, about; 1 changes nothing.
    """

    def __init__(self, span: float) -> None:
        self.keep = 1.0 - 1.0 / max(1.0, span)
        self._state = (0.0, 0.0)

    def extend(self, values: Values) -> Values:
        """The means at more values."""
        if self.keep <= 0.0 or not len(values):
            return values
        known = np.isfinite(values)
        if known.all():
            above, carry = _means(values, self.keep, self._state[0])
            below = 1.0 - (1.0 - self._state[1]) * self.keep ** np.arange(1.0, len(values) + 1)
            weight = float(below[-1])
        else:
            above, carry = _means(np.where(known, values, 0.0), self.keep, self._state[0])
            below, weight = _means(known.astype(np.float64), self.keep, self._state[1])
        self._state = (carry, weight)
        result: Values = np.divide(above, below, out=np.full(len(values), np.nan), where=below > 0.0)
        return result


def _means(values: Values, keep: float, carry: float) -> tuple[Values, float]:
    """Plain exponential means from ``carry`` on, and the last one.

    Stretches of 64 values are done side by side, each from 0, and then joined: no matrix product, whose threads would wait
    for a processor that training keeps busy.
    """
    count = len(values)
    padded = np.zeros(-(-count // _BLOCK) * _BLOCK)
    padded[:count] = values
    rows = np.ascontiguousarray(padded.reshape(-1, _BLOCK).T)
    rows *= 1.0 - keep
    for k in range(1, _BLOCK):
        rows[k] += keep * rows[k - 1]
    before = []
    fade = keep**_BLOCK
    for last in rows[-1].tolist():
        before.append(carry)
        carry = last + fade * carry
    rows += np.power(keep, np.arange(1, _BLOCK + 1))[:, None] * np.array(before)
    means = rows.T.reshape(-1)[:count]
    return means, float(means[-1])


def speeds(tokens: Values, elapsed: Values, begin: int, span: int = 8) -> Values:
    """Tokens a second at the points from number ``begin`` on, each over the ``span`` points before; NaN where no time passed."""
    now = np.arange(begin, len(tokens))
    then = now - span
    known = then >= 0
    then = np.maximum(then, 0)
    done = tokens[now] - np.where(known, tokens[then], 0.0)
    took = elapsed[now] - np.where(known, elapsed[then], 0.0)
    # After going on from a checkpoint counts may fall back.
    usable = (took > 0.0) & (done >= 0.0)
    result: Values = np.divide(done, took, out=np.full(len(now), np.nan), where=usable)
    return result
