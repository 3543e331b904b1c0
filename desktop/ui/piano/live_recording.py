"""What is played on the keyboard while the song runs becomes notes of the cover, as one step that can be undone."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QObject, Signal

from desktop.piano.editing.making import add
from desktop.piano.live.links import Key
from desktop.piano.live.recording import Recorder
from desktop.ui.piano.live_practice import BACK_S, Hand, second_of
from desktop.ui.piano.song_state import SongState
from desktop.ui.player import Player


class LiveRecording(QObject):
    """Records while it is on and the player runs; the notes are added when the player stops.

    Attributes:
        on: whether it records.
        hand: whose notes they become; for both, middle C parts them.

    Signals:
        changed: it was switched.
    """

    changed = Signal()

    def __init__(self, song: SongState, player: Player, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._song, self._player = song, player
        self.on = False
        self.hand = Hand.RIGHT
        self._recorder = Recorder()
        self._second = 0.0
        player.moved.connect(self._moved)
        player.jumped.connect(self._jumped)
        player.playing_changed.connect(self._playing_changed)
        song.replaced.connect(self._forget)

    def set_on(self, on: bool) -> None:
        """Record from now on, or add what was played and stop."""
        if on != self.on:
            self._add()
            self.on = on
            self.changed.emit()

    def key(self, key: Key) -> None:
        """A key of the keyboard."""
        if not self.on or not self._player.playing or self._player.counting:
            return
        second = second_of(self._player, key)
        if key.velocity:
            self._recorder.press(key.pitch, key.velocity, second)
        else:
            self._recorder.lift(key.pitch, second)

    def _moved(self, second: float) -> None:
        before, self._second = self._second, second
        if self._player.playing and second < before - BACK_S:
            self._recorder.rest(before)

    def _jumped(self, second: float) -> None:
        self._recorder.rest(self._second)
        self._second = second

    def _playing_changed(self, playing: bool) -> None:
        if not playing:
            self._add()

    def _forget(self) -> None:
        self._recorder = Recorder()

    def _add(self) -> None:
        recorder, cover = self._recorder, self._song.cover
        recorder.rest(self._second)
        self._recorder = Recorder()
        if cover is None or not recorder.count:
            return
        made = add(cover.notes, recorder.notes(cover.grid, self.hand.numbers))
        count = len(made.chosen)
        words = "Record a note" if count == 1 else f"Record {count} notes"
        self._song.edit(words, replace(cover, notes=made.notes), selection=made.chosen)
