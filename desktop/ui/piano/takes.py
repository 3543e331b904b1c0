"""Bars written anew: one take at once, or the same bars by every choice of an engine, to choose by ear. No widgets here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from desktop.errors import UserError
from desktop.jobs.events import Failed
from desktop.jobs.job import AuditionJob, TakeJob
from desktop.jobs.piano_choices import choices_of, fields_for, name_of, take_name
from desktop.jobs.rows import Row
from desktop.jobs.states import State
from desktop.paths import cache_dir
from desktop.piano.cover import Notes
from desktop.piano.merging import as_notes, merge_take
from desktop.ui.bridge import QueueBridge, failure
from desktop.ui.piano.song import Song


@dataclass(frozen=True)
class Take:
    """Some bars, written anew.

    Attributes:
        first, last: beats from and to (exclusive).
        pedals: [down, up] in beats.
        audio: how it sounds, None when that was not asked for.
    """

    engine: str
    choice: str
    first: float
    last: float
    notes: Notes
    pedals: tuple[tuple[float, float], ...]
    audio: Path | None = None

    @property
    def name(self) -> str:
        """In words."""
        return name_of(self.engine, self.choice)


class Takes(QObject):
    """Takes of the open song.

    Attributes:
        stretch: beats that the auditions are of; None before there are any.
        engine: that the auditions are by.
        found: auditions by choice.
        row: the job that runs or ran last.

    Signals:
        changed: auditions came or went, or one is being made.
        failed: Failed.
        used: a take became part of the cover.
    """

    changed = Signal()
    failed = Signal(object)
    used = Signal(object)

    def __init__(self, song: Song, bridge: QueueBridge, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._song, self._bridge = song, bridge
        self.engine = "sketch"
        self._forget()
        song.replaced.connect(self._forget)
        bridge.rows_changed.connect(self._rows_changed)

    def _forget(self) -> None:
        self.stretch: tuple[float, float] | None = None
        self.found: dict[str, Take] = {}
        self.row: Row | None = None
        self._take_job: Row | None = None
        self._asked: tuple[str, str, float, float] | None = None
        self.changed.emit()

    @property
    def running(self) -> bool:
        """Whether bars are being written."""
        return any(row is not None and not row.state.is_over for row in (self.row, self._take_job))

    @property
    def blocked(self) -> str:
        """Why bars cannot be written anew now, "" when they can."""
        song = self._song
        if song.uneditable:
            return song.uneditable
        if song.source is None:
            return "The original of this cover is not there"
        if self.running:
            return "Bars are being written"
        return ""

    # What the user does

    def again(self, engine: str, choice: str, difficulty: str) -> None:
        """Write the chosen bars anew and put them into the cover."""
        stretch = self._song.chosen_beats()
        if self.blocked or stretch is None:
            return
        first, last = stretch
        wanted = {"difficulty": difficulty, **fields_for(engine, choice)}

        def submit(project: Path) -> None:
            try:
                job = TakeJob(
                    cover=str(project), first=first, last=last, engine=engine, device=self._song.options.device, **wanted,
                )  # fmt: skip
                number = self._bridge.submit(job, priority=1)
            except UserError as error:
                self.failed.emit(Failed(error.message, error.path, error.remedy))
                return
            self._asked = (engine, choice, first, last)
            self._take_job = self._bridge.queue.row(number)
            self.changed.emit()

        self._song.with_project(submit)

    def audition(self, engine: str, difficulty: str, stretch: tuple[float, float] | None = None) -> None:
        """Let every choice of an engine play the chosen bars."""
        stretch = stretch or self._song.chosen_beats()
        if self.blocked or stretch is None:
            return
        first, last = stretch

        def submit(project: Path) -> None:
            try:
                job = AuditionJob(
                    cover=str(project), folder=str(cache_dir() / "auditions"), first=first, last=last, engine=engine,
                    choices=choices_of(engine), difficulty=difficulty, soundfont=self._song.soundfont,
                    device=self._song.options.device,
                )  # fmt: skip
                number = self._bridge.submit(job, priority=1)
            except UserError as error:
                self.failed.emit(Failed(error.message, error.path, error.remedy))
                return
            self.engine, self.stretch, self.found = engine, (first, last), {}
            self.row = self._bridge.queue.row(number)
            self.changed.emit()

        self._song.with_project(submit)

    def use(self, take: Take) -> None:
        """Put a take into the cover, as a step that can be undone."""
        cover = self._song.cover
        if cover is None or self._song.uneditable:
            return
        note = {"engine": take.engine, "choice": take.choice}
        merged = merge_take(cover, take.first, take.last, take.notes, take.pedals, note)
        self._song.edit(take_name(take.engine, take.choice), merged)
        self.used.emit(take)

    def cancel(self) -> None:
        """Write no more."""
        for row in (self.row, self._take_job):
            if row is not None and not row.state.is_over:
                self._bridge.queue.cancel(row.id)

    # What happens

    def _rows_changed(self, rows: list[Row]) -> None:
        for row in rows:
            if self.row is not None and row.id == self.row.id:
                self.row = row
                self._auditioned(row)
            elif self._take_job is not None and row.id == self._take_job.id:
                self._take_job = row
                self._taken(row)
            else:
                continue
            if row.state is State.FAILED:
                self.failed.emit(failure(row))
            self.changed.emit()

    def _auditioned(self, row: Row) -> None:
        if row.state is not State.DONE or self.stretch is None:
            return
        first, last = self.stretch
        for one in list((row.result or {}).get("takes") or []):
            choice = str(one["choice"])
            self.found[choice] = _take(self.engine, choice, first, last, one)

    def _taken(self, row: Row) -> None:
        if row.state is State.DONE and self._asked is not None:
            asked, self._asked = self._asked, None
            self.use(_take(*asked, row.result or {}))


def _take(engine: str, choice: str, first: float, last: float, result: dict[str, Any]) -> Take:
    audio = str(result.get("audio") or "")
    pedals = tuple((float(down), float(up)) for down, up in result.get("pedals") or ())
    return Take(engine, choice, first, last, as_notes(result.get("notes") or []), pedals, Path(audio) if audio else None)
