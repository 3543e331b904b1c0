"""The Piano panel."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QStackedWidget, QWidget

from desktop import paths
from desktop.jobs.events import Failed
from desktop.jobs.piano_choices import choice_in
from desktop.piano.live.links import Status
from desktop.piano.live.system import title
from desktop.piano.names import SOUNDS
from desktop.piano.waterfall.looks import PLAYED
from desktop.ui.actions import Action
from desktop.ui.notify import Note, Severity, from_error, from_failed
from desktop.ui.panels import Heading, Panel, Services
from desktop.ui.piano import export, files
from desktop.ui.piano.actions import actions
from desktop.ui.piano.batch import Batch
from desktop.ui.piano.batch_page import BatchPage
from desktop.ui.piano.canvas import Canvas
from desktop.ui.piano.edit_desk import Desk
from desktop.ui.piano.exporting import Exports
from desktop.ui.piano.falling_view import FallingView
from desktop.ui.piano.inspector import Inspector
from desktop.ui.piano.score_view import ScoreView
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
        self.falling = FallingView(self.song, services)
        self.canvas.add_view("score", "Score", ScoreView(self.song, services))
        self.canvas.add_view("falling", "Falling", self.falling)
        self.canvas.add_view("takes", "Takes", self.takes_view)
        self.desk = Desk(self.song, services, self)
        self.start, self.failed_page = StartPage(prefs, WORDS, self.takes), FailedPage()
        self.inspector = Inspector(self.song, self.canvas, self.player, state, prefs)
        self._pages = QStackedWidget()
        self.batch = Batch(services, self)
        self.batch_page = BatchPage(self.batch, services)
        self.in_batch = False
        for page in (self.start, self.canvas, self.failed_page, self.batch_page):
            self._pages.addWidget(page)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(self._pages, 1)
        self._edge = line(vertical=True)
        row.addWidget(self._edge)
        row.addWidget(self.inspector)
        self.exports = Exports(self.song, services, self)
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
        self._connect_live()
        self.inspector.export_asked.connect(self.export)
        canvas.transport.asked.connect(self._do)
        canvas.loop_changed.connect(self.changed)
        for signal in (song.replaced, song.status_changed, song.notes_changed, song.sound_changed, song.selection_changed):
            signal.connect(self._refresh)
        song.failed.connect(self._job_failed)
        song.warned.connect(self._warn)
        self.player.playing_changed.connect(lambda _on: self.changed.emit())
        self._services.prefs.changed.connect(self._prefs_changed)

    def _connect_live(self) -> None:
        live = self.inspector.live.live
        live.changed.connect(self.changed)
        live.pressed_changed.connect(self.canvas.roll.set_pressed)
        live.pressed_changed.connect(lambda pitches: self.falling.set_pressed(dict.fromkeys(pitches, PLAYED)))
        live.lost.connect(self._port_lost)
        live.back.connect(lambda status: self._services.say(Note(Severity.GOOD, f"{title(status.name)} is there again")))
        live.trouble.connect(self._say_error)

    def _port_lost(self, status: Status) -> None:
        remedy = "Playing goes on without it; plug it in again and it is used at once."
        self._services.say(Note(Severity.WARNING, f"{title(status.name)} went away", remedy=remedy, details=status.reason))

    # The panel's contract

    can_ask = True

    def heading(self) -> Heading:
        song = self.song
        if self.in_batch:
            return Heading("Batch of songs")
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
        self.in_batch = False
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
        self.in_batch = on
        self.batch.soundfont, self.batch.device = self.song.soundfont, self._services.prefs.now.device
        self._refresh()

    def drag_over(self, on: bool) -> bool:
        self.start.drop.light(on)
        self.batch_page.empty.light(on)
        return self._pages.currentWidget() is self.start or (self.in_batch and not self.batch.entries)

    def toast_area(self) -> QWidget:
        return self._pages

    def close_panel(self) -> None:
        self.batch.batching.leave()
        self.inspector.live.live.close()
        self.player.close()
        self.takes_view.close_player()
        self.song.leave()
        self._services.state.keep("piano/volume", self.canvas.transport.volume.value())

    def actions_of(self) -> list[Action]:
        return actions(self)

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
        self.bars.again(options.engine, choice_in(options), options.difficulty)

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
        box = self.inspector.export
        self.exports.write(target, form, box.video, box.paper, box.instrument)

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
        if self.in_batch:
            page = self.batch_page
        self._pages.setCurrentWidget(page)
        # Messages leave the transport free.
        self._pages.setProperty("foot", self.canvas.transport.sizeHint().height() if page is self.canvas else 0)
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

    def _batch_ended(self) -> None:
        if self.in_batch and self.isVisible():
            return
        counts = self.batch.counts()
        said = ", ".join(f"{count:,} {word}" for word, count in counts.items() if count)
        actions = [("Open the report", self.batch_page.open_report)] if self.batch.batching.report else []
        severity = Severity.WARNING if counts["failed"] else Severity.GOOD
        self._services.say(Note(severity, f"The batch is over: {said}", actions=actions))

    def _say_error(self, error: Exception) -> None:
        self._services.say(from_error(error))
