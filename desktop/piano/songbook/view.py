"""What the network sees of an analysed song: sheets of sixteenths by keys, curves over them, and where in its bar each one is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from desktop.piano.analysis_data import SIXTEENTHS, Analysis
from desktop.piano.cover import Notes
from desktop.piano.playability import LOWEST

KEYS = 88
SHEETS = 8
"""Salience, attacks, the tune and its onsets, the bass and its onsets, tones of the chord, its bass tone in every octave."""
PLAYED = 3
"""Sheets of what is played already: keys struck, keys down, and where that is known (everywhere or nowhere in a sixteenth)."""
CURVES = 3
"""Loudness, accents, energy."""
BEATS_TOLD = 6
"""Beats of a bar that are told apart; those beyond are all the last one."""

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class View:
    """A song, sixteenth by sixteenth.

    Attributes:
        sheets: [SHEETS, steps, KEYS] 0..1, column 0 is MIDI pitch 21.
        curves: [CURVES, steps] 0..1.
        downbeat, meter: of the grid.
    """

    sheets: Floats
    curves: Floats
    downbeat: int
    meter: int

    @property
    def steps(self) -> int:
        """Sixteenths of the song."""
        return int(self.sheets.shape[1])

    def places(self, steps: Ints) -> Ints:
        """Where sixteenths [...] are, inside the song or not: [2, ...] in their beat, 0..3, and their beat in its bar."""
        beats = (steps // SIXTEENTHS - self.downbeat) % self.meter
        return np.stack([steps % SIXTEENTHS, np.minimum(beats, BEATS_TOLD - 1)])


def view_of(analysis: Analysis) -> View:
    """Everything that was heard, on the sixteenths of the grid."""
    steps = len(analysis.salience)
    sheets = np.zeros((SHEETS, steps, KEYS), np.float32)
    sheets[0], sheets[1] = analysis.salience, analysis.attacks
    for sheet, line in ((2, analysis.melody), (4, analysis.bass)):
        _draw(sheets[sheet], sheets[sheet + 1], line, analysis)
    classes = (np.arange(KEYS) + LOWEST) % 12
    for chord in analysis.chords:
        span = slice(max(0, round(chord.start * SIXTEENTHS)), max(0, round(chord.end * SIXTEENTHS)))
        sheets[6, span] = np.isin(classes, chord.pitch_classes)
        sheets[7, span] = classes == chord.bass
    curves = np.stack([analysis.loudness, analysis.accents, np.repeat(analysis.energy, SIXTEENTHS)]).astype(np.float32)
    return View(sheets, curves, analysis.grid.downbeat, analysis.grid.meter)


def _draw(sounding: npt.NDArray[Any], begun: npt.NDArray[Any], line: Notes, analysis: Analysis) -> None:
    """A line of notes in seconds as how sure it is, where it sounds and where it begins."""
    starts, ends = (np.rint(analysis.grid.beats(line[name]) * SIXTEENTHS).astype(int) for name in ("start", "end"))
    for start, end, pitch, sure in zip(starts, ends, line["pitch"], line["confidence"], strict=True):
        column = int(pitch) - LOWEST
        if 0 <= column < KEYS and 0 <= start < len(begun):
            sounding[start : max(end, start + 1), column] = sure
            begun[start, column] = sure
