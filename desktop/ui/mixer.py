"""Mixing of the original and the cover, sample by sample, and the way back from sound that was heard to a place in the song.

No Qt: the player feeds the bytes to a sound device, the tests read them.
"""

from __future__ import annotations

import math
import struct
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from desktop.errors import UserError

CHANNELS = 2
FADE = 256
"""Frames over which sound comes back after a jump, so that it does not click."""
Frames = npt.NDArray[np.int16]


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
    """Two sounds on one clock.

    Attributes:
        position: next frame of the song that will be mixed.
        balance: 0 = original only, 1 = cover only; equal power between.
        volume: 0..1.
        loop: frames from and to which to repeat, or None.
    """

    def __init__(self, rate: int = 44100) -> None:
        self.rate = rate
        self.original: Frames | None = None
        self.cover: Frames | None = None
        self.position = 0
        self.balance, self.volume = 1.0, 1.0
        self.loop: tuple[int, int] | None = None
        self._gains = (0.0, 0.0)
        self._fade = 0
        self._made = 0
        self._log: deque[tuple[int, int]] = deque([(0, 0)], maxlen=4096)

    @property
    def length(self) -> int:
        """Frames of the longer sound."""
        return max(len(s) if s is not None else 0 for s in (self.original, self.cover))

    def seek(self, frame: int) -> None:
        """Go on at a frame of the song."""
        self.position = min(max(0, frame), self.length)
        self._fade = FADE
        self._log.append((self._made, self.position))

    def restart(self) -> None:
        """The device starts counting anew: forget what was made."""
        self._made = 0
        self._gains = self.gains()
        self._fade = FADE
        self._log.clear()
        self._log.append((0, self.position))

    def gains(self) -> tuple[float, float]:
        """Gain of original and cover; a sound that is alone is not turned down by the balance."""
        if self.cover is None or self.original is None:
            return (self.volume, self.volume)
        angle = min(1.0, max(0.0, self.balance)) * math.pi / 2
        return (self.volume * math.cos(angle), self.volume * math.sin(angle))

    def heard(self, frames: int) -> int:
        """Frame of the song that sounds when the device has played ``frames`` since ``restart``."""
        made, song = self._log[0]
        for entry in self._log:
            if entry[0] > frames:
                break
            made, song = entry
        return min(self.length, song + max(0, frames - made))

    def read(self, count: int) -> bytes:
        """The next ``count`` frames as interleaved int16; silence after the end of the song."""
        out = np.zeros((count, CHANNELS), np.float32)
        target, at = self.gains(), 0
        while at < count:
            end = self.length
            if self.loop is not None and self.position < self.loop[1] <= end:
                end = self.loop[1]
            take = min(count - at, end - self.position)
            if take > 0:
                self._add(out[at : at + take], target)
                self.position += take
                self._made += take
                at += take
            if self.loop is not None and self.position >= self.loop[1] > self.loop[0]:
                self.seek(self.loop[0])
            elif self.position >= self.length:
                self._made += count - at
                break
        self._gains = target
        return np.clip(out, -32768, 32767).astype("<i2").tobytes()

    def _add(self, out: npt.NDArray[np.float32], target: tuple[float, float]) -> None:
        for sound, was, gain in zip((self.original, self.cover), self._gains, target, strict=True):
            if sound is None or (was == 0 and gain == 0):
                continue
            part = np.asarray(sound[self.position : self.position + len(out)], np.float32)
            # A gain that changes glides through the block: steps would crackle.
            ramp = gain if was == gain else np.linspace(was, gain, len(part), dtype=np.float32)[:, None]
            out[: len(part)] += part * ramp
        if self._fade > 0:
            count = min(self._fade, len(out))
            first = FADE - self._fade
            out[:count] *= (np.arange(first, first + count, dtype=np.float32) / FADE)[:, None]
            self._fade -= count
