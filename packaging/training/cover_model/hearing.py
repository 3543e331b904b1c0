"""What the product hears of a sound whose beats are known: the same analysis that its engines arrange from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from desktop.jobs.progress import Progress
from desktop.models.library import Library
from desktop.models.session import open_session
from desktop.piano.analysis_data import Analysis
from desktop.piano.bass import bass_line
from desktop.piano.chords import estimate_chords
from desktop.piano.cover import Grid
from desktop.piano.curves import measure
from desktop.piano.melody import extract_melody
from desktop.piano.transcription import RATE, Runner, posteriors


@dataclass(frozen=True)
class Ears:
    """The networks that hear notes and the tune, open."""

    notes: Runner
    tune: Runner

    @staticmethod
    def open(library: Library | None = None) -> Ears:
        """Raises UserError when one cannot be had."""
        library = library or Library()
        files = library.ensure("basic-pitch", Progress()) / "nmp.onnx", library.ensure("melody", Progress()) / "melody.onnx"
        notes, tune = (open_session(file, device="cpu", threads=1) for file in files)
        return Ears(notes, tune)


def grid_of(times: npt.NDArray[np.float64], in_bar: npt.NDArray[np.int64]) -> Grid:
    """Beats at ``times`` in bars of one length, as the product knows them, from the number of each beat in its bar."""
    meter = int(np.clip(np.bincount(in_bar).argmax() if len(in_bar) < 2 else np.median(in_bar[:-1][np.diff(in_bar) < 0]), 2, 12))
    phases = (np.arange(len(in_bar)) - in_bar + 1) % meter
    return Grid(times, downbeat=int(np.bincount(phases).argmax()), meter=meter)


def listen(sound: npt.NDArray[Any], grid: Grid, ears: Ears, title: str = "") -> Analysis:
    """The analysis of mono sound at 22,050 Hz on a known grid."""
    sound = np.ascontiguousarray(sound, np.float32)
    heard = posteriors(sound, ears.notes)
    key, chords = estimate_chords(heard, sound, grid)
    curves = measure(sound, RATE, heard, grid)
    return Analysis(
        title=title,
        source_hash="",
        duration=len(sound) / RATE,
        grid=grid,
        key=key,
        chords=chords,
        melody=extract_melody(heard, sound, ears.tune),
        bass=bass_line(heard, grid, chords),
        energy=curves.energy,
        loudness=curves.loudness,
        accents=curves.accents,
        salience=curves.salience,
        attacks=curves.attacks,
    )
