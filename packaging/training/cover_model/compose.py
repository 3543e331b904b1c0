"""A song's frames in, notes for two hands out: the exported graphs in the product's decoding loop."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import numpy as np
import numpy.typing as npt

from desktop.models.decoding.pop2piano import Pop2Piano
from desktop.piano.arranging.draft import Draft, Role, to_notes
from desktop.piano.cover import LEFT, RIGHT, Grid, Notes
from desktop.piano.hands import make_playable
from desktop.piano.playability import LIMITS
from desktop.piano.pop2piano.two_hands import splits

from .features import network_input
from .settings import EarSettings, GridSettings, NetworkSettings
from .tokens import STRUCK, Struck, decode

GRID, EAR = GridSettings(), EarSettings()
Ints = npt.NDArray[np.int64]


def windows(bands: npt.NDArray[np.uint8], in_bar: Ints) -> npt.NDArray[np.float32]:
    """Network input of every window of a song [windows, frames, width]; the song's edges stand for what is beyond them.

    Args:
        bands: frames of the whole song as ``features.heard`` makes them.
        in_bar: number of each beat in its bar, one more than there are beats of frames.
    """
    per_beat = GRID.steps_per_beat
    beats = len(bands) // per_beat
    found = []
    for first in range(0, beats, GRID.beats):
        frames = np.clip((first - GRID.context) * per_beat + np.arange(GRID.heard), 0, len(bands) - 1)
        around = np.clip(first - GRID.context + np.arange(GRID.beats_heard), 0, len(in_bar) - 1)
        found.append(network_input(bands[frames].astype(np.float32) / 255, in_bar[around], GRID, EAR))
    return np.stack(found)


def compose(model: Pop2Piano, bands: npt.NDArray[np.uint8], in_bar: Ints, density: int = 0) -> Struck:
    """What the network writes to a song (``STRUCK``, steps from its first beat). ``density``: 1 sparse .. 3 dense, 0 either."""
    heard = windows(bands, in_bar)
    answers = model.greedy(heard, np.full(len(heard), density), NetworkSettings().longest)
    return joined(answers)


def joined(answers: Sequence[Sequence[int]]) -> Struck:
    """Notes of all windows one after the other; a key that is struck again while it is down is lifted first."""
    parts = [np.zeros(0, STRUCK)]
    for number, row in enumerate(answers):
        notes = decode(row, GRID)
        notes["onset"] += number * GRID.steps
        notes["offset"] += number * GRID.steps
        parts.append(notes)
    notes = np.concatenate(parts)
    notes = notes[np.lexsort((notes["onset"], notes["pitch"]))]
    again = np.flatnonzero(np.diff(notes["pitch"]) == 0)
    notes["offset"][again] = np.minimum(notes["offset"][again], notes["onset"][again + 1])
    return notes[np.lexsort((notes["pitch"], notes["onset"]))]


def for_hands(struck: Struck, grid: Grid) -> Notes:
    """Notes (array of ``NOTE``) that two hands can play; what they cannot is left out."""
    chords: list[list[Any]] = [list(chord) for _, chord in groupby(struck, key=lambda note: int(note["onset"]))]
    lower = splits([[int(note["pitch"]) for note in chord] for chord in chords])
    drafts = [
        Draft(
            start=note["onset"] / GRID.steps_per_beat,
            end=note["offset"] / GRID.steps_per_beat,
            pitch=int(note["pitch"]),
            hand=LEFT if place < count else RIGHT,
            role=_role(place, count, len(chord)),
        )
        for chord, count in zip(chords, lower, strict=True)
        for place, note in enumerate(chord)
    ]
    return to_notes(make_playable(drafts, grid, LIMITS["medium"]))


def _role(place: int, lower: int, count: int) -> Role:
    if place == count - 1 and count > lower:
        return Role.LEAD
    return Role.BASS if place == 0 and lower else Role.HARMONY
