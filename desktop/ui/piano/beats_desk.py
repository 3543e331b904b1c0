"""What the user does to the beats of the open song, each a step that can be undone: in the ruler, by taps, buttons and keys."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
from PySide6.QtCore import QObject, QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QMenu

from desktop.piano import regrid
from desktop.piano.cover import Cover
from desktop.piano.tapping import from_taps
from desktop.ui.piano.beats_taps import Taps
from desktop.ui.piano.song import Song
from desktop.ui.piano.transport import Transport
from desktop.ui.player import Player
from desktop.ui.widgets.waveform import Waveform

ELASTIC = 4
"""Beats on either side that give way when a beat is dragged with Shift."""
FRAME_MS = 16


class BeatsDesk(QObject):
    """See the module's docstring.

    Attributes:
        taps: those that are not beats yet.
        note: what the last correction had to say ("Largest change 12 ms"), "" when nothing.

    Signals:
        changed: taps or ``note`` have changed.
    """

    changed = Signal()

    def __init__(self, song: Song, player: Player, waveform: Waveform, transport: Transport) -> None:
        super().__init__(waveform)
        self._song, self._player, self._waveform = song, player, waveform
        self.taps = Taps(self)
        self.note = ""
        self._noted: Cover | None = None
        self._serials = itertools.count()
        self._origin: Cover | None = None
        self._drag: tuple[int, float, bool] | None = None
        self._frame = QTimer(self, singleShot=True, interval=FRAME_MS)
        self._frame.timeout.connect(self._move)
        waveform.beat_dragged.connect(self._dragged)
        waveform.beat_dropped.connect(self._dropped)
        waveform.beat_asked.connect(self.insert)
        waveform.menu_asked.connect(self._menu)
        self.taps.changed.connect(self._tapped)
        self.taps.done.connect(self._take_taps)
        self._keys = []
        for keys, run in ((("Return", "Enter"), self.taps.finish), (("Esc",), self.taps.drop)):
            for key in keys:
                shortcut = QShortcut(QKeySequence(key), waveform, run, context=Qt.ShortcutContext.WindowShortcut)
                shortcut.setEnabled(False)
                self._keys.append(shortcut)
        song.replaced.connect(self._replaced)
        song.notes_changed.connect(self._follow)
        player.playing_changed.connect(self._playing_changed)
        self._transport = transport
        transport.speed.changed.connect(self._set_speed)
        transport.metronome.changed.connect(self._set_metronome)
        self._set_metronome()
        self._follow()

    @property
    def blocked(self) -> str:
        """Why the beats cannot be changed now, "" when they can."""
        if not self._song.is_open:
            return "Open a song first"
        if self._song.cover is None:
            return "There is no cover yet whose beats could be changed"
        return ""

    @property
    def tap_blocked(self) -> str:
        """Why tapping does nothing now."""
        return self.blocked or ("" if self._player.playing else "Play the song, then tap along")

    @property
    def arranged_elsewhere(self) -> bool:
        """Whether the notes were arranged on other beats than the present ones."""
        cover = self._song.cover
        return cover is not None and regrid.needs_arranging(cover)

    # Corrections

    def tap(self) -> None:
        """A beat is where the song is heard now."""
        if not self.tap_blocked and not self._player.counting:
            self.taps.add(self._player.heard, self._player.speed)

    def set_meter(self, meter: int) -> None:
        """So many beats a bar."""
        grid = self._song.grid
        if grid is not None and meter != grid.meter:
            self._song.regrid(f"{meter} beats a bar", lambda cover: regrid.with_meter(cover, meter))

    def make_steady(self) -> None:
        """One tempo from start to end."""
        said: list[str] = []

        def change(cover: Cover) -> Cover:
            steady = regrid.constant_tempo(cover)
            said.append(f"One tempo: {steady.tempo:.2f} BPM. Beats moved by {steady.deviation * 1000:.0f} ms at most.")
            return steady.cover

        self._song.regrid("One tempo", change)
        self._say(*said)

    def insert(self, second: float) -> None:
        """One more beat."""
        self._song.regrid("Insert a beat", lambda cover: regrid.insert_beat(cover, second))

    def remove(self, beat: int) -> None:
        """One beat less."""
        self._song.regrid("Remove a beat", lambda cover: regrid.remove_beat(cover, beat))

    def remove_at(self, second: float) -> None:
        """The beat nearest to a second goes."""
        if (beat := self._waveform.nearest(second)) >= 0:
            self.remove(beat)

    def set_downbeat(self, beat: int) -> None:
        """A bar starts with this beat."""
        self._song.set_downbeat(beat)

    # Dragging

    def _dragged(self, beat: int, second: float, elastic: bool) -> None:
        if self._song.cover is None:
            return
        if self._origin is None:
            self._origin = self._song.cover
            self._merge = f"beat-{next(self._serials)}"
        self._drag = (beat, second, elastic)
        if not self._frame.isActive():
            self._frame.start()

    def _move(self) -> None:
        """Show where the beat is now: from where it was, so that what gave way comes back when the mouse does."""
        origin, drag, self._drag = self._origin, self._drag, None
        if origin is None or drag is None:
            return
        beat, second, elastic = drag
        if beat < len(origin.grid.times):
            self._song.edit("Move a beat", regrid.drag_beat(origin, beat, second, ELASTIC if elastic else 0), self._merge)

    def _dropped(self) -> None:
        self._frame.stop()
        self._move()
        self._origin = None

    # Taps

    def _tapped(self) -> None:
        self._waveform.set_taps(self.taps.seconds)
        for key in self._keys:
            key.setEnabled(bool(self.taps.seconds))
        self.changed.emit()

    def _take_taps(self, taps: list[float]) -> None:
        loop = self._song.loop if self._player.mixer.loop is not None else None
        # Who loops over a passage corrects that passage.
        part = loop is not None and loop[0] - 0.2 <= taps[0] and taps[-1] <= loop[1] + 0.2
        text = f"Beats as tapped ({len(taps)} taps)"
        self._song.regrid(text, lambda cover: from_taps(cover, np.array(taps), whole=not part))

    def _playing_changed(self, playing: bool) -> None:
        if not playing:
            self.taps.finish()

    # Practice playback

    def _set_speed(self, speed: float) -> None:
        self._player.speed = speed

    def _set_metronome(self) -> None:
        clicks, shown = self._player.metronome, self._transport.metronome
        clicks.on, clicks.volume = shown.on, shown.volume
        self._player.count_in = shown.counts_in

    # The rest

    def _say(self, *said: str) -> None:
        self.note, self._noted = " ".join(said), self._song.cover
        self.changed.emit()

    def _replaced(self) -> None:
        self.taps.drop()
        self._origin = self._drag = None
        self._follow()

    def _follow(self) -> None:
        self._player.metronome.set_grid(self._song.grid)
        # A cover can be played before its sound is made: on a MIDI port, to be read, with clicks.
        self._player.mixer.lasts = self._song.duration if self._song.cover is not None else 0.0
        self._waveform.editable = not self.blocked and self._song.covering is None
        if self.note and self._song.cover is not self._noted:
            self.note = ""
        self.changed.emit()

    def _menu(self, second: float, beat: int, at: QPoint) -> None:
        """What can be done where was clicked."""
        menu = self.menu(second, beat)
        menu.exec(at)
        menu.deleteLater()

    def menu(self, second: float, beat: int) -> QMenu:
        """The menu of a place in the waveform."""
        menu = QMenu(self._waveform)
        choices: tuple[tuple[str, Callable[[], None]], ...] = (
            ("A bar starts here", lambda: self.set_downbeat(beat)),
            ("Insert a beat here", lambda: self.insert(second)),
            ("Remove this beat", lambda: self.remove(beat)),
        )
        for text, run in choices:
            menu.addAction(text).triggered.connect(lambda _on=False, do=run: do())
        return menu
