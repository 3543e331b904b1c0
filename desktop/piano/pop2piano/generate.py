"""From the sound of windows to the tokens of each, for one composer or several."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from desktop.jobs.progress import Progress
from desktop.models.decoding.pop2piano import LONGEST, Pop2Piano
from desktop.piano.pop2piano.mel import Floats, log_mel
from desktop.piano.pop2piano.windows import Windows

_MOST_STEPS = 130
"""Tokens that hardly any window's answer is longer than, for telling how far the work is."""


def write(
    model: Pop2Piano,
    sound: Floats,
    windows: Windows,
    numbers: Sequence[int],
    composers: Sequence[int],
    progress: Progress | None = None,
) -> list[list[list[int]]]:
    """Tokens of each window in the manner of each composer: [composers][numbers], without the end's.

    Args:
        sound: of the whole song, mono, at ``mel.RATE``.
        composers: from 1.

    Raises:
        MemoryError: not even one window fits.
    """
    progress = progress or Progress()
    rows = [(composer, number) for composer in composers for number in numbers]
    found: list[list[int]] = []
    size = model.at_once(windows.frames)
    while len(found) < len(rows):
        part = rows[len(found) : len(found) + size]
        share = progress.part(len(found) / len(rows), (len(found) + len(part)) / len(rows))
        try:
            found += _batch(model, sound, windows, part, share)
        except MemoryError:
            if size <= 1:
                raise
            size = max(1, min(size, len(part)) // 2)
    count = len(numbers)
    return [found[first : first + count] for first in range(0, len(rows), count)] if count else [[] for _ in composers]


def _batch(
    model: Pop2Piano, sound: Floats, windows: Windows, rows: Sequence[tuple[int, int]], progress: Progress
) -> list[list[int]]:
    progress.at(0.0, "Listening in fours of beats")
    numbers, place = np.unique([number for _, number in rows], return_inverse=True)
    heard = np.stack([log_mel(window) for window in windows.cut(sound, numbers)])
    composers = np.array([composer - 1 for composer, _ in rows])
    return model.greedy(heard[place], composers, LONGEST, progress=progress, on_step=_teller(progress, len(rows)))


def _teller(progress: Progress, rows: int) -> Callable[[int, int], None]:
    """Says how far the work is: windows that are over, or steps of those that usually take the longest."""

    def tell(steps: int, going: int) -> None:
        if steps % 4 == 0:
            share = max(1.0 - going / rows, min(0.95, steps / _MOST_STEPS))
            progress.at(share, f"Writing notes: {rows - going} of {rows} windows")

    return tell
