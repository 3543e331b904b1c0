"""Playing out and practising of the open song, put together: what the box shows and the actions change. No widgets here."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Signal

from desktop.piano.live.links import Link, Status
from desktop.piano.live.practice import Mode
from desktop.piano.live.schedule import HANDS
from desktop.piano.live.system import System, find_system
from desktop.ui.piano.live_ports import VIRTUAL, LivePorts
from desktop.ui.piano.live_practice import Hand, LivePractice
from desktop.ui.piano.live_recording import LiveRecording
from desktop.ui.piano.song_state import SongState
from desktop.ui.player import Player
from desktop.ui.state import State

MODES = {"off": None, "wait": Mode.WAIT, "follow": Mode.FOLLOW}


class Live(QObject):
    """Ports and practice of one song; the choices are remembered.

    Attributes:
        alone: whether the port is sent only the hand that is not practised.

    Signals:
        changed: anything to be shown has changed.
        pressed_changed: pitches that are down on the keyboard, as a frozenset.
        lost, back: a Status: a port went away while it was used, or returned.
        trouble: the UserError of a port that could not be opened.
    """

    changed = Signal()
    pressed_changed = Signal(object)
    lost = Signal(object)
    back = Signal(object)
    trouble = Signal(object)

    def __init__(
        self,
        song: SongState,
        player: Player,
        state: State,
        parent: QObject | None = None,
        system: Callable[[], System] = find_system,
    ) -> None:
        super().__init__(parent)
        self._song, self._state = song, state
        self.ports = LivePorts(player, self, system)
        self.practising = LivePractice(player, self)
        self.recording = LiveRecording(song, player, self)
        self.alone = state.flag("live/alone")
        self.delay = min(500, max(-200, int(state.number("live/delay", 0))))
        self.ports.through = state.flag("live/through")
        self._before = {"out": Status(), "in": Status()}
        self._recalled = False
        self.practising.hand = Hand(state.text("live/hand", Hand.RIGHT, tuple(Hand)))
        self.practising.octaves = state.flag("live/octaves")
        self.ports.set_delay(self.delay)
        self.recording.hand = self.practising.hand
        self.ports.key.connect(self.practising.press)
        self.ports.key.connect(self.recording.key)
        self.recording.changed.connect(self.changed)
        self.ports.trouble.connect(self.trouble)
        self.ports.changed.connect(self._ports_changed)
        self.practising.changed.connect(self.changed)
        self.practising.pressed_changed.connect(self.pressed_changed)
        for signal in (song.replaced, song.notes_changed, song.status_changed):
            signal.connect(self._song_changed)
        self._song_changed()

    # What the user does

    def choose_output(self, name: str) -> None:
        """Play on a port (``VIRTUAL`` for our own, "" for none), next time as well."""
        self._state.keep("live/out", name)
        self.ports.choose_output(name)

    def choose_input(self, name: str) -> None:
        """Hear keys from a port, next time as well."""
        self._state.keep("live/in", name)
        self.ports.choose_input(name)

    def choose_mode(self, name: str) -> None:
        """One of ``MODES``."""
        self.practising.choose(mode=MODES[name], hand=self.practising.hand, octaves=self.practising.octaves)
        if self.practising.mode is not None:
            self.recording.set_on(False)
        self._send_hands()

    def choose_hand(self, hand: Hand) -> None:
        """Practise another hand."""
        self._state.keep("live/hand", str(hand))
        self.practising.choose(mode=self.practising.mode, hand=hand, octaves=self.practising.octaves)
        self.recording.hand = hand
        self._send_hands()

    def set_recording(self, on: bool) -> None:
        """Let what is played become notes; nothing is practised meanwhile."""
        if on and self.practising.mode is not None:
            self.choose_mode("off")
        self.recording.set_on(on)

    def set_octaves(self, on: bool) -> None:
        """Let keys count in every octave."""
        self._state.keep("live/octaves", on)
        self.practising.choose(mode=self.practising.mode, hand=self.practising.hand, octaves=on)

    def set_alone(self, on: bool) -> None:
        """Send only the hand that is not practised."""
        self.alone = on
        self._state.keep("live/alone", on)
        self._send_hands()

    def set_through(self, on: bool) -> None:
        """Let the keyboard sound on the port that is played on."""
        self._state.keep("live/through", on)
        self.ports.through = on
        if not on:
            self.ports.silence()

    def set_delay(self, milliseconds: int) -> None:
        """Send later than the computer's own sound, or earlier when negative."""
        self.delay = milliseconds
        self._state.keep("live/delay", milliseconds)
        self.ports.set_delay(milliseconds)

    def recall(self) -> None:
        """Use the ports of the last time; once, when they are first of use."""
        if not self._recalled:
            self._recalled = True
            self.ports.expect(self._state.text("live/out"), self._state.text("live/in"))

    def close(self) -> None:
        """Let go of keys and ports."""
        self.ports.close()

    # What it is

    @property
    def mode(self) -> str:
        """One of ``MODES``."""
        return next(name for name, mode in MODES.items() if mode is self.practising.mode)

    @property
    def output(self) -> str:
        """The chosen port, as ``choose_output`` takes it."""
        return VIRTUAL if self.ports.outlet.is_virtual else self.ports.output.name

    @property
    def has_cover(self) -> bool:
        """Whether there are notes to practise."""
        return self._song.cover is not None

    # Inside

    def _song_changed(self) -> None:
        song = self._song
        if song.is_open and song.cover is not None:
            self.recall()
        self.practising.set_cover(song.cover)
        self._send_hands()

    def _send_hands(self) -> None:
        practised = self.practising.hand.numbers if self.alone and self.practising.mode is not None else ()
        self.ports.set_cover(self._song.cover, tuple(hand for hand in HANDS if hand not in practised))
        self.changed.emit()

    def _ports_changed(self) -> None:
        for name, status in (("out", self.ports.output), ("in", self.ports.input)):
            before, self._before[name] = self._before[name], status
            if name == "in" and status == self.ports.output:
                # One device does both: once is enough.
                continue
            if before.link is Link.OPEN and status.link is Link.LOST:
                self.lost.emit(status)
            elif before.link is Link.LOST and status.link is Link.OPEN and before.name:
                self.back.emit(status)
        if self.ports.input.link is not Link.OPEN:
            self.practising.let_go()
        self.changed.emit()
