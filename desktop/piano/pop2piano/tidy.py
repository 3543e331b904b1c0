"""What the windows' answers need because each was written without knowing the others."""

from __future__ import annotations

import numpy as np

from desktop.piano.playability import HIGHEST, LOWEST
from desktop.piano.pop2piano.tokens import Struck
from desktop.piano.pop2piano.windows import STEPS


def tidied(notes: Struck) -> Struck:
    """Notes of windows put together (``STRUCK``, sorted by onset, then pitch): no ghosts, no key struck while it is down.

    - Notes beyond the keyboard go, and notes that a window has after its own end where the next one has its own.
    - A key's note ends where the same key is struck again; of two notes of a key at once the longer stays.
    - A note whose end was not written ends where the next window begins to play, with its new harmony.
    """
    notes = notes[(notes["pitch"] >= LOWEST) & (notes["pitch"] <= HIGHEST)]
    ends = (notes["window"] + 1) * STEPS
    answered = np.isin(notes["window"] + 1, np.unique(notes["window"]))
    notes = notes[~(answered & (notes["onset"] >= ends))].copy()
    _end_with_window(notes)
    order = np.lexsort((-notes["offset"], notes["onset"], notes["pitch"]))
    notes = notes[order]
    twin = np.zeros(len(notes), np.bool_)
    twin[1:] = (np.diff(notes["pitch"]) == 0) & (np.diff(notes["onset"]) == 0)
    notes = notes[~twin]
    again = np.flatnonzero(np.diff(notes["pitch"]) == 0)
    notes["offset"][again] = np.minimum(notes["offset"][again], notes["onset"][again + 1])
    return notes[np.lexsort((notes["pitch"], notes["onset"]))]


def _end_with_window(notes: Struck) -> None:
    firsts: dict[int, int] = {}
    for window, onset in zip(notes["window"].tolist(), notes["onset"].tolist(), strict=True):
        firsts[window] = min(onset, firsts.get(window, onset))
    for note in notes:
        following = firsts.get(int(note["window"]) + 1)
        if note["left"] and following is not None and note["onset"] < following < note["offset"]:
            note["offset"] = following
