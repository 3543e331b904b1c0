"""The result's forms: a part's rows written to a file of its own, and the parts joined."""

from __future__ import annotations

import csv
import io
import json
import shutil
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

from desktop.errors import UsageError, UserError
from desktop.paths import atomic_write
from desktop.tuning.labelling.sources import Source, Window

SUFFIXES = {".csv": "csv", ".tsv": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "json", ".parquet": "parquet"}
_BLOCK = 1 << 20


class Given(NamedTuple):
    """What a row gets: a label ("" for none) and how sure it is (None where that is not known)."""

    label: str
    confidence: float | None

    @property
    def words(self) -> tuple[str, str]:
        """Both as text; four places, which no order of computing changes."""
        return self.label, "" if self.confidence is None else f"{self.confidence:.4f}"


class Form(ABC):
    """A way of writing.

    Args:
        columns: of the source, in order; those of a JSON source are those of its first rows.
        added: names for label and confidence.
    """

    def __init__(self, source: Source, columns: tuple[str, ...], added: tuple[str, str]) -> None:
        self.source, self.columns, self.added = source, columns, added

    @abstractmethod
    def part(self, window: Window, given: Sequence[Given]) -> bytes:
        """The bytes of a part."""

    def join(self, parts: Iterable[Path], out: IO[bytes]) -> None:
        """Write the whole result."""
        out.write(self.head())
        for part in parts:
            with part.open("rb") as file:
                shutil.copyfileobj(file, out, _BLOCK)

    def head(self) -> bytes:
        """What comes before the first part."""
        return b""


class CsvForm(Form):
    """CSV or TSV as the source is written, where it is one; otherwise with commas in UTF-8.

    Args:
        labels: all that there are, when they are known: where the source's encoding lacks their letters, UTF-8 is written.
    """

    def __init__(
        self, source: Source, columns: tuple[str, ...], added: tuple[str, str], delimiter: str, labels: Sequence[str]
    ) -> None:
        super().__init__(source, columns, added)
        layout = source.layout
        same = layout.format == "csv"
        self._delimiter = delimiter or ((layout.delimiter or ",") if same else ",")
        self._encoding = _encoding(source, labels) if same else "utf-8"
        self._header = layout.header or not same

    def head(self) -> bytes:
        mark = _mark(self.source) if self._encoding == self.source.layout.encoding else b""
        return mark + (self._encoded([(*self.columns, *self.added)]) if self._header else b"")

    def part(self, window: Window, given: Sequence[Given]) -> bytes:
        known = set(self.columns)
        rows = []
        for row, one in zip(window.rows, given, strict=True):
            if len(row) > len(known) or (len(row) != len(known) and not known >= row.keys()):
                name = next(name for name in row if name not in known)
                raise UsageError(
                    f"output: CSV needs the same columns in every row, and '{name}' is in some only",
                    remedy="Let the output's name end with .jsonl.",
                )
            rows.append((*(row.get(name, "") for name in self.columns), *one.words))
        return self._encoded(rows)

    def _encoded(self, rows: Iterable[Sequence[str]]) -> bytes:
        text = io.StringIO()
        csv.writer(text, delimiter=self._delimiter, lineterminator=self.source.line_end).writerows(rows)
        # utf-16 and utf-32 would begin every part with a mark of its own.
        plain = {"utf-16": "utf-16-le", "utf-32": "utf-32-le", "utf-8-sig": "utf-8"}.get(self._encoding, self._encoding)
        return text.getvalue().encode(plain, "replace")


