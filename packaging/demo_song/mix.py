"""Plays the parts with a SoundFont and mixes them: level, place, room, a soft limit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import symusic
from scipy.signal import butter, fftconvolve, sosfilt

import score
import song

RATE = 48000
TAIL = 2.2
"""Seconds of ringing after the last beat."""

TICKS = 960

# (gain in dB, place from -1 left to 1 right, share sent to the room)
DESK = {
    "lead": (2.5, 0.0, 0.20),
    "answer": (-4.0, 0.35, 0.34),
    "guitar": (4.0, -0.35, 0.14),
    "strings": (-8.0, 0.15, 0.30),
    "bass": (1.5, 0.0, 0.02),
    "drums": (-1.0, 0.0, 0.10),
}

Samples = npt.NDArray[np.float32]


def play(name: str, notes: list[score.Note], soundfont: Path, length: int) -> Samples:
    """One part, stereo [length, 2], at the SoundFont's own level.

    The synthesizer picks samples by velocity and leaves the level alone, so notes are played in groups of like
    velocity, each at the square of its share of 127, which is the curve that the SoundFont format names as default.
    """
    out = np.zeros((length, 2), np.float32)
    synthesizer = symusic.Synthesizer(str(soundfont), RATE, 4)
    for level in sorted({group(note.velocity) for note in notes}):
        whole = symusic.Score(TICKS)
        track = symusic.Track(name, song.PROGRAMS[name], name == "drums")
        for note in notes:
            if group(note.velocity) == level:
                track.notes.append(symusic.Note(round(note.start * TICKS), max(1, round(note.length * TICKS)), note.pitch, level))
        whole.tracks.append(track)
        for beat, tempo in song.TEMPO:
            whole.tempos.append(symusic.Tempo(round(beat * TICKS), qpm=tempo))
        sound = np.asarray(synthesizer.render(whole.to("second"), stereo=True), dtype=np.float32).T[:length]
        out[: len(sound)] += sound * np.float32((level / 127) ** 2)
    return out


def group(velocity: int) -> int:
    """The velocity that a note is played with: steps of three."""
    return min(127, 3 * round(velocity / 3))


def room(seconds: float = 1.3) -> Samples:
    """Impulse response of a small hall: a few early reflections, then noise that dies away, highs first; [n, 2]."""
    dice = np.random.default_rng(26)
    n = int(seconds * RATE)
    time = np.arange(n) / RATE
    tail = dice.standard_normal((n, 2)) * np.exp(-6.9 * time / seconds)[:, None]
    soft = sosfilt(butter(2, 2200, output="sos", fs=RATE), tail, axis=0)
    mixed = np.where(time[:, None] < 0.18, 0.5 * tail + 0.5 * soft, soft)
    mixed[: int(0.018 * RATE)] = 0
    for delay, level in ((0.011, 3.0), (0.017, 2.4), (0.026, 2.0), (0.037, 1.5)):
        mixed[int(delay * RATE), 0] += level
        mixed[int((delay + 0.0031) * RATE), 1] += level
    answer: Samples = (mixed / np.sqrt((mixed**2).sum(0))).astype(np.float32)
    return answer


def place(sound: Samples, where: float) -> Samples:
    """Moves a stereo sound to ``where`` with constant power."""
    angle = (where + 1) * np.pi / 4
    return sound * np.array([np.cos(angle), np.sin(angle)], np.float32) * np.float32(np.sqrt(2))


def mixdown(parts: dict[str, list[score.Note]], soundfont: Path) -> Samples:
    """The whole band, stereo, peak at -1.5 dBFS."""
    length = int((score.seconds(score.total_beats()) + TAIL) * RATE)
    dry = np.zeros((length, 2), np.float32)
    send = np.zeros((length, 2), np.float32)
    for name, notes in parts.items():
        gain, where, share = DESK[name]
        sound = place(play(name, notes, soundfont, length), where) * np.float32(10 ** (gain / 20))
        dry += sound
        send += share * sound
    send = sosfilt(butter(2, 220, "highpass", output="sos", fs=RATE), send, axis=0)
    whole = dry + fftconvolve(send, room(), axes=0)[:length]
    whole = sosfilt(butter(2, 28, "highpass", output="sos", fs=RATE), whole, axis=0)
    fade = int(0.6 * RATE)
    whole[-fade:] *= np.cos(np.linspace(0, np.pi / 2, fade))[:, None] ** 2
    loud = whole / np.sqrt(np.mean(whole**2)) * 10 ** (-17 / 20)
    limited = np.tanh(loud / 0.9) * 0.9
    finished: Samples = (limited / np.abs(limited).max() * 10 ** (-1.5 / 20)).astype(np.float32)
    return finished
