"""Rows of a Parquet file."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from desktop.errors import UserError
from desktop.tuning.records.item import Item
from desktop.tuning.records.values import as_text

_BATCH = 1_000


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        with pq.ParquetFile(path, buffer_size=1 << 20, pre_buffer=False) as file:
            yield file
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(
            f"The Parquet file could not be read: {reason}", path=path, remedy="It may be incomplete; copy it again."
        ) from error


def parquet_layout(path: Path) -> tuple[tuple[str, ...], int]:
    """Names of the columns, and the number of rows."""
    with _opened(path) as file:
        return tuple(file.schema_arrow.names), file.metadata.num_rows


def parquet_rows(path: Path, columns: Collection[str] | None = None, start: int = 0) -> Iterator[Item]:
    """Every row; its line is its number.

    Args:
        columns: only these; None for all.
        start: rows to pass over; positions are numbers of rows.
    """
    with _opened(path) as file:
        groups, number = _from(file.metadata, start)
        if not groups:
            return
        chosen = None if columns is None else list(columns)
        for batch in file.iter_batches(batch_size=_BATCH, row_groups=groups, columns=chosen):
            names = batch.schema.names
            values = [_texts(column) for column in batch.columns]
            for row in zip(*values, strict=True):
                number += 1
                if number > start:
                    yield Item(dict(zip(names, row, strict=True)), number, number)


def _from(metadata: Any, start: int) -> tuple[list[int], int]:
    """The row groups that hold rows after ``start``, and how many rows lie before the first of them."""
    before = 0
    for group in range(metadata.num_row_groups):
        rows = metadata.row_group(group).num_rows
        if before + rows > start:
            return list(range(group, metadata.num_row_groups)), before
        before += rows
    return [], before


def _texts(column: Any) -> list[str]:
    values = column.to_pylist()
    return [value if type(value) is str else as_text(value) for value in values]
