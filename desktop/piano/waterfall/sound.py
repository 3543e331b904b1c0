"""The cover's sound for a part of the song, kept on disk while the video is written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from desktop.jobs.progress import Progress
from desktop.paths import atomic_write
from desktop.piano.cover import Cover
from desktop.piano.synth import render

RATE = 48000
_FADE_IN, _FADE_OUT = 0.01, 1.2
_BLOCK = 1 << 18

Frames = npt.NDArray[np.int16]


def play_part(cover: Cover, soundfont: Path, begin: float, end: float, folder: Path, progress: Progress) -> Frames:
    """16-bit stereo [n, 2], ``RATE`` frames a second, from second ``begin`` of the song (silence before 0) to ``end``.

    It lies in a file in ``folder``. The end fades, and so does a beginning in the middle of the song.
    """
    played = render(cover, soundfont, RATE, progress)
    count, offset = round((end - begin) * RATE), round(begin * RATE)
    path = folder / "sound.pcm"
    # Written, not mapped: a full disk is an error then, and not the end of the process.
    with atomic_write(path) as file:
        for at in range(0, count, _BLOCK):
            stop = min(count, at + _BLOCK)
            block = np.zeros((stop - at, 2), np.float32)
            heard = played[max(0, at + offset) : max(0, stop + offset)]
            skipped = max(0, -(at + offset))
            block[skipped : skipped + len(heard)] = heard
            block *= _gain(np.arange(at, stop, dtype=np.float32), count, begin > 0)[:, None]
            file.write(np.round(np.clip(block, -1, 1) * 32767).astype("<i2").tobytes())
    return np.memmap(path, np.dtype("<i2"), "r", shape=(count, 2))


def _gain(number: npt.NDArray[np.float32], count: int, cut: bool) -> npt.NDArray[np.float32]:
    """Loudness 0..1 of the frames by their numbers: down at the end, up at a beginning that is ``cut`` out of the song."""
    gain: npt.NDArray[np.float32] = np.clip((count - number) / np.float32(_FADE_OUT * RATE), 0, 1)
    if cut:
        gain *= np.clip(number / np.float32(_FADE_IN * RATE), 0, 1)
    return gain
