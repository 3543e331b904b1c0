"""The batch that is being put together or made: its songs, and where each of them stands. No widgets here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from desktop.batch.order import Order
from desktop.batch.plan import plan_covers
from desktop.batch.table import SKIPPED, Line, line_of
from desktop.errors import UserError
from desktop.jobs.batches import OnError
from desktop.jobs.job import CoverJob
from desktop.jobs.rows import Row
from desktop.jobs.states import State as JobState
from desktop.piano.batch.naming import file_name
from desktop.piano.batch.songs import Entry, gather
from desktop.ui.background import Op
from desktop.ui.batches.ask import Ask
from desktop.ui.batches.batching import Batching
from desktop.ui.panels import Services

TEMPLATE = "{title}"


class Batch(QObject):
    """Songs with settings of their own, and what became of them.

    Attributes:
        entries: the songs. lines: where each of them stands, None before the start; of the same length.
        rows: their jobs, by place in ``entries``.
        output: folder of the results, "" for that of each song. template: of their names.
        batching: what the queue knows of it.

    Signals:
        listed: songs came or went. changed: a setting, or something about the batch as a whole, changed.
        lined: places of songs whose state changed. failed: something could not be done (an Exception). ended: all are over.
    """

    listed = Signal()
    changed = Signal()
    lined = Signal(list)
    failed = Signal(object)
    ended = Signal()

    def __init__(self, services: Services, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._services, self._state = services, services.state
        self.batching = Batching(services, self)
        self.entries: list[Entry] = []
        self.lines: list[Line | None] = []
        self.rows: dict[int, Row] = {}
        self.output = self._state.text("batch/output", services.prefs.now.output)
        self.template = self._state.text("batch/template") or TEMPLATE
        self.order, self.on_error = Order.GIVEN, OnError.CONTINUE
        self.soundfont, self.device = "", "auto"
        self._given: list[Path] = []
        self._places: dict[str, int] = {}
        self._counts: dict[str, int] | None = None
        batching = self.batching
        batching.looked.connect(self._looked)
        batching.started.connect(self._started)
        batching.rows.connect(self._take)
        batching.changed.connect(self.changed)
        batching.ended.connect(self._ended)
        batching.failed.connect(self.failed)

    @property
    def running(self) -> bool:
        """Whether songs of it wait or are made."""
        return self.batching.running

    def add(self, paths: Iterable[Path], common: Entry) -> None:
        """Add songs, folders and lists; those that are there already stay as they are."""
        given, known = list(paths), {entry.source for entry in self.entries}

        def added(found: list[Entry]) -> None:
            fresh = [entry for entry in found if entry.source not in known]
            self._given += [path for path in given if path not in self._given]
            self.entries += fresh
            self.lines += [None] * len(fresh)
            self._relist()

        Op(self, lambda: gather(given, common)).success(added).failure(self.failed.emit).start()

    def remove(self, numbers: Sequence[int]) -> None:
        """Take songs off the list; not while it runs."""
        if self.running:
            return
        gone = set(numbers)
        kept = [n for n in range(len(self.entries)) if n not in gone]
        self.entries, self.lines = [self.entries[n] for n in kept], [self.lines[n] for n in kept]
        self._given = self._given if self.entries else []
        self.rows = {}
        self._relist()

    def set(self, numbers: Iterable[int], **settings: Any) -> None:
        """Change settings of some songs; what they were before is forgotten."""
        places = list(numbers)
        for number in places:
            self.entries[number] = replace(self.entries[number], **settings)
            self.lines[number] = None
            self.rows.pop(number, None)
        self._counts = None
        self.look()
        self.lined.emit(places)
        self.changed.emit()

    def choose(self, *, output: str | None = None, template: str | None = None) -> None:
        """Where results go and how they are called; remembered."""
        self.output = self.output if output is None else output
        self.template = self.template if template is None else template
        self._state.keep("batch/output", self.output)
        self._state.keep("batch/template", self.template)
        self.look()
        self.changed.emit()

    def choose_way(self, order: Order, on_error: OnError) -> None:
        """In which order songs are made, and what one that fails means for the others."""
        self.order, self.on_error = order, on_error
        self.look()

    def first_name(self) -> str:
        """What the first song's results are called, without ending; raises UsageError for a template that cannot be filled."""
        first = self.entries[0]
        return file_name(replace(first, name=self.template) if first.name == TEMPLATE else first, 1)

    def look(self) -> None:
        """Look over what would be made now."""
        if not self.running:
            self.batching.prepare(self._ask() if self.entries else None)

    def start(self) -> None:
        """Make every song that is not there already."""
        if not self.running and self.entries:
            self.batching.start(self._ask())

    def stop(self) -> None:
        """Cancel what waits or is made."""
        self.batching.stop()

    def counts(self) -> dict[str, int]:
        """How many songs are done, skipped, failed, left."""
        if self._counts is None:
            states = [line.state if line is not None else "" for line in self.lines]
            over = {str(JobState.DONE): "done", SKIPPED: "done already", str(JobState.FAILED): "failed"}
            found = {word: states.count(state) for state, word in over.items()}
            found["left"] = len(states) - sum(found.values())
            self._counts = found
        return self._counts

    def _ask(self) -> Ask:
        entries, output, template = list(self.entries), self.output, self.template
        soundfont, device = self.soundfont, self.device

        def plan() -> list[CoverJob]:
            return plan_covers(entries, output, template, soundfont=soundfont, device=device)

        given = self._given or [entries[0].source]
        return Ask("cover", given, plan, output, self.order, self.on_error)

    def _relist(self) -> None:
        self._places = {str(entry.source): place for place, entry in enumerate(self.entries)}
        self._counts = None
        self.look()
        self.listed.emit()

    # What happens

    def _looked(self) -> None:
        outlook = self.batching.outlook
        if outlook is None or self.running:
            return
        self._show_skipped({} if outlook.again else outlook.skipped)

    def _started(self) -> None:
        outlook = self.batching.outlook
        assert outlook is not None
        self.rows, self.lines = {}, [None] * len(self.entries)
        for job in outlook.waiting:
            if (place := self._places.get(str(getattr(job, "source", "")))) is not None:
                self.lines[place] = Line(str(getattr(job, "source", "")), str(JobState.QUEUED))
        self._show_skipped(outlook.skipped)
        self.lined.emit(list(range(len(self.entries))))

    def _show_skipped(self, skipped: dict[str, Line]) -> None:
        changed = []
        for source, place in self._places.items():
            line, before = skipped.get(source), self.lines[place]
            if line is not None and (before is None or before.state != str(JobState.DONE)):
                self.lines[place] = line
                changed.append(place)
            elif line is None and before is not None and before.state == SKIPPED:
                self.lines[place] = None
                changed.append(place)
        self._counts = None
        if changed:
            self.lined.emit(changed)
        self.changed.emit()

    def _take(self, rows: list[Row]) -> None:
        changed = []
        for row in rows:
            place = self._places.get(str(getattr(row.job, "source", "")))
            if place is None:
                continue
            before = self.rows.get(place)
            if before is not None and before.state.is_over and before.id == row.id and before.state is row.state:
                continue
            self.rows[place] = row
            self.lines[place] = line_of(row)
            changed.append(place)
        if changed:
            self._counts = None
            self.lined.emit(changed)
            self.changed.emit()

    def _ended(self) -> None:
        self.look()
        self.changed.emit()
        self.ended.emit()


def problem_of(batch: Batch) -> str:
    """Why the batch cannot be made as it stands, "" when it can."""
    if not batch.entries:
        return "Add songs first"
    try:
        batch.first_name()
    except UserError as error:
        return error.message
    return batch.batching.problem
