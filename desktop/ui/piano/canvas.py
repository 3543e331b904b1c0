"""Waveform, views of the cover and transport of the open song."""

from __future__ import annotations

from typing import Protocol, cast, runtime_checkable

from PySide6.QtCore import Qt, Signal, SignalInstance
from PySide6.QtWidgets import QHBoxLayout, QScrollBar, QStackedWidget, QVBoxLayout, QWidget

from desktop.ui.piano.beats_desk import BeatsDesk
from desktop.ui.piano.edit_bar import EditBar
from desktop.ui.piano.edit_editor import Editor
from desktop.ui.piano.edit_tools import Tools
from desktop.ui.piano.lanes_pedal import PedalLane
from desktop.ui.piano.lanes_velocity import VelocityLane
from desktop.ui.piano.song import Song, Task
from desktop.ui.piano.transport import Transport
from desktop.ui.player import Player
from desktop.ui.widgets import grid_lines
from desktop.ui.widgets.parts import line
from desktop.ui.widgets.piano_roll import PianoRoll
from desktop.ui.widgets.timeline import GUTTER, Timeline
from desktop.ui.widgets.waveform import Waveform

STEP = 1000.0
"""Steps of the scroll bar a second."""
ROLL = "roll"
"""The view that is there from the start."""


class View(Protocol):
    """A way to look at the cover: a QWidget that is made with the song and the window's services.

    Signals:
        seek: second that was clicked.
    """

    seek: SignalInstance

    def show_song(self) -> None:
        """Notes or beats of the song have changed."""

    def set_playhead(self, second: float | None) -> None:
        """The playhead has moved; None takes it away."""

    def set_active(self, on: bool) -> None:
        """It is, or is no longer, the view in front. What is not in front is told nothing else; show the song when it is."""


@runtime_checkable
class Zooms(Protocol):
    """A view that does not follow the time axis of the others and is zoomed by itself."""

    def zoom(self, factor: float) -> None:
        """Enlarge by a factor."""

    def fit(self) -> None:
        """Back to the size that fits."""


