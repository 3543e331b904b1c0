"""Changes of how notes are played: velocity and hand."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from desktop.piano.cover import LEFT, RIGHT, Notes
from desktop.piano.editing.edited import LOUDEST, SOFTEST, Edited, as_indices


def set_velocity(notes: Notes, chosen: Iterable[int], velocity: float | npt.NDArray[np.float64]) -> Edited:
    """Give notes a velocity, or each its own."""
    which = as_indices(chosen)
    changed = notes.copy()
    changed["velocity"][which] = np.clip(np.round(velocity), SOFTEST, LOUDEST)
    return Edited(changed, which)


def change_velocity(notes: Notes, chosen: Iterable[int], *, factor: float = 1.0, by: float = 0.0) -> Edited:
    """Scale velocities, then add to them."""
    which = as_indices(chosen)
    return set_velocity(notes, which, notes["velocity"][which] * factor + by)


def velocity_line(notes: Notes, among: Iterable[int], start: tuple[float, float], end: tuple[float, float]) -> Edited:
    """Put the velocities of those notes that begin between two points (beat, velocity) on the line between them."""
    (first, low), (last, high) = sorted((start, end))
    which = as_indices(among)
    at = notes["start"][which]
    inside = (at >= first - 1e-9) & (at <= last + 1e-9)
    share = (at[inside] - first) / max(last - first, 1e-9)
    return Edited(set_velocity(notes, which[inside], low + share * (high - low)).notes, which)


def set_hand(notes: Notes, chosen: Iterable[int], hand: int) -> Edited:
    """Give notes to a hand."""
    which = as_indices(chosen)
    changed = notes.copy()
    changed["hand"][which] = hand
    return Edited(changed, which)


def swap_hands(notes: Notes, chosen: Iterable[int]) -> Edited:
    """Give each note to the other hand."""
    which = as_indices(chosen)
    return Edited(set_hand(notes, which, np.where(notes["hand"][which] == LEFT, RIGHT, LEFT)).notes, which)  # type: ignore[arg-type]


def split_hands(notes: Notes, line: int, first: float, last: float, *, leeway: int = 0) -> Notes:
    """Give the notes that begin between two beats to the hands by a line between the keys.

    Args:
        line: the lowest pitch of the right hand.
        last: the beat at which the stretch ends.
        leeway: notes that are at most so many semitones on the wrong side keep their hand.
    """
    pitch, start = notes["pitch"].astype(np.int64), notes["start"]
    inside = (start >= first - 1e-9) & (start < last - 1e-9)
    changed = notes.copy()
    changed["hand"][inside & (pitch >= line + leeway)] = RIGHT
    changed["hand"][inside & (pitch < line - leeway)] = LEFT
    return changed
