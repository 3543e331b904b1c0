"""Notes on the steps of a network, before they have hands and loudness."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Struck = npt.NDArray[np.void]
"""Array with at least "onset" and "offset" in steps from the song's first beat, and "pitch"."""


def one_at_a_time(notes: Struck) -> Struck:
    """The notes sorted by onset, then pitch, with no key struck while it is down.

    A note ends where its key is struck again; of two notes of a key at once the longer stays.
    """
    notes = notes[np.lexsort((-notes["offset"], notes["onset"], notes["pitch"]))]
    twin = np.zeros(len(notes), np.bool_)
    twin[1:] = (np.diff(notes["pitch"]) == 0) & (np.diff(notes["onset"]) == 0)
    notes = notes[~twin]
    again = np.flatnonzero(np.diff(notes["pitch"]) == 0)
    notes["offset"][again] = np.minimum(notes["offset"][again], notes["onset"][again + 1])
    return notes[np.lexsort((notes["pitch"], notes["onset"]))]
