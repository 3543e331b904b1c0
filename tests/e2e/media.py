"""Media files for the tests, made on the spot: good ones, odd ones, broken ones."""

from __future__ import annotations

import wave
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def tune(seconds: float = 12.0, rate: int = 22050) -> Floats:
    """A little song at 120 beats a minute: a melody over chords with a click on every beat; [n], within ±0.9."""
    at = np.arange(int(seconds * rate)) / rate
    sound = np.zeros_like(at)
    melody = [72, 74, 76, 79, 77, 76, 74, 72, 69, 72, 76, 74, 71, 67, 71, 74]
    roots = [48, 53, 45, 55]
    for beat in range(int(seconds * 2)):
        start = beat * 0.5
        within = (at >= start) & (at < start + 0.5)
        local = at[within] - start
        chord = roots[beat // 4 % 4]
        pitches = [(melody[beat % 16], 0.35)] + [(chord + step, 0.1) for step in (0, 12, 16 if chord != 45 else 15, 19)]
        for pitch, gain in pitches:
            frequency = 440.0 * 2 ** ((pitch - 69) / 12)
            sound[within] += gain * np.exp(-3 * local) * sum(np.sin(2 * np.pi * frequency * n * local) / n for n in (1, 2, 3))
        click = np.random.default_rng(beat).normal(size=local.size) * np.exp(-80 * local)
        sound[within] += (0.25 if beat % 4 == 0 else 0.12) * click
    return 0.9 * sound / np.abs(sound).max()


def write_wav(path: Path, samples: Floats, rate: int = 22050) -> Path:
    """16-bit WAV; ``samples`` is [n] or [n, channels]."""
    data = np.atleast_2d(samples.T).T
    with wave.open(str(path), "wb") as file:
        file.setnchannels(data.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((np.clip(data, -1, 1) * 32767).astype("<i2").tobytes())
    return path


def encode(path: Path, samples: Floats, codec: str, rate: int = 44100, *, picture: bool = False) -> Path:
    """Encode mono samples (at 22,050 Hz) with PyAV; ``picture`` adds a video stream."""
    with av.open(str(path), "w") as file:
        video = file.add_stream("mpeg4", rate=10) if picture else None
        audio = file.add_stream(codec, rate=rate, layout="mono") if codec else None
        if video is not None:
            video.width, video.height, video.pix_fmt = 64, 64, "yuv420p"
            for n in range(int(len(samples) / 22050 * 10)):
                frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), n % 256, np.uint8))
                frame.pts, frame.time_base = n, Fraction(1, 10)
                file.mux(video.encode(frame))
            file.mux(video.encode(None))
        if audio is not None:
            frame = av.AudioFrame.from_ndarray((samples * 32767).astype(np.int16)[None, :], format="s16", layout="mono")
            frame.sample_rate = 22050
            resampler = av.AudioResampler(audio.format, "mono", rate)
            for part in [*resampler.resample(frame), *resampler.resample(None)]:
                file.mux(audio.encode(part))
            file.mux(audio.encode(None))
    return path


def truncated(folder: Path, part: float) -> Path:
    """An mp3 of which only the first part is there."""
    path = encode(folder / "whole.mp3", tune(), "libmp3lame")
    content = path.read_bytes()
    path.unlink()
    (folder / "truncated.mp3").write_bytes(content[: int(len(content) * part)])
    return folder / "truncated.mp3"


def _bytes(name: str, content: bytes) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        (folder / name).write_bytes(content)
        return folder / name

    return make


def _folder(folder: Path) -> Path:
    (folder / "folder.mp3").mkdir()
    return folder / "folder.mp3"


BAD: dict[str, Callable[[Path], Path]] = {
    "missing": lambda folder: folder / "missing.mp3",
    "folder": _folder,
    "empty": _bytes("empty.mp3", b""),
    "text": _bytes("text.mp3", b"This is no music at all. " * 50),
    "first bytes of an mp3": lambda folder: truncated(folder, 0.01),
    "too short": lambda folder: write_wav(folder / "short.wav", tune(1.0)[:4410]),
    "silence": lambda folder: write_wav(folder / "silence.wav", np.zeros(22050 * 10)),
    "no sound": lambda folder: encode(folder / "silent.mp4", tune(3.0), "", picture=True),
}
"""Input that cannot become a cover."""

ODD: dict[str, Callable[[Path], Path]] = {
    "five channels": lambda folder: write_wav(folder / "five.wav", np.repeat(tune()[:, None] * 0.5, 5, axis=1)),
    "8 kHz": lambda folder: write_wav(folder / "phone.wav", tune(rate=8000), 8000),
    "video": lambda folder: encode(folder / "video.mp4", tune(), "aac", picture=True),
    "m4a": lambda folder: encode(folder / "song.m4a", tune(), "aac"),
    "most of an mp3": lambda folder: truncated(folder, 0.8),
    "mp3": lambda folder: encode(folder / "song with ünïcode.mp3", tune(), "libmp3lame"),
}
"""Unusual input that becomes one."""
