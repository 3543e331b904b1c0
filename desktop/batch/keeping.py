"""Keeps the table and the report of a batch up to date while it runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from time import monotonic

from desktop.batch.pictures import Pictures
from desktop.batch.report import PICTURES, write_report
from desktop.batch.table import SKIPPED, Line, line_of, made_line, write_tables
from desktop.jobs.job import AnyJob
from desktop.jobs.rows import Row
from desktop.jobs.states import State
from desktop.paths import make_folder

_EVERY_S = 2.0
_SHARE = 20
"""Writing takes at most a twentieth of the time."""
_AT_ONCE = 4
"""New pictures made for one writing while the batch runs."""


class Kept:
    """The lines of all files and the files that they go to.

    Args:
        path: of the table and report, without ending.
        title: of the report.
    """

    def __init__(self, path: Path, title: str) -> None:
        self._path, self._title = path, title
        self._lines: dict[str, Line] = {}
        self._pictures = Pictures()
        self._next = 0.0

    @property
    def lines(self) -> list[Line]:
        """All lines, in the order in which they came."""
        return list(self._lines.values())

    def expect(self, jobs: Iterable[AnyJob]) -> None:
        """Files that wait."""
        for job in jobs:
            self._lines[_key(job)] = made_line(job, str(State.QUEUED), {})

    def skip(self, job: AnyJob, line: Line | None) -> None:
        """A file that was done before."""
        self._lines[_key(job)] = line or made_line(job, SKIPPED, {})

    def load(self, rows: Iterable[Row]) -> None:
        """Files of the queue or the history, as they stand."""
        for row in rows:
            self._lines[_key(row.job)] = line_of(row)

    def waiting(self) -> int:
        """How many files were not done before."""
        return sum(line.state != SKIPPED for line in self._lines.values())

    def take(self, row: Row) -> None:
        """Note where a file stands; writes now and then."""
        self._lines[_key(row.job)] = line_of(row)
        if monotonic() >= self._next:
            self.write(_AT_ONCE)

    def write(self, pictures: int = PICTURES) -> None:
        """Write everything as it stands, with so many pictures that have not been made yet."""
        began = monotonic()
        self._pictures.room = pictures
        make_folder(self._path.parent)
        write_tables(self.lines, self._path)
        write_report(self.lines, self._path, self._title, self._pictures)
        self._next = monotonic() + max(_EVERY_S, _SHARE * (monotonic() - began))

    def close(self) -> None:
        """Write the last state."""
        try:
            self.write()
        finally:
            self._pictures.close()

    def words(self) -> list[str]:
        """How many files ended how, and where the report is."""
        counts = Counter(line.state for line in self._lines.values())
        names = {SKIPPED: "already there"}
        said = ", ".join(f"{count} {names.get(state, state)}" for state, count in counts.items())
        return [f"{'Files':<10}{len(self._lines)}: {said}", f"{'Report':<10}{self._path}.html, .csv, .json"]


def _key(job: AnyJob) -> str:
    """A result's place: two jobs of a batch never share it."""
    return f"{getattr(job, 'output', '')}\n{getattr(job, 'name', '')}\n{getattr(job, 'source', job.title)}"
