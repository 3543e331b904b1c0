"""What kind of file this is and how its rows are written, found from its beginning."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from desktop.errors import UserError
from desktop.tuning.records.dialect import NO_DELIMITER, Dialect, check_delimiter, find_dialect, find_header
from desktop.tuning.records.encodings import as_utf8, check_encoding, detect_encoding
from desktop.tuning.records.lines import newline_of
from desktop.tuning.records.names import holds_rows, unique_names
from desktop.tuning.records.source import PARQUET, blocks, open_source

SAMPLE = 1 << 18
"""Bytes of a file's beginning that tell how it is written."""

MAX_COLUMNS = 2_000

_FIRST_LIST = re.compile(r'\{(?:\s*"[^"\\]*"\s*:\s*(?:"[^"\\]*"|[-\w.+]+)\s*,)*\s*"([^"\\]*)"\s*:\s*\[')


class Shape(StrEnum):
    """How JSON that is not lines holds its rows."""

    NONE = ""
    LIST = "list"
    SPLITS = "splits"
    OBJECTS = "objects"


class Layout(msgspec.Struct, frozen=True, kw_only=True):
    """How a file is written.

    Attributes:
        format: "csv", "jsonl", "json" or "parquet".
        encoding: "" for Parquet.
        delimiter: of CSV; "" when it has one column and nothing separates.
        quoted, escape: of CSV: whether quotes mean anything, and what escapes one inside ("" when it is doubled).
        header: whether the first row of a CSV names the columns.
        columns: names: all of them for CSV and Parquet; those of the first rows for JSON, where any row may have others.
        newline: what ends a line.
        shape: of JSON.
        rows: of Parquet; 0 where they are not known in advance.
    """

    format: str
    encoding: str = ""
    delimiter: str = ""
    quoted: bool = True
    escape: str = ""
    header: bool = False
    columns: tuple[str, ...] = ()
    newline: bytes = b"\n"
    shape: Shape = Shape.NONE
    rows: int = 0

    @property
    def dialect(self) -> Dialect:
        """For the csv module."""
        return Dialect(self.delimiter or NO_DELIMITER, self.quoted, self.escape)


def layout_of(path: Path | str, *, encoding: str = "auto", delimiter: str = "auto", wanted: Collection[str] = ()) -> Layout:
    """How a file of rows is written.

    Args:
        encoding, delimiter: "auto" finds them.
        wanted: columns that the user named, which tell a header from a row.

    Raises:
        UserError: it cannot be read, or is nothing that holds rows.
    """
    path = Path(path)
    with open_source(path) as file:
        if file.read(4) == PARQUET:
            from desktop.tuning.records.parquet_rows import parquet_layout

            names, rows = parquet_layout(path)
            return Layout(format="parquet", columns=names, rows=rows)
        found = detect_encoding(path, file) if encoding == "auto" else check_encoding(encoding)
        file.seek(0)
        text, complete = _sample(path, file, found)
    start = text.lstrip()
    if not start:
        raise UserError("There is nothing in the file but blank lines", path=path, remedy="Choose a file with rows.")
    suffix = path.suffix.lower()
    if delimiter == "auto" and (start[0] in "{[" or suffix in (".jsonl", ".ndjson")) and suffix not in (".csv", ".tsv"):
        return _json_layout(text, found, complete)
    if suffix == ".json":
        raise UserError("This is not JSON: it begins with neither { nor [", path=path, remedy="Check the file, or rename it.")
    return _csv_layout(text, found, complete, "" if delimiter == "auto" else check_delimiter(delimiter), wanted)


def _sample(path: Path, file: BinaryIO, encoding: str) -> tuple[str, bool]:
    """The text's beginning, and whether that is all of it."""
    data = b""
    stream = as_utf8(blocks(file, SAMPLE), encoding)
    try:
        for block in stream:
            data += block
            if len(data) >= SAMPLE:
                return data.decode("utf-8", "replace"), next(stream, None) is None
    except UnicodeError as error:
        raise UserError(f"This is not {encoding}: {error}", path=path, remedy="Leave the encoding to auto.") from error
    return data.decode("utf-8", "replace"), True


def _csv_layout(text: str, encoding: str, complete: bool, delimiter: str, wanted: Collection[str]) -> Layout:
    newline = newline_of(text.encode())
    mark = newline.decode()
    lines = [f"{line.rstrip(chr(13))}\n" for line in text.replace("\0", "").split(mark)]
    if not complete and len(lines) > 1:
        lines.pop()
    lines = [line for line in lines if line.strip()]
    dialect = find_dialect(lines, delimiter)
    first, header = find_header(lines, dialect, wanted)
    names = unique_names(first if header else [""] * len(first))
    if len(names) > MAX_COLUMNS:
        raise UserError(f"There are {len(names):,} columns, more than {MAX_COLUMNS:,}", remedy="Keep the columns that matter.")
    return Layout(
        format="csv",
        encoding=encoding,
        delimiter="" if dialect.delimiter == NO_DELIMITER else dialect.delimiter,
        quoted=dialect.quoted,
        escape=dialect.escape,
        header=header,
        columns=names,
        newline=newline,
    )


def _json_layout(text: str, encoding: str, complete: bool) -> Layout:
    newline = newline_of(text.encode())
    lines = [line for line in text.split(newline.decode()) if line.strip()]
    cut = lines.pop() if not complete and len(lines) > 1 else ""
    values = [_value(line) for line in islice(lines, 50)]
    rows = [value for value in values if _is_row(value)]
    by_lines = len(rows) > len(values) // 2 if len(lines) > 1 else bool(rows) and (bool(cut) or not _holds_rows(rows[0]))
    if by_lines or (not complete and not cut and text.lstrip()[0] == "{" and not _first_list(text)):
        return Layout(format="jsonl", encoding=encoding, columns=_names(rows), newline=newline)
    start = text.lstrip()[0]
    if start not in "{[":
        return Layout(format="jsonl", encoding=encoding, newline=newline)
    shape = Shape.LIST if start == "[" else Shape.SPLITS if _first_list(text) else Shape.OBJECTS
    return Layout(format="json", encoding=encoding, newline=newline, shape=shape, columns=_first_columns(text, shape))


def _value(line: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _is_row(value: Any) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and bool(value) and not isinstance(value[0], list | dict))


def _holds_rows(row: Any) -> bool:
    return isinstance(row, dict) and any(isinstance(value, list) and holds_rows(key) for key, value in row.items())


def _first_list(text: str) -> bool:
    match = _FIRST_LIST.match(text.lstrip())
    return bool(match) and holds_rows(match[1])  # type: ignore[index]


def _first_columns(text: str, shape: Shape) -> tuple[str, ...]:
    from desktop.tuning.records.json_whole import json_whole

    rows = (item.row for item in json_whole([text.encode()], shape))
    return _names([row for row in islice(rows, 50) if row is not None])


def _names(rows: list[Any]) -> tuple[str, ...]:
    names: dict[str, None] = {}
    for row in rows:
        names.update(dict.fromkeys(row if isinstance(row, dict) else list_columns(row)))
    return tuple(names)


def list_columns(row: list[Any]) -> tuple[str, ...]:
    """Names for the values of a row that is a list: a pair is a text and its label."""
    return ("text", "label") if len(row) == 2 else tuple(f"column{number}" for number in range(1, len(row) + 1))
