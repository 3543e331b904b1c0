"""Rows of JSON that is not lines: a list, an object of lists (splits), or objects one after the other; read in pieces."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from desktop.tuning.records.item import REPLACED, TOO_LONG, Item, bad, warning
from desktop.tuning.records.json_lines import not_a_row, row_of
from desktop.tuning.records.layout import Shape
from desktop.tuning.records.lines import MAX_ROW
from desktop.tuning.records.names import PART
from desktop.tuning.records.values import whole

_PIECE = 1 << 20
_SPACE = re.compile(r"[\s,]*")
_CUT = "the file ends in the middle of this row"


class _Broken(Exception):
    """JSON that cannot be read from here on."""


def json_whole(stream: Iterable[bytes], shape: Shape, start: int = 0) -> Iterator[Item]:
    """Every row.

    Args:
        start: rows to pass over; positions are numbers of rows.
    """
    window = _Window(stream)
    rows = _splits(window) if shape is Shape.SPLITS else _rows(window, "]" if shape is Shape.LIST else "")
    number = 0
    try:
        if shape is Shape.LIST:
            window.expect("[")
        for line, value, part, text in rows:
            number += 1
            if number > start:
                yield _item(line, value, part, text, number)
        if window.next_sign():
            raise _Broken("the list ended before")
    except _Broken as error:
        yield bad(window.line, number + 1, f"{error}; nothing after it could be read", window.around())


def _item(line: int, value: Any, part: str, text: str, number: int) -> Item:
    row = row_of(value)
    if row is None:
        return bad(line, number, not_a_row(value), text)
    row, halves = whole(row)
    if part:
        row.setdefault(PART, part)
    damaged = halves or any("\ufffd" in value for value in row.values())
    return Item(row, line, number, warning(line, REPLACED, text) if damaged else None, value)


_Value = tuple[int, Any, str, str]


def _rows(window: _Window, close: str, part: str = "") -> Iterator[_Value]:
    """Values up to the closing sign, or to the file's end when there is none."""
    while (sign := window.next_sign()) != close:
        if not sign:
            raise _Broken("the file ends in the middle of the list")
        line = window.line
        value, text = window.value()
        yield line, value, part, text
    if close:
        window.place += 1


def _splits(window: _Window) -> Iterator[_Value]:
    window.expect("{")
    while (sign := window.next_sign()) != "}":
        if sign != '"':
            raise _Broken("the file ends in the middle" if not sign else "a name in quotes was expected")
        part = str(window.value()[0])
        window.expect(":")
        if window.next_sign() == "[":
            window.place += 1
            yield from _rows(window, "]", part)
        else:
            window.value()
    window.place += 1


class _Window:
    """A piece of the text that holds at least the value being read."""

    def __init__(self, stream: Iterable[bytes]) -> None:
        self._stream = iter(stream)
        self._decode = json.JSONDecoder(strict=False).raw_decode
        self._text = ""
        self._rest = b""
        self._counted = 0
        self._line = 1
        self.place = 0

    @property
    def line(self) -> int:
        """Number of the line at ``place``."""
        self._line += self._text.count("\n", self._counted, self.place)
        self._counted = self.place
        return self._line

    def around(self) -> str:
        """The text from ``place``."""
        return self._text[self.place : self.place + 200]

    def next_sign(self) -> str:
        """The next character that is neither space nor a comma; "" at the end."""
        while True:
            match = _SPACE.match(self._text, self.place)
            self.place = match.end() if match else self.place
            if self.place < len(self._text):
                return self._text[self.place]
            if not self._more():
                return ""

    def expect(self, sign: str) -> None:
        """Pass over a sign that must come now."""
        if self.next_sign() != sign:
            raise _Broken(f"'{sign}' was expected")
        self.place += 1

    def value(self) -> tuple[Any, str]:
        """The value at ``place``, which is passed over, and the start of its text."""
        while True:
            try:
                value, end = self._decode(self._text, self.place)
            except RecursionError:
                raise _Broken("nested too deeply") from None
            except ValueError as error:
                self._grow(error)
                continue
            # A number may go on in the next piece.
            if end == len(self._text) and self._more():
                continue
            text = self._text[self.place : min(end, self.place + 200)]
            self.place = end
            return value, text

    def _grow(self, error: ValueError) -> None:
        """Read on, when the value may only be incomplete."""
        held = len(self._text) - self.place
        telling = not isinstance(error, json.JSONDecodeError) or error.pos < len(self._text) - 16
        if telling and "Unterminated string" not in str(error):
            raise _Broken(f"this is not valid JSON: {error}") from error
        if held > MAX_ROW:
            raise _Broken(f"a row is {TOO_LONG}")
        # Twice as much each time, so that a long value is not tried too often.
        if sum(self._more() for _ in range(1 + held // _PIECE)) == 0:
            raise _Broken(_CUT if held > 1 else "a value was expected") from error

    def _more(self) -> bool:
        block = next(self._stream, None)
        if block is None:
            if not self._rest:
                return False
            block, self._rest = self._rest, b""
            text = block.decode("utf-8", "replace")
        else:
            data = self._rest + block
            cut = _complete(data)
            text, self._rest = data[:cut].decode("utf-8", "replace"), data[cut:]
        if self.place > _PIECE:
            self._line += self._text.count("\n", self._counted, self.place)
            self._text, self.place, self._counted = self._text[self.place :], 0, 0
        self._text += text
        return True


def _complete(data: bytes) -> int:
    """Length without a character that is cut at the end."""
    for back in range(1, min(4, len(data)) + 1):
        lead = data[-back]
        if lead >= 0xC0:
            needed = 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4
            return len(data) - back if needed > back else len(data)
        if lead < 0x80:
            break
    return len(data)
