"""Windows of the rendered songs with the tokens of the human cover, changed so that no key and no level is learnt."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .features import network_input
from .settings import EarSettings, GridSettings, NetworkSettings, TrainSettings
from .tokens import PAD, Struck, encode

Floats = npt.NDArray[Any]
Ints = npt.NDArray[np.int64]
Rng = np.random.Generator

GRID, EAR = GridSettings(), EarSettings()
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
            bands = colour(transpose(listened(piece, first), shift), rng, train)
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
    start = (first - GRID.context) * GRID.steps_per_beat
    return piece.bands[start : start + GRID.heard].astype(np.float32) / 255


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
    """Move each group of a window by some semitones; what comes in from outside is silent."""
    if not shift:
        return bands
    moved = np.zeros_like(bands)
    end = 0
    for size in EAR.groups:
        start, end = end, end + size
        moved[:, start + max(0, shift) : end + min(0, shift)] = bands[:, start + max(0, -shift) : end + min(0, -shift)]
    return moved


def colour(bands: Floats, rng: Rng, train: TrainSettings) -> Floats:
    """Another recording of the same: each group surer or less sure, and noise."""
    gains = np.repeat(1 + rng.uniform(-train.gain, train.gain, len(EAR.groups)), EAR.groups).astype(np.float32)
    noise = np.float32(rng.uniform(0, train.noise)) * rng.standard_normal(bands.shape, dtype=np.float32)
    return np.clip(bands * gains + noise, 0, 1)
