"""The song that is open: its jobs, its notes and its sound. No widgets here.

Opening a song queues two jobs, one to hear it (waveform, playback) and one to cover it; a finished cover queues a third one,
its sound. A change of style, difficulty or beats queues the cover anew; the analysis comes from the cache then.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject, QTimer, Signal

from desktop.errors import UserError
from desktop.jobs.events import AnyEvent, Failed, Previewed
from desktop.jobs.job import AnyJob, CoverJob, ListenJob, RenderJob
from desktop.jobs.rows import Row
from desktop.jobs.states import State
from desktop.piano.cover import Cover, Grid
from desktop.ui.background import Op
from desktop.ui.bridge import QueueBridge, failure
from desktop.ui.mixer import Pcm, open_pcm
from desktop.ui.piano import files
from desktop.ui.piano.growth import Growth
from desktop.ui.widgets.roll_data import RollData, empty, from_cover

SETTLE_MS = 250
"""A choice must stand this long before the song is covered anew."""


class Task(StrEnum):
    """What a job of the open song is for."""

    LISTEN = "listen"
    COVER = "cover"
    RENDER = "render"


@dataclass(frozen=True)
class Options:
    """How to cover; ``beats`` is "auto", "x2", "half", "shift" or a file of beats."""

    style: str = "pop"
    difficulty: str = "medium"
    engine: str = "sketch"
    beats: str = "auto"
    device: str = "auto"


class Song(QObject):
    """See the module's docstring.

    Attributes:
        source: the song's file, None for a cover without one.
        cover, project: the finished cover and the ``.reprise`` file it is saved as.
        roll: what the piano roll shows: the finished notes, or those made so far.
        peaks, duration: of the original.
        result: what the cover's job reported (tempo, key, seconds, device, ...).

    Signals:
        replaced: another song, or none, is open.
        notes_changed: ``roll`` has changed.
        sound_changed: waveform or playable sound has changed.
        status_changed: something began, went on or ended.
        failed: a job did not end well: Failed, its number, its Task.
        warned: something about the song that the user should know; said once a song.
    """

    replaced = Signal()
    notes_changed = Signal()
    sound_changed = Signal()
    status_changed = Signal()
    failed = Signal(object, int, object)
    warned = Signal(str)

    def __init__(self, bridge: QueueBridge, options: Options, soundfont: str = "", parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self.options, self.soundfont = options, soundfont
        self._turn = 0
        self._left = False
        self._settle = QTimer(self, singleShot=True, interval=SETTLE_MS)
        self._settle.timeout.connect(self.run)
        self._forget()
        bridge.rows_changed.connect(self._rows_changed)
        bridge.heard.connect(self._heard)

    def _forget(self) -> None:
        self._turn += 1
        self.path: Path | None = None
        self.source: Path | None = None
        self.cover: Cover | None = None
        self.project: Path | None = None
        self.roll: RollData = empty()
        self.peaks: npt.NDArray[np.float32] = np.zeros((0, 2), np.float32)
        self.duration = 0.0
        self.original: Pcm | None = None
        self.sound: Pcm | None = None
        self.result: dict[str, Any] = {}
        self.error: Failed | None = None
        self.jobs: dict[Task, Row] = {}
        self._told: set[str] = set()
        self._growth = Growth()
        self._rendering: Path | None = None
        self._unheard: Row | None = None

    # What it is now

    @property
    def is_open(self) -> bool:
        """Whether there is anything."""
        return self.path is not None

    @property
    def is_grown(self) -> bool:
        """Whether the notes shown belong to the choices made (else they are those of an earlier run)."""
        return not self.covering or self._growth.count > 0

    @property
    def covering(self) -> Row | None:
        """The job that makes the cover now."""
        row = self.jobs.get(Task.COVER)
        return row if row is not None and not row.state.is_over else None

    @property
    def rendering(self) -> bool:
        """Whether the cover's sound is being made."""
        row = self.jobs.get(Task.RENDER)
        return row is not None and not row.state.is_over

    @property
    def title(self) -> str:
        """File name of what is open."""
        return self.path.name if self.path else ""

    @property
    def grid(self) -> Grid | None:
        """Beats as far as they are known."""
        return self.roll.grid

    # What the user does

    def open(self, path: Path) -> None:
        """Open a song, a saved cover or a MIDI file; what was open is closed, its unfinished jobs are cancelled."""
        self.close()
        self.path = path
        self.replaced.emit()
        suffix = path.suffix.lower()
        if suffix == files.PROJECT or suffix in files.MIDI:
            work = (lambda: (files.read_cover(path), path)) if suffix == files.PROJECT else (lambda: files.import_midi(path))
            self._apart(work, self._opened)
            return
        self.source = path
        self._listen()
        self.run()

    def close(self) -> None:
        """Let go of the song."""
        self._settle.stop()
        for row in self.jobs.values():
            if not row.state.is_over:
                self._bridge.queue.cancel(row.id)
        was_open = self.is_open
        options = replace(self.options, beats="auto")
        self._forget()
        self.options = options
        if was_open:
            self.replaced.emit()

    def leave(self) -> None:
        """The window closes: hear and start nothing more. Jobs are left to the queue."""
        self._settle.stop()
        if not self._left:
            self._left = True
            self._bridge.rows_changed.disconnect(self._rows_changed)
            self._bridge.heard.disconnect(self._heard)
        self._forget()

    def choose(self, **changes: str) -> None:
        """Change style, difficulty or engine; the song is covered anew."""
        if (options := replace(self.options, **changes)) != self.options:
            self.options = options
            if self.source is not None:
                self._settle.start()
            self.status_changed.emit()

    def correct(self, change: str) -> None:
        """Correct the beats: "x2", "half", "shift", or "auto" for what was found. Corrections add up."""
        grid = self.grid
        if change == "auto" or (self.options.beats == "auto" and not self._foreign_grid()):
            self.choose(beats=change)
        elif grid is not None:
            changed = {"x2": grid.doubled, "half": grid.halved, "shift": grid.shifted}[change]()
            self._use_grid(changed)

    def set_downbeat(self, beat: int) -> None:
        """Let beat number ``beat`` start a bar."""
        if self.grid is not None:
            self._use_grid(self.grid.with_downbeat(beat))

    def run(self) -> None:
        """Cover the song with the options as they are."""
        self._settle.stop()
        if self.source is None:
            return
        if (row := self.covering) is not None:
            self._bridge.queue.cancel(row.id)
        self.error = None
        self._growth = Growth()
        options = self.options
        try:
            folder = files.folder_of(self.source)
            beats = options.beats
            if beats == "auto" and self._foreign_grid() and self.grid is not None:
                beats = str(files.write_beats(self.grid, folder))
            name = f"{self.source.stem} ({options.style}, {options.difficulty})"
            job = CoverJob(
                source=str(self.source), output=str(folder), name=name, engine=options.engine, style=options.style,
                difficulty=options.difficulty, beats=beats, device=options.device,
            )  # fmt: skip
            self._submit(Task.COVER, job)
        except (UserError, OSError) as error:
            self._broken(error)

    def cancel(self) -> None:
        """Stop covering."""
        if (row := self.covering) is not None:
            self._bridge.queue.cancel(row.id)

    def retry(self) -> None:
        """Try again what failed."""
        self.error = None
        if self.source is not None:
            if self.original is None:
                self._listen()
            self.run()
        elif self.path is not None:
            self.open(self.path)

    def render(self) -> None:
        """Make the sound of the cover, unless it is there already."""
        project, soundfont = self.project, self.soundfont
        if project is None:
            return
        self.sound, self._rendering = None, None
        self.sound_changed.emit()

        def find() -> Path:
            files.prune_renders()
            return files.render_path(project, soundfont)

        def found(path: Path) -> None:
            if project != self.project or soundfont != self.soundfont:
                return
            self._rendering = path
            if path.exists():
                self._rendered()
            else:
                with contextlib.suppress(UserError):
                    self._submit(Task.RENDER, RenderJob(cover=str(project), output=str(path), soundfont=soundfont))

        self._apart(find, found)

    def use_soundfont(self, path: str) -> None:
        """Play with another SoundFont ("" for the default one)."""
        if path != self.soundfont:
            self.soundfont = path
            self.render()

    # Inside

    def _foreign_grid(self) -> bool:
        """Whether the cover came from a file with beats of its own, which a new run must keep."""
        return self.path is not None and self.path.suffix.lower() == files.PROJECT

    def _apart(self, work: Callable[[], Any], then: Callable[[Any], None]) -> None:
        """Do work off the window's thread; its answer is dropped when another song has been opened meanwhile."""
        turn = self._turn

        def success(result: Any) -> None:
            if turn == self._turn:
                then(result)

        def failed(error: Exception) -> None:
            if turn == self._turn:
                self._broken(error)

        Op(self, work).success(success).failure(failed).start()

    def _use_grid(self, grid: Grid) -> None:
        if self.source is None:
            return
        try:
            self.choose(beats=str(files.write_beats(grid, files.folder_of(self.source))))
        except UserError as error:
            self._broken(error)

    def _listen(self) -> None:
        if self.source is not None:
            self._submit(Task.LISTEN, ListenJob(source=str(self.source)))

    def _submit(self, task: Task, job: AnyJob) -> None:
        number = self._bridge.submit(job, priority=2 if task is Task.LISTEN else 1)
        self.jobs[task] = self._bridge.queue.row(number)
        self.status_changed.emit()

    def _opened(self, found: tuple[Cover, Path]) -> None:
        self.cover, self.project = found
        source = Path(str(self.cover.info.get("source", "")))
        if self.path is not None and self.path.suffix.lower() == files.PROJECT and source.is_file():
            self.source = source
            self._listen()
        known = {key: str(self.cover.info[key]) for key in ("style", "difficulty") if key in self.cover.info}
        self.options = replace(self.options, **known)
        self._show(self.cover)

    def _show(self, cover: Cover) -> None:
        self.roll = from_cover(cover)
        self.duration = max(self.duration, cover.duration, float(self.roll.end.max()) if len(self.roll.end) else 0.0)
        self.notes_changed.emit()
        self.status_changed.emit()
        self.render()

    def _broken(self, error: Exception) -> None:
        if isinstance(error, UserError):
            failed = Failed(error.message, error.path, error.remedy)
        else:
            failed = Failed(f"The file could not be opened: {error}", str(self.path or ""), "Try another file.", repr(error))
        self.error = failed
        self.status_changed.emit()
        self.failed.emit(failed, 0, Task.COVER)

    def _heard(self, number: int, event: AnyEvent) -> None:
        row = self.jobs.get(Task.COVER)
        if row is None or row.id != number or not isinstance(event, Previewed):
            return
        if self._growth.add(event):
            self.roll = self._growth.roll(self.roll.grid)
            self.notes_changed.emit()

    def _rows_changed(self, rows: list[Row]) -> None:
        mine = {row.id: task for task, row in self.jobs.items()}
        for row in rows:
            task = mine.get(row.id)
            if task is None:
                continue
            before = self.jobs[task].state
            self.jobs[task] = row
            if row.state is not before and row.state.is_over:
                self._ended(task, row)
            self.status_changed.emit()

    def _ended(self, task: Task, row: Row) -> None:
        if row.state is State.DONE:
            self._finished(task, row.result or {})
        elif row.state is State.FAILED:
            self._went_wrong(task, row)
        elif task is Task.COVER and self.cover is not None:
            # Cancelled: what was there before is still what there is.
            self.roll = from_cover(self.cover)
            self.notes_changed.emit()
        if task is Task.COVER and self._unheard is not None:
            if row.state is State.DONE:
                self.failed.emit(failure(self._unheard), self._unheard.id, Task.LISTEN)
            self._unheard = None

    def _went_wrong(self, task: Task, row: Row) -> None:
        if task is Task.LISTEN and self.covering is not None:
            # A file that cannot be heard cannot be covered either: one message is enough, and it comes with the cover.
            self._unheard = row
            return
        failed = failure(row)
        if task is not Task.RENDER:
            self.error = failed
        self.failed.emit(failed, row.id, task)

    def _finished(self, task: Task, result: dict[str, Any]) -> None:
        if task is Task.LISTEN:
            self._listened(result)
        elif task is Task.COVER:
            self._covered(result)
        else:
            self._rendered()

    def _listened(self, result: dict[str, Any]) -> None:
        pcm, peaks = Path(str(result.get("pcm", ""))), Path(str(result.get("peaks", "")))
        song = self.source

        def load() -> tuple[Pcm, npt.NDArray[np.float32]]:
            return open_pcm(pcm), np.load(peaks)

        def loaded(found: tuple[Pcm, npt.NDArray[np.float32]]) -> None:
            if song == self.source:
                self.original, self.peaks = found
                self.duration = max(self.duration, self.original.duration)
                self.sound_changed.emit()

        self._apart(load, loaded)

    def _covered(self, result: dict[str, Any]) -> None:
        self.result = result
        for text in map(str, result.get("warnings") or ()):
            if text not in self._told:
                self._told.add(text)
                self.warned.emit(text)
        path = Path(str(dict(result.get("files") or {}).get("project", "")))

        def loaded(cover: Cover) -> None:
            if self.jobs.get(Task.COVER) and (self.jobs[Task.COVER].result or {}) == result:
                self.cover, self.project = cover, path
                self._show(cover)

        self._apart(lambda: files.read_cover(path), loaded)

    def _rendered(self) -> None:
        path = self._rendering
        if path is None:
            return
        try:
            self.sound = open_pcm(path)
        except UserError as error:
            self._broken(error)
        self.sound_changed.emit()
        self.status_changed.emit()