class JsonForm(Form):
    """Objects, a line each, or as a list."""

    def __init__(self, source: Source, columns: tuple[str, ...], added: tuple[str, str], *, lines: bool) -> None:
        super().__init__(source, columns, added)
        self._lines = lines

    def part(self, window: Window, given: Sequence[Given]) -> bytes:
        found = []
        originals = window.originals or window.rows
        for row, original, (label, confidence) in zip(window.rows, originals, given, strict=True):
            # What a row got besides (the list that it was in) stays with it; a row that is a list gets names.
            whole = {**original, **{key: row[key] for key in row if key not in original}} if isinstance(original, dict) else row
            answer = (label, None if confidence is None else round(confidence, 4))
            names = (_free(name, whole) for name in self.added)
            found.append(json.dumps({**whole, **dict(zip(names, answer, strict=True))}, ensure_ascii=False))
        # Half a character stays the escape that it was.
        return "".join(f"{text}\n" if self._lines else f",\n{text}" for text in found).encode("utf-8", "backslashreplace")

    def join(self, parts: Iterable[Path], out: IO[bytes]) -> None:
        if self._lines:
            super().join(parts, out)
            return
        out.write(b"[")
        first = True
        for part in parts:
            data = part.read_bytes()
            out.write(data.removeprefix(b",") if first else data)
            first = first and not data
        out.write(b"\n]\n")


class ParquetForm(Form):
    """Parquet: a source's columns as they are, texts otherwise; a part is a row group."""

    def part(self, window: Window, given: Sequence[Given]) -> bytes:
        import pyarrow as pa
        import pyarrow.parquet as pq

        table = window.table
        if table is None:
            columns = {name: pa.array([row.get(name, "") for row in window.rows], pa.string()) for name in self.columns}
            table = pa.table(columns)
        table = table.append_column(self.added[0], pa.array([one.label for one in given], pa.string()))
        sure = [None if one.confidence is None else round(one.confidence, 4) for one in given]
        table = table.append_column(self.added[1], pa.array(sure, pa.float32()))
        buffer = io.BytesIO()
        pq.write_table(table, buffer)
        return buffer.getvalue()

    def join(self, parts: Iterable[Path], out: IO[bytes]) -> None:
        import pyarrow.parquet as pq

        writer: Any = None
        try:
            for part in parts:
                table = pq.read_table(part)
                if writer is None:
                    writer = pq.ParquetWriter(out, table.schema)
                writer.write_table(table)
        finally:
            if writer is not None:
                writer.close()


def form_of(source: Source, output: Path, names: tuple[str, str], labels: Sequence[str]) -> Form:
    """The form that the output's name asks for, or the source's.

    Args:
        names: wanted for label and confidence; where the source has such columns, a number is added.

    Raises:
        UsageError: the source's rows cannot be written so.
    """
    layout = source.layout
    kind = SUFFIXES.get(output.suffix.lower(), layout.format)
    columns = layout.columns
    label = _free(names[0], columns)
    added = (label, _free(names[1], (*columns, label)))
    if kind in ("csv", "tsv"):
        delimiter = "\t" if kind == "tsv" else "," if layout.delimiter == "\t" and output.suffix.lower() == ".csv" else ""
        return CsvForm(source, columns, added, delimiter, labels)
    if kind == "parquet":
        return ParquetForm(source, columns, added)
    return JsonForm(source, columns, added, lines=kind == "jsonl")


def write_result(form: Form, parts: Sequence[Path], output: Path) -> None:
    """Join the parts at ``output``: all of it, or what was there stays.

    Raises:
        UserError: the disk is full, ...
    """
    try:
        with atomic_write(output) as out:
            form.join(parts, out)
    except OSError as error:
        raise UserError(f"The result could not be written: {error.strerror or error}", path=output) from error


def _free(name: str, taken: Iterable[str]) -> str:
    there, number, free = set(taken), 2, name
    while free in there:
        free, number = f"{name}_{number}", number + 1
    return free


def _mark(source: Source) -> bytes:
    """The mark that the source's bytes begin with, if any."""
    with source.path.open("rb") as file:
        head = file.read(4)
    marks = (b"\xef\xbb\xbf", b"\xff\xfe\0\0", b"\0\0\xfe\xff", b"\xff\xfe", b"\xfe\xff")
    found = next((mark for mark in marks if head.startswith(mark)), b"")
    # Big-endian files are written little-endian.
    return {b"\xfe\xff": b"\xff\xfe", b"\0\0\xfe\xff": b"\xff\xfe\0\0"}.get(found, found)


def _encoding(source: Source, labels: Sequence[str]) -> str:
    wanted = source.layout.encoding
    try:
        "".join(labels).encode(wanted)
    except UnicodeError:
        return "utf-8"
    return wanted
