"""Mixing of the original, the cover and a metronome, sample by sample, as fast as wanted, in a loop if wanted.

No Qt: the player feeds the bytes to a sound device, the tests read them.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from desktop.errors import UserError
from desktop.ui.attacks import AttackFinder
from desktop.ui.metronome import Metronome
from desktop.ui.playlog import Mark, PlayLog
from desktop.ui.stretch import Sound, Stretcher

CHANNELS = 2
FADE = 256
"""Frames over which the sound before a jump goes and that after it comes, so that it does not click."""
HEADROOM = 0.75
"""Gain of the sounds while the metronome clicks: loud recordings leave no room for it."""
SPEEDS = (0.25, 1.0)
"""Slowest and fastest."""
Frames = npt.NDArray[np.int16]
Gains = tuple[float, float]


@dataclass(frozen=True)
class Pcm:
    """Sound of a 16-bit stereo WAV, mapped into memory: ``frames`` is [n, 2] int16."""

    frames: Frames
    rate: int

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return len(self.frames) / self.rate


def open_pcm(path: Path | str) -> Pcm:
    """Map a 16-bit stereo PCM WAV; raises UserError when the file is anything else."""
    path = Path(path)
    try:
        with path.open("rb") as file:
            rate, start, size = _find_data(file)
        count = min(size, path.stat().st_size - start) // (2 * CHANNELS)
        if count <= 0:
            raise ValueError("no sound in it")
        return Pcm(np.memmap(path, "<i2", "r", start, (count, CHANNELS)), rate)
    except (OSError, ValueError, struct.error) as error:
        raise UserError(
            f"The sound cannot be played: {error}", path=path, remedy="Open the song again to make it anew."
        ) from error


def _find_data(file: Any) -> tuple[int, int, int]:
    """Rate, first byte and length of the samples in a WAV."""
    riff, _, wave = struct.unpack("<4sI4s", file.read(12))
    if riff != b"RIFF" or wave != b"WAVE":
        raise ValueError("not a WAV file")
    rate = 0
    while True:
        name, size = struct.unpack("<4sI", file.read(8))
        if name == b"fmt ":
            kind, channels, rate, _, _, bits = struct.unpack("<HHIIHH", file.read(16))
            if kind not in (1, 0xFFFE) or channels != CHANNELS or bits != 16:
                raise ValueError("not 16-bit stereo PCM")
            size -= 16
        elif name == b"data":
            if not rate:
                raise ValueError("the format is missing")
            return rate, file.tell(), size
        file.seek(size + size % 2, 1)


class Mixer:
    """Two sounds and a metronome on one clock.

    Attributes:
        original, cover: the sounds, or None.
        lasts: seconds that are played even when no sound is that long: in silence, for the clock, metronome and live MIDI.
        balance: 0 = original only, 1 = cover only; equal power between.
        volume: 0..1.
        speed: 0.25..1, at the same pitch; a change is heard within a few hundredths of a second.
        loop: frames from and to which to repeat, or None.
        metronome: clicks on the song's beats.
        on_played: told (first second, last second, speed) of each stretch of the song that was mixed, in their order.
    """

    def __init__(self, rate: int = 44100) -> None:
        self.original: Frames | None = None
        self.cover: Frames | None = None
        self.lasts = 0.0
        self.balance, self.volume, self.speed = 1.0, 1.0, 1.0
        self.loop: tuple[int, int] | None = None
        self.metronome = Metronome()
        self.on_played: Callable[[float, float, float], None] | None = None
        self._log = PlayLog()
        self._finders: dict[bool, AttackFinder] = {}
        self._gains: Gains = (0.0, 0.0)
        self._fade = 0
        self._leaving: Sound | None = None
        self._made = 0
        self.set_rate(rate)

    def set_rate(self, rate: int) -> None:
        """Frames a second of both sounds."""
        self.rate = rate
        self._stretch = Stretcher(rate)
        self._spare: Sound = np.zeros((0, CHANNELS), np.float32)
        self._finders.clear()
        self._span: list[float] = []

    def set_sounds(self, original: Frames | None, cover: Frames | None) -> None:
        """Play other sounds from here on, without a click."""
        self._leave()
        self.original, self.cover = original, cover

    @property
    def length(self) -> int:
        """Frames of the longest."""
        return max(round(self.lasts * self.rate), *(len(s) if s is not None else 0 for s in (self.original, self.cover)))

    @property
    def position(self) -> int:
        """Next frame of the song that will be mixed."""
        return min(self.length, max(0, round(self._log.last.at(self._made))))

    @property
    def counting(self) -> bool:
        """Whether what is mixed next is a bar that is counted in."""
        return self.counts_at(self._made)

    def counts_at(self, frames: int) -> bool:
        """Whether a bar is being counted in when the device has played ``frames`` since ``restart``."""
        return self._log.rests(frames)

    def seek(self, frame: int) -> None:
        """Go on at a frame of the song."""
        self._leave()
        self._go(min(max(0, frame), self.length))

    def restart(self, *, count_in: bool = False) -> None:
        """The device starts counting anew: forget what was made. With ``count_in`` one bar is clicked before the song goes on."""
        here = self.position
        self._made = 0
        self._gains = self.gains()
        self._fade, self._leaving = FADE, None
        self._forget(here)
        self.metronome.silence()
        start = self.metronome.bar_before(here / self.rate) * self.rate if count_in else float(here)
        self._log.restart(start, self._wanted_speed(), float(here) if start < here else -math.inf)

    def gains(self) -> Gains:
        """Gain of original and cover; a sound that is alone is not turned down by the balance."""
        volume = self.volume * (HEADROOM if self.metronome.on else 1.0)
        if self.cover is None or self.original is None:
            return (volume, volume)
        angle = min(1.0, max(0.0, self.balance)) * math.pi / 2
        return (volume * math.cos(angle), volume * math.sin(angle))

    def heard(self, frames: int) -> int:
        """Frame of the song that sounds when the device has played ``frames`` since ``restart``."""
        return min(self.length, max(0, int(self._log.song(frames) + 1e-6)))

    def read(self, count: int) -> bytes:
        """The next ``count`` frames as interleaved int16; silence after the end of the song."""
        out = np.zeros((count, CHANNELS), np.float32)
        at = 0
        while at < count:
            at += self._piece(out[at:])
        self._tell()
        return np.clip(out, -32768, 32767).astype("<i2").tobytes()

    # One stretch without a jump

    def _piece(self, out: Sound) -> int:
        """Fill the first frames of ``out``; returns how many."""
        mark = self._log.last
        song = self._song(mark)
        if song < mark.least:
            return self._count_in(out, mark, song)
        end = float(self.length)
        if self.loop is not None and self.loop[1] > self.loop[0]:
            end = min(end, float(self.loop[1]))
            if song >= end > self.loop[0]:
                self.seek(self.loop[0])
                mark = self._log.last
                song = mark.song
        if song >= end:
            self.metronome.mix(out, Mark(self._made, song, 0.0), self._made, self.rate)
            self._made += len(out)
            return len(out)
        if not len(self._spare) and mark.speed != self._wanted_speed():
            self._log.add(self._made, song, self._wanted_speed())
            mark = self._log.last
        count = min(len(out), math.ceil((end - song) / mark.speed - 1e-9))
        count = self._take(out[:count], song, mark.speed)
        self._fade_in(out[:count])
        self.metronome.mix(out[:count], mark, self._made, self.rate)
        self._note(song, self._song(mark, count), mark.speed)
        self._made += count
        return count

    def _count_in(self, out: Sound, mark: Mark, song: float) -> int:
        count = min(len(out), math.ceil((mark.least - song) / mark.speed - 1e-9))
        self.metronome.mix(out[:count], mark, self._made, self.rate, forced=True)
        self._made += count
        if self._song(mark) >= mark.least:
            self._log.add(self._made, mark.least, mark.speed)
        return count

    def _take(self, out: Sound, song: float, speed: float) -> int:
        """Put the sounds into the first frames of ``out``, as the song goes on at ``song``; returns how many."""
        target = self.gains()
        if speed == 1.0 and not len(self._spare) and self._stretch.is_at(song):
            self._add(out, math.floor(song + 0.5), self._gains, target)
            self._stretch.skip(len(out))
            self._gains = target
            return len(out)
        if not len(self._spare):
            now = self._source(target)
            before = now if target == self._gains else self._source(self._gains)
            self._spare = self._stretch.block(song, speed, before, now, self._attacks(target))
            self._gains = target
        count = min(len(out), len(self._spare))
        out[:count] += self._spare[:count]
        self._spare = self._spare[count:]
        return count

    def _add(self, out: Sound, first: int, was: Gains, target: Gains) -> None:
        for sound, old, gain in zip((self.original, self.cover), was, target, strict=True):
            if sound is None or (old == 0 and gain == 0):
                continue
            low, high = max(0, first), min(len(sound), first + len(out))
            if low >= high:
                continue
            # A gain that changes glides through the block: steps would crackle.
            ramp = gain if old == gain else np.linspace(old, gain, len(out), dtype=np.float32)[low - first : high - first, None]
            out[low - first : high - first] += np.asarray(sound[low:high], np.float32) * ramp

    def _source(self, gains: Gains) -> Callable[[int, int], Sound]:
        def read(first: int, count: int) -> Sound:
            out = np.zeros((count, CHANNELS), np.float32)
            self._add(out, first, gains, gains)
            return out

        return read

    def _attacks(self, gains: Gains) -> Callable[[int, int], npt.NDArray[np.int64]]:
        """Finds attacks in the sound that is the louder one now."""
        of_cover = self.original is None or (self.cover is not None and gains[1] > gains[0])
        sound = self.cover if of_cover else self.original
        if sound is None:
            return lambda _first, _last: np.zeros(0, np.int64)
        finder = self._finders.get(of_cover)
        if finder is None or finder.sound is not sound:
            finder = self._finders[of_cover] = AttackFinder(sound, self.rate)
        return finder.between

    # Jumps

    def _leave(self) -> None:
        """The sound is about to go on elsewhere: keep what would have come, to fade it out."""
        if not self._made or self.counting:
            return
        song = round(self._song(self._log.last))
        tail = np.zeros((FADE, CHANNELS), np.float32)
        count = min(FADE, len(self._spare))
        tail[:count] = self._spare[:count]
        self._add(tail[count:], self._stretch.next, self._gains, self._gains)
        if self._fade > 0 and self._leaving is not None:
            self._fade_in(tail[: self._fade])
        self._leaving, self._fade = tail, FADE
        self._forget(song)

    def _forget(self, frame: int) -> None:
        self._spare = self._spare[:0]
        self._stretch.reset(frame)

    def _go(self, frame: int) -> None:
        self._tell()
        self._fade = FADE
        self._forget(frame)
        self._log.add(self._made, float(frame), self._wanted_speed())

    def _fade_in(self, out: Sound) -> None:
        if self._fade <= 0:
            return
        count = min(self._fade, len(out))
        first = FADE - self._fade
        rise = (np.arange(first, first + count, dtype=np.float32) / FADE)[:, None]
        out[:count] *= rise
        if self._leaving is not None:
            out[:count] += self._leaving[first : first + count] * (1 - rise)
        self._fade -= count
        if not self._fade:
            self._leaving = None

    # The clock

    def _song(self, mark: Mark, more: int = 0) -> float:
        """Frame of the song that is mixed next (``more`` frames later), before it where a bar is counted in."""
        return mark.song + (self._made + more - mark.made) * mark.speed

    def _wanted_speed(self) -> float:
        return min(SPEEDS[1], max(SPEEDS[0], self.speed))

    def _note(self, first: float, last: float, speed: float) -> None:
        """Remember a stretch that was mixed; stretches that go on from one another are told as one."""
        span = self._span
        if span and span[2] == speed and abs(span[1] - first) < 0.5:
            span[1] = last
        else:
            self._tell()
            self._span = [first, last, speed]

    def _tell(self) -> None:
        span, self._span = self._span, []
        if span and self.on_played is not None:
            self.on_played(span[0] / self.rate, span[1] / self.rate, span[2])