class Canvas(QWidget):
    """Shows a ``Song`` and plays it with a ``Player``.

    Attributes:
        beats: changes the beats, and what is played to practise.
        editor: changes the notes, with the mouse in the roll and by actions.
        views: title of each view by its id.
        view: id of the one in front.

    Signals:
        loop_changed: the loop range, or whether it is on, has changed.
        view_changed: another view is in front: its id.
        views_changed: there is one more.
    """

    loop_changed = Signal()
    view_changed = Signal(str)
    views_changed = Signal()

    def __init__(self, song: Song, player: Player, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.song, self.player = song, player
        self.timeline = Timeline(self)
        self.waveform, self.roll = Waveform(self.timeline), PianoRoll(self.timeline)
        self.transport = Transport()
        self.beats = BeatsDesk(song, player, self.waveform, self.transport)
        self.loop: tuple[float, float] | None = None
        self.loop_on = False
        self._second = 0.0
        self.views = {ROLL: "Roll"}
        self.view = ROLL
        self._views: dict[str, View] = {}
        self._stack = QStackedWidget()
        self.editor = Editor(song, self)
        self.lanes = {"velocity": VelocityLane(self.timeline, self.editor), "pedal": PedalLane(self.timeline, self.editor)}
        self.bar = EditBar(self.editor)
        self._bar = QScrollBar(Qt.Orientation.Horizontal)
        self._bar.setAccessibleName("Place in the song")
        self._lay_out()
        for lane in (self.waveform, self.roll, *self.lanes.values()):
            lane.seek.connect(self.seek)
            lane.loop_drawn.connect(lambda a, b: self.set_loop((a, b), True))
        self.waveform.downbeat.connect(song.set_downbeat)
        self.timeline.changed.connect(self._sync_bar)
        self._bar.valueChanged.connect(lambda value: self.timeline.scroll_to(value / STEP))
        self.transport.balance_changed.connect(self._set_balance)
        self.transport.volume_changed.connect(self._set_volume)
        song.replaced.connect(self._replaced)
        song.notes_changed.connect(self.show_notes)
        song.sound_changed.connect(self.show_sound)
        song.status_changed.connect(self.show_status)
        player.moved.connect(self._moved)
        player.playing_changed.connect(self.transport.show_playing)
        player.obstacle_changed.connect(self.show_sound)
        Tools(self.roll, self.editor)
        self.bar.view_chosen.connect(self.show_view)
        self.editor.changed.connect(self._show_lanes)
        for signal in (self.views_changed, self.view_changed):
            signal.connect(lambda *_: self.bar.show_views(self.views, self.view))
        self.bar.show_views(self.views, self.view)

    def _lay_out(self) -> None:
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        self._roll_page = QWidget()
        page = QVBoxLayout(self._roll_page)
        page.setContentsMargins(0, 0, 0, 0)
        page.setSpacing(0)
        foot = QHBoxLayout()
        foot.setContentsMargins(GUTTER, 0, 0, 0)
        foot.addWidget(self._bar)
        page.addWidget(self.roll, 1)
        for lane in self.lanes.values():
            page.addWidget(lane)
            lane.hide()
        page.addLayout(foot)
        self._stack.addWidget(self._roll_page)
        whole.addWidget(self.bar)
        whole.addWidget(line())
        whole.addWidget(self.waveform)
        whole.addWidget(self._stack, 1)
        whole.addWidget(line())
        whole.addWidget(self.transport)

    # Views

    def add_view(self, name: str, title: str, view: QWidget) -> None:
        """Add a ``View`` behind the others."""
        made = cast(View, view)
        self.views[name], self._views[name] = title, made
        made.seek.connect(self.seek)
        self._stack.addWidget(view)
        self.views_changed.emit()

    def show_view(self, name: str) -> None:
        """Bring a view to the front; an id that is not there is ignored."""
        if name == self.view or name not in self.views:
            return
        if (old := self._views.get(self.view)) is not None:
            old.set_active(False)
        self.view = name
        new = self._views.get(name)
        self._stack.setCurrentWidget(cast(QWidget, new) if new is not None else self._roll_page)
        if new is not None:
            new.set_active(True)
            new.show_song()
        (new or self.roll).set_playhead(self._second)
        self.view_changed.emit(name)

    # What the user does

    @property
    def second(self) -> float:
        """Where the playhead is."""
        return self._second

    def seek(self, second: float) -> None:
        """Move the playhead; sound goes on there."""
        second = min(max(0.0, second), max(0.0, self.timeline.duration))
        if self.view != ROLL:
            # Where time runs otherwise, a place may be chosen that the waveform does not show.
            self.timeline.follow(second)
        if self.player.mixer.length:
            self.player.seek(second)  # which says where it is
        else:
            self._moved(second)

    def step(self, beats: int) -> None:
        """Move the playhead by beats, or seconds while there is no grid."""
        grid = self.song.grid
        if grid is None:
            self.seek(self._second + beats)
            return
        at = float(grid.beats(self._second))
        near = round(at)
        self.seek(float(grid.seconds(near + beats if abs(at - near) < 0.02 else (int(at // 1) + (1 if beats > 0 else 0)))))

    def set_loop(self, loop: tuple[float, float] | None, on: bool) -> None:
        """Repeat a range of seconds."""
        self.loop = self.song.loop = loop if loop is None or loop[1] - loop[0] > 0.05 else None
        self.loop_on = on and self.loop is not None
        self.waveform.set_loop(self.loop, self.loop_on)
        for lane in (self.roll, *self.lanes.values()):
            lane.set_loop(self.loop, self.loop_on)
        self.transport.loop.setChecked(self.loop_on)
        self.player.set_loop(self.loop if self.loop_on else None)
        self.loop_changed.emit()

    def set_loop_end(self, last: bool) -> None:
        """Put one end of the loop at the playhead."""
        start, end = self.loop or (0.0, self.timeline.duration)
        start, end = (start, self._second) if last else (self._second, end)
        if end <= start:
            start, end = (0.0, self._second) if last else (self._second, self.timeline.duration)
        self.set_loop((start, end), True)

    def toggle_loop(self) -> None:
        """Switch the loop on or off; the bars in view when there is no range yet."""
        if self.loop is None:
            self.set_loop((self.timeline.start, min(self.timeline.end, self.timeline.duration)), True)
        else:
            self.set_loop(self.loop, not self.loop_on)

    def zoom(self, factor: float) -> None:
        """Zoom about the playhead when it is in view, else about the middle; a score in front is zoomed itself."""
        if (zooms := self._zooming()) is not None:
            zooms.zoom(factor)
            return
        x = self.timeline.x(self._second)
        self.timeline.zoom(factor, x if GUTTER <= x <= self.width() else GUTTER + self.timeline.width / 2)

    def fit(self) -> None:
        """Show all of the song and all of its pitches; a score as wide as the view."""
        if (zooms := self._zooming()) is not None:
            zooms.fit()
            return
        self.timeline.fit()
        self.roll.fit_pitch()

    def _zooming(self) -> Zooms | None:
        """The view in front when it has a zoom of its own."""
        front = self._views.get(self.view)
        return front if isinstance(front, Zooms) else None

    # What changed

    def _replaced(self) -> None:
        self.player.stop()
        self.player.set_sounds(None, None)
        self.set_loop(None, False)
        self.timeline.set_duration(0.0)
        self.timeline.fit()
        self.waveform.set_peaks(self.song.peaks, 0.0)
        self.show_notes()
        self.show_sound()
        self._moved(0.0)

    def show_notes(self) -> None:
        """Show the song's notes and beats."""
        self.timeline.set_duration(max(self.song.duration, float(self.song.grid.times[-1]) if self.song.grid else 0.0))
        self.waveform.set_grid(self.song.grid)
        self.roll.set_data(self.song.roll)
        for lane in self.lanes.values():
            lane.show_song()
        if (view := self._views.get(self.view)) is not None:
            view.show_song()
        self.show_status()
        self._moved(self._second)

    def show_sound(self) -> None:
        """Take over waveform and sound."""
        song = self.song
        if song.duration > self.timeline.duration:
            self.timeline.set_duration(song.duration)
        self.waveform.set_peaks(song.peaks, song.original.duration if song.original else 0.0)
        self.player.set_sounds(song.original, song.sound)
        sounds = song.original is not None or song.sound is not None or song.cover is not None
        # Looking for a device loads Qt Multimedia: not before there is something to play.
        self.transport.show_obstacle(self.player.obstacle if sounds else None, sounds=sounds)
        both = song.original is not None and song.sound is not None
        missing = "The cover's sound is being made." if song.sound is None else "The original is not there."
        self.transport.show_balance("" if both else missing)
        self._moved(self._second)

    def show_status(self) -> None:
        """Dim old notes while new ones are made; say what is going on while there is nothing to see."""
        song = self.song
        self.roll.set_stale(not song.is_grown)
        self.bar.refresh()
        listening = song.jobs.get(Task.LISTEN)
        heard = listening is not None and not listening.state.is_over
        self.waveform.set_message("Reading the song…" if heard else "" if song.source else "The recording is not there")
        row = song.covering
        waiting = row is not None and not len(song.roll.notes)
        self.roll.set_message((row.message or "Waiting for its turn") if waiting and row else "")

    def _moved(self, second: float) -> None:
        self._second = self.song.second = second
        self.waveform.set_playhead(second)
        view = self._views.get(self.view)
        (self.roll if view is None else view).set_playhead(second)
        for lane in self.lanes.values():
            lane.set_playhead(second)
        if self.player.playing:
            self.timeline.follow(second)
        grid = self.song.grid
        place = grid_lines.bar_beat(grid, second) if grid is not None else "–"
        self.transport.show_position(place, second, self.timeline.duration)

    def _show_lanes(self) -> None:
        for name, lane in self.lanes.items():
            lane.setVisible(name in self.editor.lanes)

    def _sync_bar(self) -> None:
        span = self.timeline
        self._bar.blockSignals(True)
        self._bar.setPageStep(round(span.shown * STEP))
        self._bar.setSingleStep(round(span.shown * STEP / 20) or 1)
        self._bar.setRange(0, max(0, round((span.duration * 1.01 - span.shown) * STEP)))
        self._bar.setValue(round(span.start * STEP))
        self._bar.blockSignals(False)

    def _set_balance(self, balance: float) -> None:
        self.player.mixer.balance = balance

    def _set_volume(self, volume: float) -> None:
        # Loudness is heard roughly as the square of the gain's root: the lower half of the slider stays useful.
        self.player.mixer.volume = volume * volume
        self.transport.mute.set_icon("volume" if volume > 0 else "mute")
