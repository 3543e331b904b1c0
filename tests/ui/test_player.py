"""The player's clock, on a sound device of our own."""

from __future__ import annotations

import itertools
import time
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QIODevice
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from desktop.piano.cover import Grid
from desktop.ui.mixer import Pcm
from desktop.ui.player import Obstacle, Player
from tests.waiting import quickest

RATE = 44100
FRAME = 4


class FakeSink:
    """Takes sound into a buffer of a tenth of a second and plays it when told to."""

    def __init__(self) -> None:
        self.size = RATE // 10 * FRAME
        self.waiting = 0
        self.taken = 0
        self.source: QIODevice | None = None
        self.sound = b""

    def start(self, source: QIODevice) -> None:
        self.source, self.waiting, self.taken = source, 0, 0
        self.fill()

    def fill(self) -> None:
        assert self.source is not None
        data = bytes(self.source.read(self.size - self.waiting))
        self.sound += data
        self.waiting += len(data)
        self.taken += len(data)

    def play(self, seconds: float) -> None:
        """Let time pass."""
        left = round(seconds * RATE) * FRAME
        while left > 0:
            step = min(left, self.waiting)
            self.waiting -= step
            left -= step
            self.fill()

    def reset(self) -> None:
        self.source, self.waiting = None, 0

    def bufferSize(self) -> int:
        return self.size

    def bytesFree(self) -> int:
        return self.size - self.waiting

    def processedUSecs(self) -> int:
        return self.taken // FRAME * 1_000_000 // RATE


class FakedPlayer(Player):
    """A player whose device is a FakeSink."""

    @property
    def obstacle(self) -> Obstacle | None:
        return None

    def _make_sink(self) -> bool:
        self._sink: Any = FakeSink()
        self._frame_bytes = FRAME
        return True


@pytest.fixture
def player(qapp: QApplication) -> FakedPlayer:
    made = FakedPlayer()
    ramp = np.arange(RATE * 10) % 20000
    sound = np.stack([ramp, ramp], 1).astype(np.int16)
    made.set_sounds(Pcm(sound, RATE), None)
    return made


def test_the_playhead_is_what_was_played_not_what_was_mixed(player: FakedPlayer, qtbot: QtBot) -> None:
    assert player.play()
    heard: list[float] = []
    player.moved.connect(heard.append)
    player._sink.play(2.0)
    qtbot.waitUntil(lambda: len(heard) > 0)
    assert heard[-1] == pytest.approx(2.0, abs=0.001)
    assert player.position == pytest.approx(2.1, abs=0.001)


def test_pause_stays_where_the_sound_was(player: FakedPlayer) -> None:
    player.play()
    player._sink.play(1.5)
    player.pause()
    assert not player.playing and player.position == pytest.approx(1.5, abs=0.001)
    player.play()
    player._sink.play(0.5)
    player.pause()
    assert player.position == pytest.approx(2.0, abs=0.001)


def test_seeking_goes_on_there_at_once(player: FakedPlayer, qtbot: QtBot) -> None:
    player.play()
    player._sink.play(1.0)
    player.seek(7.0)
    assert player.playing
    player._sink.play(0.25)
    with qtbot.waitSignal(player.moved) as moved:
        pass
    assert moved.args[0] == pytest.approx(7.25, abs=0.001)


def test_the_loop_is_followed(player: FakedPlayer, qtbot: QtBot) -> None:
    player.set_loop((2.0, 3.0))
    player.seek(2.0)
    player.play()
    player._sink.play(2.4)
    with qtbot.waitSignal(player.moved) as moved:
        pass
    assert moved.args[0] == pytest.approx(2.4, abs=0.001)
    player.stop()
    assert player.position == pytest.approx(2.0)


def test_the_end_stops_and_goes_back(player: FakedPlayer, qtbot: QtBot) -> None:
    player.seek(9.5)
    player.play()
    player._sink.play(0.7)
    with qtbot.waitSignal(player.playing_changed) as stopped:
        pass
    assert stopped.args == [False] and player.position == 0


