"""Single notes from a SoundFont's piano.

What the SoundFont 2.04 specification calls generators is followed where it shapes a piano's tone: key and velocity
ranges, tuning and root key, loops, volume envelope, attenuation, pan, and the low-pass filter. The filter stands still at
the peak of its envelope, and darkens with soft strokes.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from desktop.errors import UserError
from desktop.piano.soundfont import COMPRESSED, INSTRUMENT, SAMPLE, SoundFont

Samples = npt.NDArray[np.float32]

_KEYS, _VELOCITIES = 43, 44
_RANGES = (_KEYS, _VELOCITIES)
_DEFAULTS = {8: 13500, 33: -12000, 34: -12000, 35: -12000, 36: -12000, 38: -12000, 56: 100, 58: -1}
_NOT_ADDED = {0, 1, 2, 3, 4, 12, 45, 46, 47, 50, 54, 57, 58, INSTRUMENT, SAMPLE, *_RANGES}
"""Generators of an instrument that a preset cannot change."""
_WELL_SAMPLED = 32000
"""Samples a second from which a straight line between two samples is good enough."""
_SILENT_DB = 80.0
_LONGEST_RELEASE = 1.5
_SOFT = 2400.0
"""Cents that the filter closes from the hardest to the softest stroke."""
_STEPS = 8
"""Brightnesses that velocities are rounded to."""


@dataclass(frozen=True)
class Zone:
    """One sample of the piano with the generators that hold for it."""

    sample: np.void
    generators: dict[int, int]
    keys: tuple[int, int]
    velocities: tuple[int, int]

    def __getitem__(self, kind: int) -> int:
        return self.generators.get(kind, _DEFAULTS.get(kind, 0))

    def seconds(self, kind: int) -> float:
        """A time of the volume envelope."""
        return float(2.0 ** (min(self[kind], 8000) / 1200.0)) if self[kind] > -12000 else 0.0


@dataclass(frozen=True)
class Tone:
    """A key's sound at full velocity.

    Attributes:
        held: [n] while the key is down and on.
        fall: [m] gain after it is let go.
        left, right: gains of the two channels.
    """

    held: Samples
    fall: Samples
    left: float
    right: float

    def add_to(self, out: Samples, first: int, count: int, velocity: int) -> None:
        """Add a note of ``count`` samples and its release to ``out`` [2, n] at ``first``; loudness as its square."""
        end = min(count + len(self.fall), len(self.held), out.shape[1] - first)
        down = min(count, end)
        tail = self.held[down:end] * self.fall[: end - down]
        for channel, gain in enumerate((self.left, self.right)):
            level = np.float32(gain * (velocity / 127.0) ** 2)
            out[channel, first : first + down] += self.held[:down] * level
            out[channel, first + down : first + end] += tail * level


@dataclass
class Sampler:
    """Plays the piano of ``font`` at ``rate`` samples a second; raises UserError when it has none."""

    font: SoundFont
    rate: int
    zones: list[Zone] = field(init=False)

    def __post_init__(self) -> None:
        self.zones = list(_piano(self.font))
        self._decoded: dict[int, Samples] = {}
        self._pitches: dict[tuple[int, int, float], Samples] = {}
        if not self.zones:
            raise UserError("This SoundFont has no piano sound", path=self.font.path, remedy="Choose another SoundFont.")

    def layer(self, velocity: int) -> tuple[int, ...]:
        """What of a velocity matters to the tone of a key: equal values sound the same but for their level."""
        zones = (i for i, z in enumerate(self.zones) if z.velocities[0] <= velocity <= z.velocities[1])
        return (velocity * _STEPS // 128, *zones)

    def tones(self, key: int, layer: tuple[int, ...], seconds: float) -> list[Tone]:
        """The sound of a key that is held for ``seconds``, one tone a zone."""
        step, *numbers = layer
        zones = [self.zones[i] for i in numbers if self.zones[i].keys[0] <= key <= self.zones[i].keys[1]]
        return [self._tone(zone, key, step, seconds) for zone in zones]

    def _tone(self, zone: Zone, key: int, step: int, seconds: float) -> Tone:
        place = (key, id(zone), seconds)
        if place not in self._pitches:
            # Strokes of one key come one after another; those of the keys before are of no more use.
            self._pitches = {at: wave for at, wave in self._pitches.items() if at[0] == key}
            self._pitches[place] = self._pitched(zone, key, seconds)
        held = self._bright(zone, key, step, self._pitches[place])
        time = np.arange(len(held), dtype=np.float32) / np.float32(self.rate)
        held = held * np.power(np.float32(10.0), self._held(zone, key, time) / np.float32(20.0))
        rise = max(1, int(max(zone.seconds(34), 0.001) * self.rate))
        held[:rise] *= np.linspace(0.0, 1.0, rise, dtype=np.float32)[: len(held)]
        release = max(zone.seconds(38), 0.06)
        after = np.arange(int(min(release * _SILENT_DB / 100.0, _LONGEST_RELEASE) * self.rate), dtype=np.float32)
        fall = np.power(np.float32(10.0), after * np.float32(-5.0 / (release * self.rate)))
        fade = int(0.01 * self.rate)
        fall[-fade:] *= np.linspace(1.0, 0.0, fade, dtype=np.float32)
        angle = (np.clip(zone[17], -500, 500) / 1000.0 + 0.5) * np.pi / 2
        level = 10.0 ** (-0.04 * max(0, zone[48]) / 20.0)
        return Tone(held, fall, level * float(np.cos(angle)), level * float(np.sin(angle)))

    def _held(self, zone: Zone, key: int, time: Samples) -> Samples:
        """Level in dB while the key is down: hold, then decay toward the sustain level."""
        start = np.float32(zone.seconds(33) + zone.seconds(34) + zone.seconds(35))
        decay = max(zone.seconds(36) * 2.0 ** (zone[40] * (60 - key) / 1200.0), 0.05)
        floor = np.float32(np.clip(zone[37] / 10.0, 0.0, 144.0))
        held: Samples = -np.minimum(np.maximum(time - start, 0) * np.float32(100.0 / decay), floor)
        return held

    def _pitched(self, zone: Zone, key: int, seconds: float) -> Samples:
        """The sample at the key's pitch, looped."""
        wave, loop = self._wave(zone)
        root = zone[58] if 0 <= zone[58] <= 127 else int(zone.sample["root"]) if zone.sample["root"] <= 127 else 60
        cents = (key - root) * zone[56] + 100 * zone[51] + zone[52] + int(zone.sample["correction"])
        step = 2.0 ** (cents / 1200.0) * int(zone.sample["rate"]) / self.rate
        position = np.arange(int((seconds + _LONGEST_RELEASE) * self.rate)) * step
        if loop is None:
            position = position[position < len(wave) - 4]
        else:
            first, length = loop
            position = np.where(position >= first + length, first + (position - first) % length, position)
        index = position.astype(np.int64)
        t = (position - index).astype(np.float32)
        if zone.sample["rate"] >= _WELL_SAMPLED:
            below = wave[index + 1]
            straight: Samples = below + t * (wave[index + 2] - below)
            return straight
        a, b, c, d = (wave[index + k] for k in range(4))
        # Catmull-Rom between b and c.
        pitched: Samples = b + np.float32(0.5) * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))
        return pitched

    def _wave(self, zone: Zone) -> tuple[Samples, tuple[int, int] | None]:
        """A zone's sample, one value before and a few after it, and its loop (start, length) in it."""
        sample = zone.sample
        begin = int(sample["start"]) if not sample["type"] & COMPRESSED else 0
        whole = self._decode(sample)
        first = max(0, zone[0] + 32768 * zone[4])
        last = min(len(whole), len(whole) + zone[1] + 32768 * zone[12])
        part = whole[first : max(last, first + 1)]
        loop_start = int(sample["loop_start"]) - begin + zone[2] + 32768 * zone[45] - first
        loop_end = int(sample["loop_end"]) - begin + zone[3] + 32768 * zone[50] - first
        looped = zone[54] in (1, 3) and 0 <= loop_start < loop_end - 1 and loop_end <= len(part)
        after = part[loop_start : loop_start + 3] if looped else np.zeros(3, np.float32)
        padded = np.concatenate([part[:1], part[:loop_end] if looped else part, after, np.zeros(4, np.float32)])
        return padded, (loop_start, loop_end - loop_start) if looped else None

    def _decode(self, sample: np.void) -> Samples:
        key = int(sample["start"])
        if key not in self._decoded:
            if sample["type"] & COMPRESSED:
                self._decoded[key] = _vorbis(self.font, sample)
            else:
                self._decoded[key] = self.font.words(sample).astype(np.float32) / np.float32(32768.0)
        return self._decoded[key]

    def _bright(self, zone: Zone, key: int, step: int, tone: Samples) -> Samples:
        """Low-pass for a stroke's strength, which always lets some overtones through: fonts that close the filter
        further open it by modulators of their own."""
        cents = zone[8] + max(0, zone[11]) - _SOFT * (1.0 - (step + 0.5) / _STEPS)
        fundamental = 440.0 * 2.0 ** ((key - 69) / 12.0)
        cutoff = max(8.176 * 2.0 ** (cents / 1200.0), fundamental * (3.0 + 6.0 * step / _STEPS))
        if cutoff > 0.4 * self.rate:
            return tone
        # Takes longer to load than all else that a cover without sound needs.
        from scipy.signal import butter, sosfilt

        filtered: Samples = sosfilt(butter(2, max(cutoff, 150.0), fs=self.rate, output="sos").astype(np.float32), tone)
        return filtered


