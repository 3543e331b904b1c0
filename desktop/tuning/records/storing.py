"""Rows on the disk between the passes of an import: Arrow streams, written and read a batch at a time."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import pyarrow as pa

from desktop.errors import UserError
from desktop.tuning.records.facts import LINE
from desktop.tuning.records.layout import MAX_COLUMNS

FILE = "_file"
"""Column with the place of a row's file among the files of an import; not kept."""


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Say in the user's words why rows could not be written."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) or "No space left" in str(error)
        reason = "the disk is full" if full else error.strerror or str(error)
        raise UserError(
            f"The rows could not be stored: {reason}", path=path, remedy="Free some space, then try again."
        ) from error


def schema_of(names: Sequence[str], *, file: bool = False) -> Any:
    """All columns as text, and the line."""
    extra = [pa.field(FILE, pa.int8())] if file else []
    return pa.schema([*(pa.field(name, pa.string()) for name in names), pa.field(LINE, pa.int64()), *extra])


class Store:
    """Writes rows whose columns are not known in advance: a row with a new column begins a new file.

    Raises:
        UserError: the disk is full, or there are too many columns.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.names: list[str] = []
        self.rows = 0
        self._parts: list[Path] = []
        self._writer: Any = None

    def __enter__(self) -> Store:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None:
            with writing(self.folder):
                self._close()
        elif self._writer is not None:
            self._writer[1].close()

    def add(self, rows: Sequence[dict[str, str]], lines: Sequence[int], file: int) -> None:
        """Append rows; a column that a row lacks is "" there."""
        if not rows:
            return
        known = len(self.names)
        seen = dict.fromkeys(self.names)
        for row in rows:
            if row.keys() - seen.keys():
                seen.update(dict.fromkeys(row))
        self.names = list(seen)
        if len(self.names) > MAX_COLUMNS:
            remedy = "If they are names of rows, make a list of objects of them."
            raise UserError(f"There are more than {MAX_COLUMNS:,} columns", remedy=remedy)
        with writing(self.folder):
            if self._writer is None or len(self.names) > known:
                self._begin()
            columns = [pa.array([row.get(name, "") for row in rows], pa.string()) for name in self.names]
            places = pa.array([file] * len(rows), pa.int8())
            schema = schema_of(self.names, file=True)
            self._writer[0].write_batch(pa.record_batch([*columns, pa.array(lines, pa.int64()), places], schema=schema))
        self.rows += len(rows)

    def _begin(self) -> None:
        self._close()
        path = self.folder / f"rows-{len(self._parts)}.arrow"
        out = path.open("wb")
        self._parts.append(path)
        self._writer = (pa.ipc.new_stream(out, schema_of(self.names, file=True)), out)

    def _close(self) -> None:
        if self._writer is not None:
            self._writer[0].close()
            self._writer[1].close()
            self._writer = None

    def batches(self) -> Iterator[Any]:
        """All rows again, in their order, every batch with all columns. Read plainly: mapped pages would count as memory."""
        for path in self._parts:
            with path.open("rb") as file, pa.ipc.open_stream(file) as stream:
                for batch in stream:
                    yield self._widened(batch)

    def _widened(self, batch: Any) -> Any:
        if batch.num_columns == len(self.names) + 2:
            return batch
        there = set(batch.schema.names)
        empty = pa.array([""] * batch.num_rows, pa.string())
        columns = [batch.column(name) if name in there else empty for name in (*self.names, LINE, FILE)]
        return pa.record_batch(columns, schema=schema_of(self.names, file=True))

    def remove(self) -> None:
        """Take the files away."""
        for path in self._parts:
            path.unlink(missing_ok=True)


def write_splits(
    batches: Iterator[Any], names: Sequence[str], chosen: Any, paths: Sequence[Path], tick: Callable[[int], None]
) -> None:
    """Write rows to one Arrow file per split.

    Args:
        chosen: int8 per row: place of its split in ``paths``, -1 for a row that is left out.
        tick: called with the rows done.

    Raises:
        UserError: the disk is full.
    """
    schema = schema_of(names)
    outs: list[Any] = []
    try:
        with writing(paths[0].parent):
            outs = [path.open("wb") for path in paths]
            writers = [pa.ipc.new_stream(out, schema) for out in outs]
            done = 0
            for batch in batches:
                here = chosen[done : done + batch.num_rows]
                done += batch.num_rows
                kept = batch.select([*names, LINE])
                for place, writer in enumerate(writers):
                    mine = here == place
                    if mine.any():
                        writer.write_batch(kept if mine.all() else kept.filter(pa.array(mine)))
                tick(done)
            for writer, out in zip(writers, outs, strict=True):
                writer.close()
                out.flush()
                os.fsync(out.fileno())
    finally:
        for out in outs:
            out.close()
