"""What is known of a song before a note of its cover is written."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from desktop.piano.cover import Chord, Grid, Key, Notes

SIXTEENTHS = 4
"""Steps in a beat of the curves below."""


@dataclass(frozen=True)
class Analysis:
    """What was heard in a song, on its beat grid.

    Attributes:
        title: stem of the file's name.
        source_hash: sha256 of the file's bytes, hex.
        duration: length in seconds.
        grid: beats, downbeat and meter; the grid covers the whole recording unless the user gave one.
        key: of the whole song.
        chords: in order, not overlapping, in beats of the grid, edges on whole beats; gaps are places without harmony.
        melody: ``LINE``, the tune in seconds, not quantised.
        bass: ``LINE``, the bass line in seconds, edges on half beats.
        energy: float32 [beats] 0 (the song's quietest) .. 1 (its loudest), smoothed over about a bar: how full the song is there.
        loudness: float32 [beats * 4] 0..1 of each sixteenth, not smoothed: accents and rhythm.
        accents: float32 [beats * 4] 0..1 how strongly something new begins at each sixteenth (all instruments).
        salience: float32 [beats * 4, 88] 0..1 how surely each pitch (21..108) sounds in each sixteenth.
        attacks: float32 [beats * 4, 88] 0..1 how surely each pitch begins within half a sixteenth of each sixteenth.
        warnings: what the user should know (cut-off file, no clear beat, ...).
        seconds: how long each stage took; empty when the analysis came from the cache.
        device: where the networks ran.
    """

    title: str
    source_hash: str
    duration: float
    grid: Grid
    key: Key
    chords: tuple[Chord, ...]
    melody: Notes
    bass: Notes
    energy: npt.NDArray[np.float32]
    loudness: npt.NDArray[np.float32]
    accents: npt.NDArray[np.float32]
    salience: npt.NDArray[np.float32]
    attacks: npt.NDArray[np.float32]
    warnings: tuple[str, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict)
    device: str = "CPU"
