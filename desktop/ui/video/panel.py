"""The Video panel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication, QFileDialog, QHBoxLayout, QStackedWidget, QWidget

from desktop import paths
from desktop.errors import UserError
from desktop.jobs.events import Failed
from desktop.jobs.states import State as JobState
from desktop.ui.actions import Action
from desktop.ui.background import Op
from desktop.ui.bridge import failure
from desktop.ui.files import show_in_folder
from desktop.ui.library.shelf import Shelf
from desktop.ui.notify import Note, Severity, from_error, from_failed
from desktop.ui.panels import Heading, Panel, Services
from desktop.ui.queue.batch_row import totals
from desktop.ui.video import files
from desktop.ui.video.actions import actions_of
from desktop.ui.video.canvas import Canvas
from desktop.ui.video.choices import Memory
from desktop.ui.video.clip_batch import ClipBatch
from desktop.ui.video.clip_list import ClipList
from desktop.ui.video.clips import Clips, Item, written
from desktop.ui.video.inspector import Inspector
from desktop.ui.video.open_clip import OpenClip
from desktop.ui.video.shown import Result
from desktop.ui.video.start import WORDS
from desktop.ui.widgets.failed_page import FailedPage, needs_model
from desktop.ui.widgets.parts import line
from desktop.ui.widgets.start_page import StartPage
from desktop.ui.widgets.timecode import clock


class VideoPanel(Panel):
    """A clip in; what restoring does to it is seen, chosen, and done."""

    can_ask = True

    def __init__(self, services: Services) -> None:
        super().__init__()
        self._services = services
        state, bridge = services.state, services.bridge
        self.shelf = Shelf(services.library, bridge, self)
        self.clips = Clips(bridge, Memory(state), self)
        self.clip = OpenClip(bridge, self.clips, self)
        self.batch = ClipBatch(services, self.clips, self)
        self.canvas, self.list = Canvas(self.clip), ClipList(self.clips, self.batch, state)
        self.start, self.failed_page = StartPage(services.prefs, WORDS, files.takes), FailedPage()
        self.inspector = Inspector(self.clip, self.shelf, state)
        self._pages = QStackedWidget()
        for page in (self.start, self.canvas, self.failed_page):
            self._pages.addWidget(page)
        self._edges = [line(vertical=True), line(vertical=True)]
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        for part in (self.list, self._edges[0], self._pages, self._edges[1], self.inspector):
            row.addWidget(part, 1 if part is self._pages else 0)
        self._alone = False
        self._volume_before = 80
        self.clip.shown.device = services.prefs.now.device
        self._actions = {action.id: action for action in actions_of(self)}
        self._connect()
        self.canvas.transport.volume.setValue(int(state.number("video/volume", 80)))
        self._refresh()

    def _connect(self) -> None:
        clip, start = self.clip, self.start
        start.open_asked.connect(self.ask_open)
        start.demo_asked.connect(self.open_demo)
        start.chosen.connect(self._services.open)
        self.failed_page.open_asked.connect(self.ask_open)
        self.failed_page.retry_asked.connect(self.retry)
        self.failed_page.library_asked.connect(lambda: self._services.go("library"))
        self.canvas.asked.connect(self._do)
        self.canvas.part_chosen.connect(self.choose_part)
        self.canvas.transport.volume_changed.connect(self._set_volume)
        self.inspector.chosen.connect(clip.choose)
        self.inspector.run_asked.connect(self.run)
        self.inspector.cancel_asked.connect(self.cancel)
        self.inspector.place_asked.connect(self.ask_place)
        self.inspector.whole_asked.connect(self.choose_all)
        self.list.chosen.connect(self._open_item)
        self.list.asked.connect(self._do_with)
        self.list.box.start_asked.connect(self.run_all)
        self.list.box.same_asked.connect(self.choose_for_all)
        self.list.add_asked.connect(self.ask_open)
        self.list.folder_asked.connect(self.ask_folder)
        self.batch.changed.connect(self.changed)
        self.batch.failed.connect(lambda error: self._services.say(from_error(error)))
        self.batch.batching.ended.connect(self._batch_ended)
        for signal in (clip.replaced, clip.status_changed, clip.look.changed, self.clips.changed):
            signal.connect(self._refresh)
        self.clips.ended.connect(self._ended)
        clip.failed.connect(lambda _failed: self._refresh())
        clip.shown.preview_failed.connect(self._preview_failed)
        clip.playback.failed.connect(lambda failed: self._services.say(from_failed(failed)))
        clip.playback.playing_changed.connect(lambda _on: self.changed.emit())
        self.canvas.view.view_changed.connect(self.changed)
        self.shelf.changed.connect(self._models_changed)
        self.shelf.failed.connect(lambda error, _model: self._services.say(from_error(error)))
        self._services.prefs.changed.connect(self._prefs_changed)

    # The panel's contract

    def heading(self) -> Heading:
        clip = self.clip
        if clip.path is None:
            return Heading()
        look, facts = clip.look, []
        if clip.is_folder:
            facts.append(f"{clip.count} images")
        if look.duration and clip.is_timed:
            facts.append(clock(round(look.duration)))
        if any(look.size):
            facts.append(f"{look.size[0]} × {look.size[1]}")
        if look.rate and clip.is_timed:
            facts.append(f"{look.rate:.2f}".rstrip("0").rstrip(".") + " fps")
        device = clip.shown.preview.device if clip.shown.preview is not None else ""
        return Heading(clip.path.name, "  ·  ".join(facts), clip.running, "video.run", device)

    def takes(self, path: Path) -> bool:
        return files.takes(path)

    def open(self, path: Path) -> None:
        found = files.gather([path])
        if not found:
            self.clips.add([path])
            found = [path]
        known = self.clips.result_of(found[0]) if len(found) == 1 and found[0].is_file() else None
        items = self.clips.add(found)
        self.clip.open(items[0])
        self.list.select(items[0])
        # Keys are for the picture, not for the list that has just appeared.
        self.canvas.view.setFocus(Qt.FocusReason.OtherFocusReason)
        if known is not None:
            source, result = known
            compare = ("Compare with its source", lambda: self._compare(source, result))
            self._services.say(Note(Severity.INFO, f"{path.name} was made of {source.name}", actions=[compare]))

    def queue(self, paths: list[Path]) -> None:
        before = len(self.clips.items)
        items = self.clips.add(files.gather(paths))
        if before == 1 and len(items) == 1 and len(self.clips.items) == 2 and self.clip.path is not None and self.clip.is_timed:
            first, second = self.clip.path, items[0].path
            compare = ("Compare the two", lambda: self._compare(first, Result(second)))
            self._services.say(
                Note(Severity.INFO, "Two clips are open", remedy="Restore both, or see them under one line.", actions=[compare])
            )

    def drag_over(self, on: bool) -> bool:
        self.start.drop.light(on)
        return self._pages.currentWidget() is self.start

    def toast_area(self) -> QWidget:
        return self._pages

    def shown(self) -> None:
        self.shelf.refresh()

    def close_panel(self) -> None:
        self._services.state.keep("video/volume", self.canvas.transport.volume.value())
        self.batch.batching.leave()
        self.clip.leave()
        self.clips.leave()

    def actions_of(self) -> list[Action]:
        return list(self._actions.values())

    # What the user does: files

    def ask_open(self) -> None:
        """Choose clips to open."""
        state = self._services.state
        patterns = " ".join(f"*{suffix}" for suffix in (*files.VIDEOS, *files.STILLS))
        chosen, _ = QFileDialog.getOpenFileNames(
            self, "Open clips", state.text("video/folder", str(Path.home())), f"Videos and images ({patterns});;All files (*)"
        )
        if chosen:
            state.keep("video/folder", str(Path(chosen[0]).parent))
            self._services.open(Path(chosen[0]))
            self.queue([Path(one) for one in chosen[1:]])

    def ask_folder(self) -> None:
        """Choose a folder of which all clips are added."""
        state = self._services.state
        chosen = QFileDialog.getExistingDirectory(self, "Add a folder of clips", state.text("video/folder", str(Path.home())))
        if chosen:
            state.keep("video/folder", chosen)
            self.add_folder(Path(chosen))

    def add_folder(self, folder: Path) -> None:
        """Add all clips of a folder and all below it."""

        def found(clips: list[Path]) -> None:
            if not clips:
                self._services.say(Note(Severity.WARNING, "There are no clips or images in this folder", str(folder)))
                return
            items = self.clips.add(clips)
            if self.clip.item is None:
                self.clip.open(items[0])
                self.list.select(items[0])

        Op(self, lambda: files.all_below(folder)).success(found).failure(lambda e: self._services.say(from_error(e))).start()

    def ask_compare(self) -> None:
        """Choose a file to see beside the clip."""
        path = self.clip.path
        if path is None:
            return
        patterns = " ".join(f"*{suffix}" for suffix in files.VIDEOS)
        chosen, _ = QFileDialog.getOpenFileName(self, "Compare with", str(path.parent), f"Videos ({patterns});;All files (*)")
        if chosen:
            self.clip.compare_with(Result(Path(chosen)))

    def ask_place(self) -> None:
        """Choose where the result goes."""
        item = self.clip.item
        if item is None:
            return
        target = self._target(item)
        if item.path.is_dir():
            chosen = QFileDialog.getExistingDirectory(self, "Folder for the results", str(target.parent))
        else:
            kinds = [f"{title} (*{suffix})" for suffix, title in files.CONTAINERS.items()]
            kinds.sort(key=lambda kind: not kind.endswith(f"(*{target.suffix})"))
            chosen, _ = QFileDialog.getSaveFileName(
                self, "Where the result goes", str(target), ";;".join(kinds if self.clip.is_timed else ["Images (*.*)"])
            )
        if chosen:
            self.choose_place(Path(chosen))

    def choose_place(self, path: Path) -> None:
        """Write the result there; a file that is there now was agreed to be replaced."""
        item = self.clip.item
        if item is None:
            return
        if path.resolve() == item.path.resolve():
            self._services.say(
                Note(Severity.ERROR, "The result cannot replace the clip itself", str(path), "Choose another name.")
            )
            return
        suffix = path.suffix or self._target(item).suffix
        if path.with_suffix(suffix).exists():
            self.clips.agree(path.with_suffix(suffix))
        self.clip.choose(replace(item.choices, output=str(path.with_suffix(suffix))))

    def open_demo(self) -> None:
        """Open the clip that comes with Reprise."""
        demo = next((path for path in sorted((paths.resources() / "demo").glob("*")) if files.is_video(path)), None)
        if demo is None:
            self._services.say(Note(Severity.ERROR, "The demo clip is missing", remedy="Install Reprise again."))
        else:
            self._services.open(demo)

    def close_clip(self) -> None:
        """Close the open clip; the next one of the list is opened."""
        item = self.clip.item
        if item is not None:
            self._do_with("remove", item)

    def retry(self) -> None:
        """Open the clip again that could not be opened."""
        if self.clip.item is not None:
            self.clip.open(self.clip.item)

    # What the user does: choices and jobs

    def choose_part(self, start: float, end: float) -> None:
        """Restore only from ``start`` to ``end``; an end at the clip's own is no limit."""
        look = self.clip.look
        edge = 0.5 / max(1.0, look.rate)
        choices = self.clip.choices
        self.clip.choose(replace(choices, start=start if start > edge else None, end=end if end < look.duration - edge else None))

    def mark(self, last: bool) -> None:
        """Let the part begin or end at the frame that is shown."""
        start, end = self.clip.part
        now, frame = self.clip.shown.time, 1.0 / max(1.0, self.clip.look.rate)
        if last:
            start, end = (start, now + frame) if now + frame > start else (0.0, now + frame)
        else:
            start, end = (now, end) if now < end - frame / 2 else (now, self.clip.look.duration)
        self.choose_part(start, end)

    def choose_all(self) -> None:
        """Restore all of the clip."""
        self.clip.choose(replace(self.clip.choices, start=None, end=None))

    def run(self) -> None:
        """Restore the open clip, or let its stopped job go on."""
        item = self.clip.item
        if item is None or item.running is not None:
            return
        if item.can_go_on:
            self._try(item, lambda: self.clips.go_on(item))
        else:
            self._try(item, lambda: self.clips.restore(item, self._target(item), self._services.prefs.now.device))
        self.clip.follow(True)

    def run_all(self) -> None:
        """Restore every clip that is not restored yet, each with its own choices."""
        if not self.batch.blocked:
            self.batch.start()
            self.clip.follow(True)

    def choose_for_all(self) -> None:
        """Restore all clips of the list as the open one; their parts and places stay."""
        self.clips.choose_for_all(self.clip.choices)

    def cancel(self) -> None:
        """Stop restoring the open clip."""
        if self.clip.item is not None:
            self.clips.cancel(self.clip.item)

    def mute(self) -> None:
        """Silence, and back to the volume before."""
        slider = self.canvas.transport.volume
        if slider.value() > 0:
            self._volume_before = slider.value()
            slider.setValue(0)
        else:
            slider.setValue(self._volume_before)

    def flip(self) -> None:
        """Each picture takes the other one's place as long as the key is held."""
        self.canvas.view.set_flipped(True)
        QApplication.instance().installEventFilter(self)  # type: ignore[union-attr]

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        released = isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyRelease and event.key() == Qt.Key.Key_X
        if (released and not event.isAutoRepeat()) or event.type() == QEvent.Type.ApplicationDeactivate:  # type: ignore[attr-defined]
            self.canvas.view.set_flipped(False)
            QApplication.instance().removeEventFilter(self)  # type: ignore[union-attr]
        return False

    def show_alone(self, on: bool) -> None:
        """Leave all of the screen to the picture and its timeline, or give the rest its place back."""
        if on != self._alone:
            self._alone = on
            self.canvas.show_alone(on)
            self._refresh()
            self.alone_asked.emit(on)

    @property
    def alone(self) -> bool:
        """Whether the picture has all of the screen."""
        return self._alone

    # What happens

    def _do(self, name: str) -> None:
        action = self._actions[name]
        if not action.blocked():
            action.run()
        self.changed.emit()

    def _do_with(self, what: str, item: Item) -> None:
        if what == "cancel":
            self.clips.cancel(item)
        elif what == "go_on":
            self._try(item, lambda: self.clips.go_on(item))
        else:
            place = self.clips.items.index(item)
            self.clips.remove(item)
            if item is self.clip.item:
                self.clip.close()
                if self.clips.items:
                    self._open_item(self.clips.items[min(place, len(self.clips.items) - 1)])
                    self.list.select(self.clip.item)

    def _open_item(self, item: Item) -> None:
        if item is not self.clip.item:
            self.clip.open(item)

    def _compare(self, source: Path, result: Result) -> None:
        item = self.clips.add([source])[0]
        self.clip.open(item, beside=result)
        self.list.select(item)

    def _target(self, item: Item) -> Path:
        suffix = str(self.clip.look.info.get("output") or "") if item is self.clip.item else ""
        return self.clips.target(item, suffix)

    def _try(self, item: Item, work: Callable[[], None]) -> None:
        try:
            work()
        except UserError as error:
            self._services.say(from_error(UserError(error.message, path=error.path or item.path, remedy=error.remedy)))

    def _refresh(self) -> None:
        clip = self.clip
        page: QWidget = self.start
        if clip.error is not None:
            self.failed_page.say(clip.error)
            page = self.failed_page
        elif clip.is_open:
            page = self.canvas
        self._pages.setCurrentWidget(page)
        self._pages.setProperty("foot", self.canvas.foot if page is self.canvas else 0)
        usable = clip.is_open and clip.error is None and not self._alone
        several = len(self.clips.items) > 1 and not self._alone
        parts: list[tuple[QWidget, bool]] = [(self.inspector, usable), (self._edges[1], usable)]
        for part, on in (*parts, (self.list, several), (self._edges[0], several)):
            part.setVisible(on)
        if clip.item is not None:
            self.inspector.show_target(self._target(clip.item))
        self._models_changed()
        self.changed.emit()

    def _models_changed(self) -> None:
        blocked = self.inspector.blocked
        self.clip.shown.set_blocked(blocked)
        self.clip.look.set_blocked(bool(blocked))
        self.inspector.refresh()

    def _prefs_changed(self, names: set[str]) -> None:
        if "device" in names:
            self.clip.shown.device = self._services.prefs.now.device

    def _set_volume(self, volume: float) -> None:
        # Loudness is heard roughly as the square of the gain's root: the lower half of the slider stays useful.
        self.clip.player.mixer.volume = volume * volume

    def _preview_failed(self, failed: Failed) -> None:
        library = [("Open the library", lambda: self._services.go("library"))] if needs_model(failed) else []
        self._services.say(from_failed(failed, library))

    def _ended(self, item: Item) -> None:
        row = item.row
        if row is None:
            return
        if row.batch and item is not self.clip.item:
            # The batch tells of all of its clips at once.
            return
        if row.state is JobState.DONE:
            self._done(item)
        elif row.state is JobState.FAILED:
            again = ("Go on" if item.can_go_on else "Try again", lambda: self._do_with("go_on", item))
            self._services.say(from_failed(failure(row), [again]))

    def _done(self, item: Item) -> None:
        row = item.row
        assert row is not None
        target = written(row)
        warnings = [str(text) for text in (row.result or {}).get("warnings") or ()]
        actions = [("Show in folder", lambda: show_in_folder(target))]
        if item is not self.clip.item:
            actions.insert(0, ("Compare", lambda: self._show_item(item)))
        severity = Severity.WARNING if warnings else Severity.GOOD
        self._services.say(Note(severity, f"Restored {item.path.name}", str(target), " ".join(warnings), actions=actions))

    def _batch_ended(self) -> None:
        batch = self.batch.batching.batch
        if batch is None:
            return
        report = [("Open the report", self.list.box.open_report)] if self.batch.batching.report else []
        failed = batch.counts.get(JobState.FAILED, 0)
        severity = Severity.WARNING if failed else Severity.GOOD
        self._services.say(Note(severity, f"The batch is over: {totals(batch)}", batch.spec.output, actions=report))

    def _show_item(self, item: Item) -> None:
        self._services.go("video")
        self._open_item(item)
        self.list.select(item)
