"""Rows of any supported file as a stream of batches, in constant memory, from any position."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

import msgspec

from desktop.errors import UserError
from desktop.tuning.records.csv_rows import csv_rows
from desktop.tuning.records.encodings import as_utf8, counted
from desktop.tuning.records.facts import Problem
from desktop.tuning.records.item import Item
from desktop.tuning.records.json_lines import json_lines
from desktop.tuning.records.json_whole import json_whole
from desktop.tuning.records.layout import Layout, layout_of
from desktop.tuning.records.lines import lines_of
from desktop.tuning.records.source import blocks, open_source

BATCH_ROWS = 1_000
BATCH_CHARS = 8_000_000
"""A batch ends when its rows have so many characters, however few they are."""


class RowBatch(msgspec.Struct, kw_only=True):
    """Rows that follow one another in a file.

    Attributes:
        first_line: line of the first row; of the first problem when there is no row.
        rows: values as text, by column; rows of JSON have the columns that they have.
        lines: line of each row.
        originals: for JSON the rows' values as they were, for the others empty.
        problems: of the rows left out and of rows kept, in the file's order.
        position: give it back as ``start`` to go on exactly after this batch.
    """

    first_line: int
    rows: list[dict[str, str]]
    lines: list[int]
    originals: list[Any]
    problems: list[Problem]
    position: int


def read_rows(
    path: Path | str,
    *,
    encoding: str = "auto",
    delimiter: str = "auto",
    columns: Collection[str] | None = None,
    start: int = 0,
    batch: int = BATCH_ROWS,
    layout: Layout | None = None,
    see: Callable[[bytes], None] | None = None,
) -> Iterator[RowBatch]:
    """Read a CSV, TSV, JSONL, JSON or Parquet file from ``start`` on, in its order, with every column.

    Args:
        columns: names that must be there (a row of JSON may lack one, the first rows together may not).
        start: 0, or the ``position`` of a batch of the same file.
        batch: rows a batch, at most.
        layout: how the file is written, when that is known (``layout_of``).
        see: shown the file's bytes as they are read, except for Parquet.

    Raises:
        UserError: the file cannot be read, or lacks a column.
    """
    path = Path(path)
    found = layout or layout_of(path, encoding=encoding, delimiter=delimiter, wanted=columns or ())
    if columns is not None and found.columns:
        require_columns(path, found.columns, columns)
    return _batches(_items(path, found, start, see or (lambda _: None)), batch)


def require_columns(path: Path, there: Collection[str], wanted: Collection[str]) -> None:
    """Raise UserError with the columns that there are when one of those wanted is not among them."""
    missing = [name for name in wanted if name not in there]
    if missing:
        names = ", ".join(f"'{name}'" for name in missing)
        plural = "are no columns" if len(missing) > 1 else "is no column"
        raise UserError(f"There {plural} {names}", path=path, remedy=f"The columns are: {', '.join(there)}.")


def _items(path: Path, layout: Layout, start: int, see: Callable[[bytes], None]) -> Iterator[Item]:
    if layout.format == "parquet":
        from desktop.tuning.records.parquet_rows import parquet_rows

        yield from parquet_rows(path, None, start)
        return
    with open_source(path) as file:
        stream = as_utf8(counted(blocks(file), see), layout.encoding)
        if layout.format == "json":
            yield from json_whole(stream, layout.shape, start)
        elif layout.format == "jsonl":
            yield from json_lines(lines_of(stream, layout.newline, start))
        else:
            items = csv_rows(lines_of(stream, layout.newline, start), layout)
            if layout.header and start == 0:
                next(items, None)
            yield from items


def _batches(items: Iterator[Item], most: int) -> Iterator[RowBatch]:
    batch: RowBatch | None = None
    chars = 0
    for item in items:
        if batch is None:
            batch = RowBatch(first_line=item.line, rows=[], lines=[], originals=[], problems=[], position=item.end)
            chars = 0
        batch.position = item.end
        if item.problem is not None:
            batch.problems.append(item.problem)
        if item.row is not None:
            if not batch.rows:
                batch.first_line = item.line
            batch.rows.append(item.row)
            batch.lines.append(item.line)
            if item.original is not None:
                batch.originals.append(item.original)
            chars += sum(map(len, item.row.values()))
        if len(batch.rows) >= most or chars >= BATCH_CHARS or len(batch.problems) >= most:
            yield batch
            batch = None
    if batch is not None:
        yield batch
