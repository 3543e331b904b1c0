"""What the windows' answers need because each was written without knowing the others."""

from __future__ import annotations

import numpy as np

from desktop.piano.playability import HIGHEST, LOWEST
from desktop.piano.pop2piano.tokens import Struck
from desktop.piano.pop2piano.windows import STEPS
from desktop.piano.struck import one_at_a_time


def tidied(notes: Struck) -> Struck:
    """Notes of windows put together (``STRUCK``, sorted by onset, then pitch): no ghosts, no key struck while it is down.

    - Notes beyond the keyboard go, and notes that a window has after its own end where the next one has its own.
    - A note whose end was not written ends where the next window begins to play, with its new harmony.
    """
    notes = notes[(notes["pitch"] >= LOWEST) & (notes["pitch"] <= HIGHEST)]
    ends = (notes["window"] + 1) * STEPS
    answered = np.isin(notes["window"] + 1, np.unique(notes["window"]))
    notes = notes[~(answered & (notes["onset"] >= ends))].copy()
    _end_with_window(notes)
    return one_at_a_time(notes)


def _end_with_window(notes: Struck) -> None:
    firsts: dict[int, int] = {}
    for window, onset in zip(notes["window"].tolist(), notes["onset"].tolist(), strict=True):
        firsts[window] = min(onset, firsts.get(window, onset))
    for note in notes:
        following = firsts.get(int(note["window"]) + 1)
        if note["left"] and following is not None and note["onset"] < following < note["offset"]:
            note["offset"] = following