def test_nothing_to_play(qapp: QApplication) -> None:
    assert not FakedPlayer().play()


def silent_player() -> Player:
    """A player on a computer without a sound device."""
    player = Player()
    from PySide6.QtMultimedia import QMediaDevices

    if not QMediaDevices.defaultAudioOutput().isNull():
        pytest.skip("this computer has a sound device")
    assert player.obstacle is not None and player.obstacle.reason and player.obstacle.remedy
    return player


def test_without_a_device_it_says_why_and_runs_in_silence(qapp: QApplication, qtbot: QtBot) -> None:
    player = silent_player()
    assert not player.play()
    player.set_sounds(Pcm(np.full((RATE * 5, 2), 1000, np.int16), RATE), None)
    player.speed = 0.5
    assert player.play() and player.playing
    moved: list[tuple[float, float]] = []
    player.moved.connect(lambda second: moved.append((time.perf_counter(), second)))

    def late() -> float:
        """How far from the clock the playhead is at most while it runs for a while, s."""
        player.pause()
        player.seek(0.0)
        player.play()
        start = time.perf_counter()
        moved.clear()
        qtbot.waitUntil(lambda: bool(moved) and moved[-1][0] > start + 0.4)
        return max(abs((at - start) * 0.5 - second) for at, second in moved)

    assert quickest(late, 0.06) < 0.06
    player.pause()
    assert player.position == pytest.approx(moved[-2][1], abs=0.05)


def test_what_is_mixed_is_told_in_order(player: FakedPlayer) -> None:
    told: list[tuple[float, float, float]] = []
    jumps: list[float] = []
    player.played.connect(lambda *block: told.append(block))
    player.jumped.connect(jumps.append)
    player.set_loop((2.0, 3.0))
    player.speed = 0.5
    player.seek(2.4)
    player.play()
    player._sink.play(2.0)
    assert jumps == pytest.approx([2.4, 2.4])
    assert told[0][0] == pytest.approx(2.4) and {speed for _, _, speed in told} == {0.5}
    assert sum(last - first for first, last, _ in told) == pytest.approx(1.05, abs=1e-3)
    for (_, last, _), (first, _, _) in itertools.pairwise(told):
        assert first == pytest.approx(last, abs=1e-6) or (last == pytest.approx(3.0, abs=1e-4) and first == 2.0)
    player.pause()
    assert player.position == pytest.approx(2.4, abs=1e-3)


def test_a_bar_is_counted_in(player: FakedPlayer) -> None:
    told: list[tuple[float, float, float]] = []
    player.played.connect(lambda *block: told.append(block))
    player.metronome.set_grid(Grid(np.arange(20) * 0.5))
    player.count_in = True
    player.seek(3.0)
    player.play()
    player._sink.play(1.5)
    assert player.counting and player.heard == pytest.approx(3.0) and not told
    clicks = np.frombuffer(player._sink.sound, "<i2").reshape(-1, 2)[:, 0]
    loud = np.flatnonzero(np.abs(clicks) > 1000)
    begins = loud[np.diff(loud, prepend=-RATE) > RATE // 10]
    assert begins / RATE == pytest.approx([0.0, 0.5, 1.0, 1.5], abs=0.002)
    player._sink.play(1.0)
    assert not player.counting and player.heard == pytest.approx(3.5, abs=1e-3) and told[0][0] == pytest.approx(3.0)


def test_a_missing_system_library_is_named(qapp: QApplication, monkeypatch: pytest.MonkeyPatch) -> None:
    import builtins

    real = builtins.__import__

    def refuse(name: str, *args: Any, **more: Any) -> Any:
        if name == "PySide6" and args[2] and "QtMultimedia" in args[2]:
            raise ImportError("libpulse.so.0: cannot open shared object file: No such file or directory")
        return real(name, *args, **more)

    monkeypatch.setattr(builtins, "__import__", refuse)
    player = Player()
    obstacle = player.obstacle
    assert obstacle is not None and "libpulse.so.0" in obstacle.reason and "libpulse0" in obstacle.remedy
