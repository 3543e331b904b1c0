"""Playing from decoded pictures: in step with the sound, pictures dropped rather than late."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from desktop.jobs.job import FramesJob
from desktop.jobs.rows import Owner, Row, Update
from desktop.jobs.states import State
from desktop.ui.bridge import QueueBridge
from desktop.ui.mixer import Pcm
from desktop.ui.player import Player
from desktop.ui.video.playback import Playback
from tests.ui.test_player import RATE as SOUND_RATE
from tests.ui.test_player import FakedPlayer
from tests.waiting import quickest

RATE, LENGTH = 25.0, 75


class Decoder:
    """A queue whose only worker answers FramesJobs at once, with pictures that hold their number."""

    def __init__(self, folder: Path, shift: float = 0.0) -> None:
        self.folder, self.shift = folder, shift
        self.jobs: list[FramesJob] = []

    def subscribe(self, callback: Any) -> Any:
        self.callback = callback
        return lambda: None

    def submit(self, job: FramesJob, *, priority: int = 0) -> int:
        self.jobs.append(job)
        number = len(self.jobs)
        first = max(0, int(job.start * RATE + 1e-6))
        count = max(0, min(job.count, LENGTH - first))
        path = self.folder / f"{number}.npy"
        np.save(path, np.arange(first, first + count, dtype=np.uint8)[:, None, None, None] * np.ones((1, 2, 2, 3), np.uint8))
        late = self.shift if job.source.endswith("result.mp4") else 0.0
        result = {"frames": str(path), "times": [n / RATE + late for n in range(first, first + count)]}
        update = Update(Row(number, job, State.DONE, Owner.me(), result=result))
        QTimer.singleShot(0, lambda: self.callback(update))
        return number

    def remove(self, number: int) -> None:
        """No history."""

    def cancel(self, number: int) -> None:
        """Nothing runs for long."""


@pytest.mark.parametrize("shift", [0.0, 0.019, -0.019])
def test_before_and_after_stay_in_step_with_the_sound(qapp: QApplication, qtbot: QtBot, tmp_path: Path, shift: float) -> None:
    bridge = QueueBridge(Decoder(tmp_path, shift))  # type: ignore[arg-type]
    parent = QObject()
    player = FakedPlayer()
    player.set_sounds(Pcm(np.zeros((SOUND_RATE * 3, 2), np.int16), SOUND_RATE), None)
    playback = Playback(bridge, player, parent)
    shown: list[tuple[int, int]] = []
    playback.shown.connect(lambda a, b: shown.append((int(a.rgb[0, 0, 0]), -1 if b is None else int(b.rgb[0, 0, 0]))))
    playback.start(Path("clip.mp4"), (Path("result.mp4"), 0.0), 0.4, 3.0, RATE, 0, "auto")
    qtbot.waitUntil(lambda: player.playing)
    for second in (0.6, 0.64, 1.4, 2.2):
        heard = player.position - 0.1
        player._sink.play(second - heard if second > heard else 0.0)
        number = int(player.heard * RATE + 1e-3)
        qtbot.waitUntil(lambda n=number: bool(shown) and shown[-1][0] == n)
    assert all(a == b for a, b in shown), "the same frame of both files"
    assert playback.dropped > 10, "the sound had gone on"
    playback.pause()
    assert not player.playing and playback.position == pytest.approx(shown[-1][0] / RATE, abs=0.05)
    bridge.close()


def test_without_sound_it_follows_the_clock_and_stops_at_the_end(qapp: QApplication, qtbot: QtBot, tmp_path: Path) -> None:
    queue = Decoder(tmp_path)
    bridge = QueueBridge(queue)  # type: ignore[arg-type]
    playback = Playback(bridge, Player(), parent := QObject())
    shown: list[float] = []
    playback.shown.connect(lambda a, _b: shown.append(a.time))

    def without() -> float:
        """Seconds at the end of which no picture was shown; all when not even the first was: they are left out if late."""
        shown.clear()
        playback.start(Path("clip.mp4"), None, 2.4, 3.0, RATE, 640, "auto")
        qtbot.waitUntil(lambda: not playback.playing)
        assert shown == sorted(shown) and all(2.4 - 1e-3 <= second < 3.0 for second in shown)
        return 2.96 - shown[-1] if shown and shown[0] == pytest.approx(2.4) else 0.6

    assert quickest(without, 0.09) < 0.09
    assert all(job.side == 640 for job in queue.jobs)
    assert parent is not None
    bridge.close()
