"""The batch that is being put together or made: its songs, their jobs and their table. No widgets here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from desktop.errors import UserError
from desktop.jobs.job import CoverJob
from desktop.jobs.rows import Row
from desktop.jobs.states import State as JobState
from desktop.piano.batch.naming import make_jobs
from desktop.piano.batch.songs import Entry, gather
from desktop.piano.batch.summary import SKIPPED, Line
from desktop.ui.background import Op
from desktop.ui.bridge import QueueBridge
from desktop.ui.state import State

TABLE_AFTER_MS = 400


class Batch(QObject):
    """Songs with settings of their own, and what became of them.

    Attributes:
        entries: the songs. lines: where each of them stands, None before the start; of the same length.
        output: folder of the results, "" for that of each song. template: of their names.
        again: whether what is there already is made anew.
        table: the files of the table, by kind, once they are written.

    Signals:
        listed: songs came or went. changed: a setting, or a song's state, changed.
        failed: something could not be done (an Exception). ended: all songs are over.
    """

    listed = Signal()
    changed = Signal()
    failed = Signal(object)
    ended = Signal()

    def __init__(self, bridge: QueueBridge, state: State, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bridge, self._state = bridge, state
        self.entries: list[Entry] = []
        self.lines: list[Line | None] = []
        self.output = state.text("batch/output")
        self.template = state.text("batch/template") or "{title}"
        self.again = False
        self.soundfont, self.device = "", "auto"
        self.table: dict[str, Path] = {}
        self.rows: dict[int, Row] = {}
        self._places: dict[int, int] = {}
        self._starting = False
        self._writing = QTimer(self, singleShot=True, interval=TABLE_AFTER_MS)
        self._writing.timeout.connect(self._write)
        bridge.rows_changed.connect(self._rows_changed)

    @property
    def running(self) -> bool:
        """Whether songs of it wait or are made."""
        return self._starting or any(not row.state.is_over for row in self.rows.values())

    def row_of(self, number: int) -> Row | None:
        """The job of a song."""
        return next((self.rows[job] for job, place in self._places.items() if place == number and job in self.rows), None)

    def add(self, paths: Iterable[Path], common: Entry) -> None:
        """Add songs, folders and lists; those that are there already stay as they are."""
        given, known = list(paths), {entry.source for entry in self.entries}

        def added(found: list[Entry]) -> None:
            fresh = [entry for entry in found if entry.source not in known]
            self.entries += fresh
            self.lines += [None] * len(fresh)
            self.listed.emit()

        Op(self, lambda: gather(given, common)).success(added).failure(self.failed.emit).start()

    def remove(self, numbers: Sequence[int]) -> None:
        """Take songs off the list; not while it runs."""
        if self.running:
            return
        gone = set(numbers)
        kept = [n for n in range(len(self.entries)) if n not in gone]
        self.entries, self.lines = [self.entries[n] for n in kept], [self.lines[n] for n in kept]
        self.rows, self._places = {}, {}
        self.listed.emit()

    def set(self, numbers: Iterable[int], **settings: Any) -> None:
        """Change settings of some songs; what they were before is forgotten."""
        for number in numbers:
            self.entries[number] = replace(self.entries[number], **settings)
            self.lines[number] = None
        self.changed.emit()

    def choose(self, *, output: str | None = None, template: str | None = None) -> None:
        """Where results go and how they are called; remembered."""
        self.output = self.output if output is None else output
        self.template = self.template if template is None else template
        self._state.keep("batch/output", self.output)
        self._state.keep("batch/template", self.template)
        self.changed.emit()

    def jobs(self) -> list[CoverJob]:
        """The jobs as things stand; raises UsageError for a template that cannot be filled."""
        own = "{title}"
        named = [entry if entry.name != own else replace(entry, name=self.template) for entry in self.entries]
        return make_jobs(named, self.output, soundfont=self.soundfont, device=self.device)

    def start(self) -> None:
        """Make every song that is not there already."""
        if self.running or not self.entries:
            return
        try:
            jobs = self.jobs()
        except UserError as error:
            self.failed.emit(error)
            return
        self.rows, self._places, self._starting, self.table = {}, {}, True, {}
        again = self.again

        def look() -> list[Line | None]:
            from desktop.piano.batch.done import finished, result_files
            from desktop.piano.batch.summary import line_of_cover

            found: list[Line | None] = []
            for job in jobs:
                cover = None if again else finished(job)
                found.append(None if cover is None else line_of_cover(job, cover, result_files(job)["project"]))
            return found

        def looked(found: list[Line | None]) -> None:
            self._starting = False
            self.lines = found
            self._submit(jobs)

        def broken(error: Exception) -> None:
            self._starting = False
            self.failed.emit(error)
            self.changed.emit()

        Op(self, look).success(looked).failure(broken).start()
        self.changed.emit()

    def stop(self) -> None:
        """Cancel what waits or is made."""
        for number, row in list(self.rows.items()):
            if not row.state.is_over:
                self._bridge.queue.cancel(number)

    def _submit(self, jobs: Sequence[CoverJob]) -> None:
        try:
            for place, job in enumerate(jobs):
                if self.lines[place] is None:
                    number = self._bridge.submit(job)
                    self._places[number] = place
                    self._take(self._bridge.queue.row(number))
        except UserError as error:
            self.failed.emit(error)
        self._after()

    def _rows_changed(self, rows: list[Row]) -> None:
        mine = [row for row in rows if row.id in self._places]
        for row in mine:
            self._take(row)
        if mine:
            self._after()

    def _take(self, row: Row) -> None:
        from desktop.piano.batch.summary import line_of_row

        self.rows[row.id] = row
        self.lines[self._places[row.id]] = line_of_row(row)

    def _after(self) -> None:
        self.changed.emit()
        if any(line is not None and line.state != SKIPPED for line in self.lines) or not self.running:
            self._writing.start()

    def _write(self) -> None:
        lines = [line for line in self.lines if line is not None]
        if not lines:
            return
        from desktop.paths import make_folder
        from desktop.piano.batch.summary import write_summary

        place = Path(self.output or self.entries[0].source.parent) / "covers"
        over = not self.running

        def write() -> dict[str, Path]:
            make_folder(place.parent)
            return write_summary(lines, place)

        def written(files: dict[str, Path]) -> None:
            self.table = files
            self.changed.emit()
            if over:
                self.ended.emit()

        Op(self, write).success(written).failure(self.failed.emit).start()

    def counts(self) -> dict[str, int]:
        """How many songs are done, skipped, failed, left."""
        states = [line.state if line is not None else "" for line in self.lines]
        over = {str(JobState.DONE): "done", SKIPPED: "already there", str(JobState.FAILED): "failed"}
        found = {word: states.count(state) for state, word in over.items()}
        found["left"] = len(states) - sum(found.values())
        return found
