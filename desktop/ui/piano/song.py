"""The song that is open: its jobs, its notes and its sound. No widgets here.

Opening a song queues two jobs, one to hear it (waveform, playback) and one to cover it; a finished cover queues a third one,
its sound. A change of style, difficulty or beats queues the cover anew if its engine heeds it; the analysis comes from the
cache then.
What the user changes is in the song's ``Document``: it starts no run, only the sound is made again.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Container, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject, QTimer

from desktop.errors import UserError
from desktop.jobs.events import AnyEvent, Previewed
from desktop.jobs.job import COMPOSERS, DIFFICULTIES, ENGINES, STYLES, AnyJob, CoverJob, ListenJob, RenderJob
from desktop.jobs.piano_choices import manner_of, unused_by
from desktop.jobs.rows import Row
from desktop.jobs.states import State
from desktop.piano import regrid
from desktop.piano.cover import Cover
from desktop.piano.open_cover import MIDI_SUFFIXES
from desktop.ui.bridge import QueueBridge, failure
from desktop.ui.mixer import Pcm, open_pcm
from desktop.ui.piano import files
from desktop.ui.piano.edit_sidecar import Unsaved
from desktop.ui.piano.growth import Growth
from desktop.ui.piano.song_state import Options, SongState, Task
from desktop.ui.widgets.roll_data import from_cover

__all__ = ["Options", "Song", "Task"]

SETTLE_MS = 250
"""A choice must stand this long before the song is covered anew."""
SOUND_MS = 700
"""Notes must stand this long before their sound is made anew."""


class Song(SongState):
    """See the module's docstring."""

    def __init__(self, bridge: QueueBridge, options: Options, soundfont: str = "", parent: QObject | None = None) -> None:
        super().__init__(options, soundfont, parent)
        self._bridge = bridge
        self._left = False
        self._settle = QTimer(self, singleShot=True, interval=SETTLE_MS)
        self._settle.timeout.connect(self.run)
        self._quiet = QTimer(self, singleShot=True, interval=SOUND_MS)
        self._quiet.timeout.connect(self._render_anew)
        self.document.changed.connect(self._document_changed)
        self.document.saved.connect(self._saved)
        bridge.rows_changed.connect(self._rows_changed)
        bridge.heard.connect(self._heard)

    # What the user does

    def open(self, path: Path) -> None:
        """Open a song, a saved cover or a MIDI file; what was open is closed, its unfinished jobs are cancelled."""
        self.close()
        self.path = path
        self.replaced.emit()
        suffix = path.suffix.lower()
        if suffix == files.PROJECT or suffix in MIDI_SUFFIXES:
            work = (lambda: (files.read_cover(path), path)) if suffix == files.PROJECT else (lambda: files.import_midi(path))
            self._apart(work, self._opened)
            return
        self.source = path
        self.look_for_unsaved()
        self._listen()
        self.run()

    def close(self) -> None:
        """Let go of the song; what was not saved is kept and offered when it is opened again."""
        self._settle.stop()
        self._quiet.stop()
        for row in self.jobs.values():
            if not row.state.is_over:
                self._bridge.queue.cancel(row.id)
        was_open = self.is_open
        options = replace(self.options, beats="auto")
        self.document.close()
        self._forget()
        self.options = options
        if was_open:
            self.replaced.emit()

    def leave(self) -> None:
        """The window closes: hear and start nothing more. Jobs are left to the queue, unsaved changes are on disk."""
        self._settle.stop()
        self._quiet.stop()
        if not self._left:
            self._left = True
            self._bridge.rows_changed.disconnect(self._rows_changed)
            self._bridge.heard.disconnect(self._heard)
        self.document.leave()
        self._forget()

    def choose(self, **changes: Any) -> None:
        """Change style, difficulty, engine or composer; the song is covered anew if its engine heeds the change."""
        if (options := replace(self.options, **changes)) != self.options:
            # What only another engine heeds is kept for when that one is chosen.
            anew = _heeded(options) != _heeded(self.options)
            self.options = options
            if anew and self.source is not None:
                self._settle.start()
            self.status_changed.emit()

    def correct(self, change: str) -> None:
        """Correct the beats: "x2", "half", "shift", or "auto" for what was found. Corrections add up, and start no run."""
        cover = self.cover
        if cover is None or (change == "auto" and cover.found is None):
            # Nothing to correct yet, or nobody knows what was found: the run that makes the cover sees to it.
            self._made_on = None
            if change == self.options.beats:
                self.run()
            else:
                self.choose(beats=change)
            return
        text, changed = {
            "x2": ("Twice as many beats", regrid.double),
            "half": ("Half as many beats", regrid.halve),
            "shift": ("Beats half a beat later", regrid.shift),
            "auto": ("Beats as they were found", regrid.found),
        }[change]
        self.regrid(text, changed)

    def set_downbeat(self, beat: int) -> None:
        """Let beat number ``beat`` start a bar."""
        self.regrid("A bar starts here", lambda cover: regrid.with_downbeat(cover, beat))

    def regrid(self, text: str, change: Callable[[Cover], Cover], merge: str = "") -> None:
        """Change the beats of the cover as a step that can be undone; says why when that cannot be done."""
        if self.cover is None:
            return
        try:
            self.edit(text, change(self.cover), merge)
        except UserError as error:
            self.warned.emit(f"{error.message}. {error.remedy}" if error.remedy else error.message)

    def run(self) -> None:
        """Cover the song with the options as they are."""
        self._settle.stop()
        if self.source is None:
            return
        if (row := self.covering) is not None:
            self._bridge.queue.cancel(row.id)
        self.error = None
        self._growth, self._shows_growth = Growth(), True
        options = self.options
        try:
            folder = files.folder_of(self.source)
            beats = options.beats
            if self.grid is not None and ((beats == "auto" and self._foreign_grid()) or self._regridded()):
                beats = str(files.write_beats(self.grid, folder))
            name = f"{self.source.stem} ({manner_of(asdict(options))})"
            job = CoverJob(
                source=str(self.source), output=str(folder), name=name, engine=options.engine, style=options.style,
                difficulty=options.difficulty, beats=beats, device=options.device, composer=options.composer,
            )  # fmt: skip
            self._submit(Task.COVER, job)
        except (UserError, OSError) as error:
            self._show_old()
            self._broken(error)

    def recover(self, unsaved: Unsaved) -> None:
        """Take over unsaved work of an earlier run; a run that would make the first cover ends."""
        if self.path is None:
            return
        if self.cover is None:
            self.cancel()
            self._made_on = unsaved.cover.found or unsaved.cover.grid
        self.document.recover(unsaved, self.path)

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
        """Make the sound of the cover, unless it is there already; what sounds now is no longer right."""
        if self.cover is None:
            return
        self.sound = None
        self.sound_changed.emit()
        self._render_anew()

    def _render_anew(self) -> None:
        """Make the sound of the cover while the one before goes on being heard."""
        self._quiet.stop()
        cover, soundfont = self.cover, self.soundfont
        self._rendering = None
        if self.rendering:
            self._bridge.queue.cancel(self.jobs.pop(Task.RENDER).id)

        def find(project: Path) -> None:
            def work() -> Path:
                files.prune_renders()
                return files.render_path(project, soundfont)

            self._apart(work, lambda path: found(project, path))

        def found(project: Path, path: Path) -> None:
            if cover is not self.cover or soundfont != self.soundfont:
                return
            self._rendering = path
            if path.exists():
                self._rendered()
            else:
                with contextlib.suppress(UserError):
                    self._submit(Task.RENDER, RenderJob(cover=str(project), output=str(path), soundfont=soundfont))

        self.with_project(find)

    def use_soundfont(self, path: str) -> None:
        """Play with another SoundFont ("" for the default one)."""
        if path != self.soundfont:
            self.soundfont = path
            self.render()

    # Inside

    def _listen(self) -> None:
        if self.source is not None:
            self._submit(Task.LISTEN, ListenJob(source=str(self.source)))

    def _submit(self, task: Task, job: AnyJob) -> None:
        number = self._bridge.submit(job, priority=2 if task is Task.LISTEN else 1)
        self.jobs[task] = self._bridge.queue.row(number)
        self.status_changed.emit()

    def _opened(self, found: tuple[Cover, Path]) -> None:
        cover, project = found
        assert self.path is not None
        source = Path(str(cover.info.get("source", "")))
        if self._foreign_grid() and source.is_file() and source.suffix.lower() not in MIDI_SUFFIXES:
            self.source = source
            self._listen()
        self._made_on = cover.grid
        self.document.start(cover, self.path, project, self.path if self._foreign_grid() else None)
        self.look_for_unsaved()
        self.render()

    def _document_changed(self) -> None:
        """Show the cover as it is now; its sound follows."""
        cover = self.cover
        if cover is None:
            return
        self._shows_growth = False
        self.roll = from_cover(cover)
        self.duration = max(self.duration, cover.duration, float(self.roll.end.max()) if len(self.roll.end) else 0.0)
        if self.covering is None and not self._settle.isActive():
            self.options = replace(self.options, **_made_with(cover.info))
        self._quiet.start()
        self.notes_changed.emit()
        self.status_changed.emit()

    def _saved(self, path: Path) -> None:
        """Go on as the project that was saved."""
        self.path = path
        self.status_changed.emit()

    def _heard(self, number: int, event: AnyEvent) -> None:
        row = self.jobs.get(Task.COVER)
        if row is None or row.id != number or not isinstance(event, Previewed):
            return
        if self._growth.add(event) and self._shows_growth:
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
        elif task is Task.COVER:
            self._show_old()
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
        if task is Task.COVER:
            self._show_old()
        if task is not Task.RENDER:
            self.error = failed
        self.failed.emit(failed, row.id, task)

    def _show_old(self) -> None:
        """No new cover came: what was there before is still what there is."""
        self._shows_growth = False
        if self.cover is not None:
            self.roll = from_cover(self.cover)
            self.notes_changed.emit()

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
                self._take(cover, path)

        self._apart(lambda: files.read_cover(path), loaded)

    def _take(self, cover: Cover, path: Path) -> None:
        """A job has made a cover: what the user has changed or saved before is a step back, not gone."""
        self._made_on = cover.grid
        if cover.found is None and self.cover is not None and self.cover.found is not None:
            # Made on beats of the user: those that were found are still known.
            cover = replace(cover, found=self.cover.found)
        if self.document.touched or self.document.home is not None:
            self.document.adopt(cover, path, f"New cover ({manner_of(cover.info)})")
        elif self.path is not None:
            self.document.start(cover, self.path, path)
        self.render()

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


def _heeded(options: Options) -> dict[str, Any]:
    """The options that the engine chosen makes something of."""
    unused = unused_by(options.engine)
    return {name: value for name, value in asdict(options).items() if name not in unused}


def _made_with(info: Mapping[str, Any]) -> dict[str, Any]:
    """The options that a cover says it was made with; a file may say anything."""
    valid: dict[str, Container[Any]] = {"style": STYLES, "difficulty": DIFFICULTIES, "engine": ENGINES, "composer": COMPOSERS}
    return {key: info[key] for key, values in valid.items() if key in info and info[key] in values}
