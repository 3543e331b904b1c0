"""Windows of the rendered songs, changed so that the network relies on what real recordings have in common with them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .settings import NetworkSettings, TrainSettings

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[Any]
REST, IGNORED = 0, -100


@dataclass(frozen=True)
class Song:
    """Maps [5, T, 88], spectrum [T, 107] as bytes; labels [2, T] of voice and lead instrument, -1 for none."""

    maps: Bytes
    spectrum: Bytes
    labels: npt.NDArray[np.int8]


@dataclass
class Pool:
    """All songs of a folder in memory; new files are picked up by ``refresh``."""

    folder: Path
    songs: list[Song] = field(default_factory=list)
    known: set[str] = field(default_factory=set)

    def refresh(self) -> None:
        """Read files that were not there before."""
        for path in sorted(self.folder.glob("*.npz")):
            if path.name not in self.known:
                with np.load(path) as file:
                    self.songs.append(Song(file["maps"], file["spectrum"], file["labels"]))
                self.known.add(path.name)


@dataclass(frozen=True)
class Batch:
    """Network inputs, target classes [B, T] (0 silence, 1 + pitch), weights [B, T] and onset targets [B, T, P]."""

    maps: Floats
    spectrum: Floats
    target: npt.NDArray[np.int64]
    weight: Floats
    onset: Floats


def draw(pool: Pool, rng: np.random.Generator, train: TrainSettings, network: NetworkSettings) -> Batch:
    """A batch of changed windows."""
    parts = [window(pool.songs[int(rng.integers(len(pool.songs)))], rng, train, network) for _ in range(train.batch)]
    return Batch(*(np.stack(column) for column in zip(*parts, strict=True)))


def window(song: Song, rng: np.random.Generator, train: TrainSettings, network: NetworkSettings) -> tuple[npt.NDArray[Any], ...]:
    """One window with its targets."""
    speed = float(rng.uniform(0.8, 1.25)) if rng.random() < 0.5 else 1.0
    need = int(train.frames * speed) + 1
    start = int(rng.integers(max(1, song.maps.shape[1] - need)))
    at = np.minimum(start + (np.arange(train.frames) * speed).astype(int), song.maps.shape[1] - 1)
    maps = song.maps[:, at].astype(np.float32) / 255
    spectrum = song.spectrum[at].astype(np.float32) / 255
    labels = song.labels[:, at].astype(int)
    shift = int(rng.integers(-train.shift, train.shift + 1))
    if rng.random() < train.octave_down:
        shift -= 12
    maps, spectrum = transpose(maps, shift), transpose(spectrum, shift)
    labels[labels >= 0] += shift
    disturb(maps, labels[0] - 21, rng)
    spectrum = colour(spectrum, rng)
    return maps, spectrum, *targets(labels, train, network)


def targets(
    labels: npt.NDArray[np.int64], train: TrainSettings, network: NetworkSettings
) -> tuple[npt.NDArray[np.int64], Floats, Floats]:
    """Classes, weights and onsets from the two rows of labels."""
    voice, bridge = labels
    pitch = np.where(voice >= 0, voice, bridge)
    weight = np.where(voice >= 0, 1.0, np.where(bridge >= 0, train.bridge_weight, train.silence_weight)).astype(np.float32)
    target = np.where(pitch >= 0, pitch - network.lowest + 1, REST)
    outside = (pitch >= 0) & ((target < 1) | (target > network.pitches))
    weight[outside] = 0
    target[outside] = REST
    onset = np.zeros((len(pitch), network.pitches), np.float32)
    begins = np.flatnonzero((target[1:] > 0) & (target[1:] != target[:-1])) + 1
    for late in (-1, 0, 1):
        frame = np.clip(begins + late, 0, len(pitch) - 1)
        onset[frame, target[begins] - 1] = np.maximum(onset[frame, target[begins] - 1], 1.0 if late == 0 else 0.5)
    return target.astype(np.int64), weight, onset


def transpose(values: Floats, shift: int) -> Floats:
    """Move along the last axis; what comes in from outside is the edge's minimum."""
    if not shift:
        return values
    moved = np.roll(values, shift, -1)
    edge = slice(0, shift) if shift > 0 else slice(shift, None)
    moved[..., edge] = values.min()
    return moved


def disturb(maps: Floats, columns: npt.NDArray[np.int64], rng: np.random.Generator) -> None:
    """Weaker or missing onsets, ghosts at harmonics, gaps, noise and a quieter melody, in place."""
    frames = maps.shape[1]
    if rng.random() < 0.15:
        maps[1] *= rng.uniform(0, 0.5)
    if rng.random() < 0.3:
        step = int(rng.choice([-12, -7, 7, 12, 19, 24]))
        ghost = transpose(maps, step) * rng.uniform(0.1, 0.6)
        span = slice(*np.sort(rng.integers(0, frames, 2)).tolist())
        maps[:, span] = np.maximum(maps[:, span], ghost[:, span])
    if rng.random() < 0.3:  # the melody fades in the maps, as voices do behind a band
        begin = int(rng.integers(frames))
        rows = np.arange(begin, min(frames, begin + int(rng.integers(10, 120))))
        rows = rows[(columns[rows] >= 1) & (columns[rows] < 87)]
        gain = np.float32(rng.uniform(0.2, 0.9))
        for step in (-1, 0, 1):
            maps[:, rows, columns[rows] + step] *= gain
    for _ in range(int(rng.integers(0, 4))):
        begin = int(rng.integers(frames))
        maps[:, begin : begin + int(rng.integers(2, 9))] *= rng.uniform(0, 0.6)
    if rng.random() < 0.2:  # a band of pitches is masked
        low = int(rng.integers(0, 80))
        maps[..., low : low + int(rng.integers(2, 10))] *= rng.uniform(0, 0.7)
    maps **= np.float32(rng.uniform(0.75, 1.35))
    maps += np.float32(rng.uniform(0, 0.04)) * rng.standard_normal(maps.shape, dtype=np.float32)
    np.clip(maps, 0, 1, out=maps)


def colour(spectrum: Floats, rng: np.random.Generator) -> Floats:
    """Another tone colour and level: a smooth curve over pitch, less or more contrast, noise floor; sometimes no spectrum."""
    if rng.random() < 0.1:
        return np.zeros_like(spectrum)
    place = np.linspace(0, 1, spectrum.shape[1])
    curve = rng.normal(0, 0.05) + rng.normal(0, 0.08) * (place - 0.5)
    for k in range(1, 5):
        curve = curve + rng.normal(0, 0.04 / k**0.5) * np.cos(np.pi * k * place + rng.uniform(0, np.pi))
    out = spectrum * rng.uniform(0.85, 1.15) + curve.astype(np.float32)
    out = np.maximum(out, rng.uniform(0, 0.35))
    out += np.float32(rng.uniform(0, 0.03)) * rng.standard_normal(out.shape, dtype=np.float32)
    return np.clip(out, 0, 1).astype(np.float32)
