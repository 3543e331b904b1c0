"""Playback through Qt Multimedia: one device, one mixer; the playhead comes from what the device has played."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QIODevice, QObject, Qt, QTimer, Signal

from desktop.ui.mixer import CHANNELS, Mixer, Pcm

BUFFER_S = 0.12
"""Seconds of sound kept ahead: more delays changes of the crossfade, less risks gaps."""
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Obstacle:
    """Why nothing can be played, and what to do about it."""

    reason: str
    remedy: str


class _MixDevice(QIODevice):
    def __init__(self, mixer: Mixer, parent: QObject) -> None:
        super().__init__(parent)
        self._mixer = mixer

    def readData(self, maxlen: int) -> bytes:
        return self._mixer.read(maxlen // (2 * CHANNELS))

    def writeData(self, data: Any, len: int = 0) -> int:
        return -1

    def bytesAvailable(self) -> int:
        return 1 << 20

    def isSequential(self) -> bool:
        return True


class Player(QObject):
    """Plays original and cover on one clock.

    Signals:
        moved: second of the song that is being heard.
        playing_changed: started or stopped.
        obstacle_changed: sound became possible or impossible.
    """

    moved = Signal(float)
    playing_changed = Signal(bool)
    obstacle_changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.mixer = Mixer()
        self._device = _MixDevice(self.mixer, self)
        self._device.open(QIODevice.OpenModeFlag.ReadOnly)
        self._sink: Any = None
        self._devices: Any = None
        self._multimedia: Any = None
        self._obstacle: Obstacle | None = None
        self._timer = QTimer(self, interval=16, timerType=Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)

    # What there is to play

    @property
    def obstacle(self) -> Obstacle | None:
        """Why nothing can be played now, or None; the first call loads Qt Multimedia."""
        if self._multimedia is None and self._obstacle is None:
            self._load()
        return self._obstacle

    @property
    def playing(self) -> bool:
        """Whether sound is running."""
        return self._timer.isActive()

    @property
    def position(self) -> float:
        """Second of the song at which playing goes on."""
        return self.mixer.position / self.mixer.rate

    @property
    def heard(self) -> float:
        """Second of the song that is being heard while it plays; where it would go on else."""
        return self._heard() / self.mixer.rate if self.playing else self.position

    def set_sounds(self, original: Pcm | None, cover: Pcm | None) -> None:
        """Change what is played, keeping the position; both have the rate of the first one."""
        self.mixer.original = original.frames if original else None
        self.mixer.cover = cover.frames if cover else None
        rate = (original or cover).rate if (original or cover) else self.mixer.rate  # type: ignore[union-attr]
        if rate != self.mixer.rate:
            self.stop()
            self.mixer.rate, self._sink = rate, None
        if not self.mixer.length:
            self.pause()

    def set_loop(self, loop: tuple[float, float] | None) -> None:
        """Repeat a range of seconds, or nothing."""
        rate = self.mixer.rate
        self.mixer.loop = (round(loop[0] * rate), round(loop[1] * rate)) if loop and loop[1] - loop[0] > 0.05 else None

    # Transport

    def play(self) -> bool:
        """Start; False when nothing can be played."""
        if self.obstacle is not None or not self.mixer.length:
            return False
        if self._sink is None and not self._make_sink():
            return False
        if self.mixer.position >= self.mixer.length:
            self.mixer.seek(0)
        self.mixer.restart()
        self._sink.start(self._device)
        self._timer.start()
        self.playing_changed.emit(True)
        return True

    def pause(self) -> None:
        """Stop where the sound is now."""
        if not self.playing:
            return
        heard = self._heard()
        self._timer.stop()
        self._sink.reset()
        self.mixer.seek(heard)
        self.playing_changed.emit(False)
        self.moved.emit(self.position)

    def stop(self) -> None:
        """Stop and go back to the start (of the loop, when one is set)."""
        self.pause()
        self.seek(self.mixer.loop[0] / self.mixer.rate if self.mixer.loop else 0.0)

    def seek(self, second: float) -> None:
        """Go to a second of the song; playing goes on there at once."""
        playing = self.playing
        if playing:
            # What the device holds was mixed for the old place.
            self._timer.stop()
            self._sink.reset()
        self.mixer.seek(round(second * self.mixer.rate))
        if playing:
            self.mixer.restart()
            self._sink.start(self._device)
            self._timer.start()
        self.moved.emit(self.position)

    def close(self) -> None:
        """Let go of the device."""
        self._timer.stop()
        if self._sink is not None:
            self._sink.reset()
            self._sink = None

    def _heard(self) -> int:
        played = self._sink.processedUSecs() * self.mixer.rate // 1_000_000
        waiting = (self._sink.bufferSize() - self._sink.bytesFree()) // self._frame_bytes
        return self.mixer.heard(max(0, played - max(0, waiting)))

    def _tick(self) -> None:
        heard = self._heard()
        self.moved.emit(heard / self.mixer.rate)
        if heard >= self.mixer.length and self.mixer.loop is None:
            self._timer.stop()
            self._sink.reset()
            self.mixer.seek(0)
            self.playing_changed.emit(False)
            self.moved.emit(0.0)

    # The device

    def _load(self) -> None:
        try:
            from PySide6 import QtMultimedia
        except ImportError as error:
            log.warning("no sound: %s", error)
            missing = str(error).split(":")[0]
            self._obstacle = Obstacle(
                f"Sound needs a system library that is missing ({missing})",
                "Install it (Debian, Ubuntu: sudo apt install libpulse0) and start Reprise again.",
            )
            return
        self._multimedia = QtMultimedia
        self._devices = QtMultimedia.QMediaDevices(self)
        self._devices.audioOutputsChanged.connect(self._look)
        self._look()

    def _look(self) -> None:
        """Look for a device; called again when devices come and go."""
        before = self._obstacle
        self._obstacle = None
        if self._multimedia.QMediaDevices.defaultAudioOutput().isNull():
            self._obstacle = Obstacle("There is no sound device", "Connect one, or start the system's sound server.")
        if before != self._obstacle:
            if self._obstacle is not None:
                self.close()
                self.playing_changed.emit(False)
            self.obstacle_changed.emit()

    def _make_sink(self) -> bool:
        media = self._multimedia
        form = media.QAudioFormat()
        form.setSampleRate(self.mixer.rate)
        form.setChannelCount(CHANNELS)
        form.setSampleFormat(media.QAudioFormat.SampleFormat.Int16)
        output = media.QMediaDevices.defaultAudioOutput()
        if not output.isFormatSupported(form):
            self._obstacle = Obstacle(
                f"The sound device {output.description()} does not take 16-bit stereo", "Choose another one in the system."
            )
            self.obstacle_changed.emit()
            return False
        self._frame_bytes = form.bytesPerFrame()
        self._sink = media.QAudioSink(output, form, self)
        self._sink.setBufferSize(round(BUFFER_S * self.mixer.rate) * self._frame_bytes)
        return True
