"""The cover's sound for a part of the song, kept on disk while the video is written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from desktop.jobs.progress import Progress
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
    count = round((end - begin) * RATE)
    part = np.lib.format.open_memmap(folder / "sound.npy", mode="w+", dtype=np.int16, shape=(count, 2))
    offset = round(begin * RATE)
    fade_in, fade_out = round(_FADE_IN * RATE), min(count, round(_FADE_OUT * RATE))
    for at in range(max(0, -offset), count, _BLOCK):
        stop = min(count, at + _BLOCK)
        block = played[at + offset : stop + offset]
        if not len(block):
            break
        number = np.arange(at, at + len(block), dtype=np.float32)
        gain = np.clip((count - number) / fade_out, 0, 1) if fade_out else np.ones_like(number)
        if begin > 0:
            gain *= np.clip(number / fade_in, 0, 1)
        part[at : at + len(block)] = np.round(np.clip(block * gain[:, None], -1, 1) * 32767)
    part.flush()
    return part
