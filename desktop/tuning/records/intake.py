"""The first pass of an import: files are read once, and their rows put on the disk."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from desktop.errors import UserError
from desktop.jobs.progress import Progress
from desktop.jobs.tuning_jobs import Records
from desktop.tuning.records.chat import chat_column, chat_row
from desktop.tuning.records.facts import LINE, MAX_PROBLEMS, Problem, Severity, SourceFile
from desktop.tuning.records.layout import Layout, layout_of
from desktop.tuning.records.reading import RowBatch, read_rows, require_columns
from desktop.tuning.records.source import Watch, open_source
from desktop.tuning.records.storing import FILE, Store

_CHAT = ("prompt", "answer")


class Intake:
    """Reads files into a store.

    Attributes:
        layout: of the first file.
        sources: the files as they were read.
        names: columns of each file.
        problems: of each file, the first 1,000. problems_total: all of them. bad_total: of rows left out.
        chat: column of conversations, which were made into ``prompt`` and ``answer``; "" without.
    """

    def __init__(self, records: Records, store: Store, progress: Progress) -> None:
        self._records, self._store, self._progress = records, store, progress
        self.layout = Layout(format="")
        self.sources: list[SourceFile] = []
        self.names: list[list[str]] = []
        self.problems: list[list[Problem]] = []
        self.problems_total = self.bad_total = 0
        self.chat = ""

    def take(self, path: Path) -> None:
        """Read a file.

        Raises:
            UserError: it cannot be read, changes meanwhile, holds no row, or (strict) has a bad one.
        """
        records, watch = self._records, Watch(path)
        wanted = [*records.inputs, *([records.output] if records.output else [])]
        layout = layout_of(path, encoding=records.encoding, delimiter=records.delimiter, wanted=wanted)
        first = not self.sources
        if layout.format in ("csv", "parquet") and not self.chat:
            require_columns(path, layout.columns, [name for name in wanted if name not in _CHAT])
        self.problems.append([])
        before, seen = self._store.rows, _Seen(watch)
        names = dict.fromkeys(layout.columns if layout.format in ("csv", "parquet") else ())
        # Readers of these may end before the file does.
        apart = layout.format in ("parquet", "json")
        if apart:
            with open_source(path) as file:
                watch.hash_all(file)
        see = seen.count if apart else seen.see
        for number, batch in enumerate(read_rows(path, layout=layout, see=see)):
            if first and number == 0:
                self.chat = chat_column(batch.rows[:50])
            self._take_batch(batch, path, names)
            self._report(layout, seen, batch, path)
        self.sources.append(watch.finish())
        self.names.append(list(names))
        if first:
            self.layout = layout
        if self._store.rows == before:
            raise _no_rows(path, layout, self.problems[-1])

    def _take_batch(self, batch: RowBatch, path: Path, names: dict[str, None]) -> None:
        rows = batch.rows
        if self.chat:
            rows = [{**row, **chat_row(row.get(self.chat, ""))} for row in rows]
        for row in rows:
            if not row.keys() <= names.keys():
                names.update(dict.fromkeys(row))
        if LINE in names or FILE in names:
            rows = [{_renamed(name): value for name, value in row.items()} for row in rows]
            for name in (LINE, FILE):
                names.pop(name, None)
        self._store.add(rows, batch.lines, len(self.sources))
        self.problems_total += len(batch.problems)
        for problem in batch.problems:
            self.bad_total += problem.severity is Severity.BAD
            if self._records.strict and problem.severity is Severity.BAD:
                raise bad_row(path, problem)
            if len(self.problems[-1]) < MAX_PROBLEMS:
                self.problems[-1].append(problem)

    def _report(self, layout: Layout, seen: _Seen, batch: RowBatch, path: Path) -> None:
        share = batch.position / layout.rows if layout.rows else seen.share
        self._progress.at(share, f"Reading {path.name} · {self._store.rows:,} rows")


class _Seen:
    """How much of a file was read."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._bytes = 0
        self._size = max(1, watch.path.stat().st_size) if watch.path.exists() else 1

    def count(self, block: bytes) -> None:
        self._bytes += len(block)

    def see(self, block: bytes) -> None:
        self.count(block)
        self._watch.see(block)

    @property
    def share(self) -> float:
        return self._bytes / self._size


def _renamed(name: str) -> str:
    return f"{name}_" if name in (LINE, FILE) else name


def bad_row(path: Path | str, problem: Problem) -> UserError:
    """The error that a bad row is when it must not be left out."""
    remedy = "Correct the row, or allow bad rows to be left out."
    return UserError(f"Line {problem.line:,}: {problem.reason}", path=path, remedy=remedy)


def _no_rows(path: Path, layout: Layout, problems: Sequence[Problem]) -> UserError:
    if problems:
        first = problems[0]
        return UserError(f"None of the rows could be read; line {first.line:,}: {first.reason}", path=path)
    if layout.header:
        names = ", ".join(layout.columns)
        return UserError(f"There is only a header ({names}) and no row", path=path, remedy="Choose a file with rows.")
    return UserError("There are no rows in the file", path=path, remedy="Choose a file with rows.")
