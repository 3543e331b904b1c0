"""Rows of a CSV file, with the line numbers of the file and a way on after every bad row."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator

from desktop.tuning.records.item import HAS_NUL, REPLACED, TOO_LONG, Item, bad, text_of, warning
from desktop.tuning.records.layout import Layout
from desktop.tuning.records.lines import MAX_ROW, Line

_REASONS = {
    "unexpected end of data": "a quote is opened and never closed",
    "field larger than field limit": f"a field is {TOO_LONG}",
    "new-line character seen in unquoted field": "has a carriage return in the middle",
    "expected after": "has text after a closing quote",
}


def csv_rows(lines: Iterator[Line], layout: Layout) -> Iterator[Item]:
    """Every row after the header.

    A row that goes wrong is given up to its first line, and reading goes on at its second: a quote that is never closed costs one
    line, not the rest of the file.
    """
    csv.field_size_limit(max(csv.field_size_limit(), MAX_ROW))
    feed = _Feed(lines)
    reader = csv.reader(feed, **layout.dialect.options())  # type: ignore[arg-type]
    names, width = layout.columns, len(layout.columns)
    while True:
        feed.taken.clear()
        try:
            values = next(reader)
        except StopIteration:
            return
        except (csv.Error, _BadLine) as error:
            yield feed.give_up(_reason(str(error)))
            continue
        first, end = feed.taken[0], feed.taken[-1].end
        if not values:
            continue
        if len(values) != width:
            values = _fitted(values, width)
            if len(values) != width:
                yield bad(first.number, end, f"has {_fields(len(values))}, not {width}", feed.text)
                continue
        problem = warning(first.number, REPLACED, feed.text) if feed.damaged else None
        yield Item(dict(zip(names, values, strict=True)), first.number, end, problem)


def _fitted(values: list[str], width: int) -> list[str]:
    """Without what separators at the end of the line add."""
    return values[:width] if len(values) > width and not any(values[width:]) else values


def _fields(count: int) -> str:
    return f"{count} field{'s' if count != 1 else ''}"


def _reason(message: str) -> str:
    return next((reason for part, reason in _REASONS.items() if part in message), message)


class _BadLine(Exception):
    pass


class _Feed:
    """Hands lines to the csv module and keeps those of the row being read."""

    def __init__(self, lines: Iterator[Line]) -> None:
        self._lines = lines
        self._again: deque[Line] = deque()
        self._size = 0
        self.taken: list[Line] = []
        self.text = ""
        self.damaged = False

    def __iter__(self) -> _Feed:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._lines)
        if not self.taken:
            self._size, self.text, self.damaged = 0, "", False
        self.taken.append(line)
        data = line.data
        if data is None:
            raise _BadLine(f"is {TOO_LONG}")
        text, damaged = text_of(data)
        self.damaged |= damaged
        self._size += len(text)
        if len(self.taken) == 1:
            self.text = text
        if "\0" in text:
            raise _BadLine(HAS_NUL)
        if self._size > MAX_ROW:
            raise _BadLine(f"a field is {TOO_LONG}, or a quote is opened and never closed")
        return text if line.cut else f"{text}\n"

    def give_up(self, reason: str) -> Item:
        """The row's first line as a bad row; its other lines are read again."""
        first, *others = self.taken
        self._again.extendleft(reversed(others))
        return bad(first.number, first.end, reason, self.text)
