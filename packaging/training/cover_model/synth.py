"""From the players' notes to the sound of a recording: SoundFont, mix, room, tone, noise, lossy codec."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile
import tinysoundfont

from .band import Player
from .settings import RenderSettings

Floats = npt.NDArray[Any]
Rng = np.random.Generator
_DRUM_CHANNEL, _DRUM_BANK = 9, 128
_loaded: dict[tuple[Path, int], Any] = {}


def play(players: Sequence[Player], seconds: float, font: Path, rate: int, cents: float) -> Floats:
    """Mono sound of some instruments together."""
    synth, number = _open(font, rate)
    events: list[tuple[float, int, int, int, int]] = []
    for channel, player in enumerate(players):
        place = _DRUM_CHANNEL if player.drums else channel
        synth.program_select(place, number, _DRUM_BANK if player.drums else 0, player.program, player.drums)
        synth.control_change(place, 7, player.level)
        synth.pitchbend(place, 8192 if player.drums else int(8192 + 8191 * cents / 200))
        for start, end, pitch, velocity in player.notes:
            events += [(start, 1, place, pitch, velocity), (end, 0, place, pitch, 0)]
    total, at = int(seconds * rate), 0
    parts = [np.zeros(0, np.float32)]
    for time, strikes, place, pitch, velocity in sorted(events):
        if (count := min(total, int(time * rate)) - at) > 0:
            parts.append(_samples(synth, count))
            at += count
        if strikes:
            synth.noteon(place, pitch, velocity)
        else:
            synth.noteoff(place, pitch)
    parts.append(_samples(synth, max(0, total - at)))
    return np.concatenate(parts)


def _open(font: Path, rate: int) -> tuple[Any, int]:
    """A SoundFont stays loaded; what sounded before is cut."""
    if (font, rate) not in _loaded:
        synth = tinysoundfont.Synth(gain=-12, samplerate=rate)
        _loaded[font, rate] = synth, synth.sfload(str(font))
    synth, number = _loaded[font, rate]
    synth.sounds_off()
    synth.generate(rate // 4)
    return synth, number


def _samples(synth: Any, count: int) -> Floats:
    if count <= 0:
        return np.zeros(0, np.float32)
    return np.frombuffer(synth.generate(count), np.float32).reshape(-1, 2).mean(1)


def mix(lead: Floats, others: Floats, drums: Floats, rng: Rng, settings: RenderSettings) -> Floats:
    """The three together at levels that are drawn, in a room, with the tone of some recording."""
    parts = [(others, 0.0), (lead, rng.uniform(*settings.lead_level)), (drums, rng.uniform(*settings.drum_level))]
    sound = sum((_even(part) * 10 ** (level / 20) for part, level in parts), np.zeros(len(lead)))
    sound = _room(sound, rng, settings)
    sound = _tone(sound, rng, settings)
    sound /= np.abs(sound).max() + 1e-9
    sound = np.tanh(sound * rng.uniform(0.8, 2.5))
    loud = float(np.sqrt(np.mean(sound**2)))
    sound += rng.standard_normal(len(sound)) * loud * 10 ** (rng.uniform(*settings.noise) / 20)
    sound *= 0.9 / (np.abs(sound).max() + 1e-9)
    return lossy(sound, rng, settings) if rng.random() < settings.codec else sound.astype(np.float32)


def _even(sound: Floats) -> Floats:
    loud = sound[np.abs(sound) > 1e-4]
    return sound * (0.1 / float(np.sqrt(np.mean(np.square(loud, dtype=np.float64))))) if len(loud) else sound


def _room(sound: Floats, rng: Rng, settings: RenderSettings) -> Floats:
    length = int(rng.uniform(*settings.reverb) * settings.rate)
    tail = rng.standard_normal(length) * np.exp(-6.9 * np.arange(length) / length)
    tail[: settings.rate // 100] = 0
    tail *= rng.uniform(*settings.wet) / np.sqrt(np.sum(tail**2))
    tail[0] = 1
    return _filtered(sound, tail)


def _filtered(sound: Floats, answer: Floats) -> Floats:
    size = 1 << (len(sound) + len(answer) - 1).bit_length()
    found: Floats = np.fft.irfft(np.fft.rfft(sound, size) * np.fft.rfft(answer, size), size)[: len(sound)]
    return found


def _tone(sound: Floats, rng: Rng, settings: RenderSettings) -> Floats:
    size = 1 << (len(sound) - 1).bit_length()
    hertz = np.fft.rfftfreq(size, 1 / settings.rate)
    bass, treble = rng.uniform(-settings.shelves, settings.shelves, 2)
    high = (hertz / 3500) ** 2
    gain = bass / (1 + (hertz / 160) ** 2) + treble * high / (1 + high)
    found: Floats = np.fft.irfft(np.fft.rfft(sound, size) * 10 ** (gain / 20), size)[: len(sound)]
    return found


def lossy(sound: Floats, rng: Rng, settings: RenderSettings) -> Floats:
    """The sound after MP3 or Vorbis at some quality."""
    kind, subtype = [("MP3", "MPEG_LAYER_III"), ("OGG", "VORBIS")][int(rng.integers(2))]
    buffer = io.BytesIO()
    with soundfile.SoundFile(
        buffer, "w", settings.rate, 1, subtype, format=kind, compression_level=float(rng.uniform(0.3, 0.95))
    ) as out:
        for first in range(0, len(sound), settings.rate):  # one long write overflows libvorbis' stack
            out.write(sound[first : first + settings.rate].astype(np.float32))
    buffer.seek(0)
    found, _ = soundfile.read(buffer, dtype="float32")
    out_sound = np.zeros(len(sound), np.float32)
    out_sound[: min(len(sound), len(found))] = found[: len(sound)]
    return out_sound
