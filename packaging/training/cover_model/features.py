"""What the network hears: a spectrogram in half semitones whose frames stand on the grid of the beats."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import fft

from .settings import GridSettings, SoundSettings

Floats = npt.NDArray[Any]
Bytes = npt.NDArray[np.uint8]


def heard(sound: Floats, rate: int, beats: Floats, grid: GridSettings, ear: SoundSettings) -> Bytes:
    """Frames of mono sound on the grid [(beats - 1) * steps a beat * frames a step, bands], logarithmic, as bytes.

    Args:
        beats: seconds of each beat, at least two.
    """
    loud = float(np.sqrt(np.mean(np.square(sound, dtype=np.float64)))) or 1.0
    power = spectrum(sound * (ear.level / loud), rate, ear)
    per_beat = grid.steps_per_beat * grid.frames_per_step
    edges = np.interp(np.arange((len(beats) - 1) * per_beat + 1) / per_beat, np.arange(len(beats)), beats)
    # The mean between two edges, of a spectrum that is a line between its frames.
    total = np.concatenate([np.zeros((1, power.shape[1])), np.cumsum(power, axis=0)])
    place = np.clip(edges * rate / ear.hop + 0.5, 0, len(power))
    below = np.minimum(place.astype(int), len(power) - 1)
    summed = total[below] + (place - below)[:, None] * power[below]
    mean = np.diff(summed, axis=0) / np.maximum(np.diff(place), 1e-3)[:, None]
    share = (np.log(np.maximum(mean, 1e-9)) - ear.quiet) / (ear.loud - ear.quiet)
    return np.rint(np.clip(share, 0, 1) * 255).astype(np.uint8)


def spectrum(sound: Floats, rate: int, ear: SoundSettings) -> Floats:
    """Power of the bands [frames, bands]; frame k is centred on sample k * hop."""
    padded = np.pad(np.asarray(sound, np.float32), ear.window // 2)
    cut = np.lib.stride_tricks.sliding_window_view(padded, ear.window)[:: ear.hop]
    window = np.hanning(ear.window + 1)[:-1].astype(np.float32)
    filters = _filters(rate, ear)
    parts = []
    for first in range(0, len(cut), 512):
        found = fft.rfft(cut[first : first + 512] * window, axis=-1)
        parts.append((found.real**2 + found.imag**2) @ filters)
    return np.concatenate(parts).astype(np.float64)


@lru_cache(maxsize=2)
def _filters(rate: int, ear: SoundSettings) -> npt.NDArray[np.float32]:
    """Triangles around half semitones [bins, bands], never narrower than a bin."""
    pitch = ear.lowest + np.arange(ear.bands) / ear.per_semitone
    centre = 440.0 * 2 ** ((pitch - 69) / 12)
    bin_width = rate / ear.window
    width = np.maximum(centre * (2 ** (1 / 12 / ear.per_semitone) - 1), bin_width)
    away = np.abs(np.arange(ear.window // 2 + 1)[:, None] * bin_width - centre)
    return np.maximum(0, 1 - away / width).astype(np.float32)


def network_input(bands: Floats, in_bar: npt.NDArray[np.int64], grid: GridSettings, ear: SoundSettings) -> Floats:
    """Frames as the network hears them [frames, width]: bands, their rises, and where each frame is.

    Args:
        bands: [frames, bands] of a window with its context, 0..1.
        in_bar: number of each of its beats in the bar, from 1.
    """
    wide = bands.reshape(len(bands), ear.rises, -1)
    rise = np.zeros((len(bands), ear.rises), np.float32)
    rise[1:] = np.maximum(0, np.diff(wide, axis=0)).mean(-1)
    return np.concatenate([(bands - 0.45) * 4, rise * 12, _places(in_bar, grid, ear)], axis=1).astype(np.float32)


def _places(in_bar: npt.NDArray[np.int64], grid: GridSettings, ear: SoundSettings) -> Floats:
    frame = np.arange(grid.frames)
    step, part = frame // grid.frames_per_step, frame % grid.frames_per_step
    beat = np.minimum(in_bar[step // grid.steps_per_beat], 4) - 1
    out = np.zeros((grid.frames, ear.places), np.float32)
    first = grid.heard + grid.frames_per_step
    for column in (step, grid.heard + part, first + beat):
        out[frame, column] = 2.0
    out[:, -1] = 1.0
    return out
