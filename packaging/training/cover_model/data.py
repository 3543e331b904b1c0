"""Windows of the rendered songs with the tokens of the human cover, changed so that no tone colour, level or key is learnt."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .features import network_input
from .settings import GridSettings, NetworkSettings, SoundSettings, TrainSettings
from .tokens import PAD, Struck, encode

Floats = npt.NDArray[Any]
Ints = npt.NDArray[np.int64]
Rng = np.random.Generator

GRID, EAR = GridSettings(), SoundSettings()
_LOWEST, _HIGHEST = 21, 108
Row = tuple[Floats, int, list[int], npt.NDArray[np.uint8]]


@dataclass(frozen=True)
class Piece:
    """Frames [T, bands] as bytes, notes (``STRUCK``), number of each beat in its bar; ``density``: 1 sparse .. 3 dense."""

    bands: npt.NDArray[np.uint8]
    notes: Struck
    in_bar: npt.NDArray[np.int64]
    density: int

    def firsts(self) -> Ints:
        """Beats that a window with its context can begin to be written at."""
        return np.arange(GRID.context, len(self.in_bar) - GRID.beats - GRID.context)


@dataclass
class Pool:
    """All pieces of a folder in memory; new files are picked up by ``refresh``."""

    folder: Path
    pieces: list[Piece] = field(default_factory=list)
    known: set[str] = field(default_factory=set)

    def refresh(self, train: TrainSettings) -> None:
        """Read files that were not there before."""
        for path in sorted(self.folder.glob("*.npz")):
            if path.name not in self.known:
                self.known.add(path.name)
                piece = read_piece(path, train)
                if len(piece.firsts()):
                    self.pieces.append(piece)


def read_piece(path: Path, train: TrainSettings) -> Piece:
    """Read a file that ``render`` wrote."""
    with np.load(path) as file:
        notes, in_bar = file["notes"], file["in_bar"].astype(np.int64)
        per_beat = len(notes) / max(1, len(in_bar) - 1)
        return Piece(file["bands"], notes, in_bar, 1 + int(np.searchsorted(train.densities, per_beat)))


@dataclass(frozen=True)
class Batch:
    """Network input [B, T, width], density [B] (0: not told), tokens [B, N] filled up with ``PAD``, ``keys`` of each."""

    heard: Floats
    density: Ints
    tokens: Ints
    keys: npt.NDArray[np.uint8]


def draw(pool: Pool, rng: Rng, train: TrainSettings, network: NetworkSettings) -> Batch:
    """A batch of changed windows from anywhere."""
    rows: list[Row] = []
    while len(rows) < train.batch:
        piece = pool.pieces[int(rng.integers(len(pool.pieces)))]
        first = int(rng.choice(piece.firsts()))
        shift = int(rng.integers(-train.shift, train.shift + 1))
        tokens = encode(written(piece, first, shift), GRID)
        if len(tokens) <= network.longest:
            bands = colour(transpose(listened(piece, first), shift * EAR.per_semitone), rng, train)
            density = 0 if rng.random() < train.unknown else piece.density
            rows.append((network_input(bands, bars(piece, first), GRID, EAR), density, tokens, keys(piece, first, shift)))
    return stack(rows)


def steady(pool: Pool, count: int, network: NetworkSettings) -> Batch:
    """The same unchanged windows each time, spread over all pieces."""
    places = [(piece, int(first)) for piece in pool.pieces for first in piece.firsts()[:: GRID.beats]]
    rows = []
    for place in np.linspace(0, len(places) - 1, count).astype(int):
        piece, first = places[place]
        tokens = encode(written(piece, first, 0), GRID)[: network.longest]
        heard = network_input(listened(piece, first), bars(piece, first), GRID, EAR)
        rows.append((heard, piece.density, tokens, keys(piece, first, 0)))
    return stack(rows)


def stack(rows: list[Row]) -> Batch:
    """Rows of input, density, tokens and keys as a batch."""
    heard, density, answers, down = zip(*rows, strict=True)
    tokens = np.full((len(rows), max(map(len, answers))), PAD)
    for target, answer in zip(tokens, answers, strict=True):
        target[: len(answer)] = answer
    return Batch(np.stack(heard), np.array(density), tokens, np.stack(down))


def listened(piece: Piece, first: int) -> Floats:
    """Bands of the window that is written from beat ``first`` on, with its context [frames, bands], 0..1."""
    per_beat = GRID.steps_per_beat * GRID.frames_per_step
    start = (first - GRID.context) * per_beat
    return piece.bands[start : start + GRID.frames].astype(np.float32) / 255


def bars(piece: Piece, first: int) -> Ints:
    """Number of each heard beat in its bar."""
    return piece.in_bar[first - GRID.context : first + GRID.beats + GRID.context]


def written(piece: Piece, first: int, shift: int) -> Struck:
    """Notes of the window, moved to its start and by some semitones; those beyond the keyboard come back by an octave."""
    return _between(piece, first * GRID.steps_per_beat, GRID.steps, shift)


def keys(piece: Piece, first: int, shift: int) -> npt.NDArray[np.uint8]:
    """1 where a key is struck and where it is down, at each heard step [steps, 2, 88]; notes from before it are left out."""
    down = np.zeros((GRID.heard, 2, 1 + _HIGHEST - _LOWEST), np.uint8)
    for onset, offset, pitch in _between(piece, (first - GRID.context) * GRID.steps_per_beat, GRID.heard, shift).tolist():
        down[onset, 0, pitch - _LOWEST] = 1
        down[onset:offset, 1, pitch - _LOWEST] = 1
    return down


def _between(piece: Piece, start: int, steps: int, shift: int) -> Struck:
    notes = piece.notes[(piece.notes["onset"] >= start) & (piece.notes["onset"] < start + steps)].copy()
    notes["onset"] -= start
    notes["offset"] -= start
    notes["pitch"] += shift
    notes["pitch"] += 12 * (notes["pitch"] < _LOWEST) - 12 * (notes["pitch"] > _HIGHEST)
    return notes


def transpose(bands: Floats, shift: int) -> Floats:
    """Move by some bands; what comes in from outside repeats the edge."""
    if not shift:
        return bands
    moved = np.roll(bands, shift, axis=1)
    if shift > 0:
        moved[:, :shift] = bands[:, :1]
    else:
        moved[:, shift:] = bands[:, -1:]
    return moved


def colour(bands: Floats, rng: Rng, train: TrainSettings) -> Floats:
    """Another tone colour and level, a noise floor, and noise."""
    place = np.linspace(0, 1, bands.shape[1])
    curve = rng.normal(0, 0.3) + rng.normal(0, 0.5) * (place - 0.5)
    for number in range(1, 5):
        curve = curve + rng.normal(0, 0.25 / number) * np.cos(np.pi * number * place + rng.uniform(0, np.pi))
    out = bands + (np.clip(curve, -1, 1) * train.tilt).astype(np.float32)
    out = np.maximum(out, rng.uniform(0, 0.3))
    out = out + np.float32(rng.uniform(0, train.noise)) * rng.standard_normal(out.shape, dtype=np.float32)
    return np.clip(out, 0, 1).astype(np.float32)
