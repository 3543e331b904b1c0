"""Playback through Qt Multimedia: one device, one mixer; the playhead comes from what the device has played.

Without a sound device the same mixer is read at the pace of time and heard by nobody: playhead, views and live MIDI run on.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QElapsedTimer, QIODevice, QObject, Qt, QTimer, Signal

from desktop.ui.metronome import Metronome
from desktop.ui.mixer import CHANNELS, SPEEDS, Mixer, Pcm

SILENT_BUFFER_S = 0.05
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


class SilentSink:
    """Stands in for the sound device: takes sound as time passes (``pump``), and counts as a QAudioSink does."""

    def __init__(self, rate: int) -> None:
        self._frame_bytes = 2 * CHANNELS
        self._rate = rate
        self._source: QIODevice | None = None
        self._watch = QElapsedTimer()
        self._taken = 0

    def start(self, source: QIODevice) -> None:
        """Begin with ``source`` at 0."""
        self._source, self._taken = source, 0
        self._watch.start()
        self.pump()

    def pump(self) -> None:
        """Take what is due."""
        if self._source is not None and (count := self._played() + self._ahead() - self._taken) > 0:
            self._source.read(count * self._frame_bytes)
            self._taken += count

    def reset(self) -> None:
        """Stop."""
        self._source = None

    def bufferSize(self) -> int:
        return self._ahead() * self._frame_bytes

    def bytesFree(self) -> int:
        return self.bufferSize() - max(0, self._taken - self._played()) * self._frame_bytes

    def processedUSecs(self) -> int:
        return self._taken * 1_000_000 // self._rate

    def _played(self) -> int:
        return min(self._watch.nsecsElapsed() * self._rate // 1_000_000_000, self._taken + self._rate // 4)

    def _ahead(self) -> int:
        return round(SILENT_BUFFER_S * self._rate)


class Player(QObject):
    """Plays original, cover and metronome on one clock.

    Attributes:
        count_in: whether one bar is clicked before playing starts.

    Signals:
        moved: second of the song that is being heard.
        playing_changed: started or stopped.
        obstacle_changed: sound became possible or impossible.
        played: first second, last second, speed of the next stretch of the song that was mixed. It is heard after all that was
            told before; ``heard`` says what is heard now. Nothing is told while a bar is counted in.
            A loop is a stretch that begins elsewhere than the last one ended.
        jumped: second at which it goes on after a seek or a start; what was told before and is not yet heard never will be.
    """

    moved = Signal(float)
    playing_changed = Signal(bool)
    obstacle_changed = Signal()
    played = Signal(float, float, float)
    jumped = Signal(float)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.mixer = Mixer()
        self.mixer.on_played = self.played.emit
        self.count_in = False
        self._device = _MixDevice(self.mixer, self)
        # Unbuffered: Qt would read ahead by a tenth of a second of its own.
        self._device.open(QIODevice.OpenModeFlag.ReadOnly | QIODevice.OpenModeFlag.Unbuffered)
        self._sink: Any = None
        self._devices: Any = None
        self._multimedia: Any = None
        self._obstacle: Obstacle | None = None
        self._timer = QTimer(self, interval=16, timerType=Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)

    # What there is to play

    @property
    def obstacle(self) -> Obstacle | None:
        """Why nothing can be heard now, or None; the first call loads Qt Multimedia."""
        if self._multimedia is None and self._obstacle is None:
            self._load()
        return self._obstacle

    @property
    def playing(self) -> bool:
        """Whether it runs, heard or not."""
        return self._timer.isActive()

    @property
    def speed(self) -> float:
        """0.25..1; see ``Mixer``."""
        return self.mixer.speed

    @speed.setter
    def speed(self, speed: float) -> None:
        self.mixer.speed = min(SPEEDS[1], max(SPEEDS[0], speed))

    @property
    def metronome(self) -> Metronome:
        """The clicks."""
        return self.mixer.metronome

    @property
    def counting(self) -> bool:
        """Whether a bar is being counted in, as far as it is heard."""
        return self.playing and self.mixer.counts_at(self._frames())

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
        self.mixer.set_sounds(original.frames if original else None, cover.frames if cover else None)
        rate = (original or cover).rate if (original or cover) else self.mixer.rate  # type: ignore[union-attr]
        if rate != self.mixer.rate:
            self.stop()
            self.mixer.set_rate(rate)
            self._sink = None
        if not self.mixer.length:
            self.pause()

    def set_loop(self, loop: tuple[float, float] | None) -> None:
        """Repeat a range of seconds, or nothing."""
        rate = self.mixer.rate
        self.mixer.loop = (round(loop[0] * rate), round(loop[1] * rate)) if loop and loop[1] - loop[0] > 0.05 else None

    # Transport

    def play(self) -> bool:
        """Start; False when there is nothing to play. Without a device it runs in silence, and ``obstacle`` says why."""
        if not self.mixer.length or self.playing:
            return self.playing
        if self._sink is None and (self.obstacle is not None or not self._make_sink()):
            self._sink, self._frame_bytes = SilentSink(self.mixer.rate), 2 * CHANNELS
        if self.mixer.position >= self.mixer.length:
            self.mixer.seek(0)
        self._begin(count_in=self.count_in)
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
            self._begin()
        else:
            self.jumped.emit(self.position)
        self.moved.emit(self.position)

    def close(self) -> None:
        """Let go of the device."""
        self._timer.stop()
        if self._sink is not None:
            self._sink.reset()
            self._sink = None

    def _begin(self, *, count_in: bool = False) -> None:
        self.mixer.restart(count_in=count_in)
        self.jumped.emit(self.position)
        self._sink.start(self._device)
        self._timer.start()

    def _frames(self) -> int:
        """Frames that were heard since the device was started."""
        played = self._sink.processedUSecs() * self.mixer.rate // 1_000_000
        waiting = (self._sink.bufferSize() - self._sink.bytesFree()) // self._frame_bytes
        return int(max(0, played - max(0, waiting)))

    def _heard(self) -> int:
        return self.mixer.heard(self._frames())

    def _tick(self) -> None:
        if isinstance(self._sink, SilentSink):
            self._sink.pump()
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
            # The place stays: who plays on hears it where it stopped, or sees it when the device is gone.
            self.pause()
            self.close()
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