def _vorbis(font: SoundFont, sample: np.void) -> Samples:
    import av

    blocks: list[Any] = []
    try:
        with av.open(io.BytesIO(font.stream(sample)), format="ogg") as container:
            resampler = av.AudioResampler(format="flt", layout="mono")
            for frame in container.decode(audio=0):
                blocks += [out.to_ndarray().ravel() for out in resampler.resample(frame)]
    except (av.FFmpegError, IndexError) as error:
        raise UserError(
            "A sample of this SoundFont cannot be decoded", path=font.path, remedy="Choose another SoundFont."
        ) from error
    return np.concatenate(blocks).astype(np.float32) if blocks else np.zeros(1, np.float32)


def _piano(font: SoundFont) -> Iterator[Zone]:
    """Zones of the acoustic grand (bank 0, program 0), or of the first preset when there is none."""
    presets = font.tables["phdr"][:-1]
    order = np.lexsort((presets["program"], presets["bank"]))
    preset = int(order[0])
    first, last = (int(font.tables["phdr"]["bag"][preset + i]) for i in (0, 1))
    common: dict[int, int] = {}
    for bag in range(first, last):
        above = _generators(font, "p", bag)
        if INSTRUMENT not in above:
            common = above if bag == first else common
            continue
        yield from _instrument(font, above[INSTRUMENT] & 0xFFFF, {**common, **above})


