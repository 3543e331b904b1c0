"""Songs decoded for playback, kept in the cache by content, so that the window plays plain PCM and decodes nothing."""

from __future__ import annotations

import contextlib
import hashlib
import wave
from pathlib import Path

import numpy as np

from desktop.errors import UserError
from desktop.jobs.progress import Progress
from desktop.paths import atomic_write, cache_dir, make_folder
from desktop.piano.audio import load_audio, peaks, write_audio

RATE = 44100
PER_SECOND = 100
LARGEST = 2 << 30
"""Bytes that decoded songs may take; the ones not heard for longest go first."""


def content_hash(path: Path) -> str:
    """SHA-256 of a file's bytes, hex; raises UserError when it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError as error:
        raise UserError("There is no such file", path=path, remedy="Check the name and the folder.") from error
    except IsADirectoryError as error:
        raise UserError("This is a folder, not a song", path=path, remedy="Choose a sound or video file inside it.") from error
    except OSError as error:
        raise UserError(f"The file cannot be read: {error.strerror}", path=path, remedy="Check its permissions.") from error


def decode_for_playback(source: Path, progress: Progress) -> dict[str, object]:
    """Decode ``source`` to 44.1 kHz stereo 16-bit PCM and outline its waveform.

    Returns:
        "pcm": path of the WAV, "peaks": path of the float32 [n, 2] array, "duration" in seconds, "rate" in Hz.
    """
    progress.at(0.0, "Reading the song")
    folder = make_folder(cache_dir() / "listen")
    key = content_hash(source)[:32]
    sound, outline = folder / f"{key}.wav", folder / f"{key}.npy"
    duration = _length(sound) if outline.is_file() else None
    if duration is None:
        audio = load_audio(source, rate=RATE, mono=False, progress=progress.part(0.05, 0.75))
        progress.at(0.75, "Drawing the waveform")
        with atomic_write(outline) as file:
            np.save(file, peaks(audio.samples, audio.rate, PER_SECOND))
        progress.at(0.8, "Storing the sound")
        write_audio(sound, audio.samples, audio.rate)
        duration = audio.duration
    sound.touch()
    _trim(folder, sound)
    progress.at(1.0, "Ready to play")
    return {"pcm": str(sound), "peaks": str(outline), "duration": duration, "rate": RATE}


def _length(path: Path) -> float | None:
    """Seconds of a WAV file of ours, None when there is none."""
    try:
        with wave.open(str(path), "rb") as file:
            right = file.getframerate() == RATE and file.getnchannels() == 2 and file.getsampwidth() == 2
            return file.getnframes() / RATE if right else None
    except (OSError, EOFError, wave.Error):
        return None


def _trim(folder: Path, kept: Path) -> None:
    """Remove the songs that were not heard for longest until the rest fits."""
    found = []
    for path in folder.glob("*.wav"):
        with contextlib.suppress(OSError):
            status = path.stat()
            found.append((status.st_mtime, status.st_size, path))
    total = sum(size for _, size, _ in found)
    for _, size, path in sorted(found):
        if total <= LARGEST or path == kept:
            continue
        with contextlib.suppress(OSError):
            path.unlink()
            path.with_suffix(".npy").unlink(missing_ok=True)
            total -= size
