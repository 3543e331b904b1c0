"""Windows of the rendered songs with the keys that people play to them, changed so that no key and no level is learnt."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from desktop.piano.analysis_data import SIXTEENTHS
from desktop.piano.analysis_store import unpacked
from desktop.piano.playability import LOWEST
from desktop.piano.songbook.view import KEYS, PLAYED, SHEETS, View, view_of

from .settings import DataSettings

Floats = npt.NDArray[Any]
Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]
Rng = np.random.Generator

TUNE, CHORD = slice(2, 4), slice(6, 8)
"""Sheets of the tune and of the chord."""


@dataclass(frozen=True)
class Piece:
    """An excerpt: its view, the keys struck and down [2, steps, KEYS], and how dense it is (1 sparse .. 3 dense)."""

    sheets: Bytes
    curves: Floats
    places: Ints
    keys: Bytes
    density: int


@dataclass(frozen=True)
class Batch:
    """Windows [B, ...] as ``CoverNetwork`` takes them, and the answer ``keys`` [B, 2, T, KEYS].

    Attributes:
        open: [B, T] 1 where the answer counts, 0 where it was shown.
    """

    sheets: Floats
    played: Floats
    curves: Floats
    places: Ints
    density: Ints
    keys: Floats
    open: Floats


@dataclass
class Pool:
    """All pieces of a folder in memory; new files are picked up by ``refresh``."""

    folder: Path
    settings: DataSettings
    pieces: list[Piece] = field(default_factory=list)
    known: set[str] = field(default_factory=set)

    def refresh(self) -> None:
        """Read files that were not there before."""
        for path in sorted(self.folder.glob("*.npz")):
            if path.name not in self.known:
                self.known.add(path.name)
                piece = read_piece(path, self.settings)
                if piece.keys.shape[1] >= self.settings.steps:
                    self.pieces.append(piece)


def read_piece(path: Path, settings: DataSettings) -> Piece:
    """Read the two files that ``render`` wrote."""
    with path.open("rb") as file:
        view = view_of(unpacked(file))
    notes = np.load(path.with_suffix(".npy"))
    density = 1 + int(np.searchsorted(settings.densities, len(notes) / max(1, view.steps // SIXTEENTHS - 1)))
    sheets = np.rint(view.sheets * 255).astype(np.uint8)
    return Piece(sheets, view.curves, view.places(np.arange(view.steps)), keys_of(notes, view), density)


def keys_of(notes: npt.NDArray[Any], view: View) -> Bytes:
    """[2, steps, KEYS] 1 where a key is struck and where it is down."""
    keys = np.zeros((2, view.steps, KEYS), np.uint8)
    for note in notes:
        column = int(note["pitch"]) - LOWEST
        if 0 <= column < KEYS and 0 <= note["onset"] < view.steps:
            keys[0, note["onset"], column] = 1
            keys[1, note["onset"] : note["offset"], column] = 1
    return keys


def draw(pool: Pool, rng: Rng, count: int) -> Batch:
    """Changed windows from anywhere."""
    s = pool.settings
    rows = []
    for _ in range(count):
        piece = pool.pieces[int(rng.integers(len(pool.pieces)))]
        # Windows begin on beats, in the product too.
        first = SIXTEENTHS * int(rng.integers(0, (piece.keys.shape[1] - s.steps) // SIXTEENTHS + 1))
        cut = slice(first, first + s.steps)
        shift = int(rng.integers(-s.shift, s.shift + 1))
        sheets = coloured(transposed(piece.sheets[:, cut], shift), rng, s)
        density = 0 if rng.random() < s.unknown else piece.density
        keys = transposed(piece.keys[:, cut], shift).astype(np.float32)
        known = SIXTEENTHS * int(rng.integers(1, s.steps // SIXTEENTHS)) if rng.random() < s.begun else 0
        played = shown(keys, known, rng, s)
        rows.append((sheets, played, piece.curves[:, cut], piece.places[:, cut], density, keys, _open(s.steps, known)))
    return Batch(*(np.stack(column) for column in zip(*rows, strict=True)))


def shown(keys: Floats, known: int, rng: Rng, settings: DataSettings) -> Floats:
    """The first ``known`` steps of the answer as what is played already [PLAYED, steps, KEYS].

    Some notes are left out and some are wrong, as they will be when the network itself has written them.
    """
    played = np.zeros((PLAYED, *keys.shape[1:]), np.float32)
    struck, down = keys[:, :known].copy()
    struck[rng.random(struck.shape) < settings.missed] = 0
    struck[rng.random(struck.shape) < settings.wrong * keys[0].mean()] = 1
    played[0, :known], played[1, :known], played[2, :known] = struck, np.maximum(down, struck), 1
    return played


def _open(steps: int, known: int) -> Floats:
    return (np.arange(steps) >= known).astype(np.float32)


def begun(piece: Piece, settings: DataSettings) -> Batch:
    """All of a piece as it is, in windows of which the first half is shown: as it is asked for in the program."""
    half = settings.steps // 2
    firsts = range(0, piece.keys.shape[1] - settings.steps + 1, half)

    def cut(values: Floats, axis: int) -> Floats:
        return np.stack([values.take(range(first, first + settings.steps), axis) for first in firsts])

    keys = cut(piece.keys, 1).astype(np.float32)
    played = np.zeros((len(keys), PLAYED, settings.steps, KEYS), np.float32)
    played[:, :2, :half], played[:, 2, :half] = keys[:, :, :half], 1
    open_ = np.broadcast_to(_open(settings.steps, half), (len(keys), settings.steps)).copy()
    sheets = cut(piece.sheets, 1).astype(np.float32) / 255
    return Batch(sheets, played, cut(piece.curves, 1), cut(piece.places, 1), np.zeros(len(keys), np.int64), keys, open_)


def transposed(keys: Bytes, shift: int) -> Bytes:
    """Move the last axis by some semitones; what comes in from outside is silent."""
    moved = np.zeros_like(keys)
    moved[..., max(0, shift) : KEYS + min(0, shift)] = keys[..., max(0, -shift) : KEYS + min(0, -shift)]
    return moved


def coloured(sheets: Bytes, rng: Rng, settings: DataSettings) -> Floats:
    """Another recording of the same: each sheet surer or less sure, noise, now and then no tune or no chords heard."""
    gains = 1 + rng.uniform(-settings.gain, settings.gain, (SHEETS, 1, 1)).astype(np.float32)
    for part, chance in ((TUNE, settings.no_tune), (CHORD, settings.no_chords)):
        if rng.random() < chance:
            gains[part] = 0
    noise = np.float32(rng.uniform(0, settings.noise)) * rng.standard_normal(sheets.shape, dtype=np.float32)
    return np.clip(sheets * (gains / np.float32(255)) + noise, 0, 1)
