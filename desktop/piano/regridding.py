"""An analysis on another grid: what was heard stays where it is in time, and is told in the new beats."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from desktop.piano.analysis_data import SIXTEENTHS, Analysis
from desktop.piano.cover import Cover

Curve = npt.NDArray[np.float32]


def on_grid(analysis: Analysis, cover: Cover) -> Analysis:
    """The analysis of a cover's song with the grid, chords and key that the cover has now.

    Melody and bass are in seconds and stay; curves are read where the new beats lie.
    """
    old, new = analysis.grid, cover.grid
    known = replace(analysis, grid=new, chords=cover.chords, key=cover.key)
    if np.array_equal(old.times, new.times):
        return known
    beats = old.beats(new.seconds(np.arange(len(new.times))))
    sixteenths = SIXTEENTHS * old.beats(new.seconds(np.arange(SIXTEENTHS * len(new.times)) / SIXTEENTHS))
    return replace(
        known,
        energy=_between(analysis.energy, beats),
        loudness=_between(analysis.loudness, sixteenths),
        accents=_strongest(analysis.accents, sixteenths),
        salience=_between(analysis.salience, sixteenths),
        attacks=_strongest(analysis.attacks, sixteenths),
    )


def _between(curve: Curve, places: npt.NDArray[np.float64]) -> Curve:
    """Values of a curve [points, ...] between its points; its edges go on."""
    if not len(curve):
        return curve
    at = np.clip(places, 0, len(curve) - 1)
    low = np.floor(at).astype(int)
    high = np.minimum(low + 1, len(curve) - 1)
    share = (at - low).astype(np.float32).reshape(-1, *[1] * (curve.ndim - 1))
    found: Curve = (curve[low] * (1 - share) + curve[high] * share).astype(np.float32)
    return found


def _strongest(curve: Curve, places: npt.NDArray[np.float64]) -> Curve:
    """The nearest of a curve's points: what begins somewhere is not spread over its neighbours."""
    if not len(curve):
        return curve
    found: Curve = curve[np.clip(np.rint(places).astype(int), 0, len(curve) - 1)]
    return found
