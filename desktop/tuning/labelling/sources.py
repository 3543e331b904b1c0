"""A source file as windows of rows, from any position; for Parquet its columns as they are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from desktop.errors import UserError
from desktop.tuning.records import Layout, layout_of, read_rows
from desktop.tuning.records.facts import Problem, Severity

_SAMPLE = 1 << 16


@dataclass
class Window:
    """Rows that follow one another.

    Attributes:
        number: place among the windows. position: to go on from, after these rows.
        rows: values as text by column.
        originals: JSON's rows as they were; empty otherwise.
        table: of pyarrow, for Parquet; None otherwise.
        problems: of rows that could not be read.
        tokens: of the rows, when they were made ahead.
    """

    number: int
    position: int
    rows: list[dict[str, str]]
    originals: list[Any] = field(default_factory=list)
    table: Any = None
    problems: list[Problem] = field(default_factory=list)
    tokens: list[list[int]] | None = None


@dataclass(frozen=True)
class Source:
    """A file to label.

    Attributes:
        length: of the positions: bytes, or rows for Parquet; a guess for encodings other than UTF-8.
        line_end: of text, "\\n" or "\\r\\n".
    """

    path: Path
    layout: Layout
    length: int
    line_end: str

    def windows(self, rows: int, number: int = 0, start: int = 0) -> Iterator[Window]:
        """Windows of at most so many rows, from a window's position on."""
        if self.layout.format == "parquet":
            yield from self._tables(rows, number, start)
            return
        batches = read_rows(self.path, layout=self.layout, start=start, batch=rows)
        for place, batch in enumerate(batches, number):
            bad = [problem for problem in batch.problems if problem.severity is Severity.BAD]
            yield Window(place, batch.position, batch.rows, batch.originals, None, bad)

    def _tables(self, rows: int, number: int, start: int) -> Iterator[Window]:
        import pyarrow as pa
        import pyarrow.parquet as pq

        from desktop.tuning.records.values import as_text

        try:
            with pq.ParquetFile(self.path) as file:
                passed = 0
                # Windows begin at multiples of their size, whatever the row groups are.
                for batch in file.iter_batches(batch_size=rows):
                    passed += len(batch)
                    if passed <= start:
                        continue
                    table = pa.Table.from_batches([batch])
                    columns = [[as_text(value) for value in column.to_pylist()] for column in table.columns]
                    names = table.column_names
                    texts = [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]
                    yield Window(number, passed, texts, table=table)
                    number += 1
        except (pa.ArrowException, OSError) as error:
            raise UserError(f"The Parquet file could not be read: {str(error)[:200]}", path=self.path) from error


def open_source(path: Path, *, encoding: str, delimiter: str, wanted: tuple[str, ...]) -> Source:
    """Look at a file.

    Args:
        wanted: columns that the model reads.

    Raises:
        UserError: it cannot be read, or is nothing that holds rows.
    """
    layout = layout_of(path, encoding=encoding, delimiter=delimiter, wanted=wanted)
    if layout.format == "parquet":
        import pyarrow.parquet as pq

        return Source(path, layout, max(1, pq.read_metadata(path).num_rows), "\n")
    with path.open("rb") as file:
        text = file.read(_SAMPLE).decode(layout.encoding or "utf-8", "replace")
    return Source(path, layout, max(1, path.stat().st_size), "\r\n" if "\r\n" in text else "\n")
