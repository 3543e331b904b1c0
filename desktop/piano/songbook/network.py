"""The open network: how likely a pianist is to strike and to hold each key, at every sixteenth of a song."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from desktop.jobs.progress import Progress
from desktop.models.library import Library
from desktop.models.session import Session, open_session
from desktop.piano.songbook.view import KEYS, PLAYED, Floats, View

MODEL = "songbook"
WINDOW = 128
"""Sixteenths that the network sees at once: eight bars of four, as in its training."""
_BEFORE = 64  # of them are those before what is being written ...
_HOP = 16  # ... which is so many at a time: a bar of four

STRUCK, HELD = 0.24, 0.4
"""Chances above which a key is struck, and stays down. The first makes covers of the check songs as dense as people's."""

DENSITIES = {"easy": 1, "medium": 2, "full": 3}
"""How densely to play at each difficulty: as the sparse, the middling and the dense third of what it has learnt from."""


@dataclass(frozen=True)
class Performance:
    """What is done to the keys [steps, KEYS], column 0 is MIDI pitch 21: struck at a sixteenth, down there."""

    struck: npt.NDArray[np.bool_]
    down: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Songbook:
    """See the head of this file."""

    session: Session

    @staticmethod
    def open(library: Library, device: str = "auto") -> Songbook:
        """Raises UserError when the model is missing or damaged."""
        return Songbook(open_session(library.folder(MODEL) / "songbook.onnx", device=device))

    def play(self, view: View, density: int, progress: Progress | None = None) -> Performance:
        """What a pianist would do to a whole song, a bar at a time: each goes on as the ones before it were played.

        Args:
            density: 1 sparse .. 3 dense, 0 for whatever suits.
        """
        progress = progress or Progress()
        done = Performance(*np.zeros((2, view.steps, KEYS), np.bool_))
        for first in range(0, view.steps, _HOP):
            begin = max(0, first - _BEFORE)
            feeds = _window(view, begin) | {"played": _played(done, begin, first), "density": np.array([density], np.int64)}
            [[struck, down]] = self.session.run(feeds, ["keys"])[0]
            bar = slice(first, min(first + _HOP, view.steps))
            shown = slice(bar.start - begin, bar.stop - begin)
            done.struck[bar] = struck[shown] > STRUCK
            done.down[bar] = (down[shown] > HELD) | done.struck[bar]
            progress.at(bar.stop / view.steps)
        return done


def _window(view: View, begin: int) -> dict[str, npt.NDArray[np.generic]]:
    """What was heard from sixteenth ``begin`` on; beyond the song is silence, in time."""
    sheets, curves = view.sheets[:, begin : begin + WINDOW], view.curves[:, begin : begin + WINDOW]
    missing = WINDOW - sheets.shape[1]
    return {
        "sheets": np.pad(sheets, ((0, 0), (0, missing), (0, 0)))[None],
        "curves": np.pad(curves, ((0, 0), (0, missing)))[None],
        "places": view.places(np.arange(begin, begin + WINDOW))[None],
    }


def _played(done: Performance, begin: int, end: int) -> Floats:
    """What is played already in the window from ``begin`` on: everything before ``end``."""
    played = np.zeros((1, PLAYED, WINDOW, KEYS), np.float32)
    known = slice(0, end - begin)
    played[0, 0, known], played[0, 1, known], played[0, 2, known] = done.struck[begin:end], done.down[begin:end], 1
    return played