def _instrument(font: SoundFont, number: int, above: dict[int, int]) -> Iterator[Zone]:
    first, last = (int(font.tables["inst"]["bag"][number + i]) for i in (0, 1))
    common: dict[int, int] = {}
    for bag in range(first, last):
        own = _generators(font, "i", bag)
        if SAMPLE not in own:
            common = own if bag == first else common
            continue
        merged = {**common, **own}
        keys, velocities = (_overlap(above.get(kind), merged.get(kind)) for kind in _RANGES)
        for kind, amount in above.items():
            if kind not in _NOT_ADDED:
                merged[kind] = merged.get(kind, _DEFAULTS.get(kind, 0)) + amount
        sample = font.tables["shdr"][merged[SAMPLE] & 0xFFFF]
        if sample["type"] & 0x8000 == 0 and sample["rate"] > 0 and sample["end"] > sample["start"]:
            yield Zone(sample, merged, keys, velocities)


def _generators(font: SoundFont, level: str, bag: int) -> dict[int, int]:
    bags, table = font.tables[f"{level}bag"], font.tables[f"{level}gen"]
    first = int(bags["generator"][bag])
    last = int(bags["generator"][bag + 1]) if bag + 1 < len(bags) else len(table)
    return {int(row["kind"]): int(row["amount"]) for row in table[first:last]}


def _overlap(*ranges: int | None) -> tuple[int, int]:
    low, high = 0, 127
    for packed in ranges:
        if packed is not None:
            low, high = max(low, packed & 0xFF), min(high, packed >> 8 & 0xFF)
    return low, high
