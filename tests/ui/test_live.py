"""Playing out and practising in the window's parts, with instruments that can be pulled out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from desktop.errors import UserError
from desktop.piano.cover import LEFT, RIGHT
from desktop.piano.live.links import Link
from desktop.piano.live.schedule import ALL_NOTES_OFF, CONTROL, NOTE_OFF, NOTE_ON
from desktop.piano.live.system import System
from desktop.ui.mixer import Pcm
from desktop.ui.piano.live_actions import actions
from desktop.ui.piano.live_box import LiveBox
from desktop.ui.piano.live_practice import Hand
from desktop.ui.piano.song_state import Options, SongState
from desktop.ui.player import Obstacle, Player
from desktop.ui.state import State
from tests.piano.live.net import Device, NetSystem
from tests.piano.live.small import small_cover
from tests.waiting import quickest

RATE = 44100


class SilentPlayer(Player):
    """A player on a computer without a sound device: it runs on the clock."""

    @property
    def obstacle(self) -> Obstacle | None:
        return Obstacle("There is no sound device", "")


class Room:
    """A song, its player, the box, and two instruments."""

    def __init__(self, state: Path, system: System | None = None) -> None:
        self.organ, self.keys = Device("Organ"), Device("Keys 24:0")
        self.song = SongState(Options())
        self.player = SilentPlayer()
        self.player.set_sounds(None, Pcm(np.zeros((4 * RATE, 2), np.int16), RATE))
        self._system = system or NetSystem(self.organ, self.keys)
        self.box = LiveBox(self.song, self.player, State(state), system=self._find)
        self.live = self.box.live
        self.live.ports._watch.setInterval(100)
        self.song.path = state.with_name("small.reprise")
        self.song.document.start(small_cover(), self.song.path)
        self.song.replaced.emit()

    def _find(self) -> System:
        return self._system

    def close(self) -> None:
        """Let go of everything."""
        self.player.close()
        self.live.close()
        self.song.document.stack.clear()
        self.box.deleteLater()
        self.organ.unplug()
        self.keys.unplug()


@pytest.fixture
def room(qapp: QApplication, tmp_path: Path, home: Path) -> Iterator[Room]:
    made = Room(tmp_path / "window.ini")
    yield made
    made.close()


def notes(device: Device) -> list[tuple[int, ...]]:
    """Keys that went down on an instrument: (channel, pitch)."""
    return [(data[0] & 0x0F, data[1]) for data in device.messages if data[0] & 0xF0 == NOTE_ON]


def test_a_port_plays_what_the_player_plays_and_falls_silent_with_it(room: Room, qtbot: QtBot) -> None:
    room.live.choose_output("Organ")
    qtbot.waitUntil(lambda: room.live.ports.output.link is Link.OPEN)
    # Slowly, so that it stops before the next chord on a busy computer, too.
    room.player.speed = 0.25
    room.player.seek(0.48)
    room.player.play()
    qtbot.waitUntil(lambda: len(room.organ.messages) >= 2)
    room.player.pause()
    room.player.speed = 1.0
    qtbot.waitUntil(lambda: room.organ.messages[-1][:2] == (CONTROL | RIGHT, ALL_NOTES_OFF))
    assert notes(room.organ) == [(RIGHT, 62), (RIGHT, 65)], "the left hand's key is held from before"
    assert not room.live.ports.outlet.down
    room.live.choose_mode("follow")
    room.live.set_alone(True)
    room.player.seek(0.9)
    room.player.play()
    qtbot.waitUntil(lambda: (LEFT, 55) in notes(room.organ))
    room.player.seek(3.0)
    qtbot.waitUntil(lambda: (NOTE_OFF | LEFT, 55, 64) in room.organ.messages)
    assert (RIGHT, 60) not in notes(room.organ), "the hand that is practised is left out"


def test_a_port_that_is_pulled_out_is_said_and_the_player_goes_on(room: Room, qtbot: QtBot) -> None:
    room.live.choose_output("Organ")
    qtbot.waitUntil(lambda: room.live.ports.output.link is Link.OPEN)
    room.player.play()
    qtbot.waitUntil(lambda: bool(room.organ.messages))
    with qtbot.waitSignal(room.live.lost):
        room.organ.unplug()
    assert room.player.playing
    assert "Organ" in room.box.said.text()
    assert room.box.output.currentText() == "Organ"
    with qtbot.waitSignal(room.live.back):
        room.organ.plug_in()
    room.organ.got.clear()
    room.player.seek(0.9)
    qtbot.waitUntil(lambda: (LEFT, 55) in notes(room.organ))
    assert room.box.said.text() == ""


def test_the_song_waits_for_the_keys_and_goes_on_with_them(room: Room, qtbot: QtBot) -> None:
    lit: list[frozenset[int]] = []
    room.live.pressed_changed.connect(lit.append)
    room.live.choose_input("Keys 24:0")
    qtbot.waitUntil(lambda: room.live.ports.input.link is Link.OPEN and bool(room.keys._connections))
    room.live.choose_mode("wait")
    room.player.seek(0.3)
    room.player.play()
    room.player.count_in = True
    practice = room.live.practising.practice
    assert practice is not None
    qtbot.waitUntil(lambda: practice.holding)
    assert not room.player.playing
    assert 0.45 < room.player.position <= 0.5, "before the chord is heard"
    assert room.box.prompt.text() == "Waiting for D4 F4"
    room.keys.press(NOTE_ON, 62, 90, NOTE_ON, 61, 90)
    qtbot.waitUntil(lambda: len(practice.marks) == 2)
    assert practice.holding
    assert room.box.facts["Wrong"].value == "1"
    room.keys.press(NOTE_ON, 65, 90)
    qtbot.waitUntil(lambda: room.player.playing)
    assert not room.player.counting
    assert practice.score.hit == 2, "going on is not taken for a jump"
    qtbot.waitUntil(lambda: practice.holding)
    assert practice.expected == {60}
    assert lit[-1] == {61, 62, 65}
    assert not room.organ.messages, "its keys are passed on when that is wished"
    room.live.choose_output("Organ")
    qtbot.waitUntil(lambda: room.live.ports.output.link is Link.OPEN)
    room.box.through.setChecked(True)
    room.keys.press(CONTROL, 64, 127, NOTE_ON, 72, 50)
    qtbot.waitUntil(lambda: len(room.organ.messages) == 2)
    assert room.organ.messages == [(CONTROL | 2, 64, 127), (NOTE_ON | 2, 72, 50)]
    qtbot.waitUntil(lambda: 72 in lit[-1])
    room.player.seek(room.player.position)
    assert room.live.ports.outlet.down == {(2, 72)}, "the player's own keys are not let go with the cover's"
    room.keys.unplug()
    qtbot.waitUntil(lambda: lit[-1] == frozenset())
    room.player.seek(0.0)
    assert not practice.holding
    assert practice.passes[-1].hit == 2


def test_what_is_played_becomes_notes_that_can_be_undone(room: Room, qtbot: QtBot) -> None:
    room.live.choose_input("Keys 24:0")
    qtbot.waitUntil(lambda: room.live.ports.input.link is Link.OPEN and bool(room.keys._connections))
    room.live.choose_mode("follow")
    room.live.choose_hand(Hand.BOTH)
    room.box.recording.setChecked(True)
    assert room.live.mode == "off"
    before = room.song.cover
    room.keys.press(NOTE_ON, 80, 90)
    qtbot.waitUntil(lambda: room.live.practising.pressed == {80})
    assert before is not None

    def recorded() -> float:
        """Play along, and back; how far from when they were played the notes are at most, s."""
        room.player.seek(2.4)
        room.player.play()
        times = []
        for second, message in ((2.5, (NOTE_ON, 72, 90, NOTE_ON, 40, 70)), (2.7, (NOTE_OFF, 72, 64)), (2.9, ())):
            qtbot.waitUntil(lambda second=second: room.player.heard > second)
            times.append(room.player.heard)
            room.keys.press(*message)
        room.player.pause()
        cover = room.song.cover
        assert cover is not None
        new = np.sort(cover.notes[np.isin(cover.notes["pitch"], (40, 72, 80))], order="pitch")
        assert len(cover.notes) == len(before.notes) + 2, "what was pressed while nothing ran is no note"
        assert new[["pitch", "velocity", "hand"]].tolist() == [(40, 70, LEFT), (72, 90, RIGHT)]
        room.song.document.stack.undo()
        assert room.song.cover is before
        starts, ends = cover.grid.seconds(new["start"]), cover.grid.seconds(new["end"])
        return float(np.abs([*(starts - times[0]), *(ends - [times[2], times[1]])]).max())

    assert quickest(recorded, 0.1) < 0.1


def test_a_loop_in_time_gives_a_score_for_each_pass(room: Room, qtbot: QtBot) -> None:
    room.live.choose_hand(Hand.LEFT)
    room.live.choose_mode("follow")
    room.player.set_loop((0.8, 1.3))
    room.player.seek(0.8)
    room.player.play()
    practice = room.live.practising.practice
    assert practice is not None
    qtbot.waitUntil(lambda: len(practice.passes) >= 2)
    room.player.pause()
    assert [(one.hit, one.missed) for one in practice.passes[:2]] == [(0, 2), (0, 2)]


def test_without_a_midi_system_the_box_says_so(qapp: QApplication, tmp_path: Path, home: Path, qtbot: QtBot) -> None:
    class Nowhere(NetSystem):
        def outputs(self) -> list[str]:
            raise UserError("This computer has no MIDI system", remedy="Start one.")

    room = Room(tmp_path / "window.ini", Nowhere())
    room.box.show()
    qtbot.waitUntil(lambda: room.box.said.text() == "This computer has no MIDI system. Start one.")
    told: list[UserError] = []
    room.live.trouble.connect(told.append)
    room.live.choose_output("Organ")
    qtbot.waitUntil(lambda: bool(told))
    room.player.play()
    assert room.player.playing
    room.close()


def test_ports_and_choices_are_remembered(room: Room, qapp: QApplication, tmp_path: Path, qtbot: QtBot) -> None:
    room.box.output.opened.emit()
    qtbot.waitUntil(lambda: room.box.output.findData("Organ") >= 0)
    room.live.choose_output("Organ")
    room.live.choose_input("Keys 24:0")
    room.live.choose_hand(Hand.BOTH)
    room.box.delay.setValue(120)
    qtbot.waitUntil(lambda: not room.live.ports.busy)
    qtbot.waitUntil(lambda: not room.box.alone.isEnabled())
    room.keys.unplug()
    again = Room(tmp_path / "window.ini", NetSystem(room.organ, room.keys))
    qtbot.waitUntil(lambda: again.live.ports.output.link is Link.OPEN)
    qtbot.waitUntil(lambda: again.live.ports.input.link is Link.LOST)
    assert (again.live.practising.hand, again.box.delay.value()) == (Hand.BOTH, 120)
    room.keys.plug_in()
    qtbot.waitUntil(lambda: again.live.ports.input.link is Link.OPEN)
    again.close()


def test_actions(room: Room) -> None:
    book = {action.id: action for action in actions(room.live, lambda: "")}
    wait, follow = book["live.wait"], book["live.follow"]
    assert wait.checked is not None
    assert follow.checked is not None
    wait.run()
    assert wait.checked()
    follow.run()
    assert (wait.checked(), follow.checked()) == (False, True)
    follow.run()
    assert room.live.mode == "off"
    book["live.hand"].run()
    assert room.live.practising.hand is Hand.LEFT
    assert book["live.silence"].blocked() == "No MIDI port is played on"
