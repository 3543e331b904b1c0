"""Exports of the open cover: each is a job, but for MIDI; the user is told how they ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject

from desktop.errors import UserError
from desktop.jobs.job import AnyJob, RenderJob, ScoreJob, WaterfallJob
from desktop.jobs.piano_outputs import SCORE_FORMATS
from desktop.jobs.rows import Row
from desktop.jobs.states import State as JobState
from desktop.ui.background import Op
from desktop.ui.files import show_in_folder
from desktop.ui.notify import Note, Severity, from_error, from_failed
from desktop.ui.panels import Services
from desktop.ui.piano import files
from desktop.ui.piano.song import Song

VIDEOS = ("mp4", "mov", "webm")
"""Formats of the falling-notes video; the last two are transparent."""


@dataclass(frozen=True)
class VideoChoices:
    """How the falling-notes video looks; fields as in ``WaterfallJob``."""

    size: str = "1920x1080"
    fps: int = 60
    style: str = "night"
    caption: str = ""
    background: str = ""


class Exports(QObject):
    """Writes the open song's cover to files."""

    def __init__(self, song: Song, services: Services, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._song, self._services = song, services
        self._targets: dict[int, Path] = {}
        services.bridge.rows_changed.connect(self._rows_changed)

    def write(self, target: Path, form: str, video: VideoChoices | None = None, paper: str = "a4", instrument: str = "") -> None:
        """Write the cover, as it is now, to a file in a format; ``instrument`` is a VST3 one that plays it."""
        cover = self._song.cover
        if cover is None:
            return
        if form == "midi":
            named = replace(cover, title=(self._song.source or target).stem)
            done = partial(self._written, target)
            Op(self, lambda: files.write_midi(named, target)).success(lambda _: done()).failure(self.say_error).start()
            return
        make = self._maker(target, form, video or VideoChoices(), paper, instrument)

        def submit(project: Path) -> None:
            try:
                self._targets[self._services.bridge.submit(make(str(project)), priority=1)] = target
            except UserError as error:
                self.say_error(error)

        self._song.with_project(submit)

    def _maker(self, target: Path, form: str, video: VideoChoices, paper: str, instrument: str) -> Callable[[str], AnyJob]:
        output, soundfont = str(target), self._song.soundfont
        if form in SCORE_FORMATS:
            return lambda project: ScoreJob(cover=project, output=output, paper=paper)
        if form in VIDEOS:
            clear = form != "mp4"
            return lambda project: WaterfallJob(
                cover=project,
                output=output,
                soundfont=soundfont,
                size=video.size,
                fps=video.fps,
                style=video.style,
                caption=video.caption,
                background="" if clear else video.background,
                transparent=clear,
            )
        return lambda project: RenderJob(cover=project, output=output, soundfont=soundfont, instrument=instrument)

    def _rows_changed(self, rows: list[Row]) -> None:
        for row in rows:
            if row.id in self._targets and row.state.is_over:
                target = self._targets.pop(row.id)
                if row.state is JobState.DONE:
                    self._written(target)
                elif row.error is not None:
                    self._services.say(from_failed(row.error, [("Try again", partial(self._retry, row.id, target))]))

    def _retry(self, number: int, target: Path) -> None:
        try:
            self._targets[self._services.bridge.queue.retry(number)] = target
        except UserError as error:
            self.say_error(error)

    def _written(self, target: Path) -> None:
        show = ("Show in folder", lambda: show_in_folder(target))
        self._services.say(Note(Severity.GOOD, f"Exported {target.name}", str(target), actions=[show]))

    def say_error(self, error: Exception) -> None:
        """Tell the user of an error."""
        self._services.say(from_error(error))
