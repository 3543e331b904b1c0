"""Lines of a stream of bytes with their numbers and where they end, each bounded in size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import NamedTuple

MAX_ROW = 10_000_000
"""Bytes of a row (for CSV: characters) above which it is left out: no model sees so much, and it may be the rest of the file."""

DAMAGED = "\ufffd".encode()


class Line(NamedTuple):
    """One line.

    Attributes:
        data: its bytes without the end; None when it is longer than ``MAX_ROW``.
        number: from 1.
        end: offset of the byte after its end.
        cut: the file ends without the line being ended.
    """

    data: bytes | None
    number: int
    end: int
    cut: bool


def newline_of(sample: bytes) -> bytes:
    r"""How lines end: ``\n`` (also ``\r\n``), or ``\r`` in files of old Macs."""
    return b"\r" if b"\n" not in sample and b"\r" in sample else b"\n"


def lines_of(stream: Iterable[bytes], newline: bytes = b"\n", start: int = 0) -> Iterator[Line]:
    """Split a stream into lines in constant memory.

    Args:
        start: offset at which a line begins; what lies before is read and counted, so that numbers stay the file's.
    """
    before, blocks = _skip(iter(stream), newline, start)
    number, offset, rest = before + 1, start, _Rest()
    for block in blocks:
        first, *more = block.split(newline)
        if not more:
            rest.add(first)
            continue
        rest.add(first)
        offset += rest.size + 1
        yield Line(rest.take(), number, offset, False)
        number += 1
        last = more.pop()
        for data in more:
            offset += len(data) + 1
            yield Line(data, number, offset, False)
            number += 1
        rest.add(last)
    if rest.size:
        end = offset + rest.size
        yield Line(rest.take(), number, end, True)


def _skip(blocks: Iterator[bytes], newline: bytes, start: int) -> tuple[int, Iterator[bytes]]:
    """How many lines end before ``start``, and the blocks from there."""
    before = 0
    while start > 0 and (block := next(blocks, b"")):
        before += block[:start].count(newline)
        if len(block) > start:
            return before, chain([block[start:]], blocks)
        start -= len(block)
    return before, blocks


class _Rest:
    """The beginning of a line whose end is not there yet; forgotten when it gets too long."""

    def __init__(self) -> None:
        self.size = 0
        self._parts: list[bytes] = []

    def add(self, data: bytes) -> None:
        self.size += len(data)
        if self.size <= MAX_ROW:
            self._parts.append(data)
        else:
            self._parts.clear()

    def take(self) -> bytes | None:
        data = b"".join(self._parts) if self.size <= MAX_ROW else None
        self._parts.clear()
        self.size = 0
        return data
