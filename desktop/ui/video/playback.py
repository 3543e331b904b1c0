"""Playing a clip, and its result beside it, from pictures that a worker decodes a second ahead."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import QElapsedTimer, QObject, Qt, QTimer, Signal

from desktop.errors import UserError
from desktop.jobs.events import Failed
from desktop.jobs.job import FramesJob
from desktop.ui.asks import Newest
from desktop.ui.bridge import QueueBridge
from desktop.ui.player import Player
from desktop.ui.video.reel import EPSILON, Frame, Reel, Stretch

AHEAD_S = 2.0
"""Decoded pictures are kept this far ahead."""
CHUNK_S = 1.0
MOST = 120
"""Pictures in a chunk."""


class Feed(QObject):
    """The pictures of one file, decoded before they are needed.

    Signals:
        came: pictures.
        failed: Failed.
    """

    came = Signal()
    failed = Signal(object)

    def __init__(self, bridge: QueueBridge, priority: int, parent: QObject) -> None:
        super().__init__(parent)
        self._asks = Newest(bridge, priority, self)
        self._asks.answered.connect(self._answered)
        self._asks.failed.connect(self._went_wrong)
        self._reel = Reel(5)
        self.file: Path | None = None
        self.offset, self.rate, self._side, self._deinterlace = 0.0, 25.0, 0, "auto"
        self._broken = False

    def open(self, file: Path | None, offset: float, rate: float, side: int, deinterlace: str) -> None:
        """Feed from a file whose second 0 is at ``offset`` of the clip, with pictures of at most ``side`` pixels."""
        if (file, offset, side, deinterlace) != (self.file, self.offset, self._side, self._deinterlace):
            self._asks.drop()
            self._reel.clear()
        self.file, self.offset, self.rate, self._side, self._deinterlace = file, offset, rate, side, deinterlace
        self._broken = False

    def close(self) -> None:
        """Decode no more."""
        self._asks.drop()

    def leave(self) -> None:
        """The window closes."""
        self._asks.leave()

    def at(self, second: float) -> Frame | None:
        """The picture at a second of the clip, its time being that of the clip."""
        frame = self._reel.at(second - self.offset)
        return None if frame is None else Frame(frame.time + self.offset, frame.rgb, frame.index)

    def beside(self, frame: Frame) -> Frame | None:
        """The same picture as one of another file, its time being that of the clip."""
        second = frame.time - self.offset
        found = self._reel.nearest(second, 0.75 / self.rate) or self._reel.at(second)
        return None if found is None else Frame(found.time + self.offset, found.rgb, found.index)

    def want(self, second: float) -> None:
        """Have what follows a second of the clip decoded."""
        own = max(0.0, second - self.offset)
        if self.file is None or self._asks.busy or self._broken:
            return
        reached = self._reel.until(own)
        if reached - own < AHEAD_S and not self._reel.ends_at(reached):
            count = min(MOST, max(2, round(self.rate * CHUNK_S) + 1))
            job = FramesJob(source=str(self.file), start=reached, count=count, side=self._side, deinterlace=self._deinterlace)
            self._asks.ask(job)

    def is_due(self, second: float) -> bool:
        """Whether there should be a picture at a second of the clip: there is a file, it has begun and is not over."""
        return self.file is not None and second >= self.offset and not self.ends_at(second - 1.0 / self.rate)

    def ends_at(self, second: float) -> bool:
        """Whether there is nothing after a second of the clip."""
        return self._broken or self._reel.ends_at(second - self.offset)

    def _answered(self, job: FramesJob, result: dict[str, Any]) -> None:
        if self.file is None or job.source != str(self.file):
            return
        try:
            stretch = Stretch.read(result, job.count)
        except UserError as error:
            self._went_wrong(job, Failed(error.message, error.path, error.remedy))
            return
        if not stretch.times:
            self._broken = True
        self._reel.add(stretch)
        self.came.emit()

    def _went_wrong(self, _job: FramesJob, failed: Failed) -> None:
        self._broken = True
        self.failed.emit(failed)


class Playback(QObject):
    """The clock: that of the sound while there is some, else the computer's. Pictures that come too late are left out.

    Signals:
        shown: the clip's frame, and the result's or None.
        playing_changed: started or stopped.
        failed: Failed.
    """

    shown = Signal(object, object)
    playing_changed = Signal(bool)
    failed = Signal(object)

    def __init__(self, bridge: QueueBridge, player: Player, parent: QObject) -> None:
        super().__init__(parent)
        self._player = player
        self._before, self._after = Feed(bridge, 6, self), Feed(bridge, 5, self)
        for feed in (self._before, self._after):
            feed.failed.connect(self._broken)
        self._timer = QTimer(self, interval=8, timerType=Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)
        self._watch = QElapsedTimer()
        self._from, self._until = 0.0, 0.0
        self._running = False
        self._last = (-1.0, -1.0)
        self.dropped = 0
        """Pictures left out since playing began."""

    @property
    def playing(self) -> bool:
        """Whether it plays, or waits for its first pictures."""
        return self._timer.isActive()

    @property
    def position(self) -> float:
        """Second of the clip that is due."""
        if not self._running:
            return self._from
        if self._player.playing:
            return self._player.heard
        return self._from + self._watch.elapsed() / 1000.0

    def start(
        self, file: Path, result: tuple[Path, float] | None, second: float, until: float, rate: float, side: int, deinterlace: str
    ) -> None:
        """Play from a second until another one."""
        self._before.open(file, 0.0, rate, side, deinterlace)
        self._after.open(result[0] if result else None, result[1] if result else 0.0, rate, side, "off")
        self._from, self._until = second, until
        self._running, self._last, self.dropped = False, (-1.0, -1.0), 0
        self._timer.start()
        self.playing_changed.emit(True)

    def pause(self) -> None:
        """Stand still."""
        if not self.playing:
            return
        self._from = self.position
        self._timer.stop()
        self._player.pause()
        self._running = False
        self._before.close()
        self._after.close()
        self.playing_changed.emit(False)

    def join_sound(self) -> None:
        """Sound has become ready while the pictures run: go on with it."""
        if self._running and not self._player.playing and self._player.mixer.length:
            self._from = self.position
            self._watch.restart()
            self._player.seek(self._from)
            self._player.play()

    def leave(self) -> None:
        """The window closes."""
        self._timer.stop()
        self._before.leave()
        self._after.leave()

    def _tick(self) -> None:
        second = self.position
        self._before.want(second)
        self._after.want(second)
        if not self._running:
            self._begin(second)
            return
        if second + EPSILON >= self._until or self._before.ends_at(second - 1.0 / self._before.rate):
            self._from = min(second, self._until)
            self.pause()
            return
        self._show(second)

    def _begin(self, second: float) -> None:
        """Start the clock when both files have their first picture."""
        before = self._before.at(second)
        if before is None and not self._before.ends_at(second):
            return
        if before is None or self._after.beside(before) is not None or not self._after.is_due(second):
            self._running = True
            self._watch.start()
            if self._player.mixer.length and self._player.obstacle is None:
                self._player.seek(second)
                self._player.play()

    def _show(self, second: float) -> None:
        before = self._before.at(second)
        # The picture at the end of the part is no longer in it, and the result has none to set beside it.
        if before is None or before.time + EPSILON >= self._until:
            return
        rate = self._before.rate
        after = self._after.beside(before) if self._after.file is not None else None
        if after is None and self._after.is_due(before.time):
            # Left out: a pair of which one is missing would make the picture jump.
            return
        mark = (before.time, -1.0 if after is None else after.time)
        if mark != self._last:
            if self._last[0] >= 0:
                self.dropped += max(0, round((before.time - self._last[0]) * rate) - 1)
            self._last = mark
            self.shown.emit(before, after)

    def _broken(self, failed: Failed) -> None:
        self.pause()
        self.failed.emit(failed)
