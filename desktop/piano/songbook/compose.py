"""From an analysed song to the notes of its cover, by the network."""

from __future__ import annotations

import numpy as np

from desktop.jobs.progress import Progress
from desktop.piano.analysis_data import SIXTEENTHS, Analysis
from desktop.piano.arranging.quantise import in_register, quantise
from desktop.piano.cover import Notes
from desktop.piano.perform import perform
from desktop.piano.songbook.decode import STRUCK, decode
from desktop.piano.songbook.network import DENSITIES, Songbook
from desktop.piano.songbook.view import view_of
from desktop.piano.struck import Struck, one_at_a_time

_NEAR = 1
"""Sixteenths within which a stroke is the tune's."""


def compose(songbook: Songbook, analysis: Analysis, difficulty: str, progress: Progress | None = None) -> tuple[Notes, Notes]:
    """Notes and pedals (arrays of ``NOTE`` and ``PEDAL``); the same for the same input."""
    progress = progress or Progress()
    played = songbook.play(view_of(analysis), DENSITIES[difficulty], progress.part(0.0, 0.9))
    progress.at(0.9, "Sharing the notes out between two hands")
    heard = quantise(analysis.melody, analysis.grid)
    struck = with_tune(decode(played), heard, in_register(heard))
    return perform(struck, SIXTEENTHS, analysis, difficulty)


def with_tune(struck: Struck, heard: Notes, tune: Notes) -> Struck:
    """The notes with the whole tune among them, and nothing above it while it sounds.

    Args:
        heard: array of ``sheet.LINE``, the tune where the song has it.
        tune: the same notes in the octave that they are to be played in; strokes of theirs in the other one are left out.
    """
    struck = struck.copy()
    onsets = np.rint(tune["start"] * SIXTEENTHS).astype(int)
    offsets = np.maximum(np.rint(tune["end"] * SIXTEENTHS).astype(int), onsets + 1)
    kept, sung = np.ones(len(struck), np.bool_), np.zeros(len(struck), np.bool_)
    added = []
    notes = zip(onsets.tolist(), offsets.tolist(), heard["pitch"].tolist(), tune["pitch"].tolist(), strict=True)
    for onset, offset, low, pitch in notes:
        first, last = np.searchsorted(struck["onset"], [onset - _NEAR, onset + _NEAR + 1])
        close = struck["pitch"][first:last]
        if low != pitch:
            kept[first:last] &= close != low
        same = first + np.flatnonzero(close == pitch)
        if len(same):
            sung[same] = True
            struck["offset"][same] = np.maximum(struck["offset"][same], offset)
        else:
            added.append((onset, offset, pitch))
        first, last = np.searchsorted(struck["onset"], [onset, offset])
        kept[first:last] &= struck["pitch"][first:last] <= pitch
        over = (struck["onset"] < onset) & (struck["offset"] > onset) & (struck["pitch"] > pitch)
        struck["offset"][over] = onset
    # Where the tune is faster than sixteenths, a note of it lies above another one that sounds.
    whole = np.concatenate([struck[kept | sung], np.array(added, STRUCK)])
    return one_at_a_time(whole)
