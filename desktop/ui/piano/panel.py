"""The Piano panel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QStackedWidget, QWidget

from desktop import paths
from desktop.errors import UserError
from desktop.jobs.events import Failed
from desktop.jobs.job import DIFFICULTIES, RenderJob
from desktop.jobs.rows import Row
from desktop.jobs.states import State as JobState
from desktop.piano.names import SOUNDS
from desktop.ui.actions import Action
from desktop.ui.background import Op
from desktop.ui.files import show_in_folder
from desktop.ui.notify import Note, Severity, from_error, from_failed
from desktop.ui.panels import Heading, Panel, Services
from desktop.ui.piano import export, files
from desktop.ui.piano.batch import Batch
from desktop.ui.piano.batch_page import BatchPage
from desktop.ui.piano.canvas import Canvas
from desktop.ui.piano.edit_actions import actions as edit_actions
from desktop.ui.piano.edit_desk import Desk
from desktop.ui.piano.inspector import Inspector
from desktop.ui.piano.song import Options, Song, Task
from desktop.ui.piano.start import WORDS
from desktop.ui.piano.takes import Takes
from desktop.ui.piano.takes_view import TakesView
from desktop.ui.player import Player
from desktop.ui.widgets.failed_page import FailedPage, needs_model
from desktop.ui.widgets.parts import line
from desktop.ui.widgets.start_page import StartPage
from desktop.ui.widgets.timecode import clock


class PianoPanel(Panel):
    """A song in, its cover out: seen, heard, changed, exported."""

    def __init__(self, services: Services) -> None:
        super().__init__()
        self._services = services
        state, prefs = services.state, services.prefs
        options = Options(style=prefs.now.style, difficulty=prefs.now.difficulty, device=prefs.now.device)
        soundfont = prefs.now.soundfont
        self.song = Song(services.bridge, options, soundfont if Path(soundfont).is_file() else "", self)
        self.player = Player(self)
        self.canvas = Canvas(self.song, self.player)
        self.bars = Takes(self.song, services.bridge, self)
        self.takes_view = TakesView(self.song, services, self.bars)
        self.canvas.add_view("takes", "Takes", self.takes_view)
        self.desk = Desk(self.song, services, self)
        self.start, self.failed_page = StartPage(prefs, WORDS, self.takes), FailedPage()
        self.inspector = Inspector(self.song, state, prefs)
        self._pages = QStackedWidget()
        self.batch = Batch(services.bridge, state, self)
        self.batch_page = BatchPage(self.batch, state, prefs)
        self._in_batch = False
        for page in (self.start, self.canvas, self.failed_page, self.batch_page):
            self._pages.addWidget(page)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(self._pages, 1)
        self._edge = line(vertical=True)
        row.addWidget(self._edge)
        row.addWidget(self.inspector)
        self._exports: dict[int, Path] = {}
        self._volume_before = 80
        self.canvas.transport.volume.setValue(int(state.number("piano/volume", 80)))
        self._connect()
        self._refresh()

    def _connect(self) -> None:
        song, canvas = self.song, self.canvas
        self.batch_page.left.connect(lambda: self.show_batch(False))
        self.batch.changed.connect(self.changed)
        self.batch.failed.connect(self._say_error)
        self.batch.ended.connect(self._batch_ended)
        self.start.open_asked.connect(self.ask_open)
        self.start.demo_asked.connect(self.open_demo)
        self.start.chosen.connect(self._services.open)
        self.failed_page.open_asked.connect(self.ask_open)
        self.failed_page.retry_asked.connect(song.retry)
        self.failed_page.library_asked.connect(self._open_library)
        self.inspector.style_chosen.connect(self.choose_style)
        self.inspector.difficulty_chosen.connect(self.choose_difficulty)
        self.inspector.engine_chosen.connect(lambda engine: song.choose(engine=engine))
        self.inspector.composer_chosen.connect(lambda composer: song.choose(composer=composer))
        self.inspector.auditions_asked.connect(lambda: canvas.show_view("takes"))
        self.bars.failed.connect(lambda failed: self._services.say(from_failed(failed, self._library_of(failed))))
        self.bars.changed.connect(self.changed)
        self.inspector.corrected.connect(song.correct)
        self.inspector.export_asked.connect(self.export)
        canvas.transport.asked.connect(self._do)
        canvas.loop_changed.connect(self.changed)
        for signal in (song.replaced, song.status_changed, song.notes_changed, song.sound_changed, song.selection_changed):
            signal.connect(self._refresh)
        song.failed.connect(self._job_failed)
        song.warned.connect(self._warn)
        self.player.playing_changed.connect(lambda _on: self.changed.emit())
        self._services.bridge.rows_changed.connect(self._exported)
        self._services.prefs.changed.connect(self._prefs_changed)

    # The panel's contract

    can_ask = True

    def heading(self) -> Heading:
        song = self.song
        if self._in_batch:
            counts = self.batch.counts()
            said = [f"{count} {word}" for word, count in counts.items() if count]
            return Heading("Batch", "  ·  ".join(said)) if self.batch.entries else Heading("Batch")
        if not song.is_open:
            return Heading()
        facts = []
        if song.duration:
            facts.append(clock(song.duration))
        if song.cover is not None and song.is_grown:
            facts += [f"{song.cover.grid.tempo:.0f} BPM", song.cover.key.name]
        device = str(song.result.get("device", ""))
        return Heading(song.title, "  ·  ".join(facts), song.covering, "piano.run" if song.source else "", device)

    def takes(self, path: Path) -> bool:
        return path.suffix.lower() in files.OPENABLE or files.is_batch(path)

    def open(self, path: Path) -> None:
        if files.is_batch(path):
            self.queue([path])
            return
        self._in_batch = False
        self.song.open(path)

    def open_all(self, paths: list[Path]) -> None:
        if len(paths) > 1 or self._pages.currentWidget() is self.batch_page:
            self.queue(paths)
        else:
            self.open(paths[0])

    def queue(self, paths: list[Path]) -> None:
        if paths:
            self.batch_page.add(paths)
            self.show_batch()

    def show_batch(self, on: bool = True) -> None:
        """Show the batch, or the song again."""
        self._in_batch = on
        self.batch.soundfont, self.batch.device = self.song.soundfont, self._services.prefs.now.device
        self._refresh()

    def drag_over(self, on: bool) -> bool:
        self.start.drop.light(on)
        self.batch_page.empty.light(on)
        return self._pages.currentWidget() is self.start or (self._in_batch and not self.batch.entries)

    def toast_area(self) -> QWidget:
        return self._pages

    def close_panel(self) -> None:
        self.player.close()
        self.takes_view.close_player()
        self.song.leave()
        self._services.state.keep("piano/volume", self.canvas.transport.volume.value())

    def actions_of(self) -> list[Action]:
        canvas, song = self.canvas, self.song

        def open_() -> str:
            return "" if self.isVisible() and song.is_open and not self._in_batch else "Open a song first"

        def playable() -> str:
            return open_() or canvas.transport.reason

        def grid() -> str:
            return open_() or ("" if song.grid is not None and song.source is not None else "No beats have been found yet")

        def source() -> str:
            return open_() or ("" if song.source is not None else "The original is not there")

        def export_() -> str:
            return open_() or export.blocked(song)

        actions = [
            Action("play.toggle", "Play or pause", self.toggle_play, ("Space",), "Play", playable, soft=True),
            Action("play.stop", "Stop", self.player.stop, ("Shift+Space",), "Play", playable),
            Action("play.start", "Back to the start", lambda: canvas.seek(0.0), ("Home",), "Play", open_, soft=True),
            Action("play.end", "To the end", lambda: canvas.seek(canvas.timeline.duration), ("End",), "Play", open_, soft=True),
            Action("play.loop", "Loop", canvas.toggle_loop, ("L",), "Play", open_, lambda: canvas.loop_on),
            Action("play.loop_start", "Loop starts here", lambda: canvas.set_loop_end(False), ("[",), "Play", open_),
            Action("play.loop_end", "Loop ends here", lambda: canvas.set_loop_end(True), ("]",), "Play", open_),
            Action("play.flip", "Original or cover", self.flip, ("C",), "Play", playable),
            Action("play.mute", "Mute", self.mute, ("M",), "Play", playable),
            Action("view.zoom_in", "Zoom in", lambda: canvas.zoom(1.5), ("+", "="), "View", open_),
            Action("view.zoom_out", "Zoom out", lambda: canvas.zoom(1 / 1.5), ("-",), "View", open_),
            Action("view.fit", "Show the whole song", canvas.fit, ("F",), "View", open_),
            Action("piano.run", "Make the cover again", song.run, ("Ctrl+R",), "Piano", source),
            Action("piano.cancel", "Stop making the cover", song.cancel, ("Ctrl+.",), "Piano",
                   lambda: "" if song.covering else "Nothing is being made"),
            Action("piano.take", "Write the chosen bars again", self.take_again, ("R",), "Piano",
                   lambda: open_() or self.bars.blocked),
            Action("piano.double", "Beats: twice as many", lambda: song.correct("x2"), ("Ctrl+Up",), "Piano", grid),
            Action("piano.half", "Beats: half as many", lambda: song.correct("half"), ("Ctrl+Down",), "Piano", grid),
            Action("piano.shift", "Beats: half a beat later", lambda: song.correct("shift"), ("Ctrl+Right",), "Piano", grid),
            Action("piano.downbeat", "A bar starts at the playhead", self.downbeat_here, ("D",), "Piano", grid),
            Action("piano.auto", "Beats: as they were found", lambda: song.correct("auto"), ("Ctrl+0",), "Piano", grid),
            *edit_actions(canvas, self.desk),
            Action("file.export", "Export…", lambda: self.export(""), ("Ctrl+E",), "File", export_),
            Action("file.demo", "Open the demo song", self.open_demo, ("Ctrl+Shift+D",), "File"),
            Action("piano.batch", "Batch of songs", lambda: self.show_batch(not self._in_batch), ("Ctrl+B",), "Piano",
                   checked=lambda: self._in_batch),
            Action("file.close", "Close the song", song.close, ("Ctrl+W",), "File", open_),
        ]  # fmt: skip
        for key, (view, title) in zip("1234", canvas.views.items(), strict=False):
            actions.append(Action(f"view.{view}", f"View: {title}", partial(canvas.show_view, view), (key,), "View", open_,
                                  partial(self._is_view, view)))  # fmt: skip
        for number, style in enumerate(self.inspector.styles.cards, 1):
            text = f"Style: {self.inspector.styles.cards[style].text()}"
            actions.append(Action(f"piano.style_{style}", text, partial(self.choose_style, style), (f"Alt+{number}",), "Piano"))
        for key, level in zip("890", DIFFICULTIES, strict=True):
            text = f"Difficulty: {level.capitalize()}"
            actions.append(Action(f"piano.{level}", text, partial(self.choose_difficulty, level), (f"Alt+{key}",), "Piano"))
        return actions

    # What the user does

    def ask_open(self) -> None:
        """Choose a file to open."""
        state = self._services.state
        patterns = " ".join(f"*{suffix}" for suffix in files.OPENABLE)
        chosen, _ = QFileDialog.getOpenFileName(
            self, "Open a song", state.text("piano/folder", str(Path.home())), f"Songs and covers ({patterns});;All files (*)"
        )
        if chosen:
            state.keep("piano/folder", str(Path(chosen).parent))
            self._services.open(Path(chosen))

    def open_demo(self) -> None:
        """Open the song that comes with Reprise."""
        demo = next((p for p in sorted((paths.resources() / "demo").glob("*")) if p.suffix.lower() in SOUNDS), None)
        if demo is None:
            self._services.say(Note(Severity.ERROR, "The demo song is missing", remedy="Install Reprise again."))
        else:
            self._services.open(demo)

    def choose_style(self, style: str) -> None:
        """Cover in another style; remembered for the next song."""
        self._services.prefs.change(style=style)
        self.song.choose(style=style)

    def choose_difficulty(self, difficulty: str) -> None:
        """Cover at another difficulty; remembered for the next song."""
        self._services.prefs.change(difficulty=difficulty)
        self.song.choose(difficulty=difficulty)

    def toggle_play(self) -> None:
        """Play from the playhead, or pause."""
        if self.player.playing:
            self.player.pause()
        else:
            self.player.seek(self.canvas.second)
            self.player.play()

    def flip(self) -> None:
        """From original to cover and back."""
        slider = self.canvas.transport.balance
        slider.setValue(0 if slider.value() > 50 else 100)

    def mute(self) -> None:
        """Silence, and back to the volume before."""
        slider = self.canvas.transport.volume
        if slider.value() > 0:
            self._volume_before = slider.value()
            slider.setValue(0)
        else:
            slider.setValue(self._volume_before)

    def take_again(self) -> None:
        """Write the bars of the selection, the loop or the playhead anew, as the choices are."""
        options = self.song.options
        choice = str(options.composer) if options.engine == "pop2piano" else options.style
        self.bars.again(options.engine, choice, options.difficulty)

    def _is_view(self, view: str) -> bool:
        return self.canvas.view == view

    def downbeat_here(self) -> None:
        """The beat next to the playhead starts a bar."""
        if (grid := self.song.grid) is not None:
            self.song.set_downbeat(round(float(grid.beats(self.canvas.second))))

    def export(self, form: str) -> None:
        """Ask for a file and write it; audio is a job."""
        form = form or str(self.inspector.export.format.currentData())
        target = export.ask_target(self, self.song, self._services.state, self._services.prefs, form)
        if target is not None:
            self.export_to(target, form)

    def export_to(self, target: Path, form: str) -> None:
        """Write the cover to a file."""
        song = self.song
        cover, project = song.cover, song.project
        if cover is None or project is None:
            return
        if form == "midi":
            named = replace(cover, title=(song.source or target).stem)
            Op(self, lambda: files.write_midi(named, target)).success(lambda _: self._written(target)).failure(
                self._say_error
            ).start()
            return
        try:
            job = RenderJob(cover=str(project), output=str(target), soundfont=song.soundfont)
            self._exports[self._services.bridge.submit(job, priority=1)] = target
        except UserError as error:
            self._say_error(error)

    # What happens

    def _prefs_changed(self, names: set[str]) -> None:
        now = self._services.prefs.now
        self.song.choose(**{name: getattr(now, name) for name in names & {"style", "difficulty", "device"}})
        if "soundfont" in names:
            self.song.use_soundfont(now.soundfont)
            self.inspector.export.show_sounds()

    def _do(self, action: str) -> None:
        next(a for a in self.actions_of() if a.id == action).run()

    def _refresh(self) -> None:
        song = self.song
        broken = song.error is not None and song.cover is None and song.covering is None and not len(song.roll.notes)
        page: QWidget = self.start
        if broken and song.error is not None:
            self.failed_page.say(song.error)
            page = self.failed_page
        elif song.is_open:
            page = self.canvas
        if self._in_batch:
            page = self.batch_page
        self._pages.setCurrentWidget(page)
        for part in (self._edge, self.inspector):
            part.setVisible(page is self.canvas)
        self.changed.emit()

    def _job_failed(self, failed: Failed, number: int, task: Task) -> None:
        self._refresh()
        if self._pages.currentWidget() is self.failed_page and task is not Task.RENDER:
            return
        again = {Task.RENDER: self.song.render}.get(task, self.song.retry)
        self._services.say(from_failed(failed, [("Try again", again), *self._library_of(failed)]))

    def _library_of(self, failed: Failed) -> list[tuple[str, Callable[[], None]]]:
        return [("Open the library", self._open_library)] if needs_model(failed) else []

    def _warn(self, text: str) -> None:
        library = [("Open the library", self._open_library)] if "reprise models " in text else []
        self._services.say(Note(Severity.WARNING, text[:1].upper() + text[1:], actions=library))

    def _open_library(self) -> None:
        self._services.go("library")

    def _exported(self, rows: list[Row]) -> None:
        for row in rows:
            if row.id in self._exports and row.state.is_over:
                target = self._exports.pop(row.id)
                if row.state is JobState.DONE:
                    self._written(target)
                elif row.error is not None:
                    self._services.say(from_failed(row.error, [("Try again", partial(self._retry_export, row.id, target))]))

    def _batch_ended(self) -> None:
        if self._in_batch and self.isVisible():
            return
        counts = self.batch.counts()
        said = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
        actions = [("Show the table", lambda: show_in_folder(self.batch.table["csv"]))] if self.batch.table else []
        severity = Severity.WARNING if counts["failed"] else Severity.GOOD
        self._services.say(Note(severity, f"The batch is over: {said}", actions=actions))

    def _retry_export(self, number: int, target: Path) -> None:
        try:
            self._exports[self._services.bridge.queue.retry(number)] = target
        except UserError as error:
            self._say_error(error)

    def _written(self, target: Path) -> None:
        show = ("Show in folder", lambda: show_in_folder(target))
        self._services.say(Note(Severity.GOOD, f"Exported {target.name}", str(target), actions=[show]))

    def _say_error(self, error: Exception) -> None:
        self._services.say(from_error(error))
