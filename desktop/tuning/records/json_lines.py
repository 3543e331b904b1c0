"""Rows of a file with one JSON object (or list) on each line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import msgspec

from desktop.tuning.records.item import HAS_NUL, REPLACED, TOO_LONG, Item, bad, text_of, warning
from desktop.tuning.records.layout import list_columns
from desktop.tuning.records.lines import Line
from desktop.tuning.records.values import as_row, whole

_decode = msgspec.json.Decoder().decode


def json_lines(lines: Iterator[Line]) -> Iterator[Item]:
    """Every line's row; blank lines are passed over."""
    for line in lines:
        data = line.data
        if data is None:
            yield bad(line.number, line.end, f"is {TOO_LONG}")
            continue
        try:
            value = _decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            if data.strip():
                yield _second_try(line, data)
            continue
        if b"\xef\xbf\xbd" in data:
            yield _row(line, value, warning(line.number, REPLACED, data.decode()))
        else:
            yield _row(line, value)


def _row(line: Line, value: Any, problem: Any = None) -> Item:
    row = row_of(value)
    if row is None:
        return bad(line.number, line.end, not_a_row(value), (line.data or b"").decode("utf-8", "replace"))
    return Item(row, line.number, line.end, problem, value)


def _second_try(line: Line, data: bytes) -> Item:
    """Python's reader takes NaN, halves of surrogate pairs and, like us, bytes that had to be replaced."""
    text, damaged = text_of(data)
    if "\0" in text:
        return bad(line.number, line.end, HAS_NUL, text)
    try:
        value = json.loads(text, strict=False)
    except (ValueError, RecursionError) as error:
        if line.cut:
            return bad(line.number, line.end, "is cut off: the file ends in the middle of it", text)
        return bad(line.number, line.end, f"is not valid JSON: {_why(error)}", text)
    row = row_of(value)
    if row is None:
        return bad(line.number, line.end, not_a_row(value), text)
    row, halves = whole(row)
    return Item(row, line.number, line.end, warning(line.number, REPLACED, text) if damaged or halves else None, value)


def _why(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at character {error.colno}"
    return "nested too deeply" if isinstance(error, RecursionError) else str(error)


def row_of(value: Any) -> dict[str, str] | None:
    """A JSON value's columns as text; None when it is no row."""
    if isinstance(value, dict):
        return as_row(value)
    if isinstance(value, list) and value:
        return as_row(dict(zip(list_columns(value), value, strict=True)))
    return None


def not_a_row(value: Any) -> str:
    """Why a JSON value is no row."""
    kinds = {dict: "an object", list: "an empty list", str: "a text", bool: "a truth value", int: "a number", float: "a number"}
    return f"is {kinds.get(type(value), 'null')}, not an object with columns"
