"""Practising in the window: keys of a MIDI keyboard are judged, and the playhead waits for them when asked to."""

from __future__ import annotations

from enum import StrEnum
from time import perf_counter

from PySide6.QtCore import QObject, Signal

from desktop.piano.cover import LEFT, RIGHT, Cover
from desktop.piano.live.links import Key
from desktop.piano.live.practice import LEAD, Mark, Mode, Practice, steps
from desktop.ui.player import Player

BACK_S = 0.05
"""The playhead can only go back this far without anybody having jumped: a loop began anew."""


class Hand(StrEnum):
    """Whose part is practised."""

    RIGHT = "right"
    LEFT = "left"
    BOTH = "both"

    @property
    def numbers(self) -> tuple[int, ...]:
        """The hands as covers number them."""
        return {Hand.RIGHT: (RIGHT,), Hand.LEFT: (LEFT,), Hand.BOTH: (RIGHT, LEFT)}[self]


class LivePractice(QObject):
    """A ``Practice`` that goes along with the player.

    Attributes:
        mode: None while nothing is practised.
        practice: the state, None while nothing is practised or there is no cover.
        pressed: keys that are down.

    Signals:
        changed: mode, hand, score or expected keys have changed.
        pressed_changed: the pitches that are down, as a frozenset.
        marked: the Mark of a key.
    """

    changed = Signal()
    pressed_changed = Signal(object)
    marked = Signal(object)

    def __init__(self, player: Player, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._player = player
        self.mode: Mode | None = None
        self.hand = Hand.RIGHT
        self.octaves = False
        self.practice: Practice | None = None
        self.pressed: frozenset[int] = frozenset()
        self._cover: Cover | None = None
        self._second = 0.0
        self._own = False
        player.moved.connect(self._moved)
        player.jumped.connect(self._jumped)
        player.playing_changed.connect(self._playing_changed)

    # What the user does

    def choose(self, *, mode: Mode | None, hand: Hand, octaves: bool) -> None:
        """Practise in another way; what was counted so far is forgotten, unless only octaves were."""
        again = (mode, hand) != (self.mode, self.hand)
        self.mode, self.hand, self.octaves = mode, hand, octaves
        if again:
            self._begin()
        elif self.practice is not None:
            self.practice.octaves = octaves
            self.changed.emit()

    def set_cover(self, cover: Cover | None) -> None:
        """Practise other notes."""
        if cover is not self._cover:
            self._cover = cover
            self._begin()

    def restart(self) -> None:
        """Count from 0 again."""
        self._begin()

    def let_go(self) -> None:
        """The keyboard is gone: none of its keys is down."""
        if self.pressed:
            self.pressed = frozenset()
            self.pressed_changed.emit(self.pressed)

    def press(self, key: Key) -> None:
        """A key of the keyboard."""
        pressed = self.pressed | {key.pitch} if key.velocity else self.pressed - {key.pitch}
        if pressed != self.pressed:
            self.pressed = pressed
            self.pressed_changed.emit(pressed)
        practice, player = self.practice, self._player
        if not key.velocity or practice is None or not (player.playing or practice.holding):
            return
        second = self._second
        if player.playing:
            second = second_of(player, key)
        waited = practice.holding
        mark: Mark = practice.press(key.pitch, second, player.speed)
        self.marked.emit(mark)
        self.changed.emit()
        if waited and not practice.holding:
            self._go_on()

    # Inside

    def _begin(self) -> None:
        self.practice = None
        if self.mode is not None and self._cover is not None:
            self.practice = Practice(steps(self._cover, self.hand.numbers), self.mode, octaves=self.octaves)
            self.practice.jump(self._player.heard)
        self.changed.emit()

    def _jumped(self, second: float) -> None:
        if self._own:
            return
        self._second = second
        if self.practice is not None:
            self.practice.jump(second)
            self.changed.emit()

    def _moved(self, second: float) -> None:
        before, self._second = self._second, second
        practice = self.practice
        if practice is None or self._own or not self._player.playing or self._player.counting:
            return
        count = len(practice.marks), practice.expected
        if second < before - BACK_S:
            loop = self._player.mixer.loop
            practice.finish(loop[1] / self._player.mixer.rate if loop else before)
            practice.jump(second)
        wait_at = practice.advance(second, self._player.speed)
        if wait_at is not None:
            self._wait(wait_at)
        if wait_at is not None or count != (len(practice.marks), practice.expected):
            self.changed.emit()

    def _wait(self, second: float) -> None:
        """Stop the player at a chord that was not played yet, a hair before it so that it is heard when it is."""
        self._own = True
        try:
            self._player.pause()
            if self._player.position > second + LEAD * self._player.speed:
                self._player.seek(second)
        finally:
            self._own = False
        self._second = self._player.position

    def _go_on(self) -> None:
        player = self._player
        count_in, player.count_in = player.count_in, False
        self._own = True
        try:
            player.play()
        finally:
            self._own = False
            player.count_in = count_in

    def _playing_changed(self, playing: bool) -> None:
        practice, mixer = self.practice, self._player.mixer
        if not playing and not self._own and practice is not None and self._second * mixer.rate >= mixer.length - mixer.rate / 4:
            practice.finish(float("inf"))
            self.changed.emit()


def second_of(player: Player, key: Key) -> float:
    """Second of the song that was heard when a key was pressed, while the player runs."""
    return player.heard - (perf_counter() - key.at) * player.speed
