"""What the network hears: the product's own listening on the steps of the beats, so that it need not learn to hear."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from desktop.jobs.progress import Progress
from desktop.models.library import Library
from desktop.models.session import open_session
from desktop.piano.melody import melody_salience
from desktop.piano.melody_features import features
from desktop.piano.transcription import Runner, posteriors

from .settings import EarSettings, GridSettings

Floats = npt.NDArray[Any]
Bytes = npt.NDArray[np.uint8]


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


def heard(sound: Floats, beats: Floats, ears: Ears, grid: GridSettings) -> Bytes:
    """Frames of mono sound [(beats - 1) * steps a beat, bands], probabilities as bytes. A frame is a step.

    Args:
        sound: at 22,050 Hz.
        beats: seconds of each beat, at least two.
    """
    sound = np.asarray(sound, np.float32)
    found = posteriors(sound, ears.notes)
    tune = melody_salience(features(found, sound), ears.tune)
    steps = np.arange((len(beats) - 1) * grid.steps_per_beat + 1)
    # An onset belongs to the nearest step, whatever sounds to the step that has begun.
    during, around = (np.interp((steps + by) / grid.steps_per_beat, np.arange(len(beats)), beats) for by in (0, -0.5))
    parts = (
        _mean(found.note, during * found.frame_rate),
        _most(found.onset, around * found.frame_rate),
        _mean(tune.pitch, during * tune.frame_rate - 0.25),
        _most(tune.onset, around * tune.frame_rate - 0.25),
    )
    return np.rint(np.clip(np.concatenate(parts, axis=1), 0, 1) * 255).astype(np.uint8)


def _mean(values: Floats, edges: Floats) -> Floats:
    """Means of frames [T, C] between edges in frames [N + 1] -> [N, C]."""
    total = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0, dtype=np.float64)])
    place = np.clip(edges + 0.5, 0, len(values))
    below = np.minimum(place.astype(int), len(values) - 1)
    summed = total[below] + (place - below)[:, None] * values[below]
    means: Floats = np.diff(summed, axis=0) / np.maximum(np.diff(place), 1e-3)[:, None]
    return means


def _most(values: Floats, edges: Floats) -> Floats:
    """The largest of the frames [T, C] between edges in frames [N + 1] -> [N, C]."""
    firsts = np.clip(np.rint(edges).astype(int), 0, len(values) - 1)
    largest: Floats = np.maximum.reduceat(values, firsts, axis=0)[:-1]
    return largest


def network_input(bands: Floats, in_bar: npt.NDArray[np.int64], grid: GridSettings, ear: EarSettings) -> Floats:
    """Frames as the network hears them [steps, width]: what was heard, and where each step is.

    Args:
        bands: [steps, bands] of a window with its context, 0..1.
        in_bar: number of each of its beats in the bar, from 1.
    """
    step = np.arange(grid.heard)
    beat = step // grid.steps_per_beat
    out = np.zeros((grid.heard, ear.width(grid)), np.float32)
    out[:, : ear.bands] = 3 * bands
    place = ear.bands
    for count, value in (
        (grid.beats_heard, beat),
        (grid.steps_per_beat, step % grid.steps_per_beat),
        (ear.in_bar, np.minimum(in_bar[beat], ear.in_bar) - 1),
    ):
        out[step, place + value] = 2.0
        place += count
    out[:, place] = 1.0
    return out
