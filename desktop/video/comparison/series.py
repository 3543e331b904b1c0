"""Measures of a clip over time: a compact table, its means, its curves, its file."""

from __future__ import annotations

import csv
import math
from array import array
from collections.abc import Mapping, Sequence
from io import TextIOBase
from typing import Any

import numpy as np
from numpy.typing import NDArray

from desktop.video.comparison.measures import MEASURES
from desktop.video.quality.motion import luminance_flicker

Key = tuple[str, str]


class Series:
    """A row a moment; NaN where nothing was measured. About 130 bytes a row for two clips."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        self._times, self._pictures, self._runs = array("d"), array("q"), array("q")
        self._columns = {(m.key, name): array("f") for m in MEASURES for name in names}
        self._run = 0
        self._who: object = None

    def __len__(self) -> int:
        return len(self._times)

    @property
    def times(self) -> NDArray[np.float64]:
        """Seconds of each row."""
        return np.frombuffer(self._times, np.float64) if self._times else np.empty(0)

    def add(self, time: float, picture: int, numbers: Mapping[Key, float], who: object) -> None:
        """A row. ``who`` is the face (or shot) that the light is measured of: another one begins another course."""
        self._run += who != self._who
        self._who = who
        self._times.append(time)
        self._pictures.append(picture)
        self._runs.append(self._run)
        for key, column in self._columns.items():
            column.append(numbers.get(key, float("nan")))

    def column(self, key: str, name: str) -> NDArray[np.float32]:
        """Values of one measure of one clip."""
        column = self._columns[key, name]
        return np.frombuffer(column, np.float32) if column else np.empty(0, np.float32)

    def means(self, key: str) -> dict[str, float]:
        """Mean of a measure for each clip that has it, over the moments where all of those have it."""
        columns = {name: self.column(key, name) for name in self.names}
        columns = {name: column for name, column in columns.items() if np.isfinite(column).any()}
        if key == "light":
            found = {name: self._flicker(column) for name, column in columns.items()}
            return {name: value for name, value in found.items() if np.isfinite(value)}
        shared = np.all([np.isfinite(column) for column in columns.values()], axis=0) if columns else np.empty(0, bool)
        return {name: float(column[shared].mean(dtype=np.float64)) for name, column in columns.items() if shared.any()}

    def curve(self, key: str, name: str, points: int = 48) -> list[float | None]:
        """The course of a measure in at most so many means; None in gaps."""
        column = self.column(key, name)
        parts = np.array_split(column, min(points, max(1, len(column))))
        return [float(part[np.isfinite(part)].mean()) if np.isfinite(part).any() else None for part in parts]

    def write(self, file: TextIOBase | Any) -> None:
        """The table as CSV: time in seconds, number of the reference's picture, a column for each measure and clip."""
        writer = csv.writer(file)
        used = [key for key in self._columns if np.isfinite(self.column(*key)).any()]
        writer.writerow(["time_s", "picture", *(f"{key}_{name}" for key, name in used)])
        for row, (time, picture) in enumerate(zip(self._times, self._pictures, strict=True)):
            values = (self._columns[key][row] for key in used)
            writer.writerow([f"{time:.6f}", picture, *(f"{value:.6g}" if np.isfinite(value) else "" for value in values)])

    def _flicker(self, column: NDArray[np.float32]) -> float:
        """Flicker of the light, each face's course on its own."""
        edges = np.flatnonzero(np.diff(np.frombuffer(self._runs, np.int64))) + 1
        parts = [(luminance_flicker(part), len(part)) for part in np.split(column, edges)]
        known = [(value**2, length) for value, length in parts if np.isfinite(value)]
        total = sum(length for _, length in known)
        return math.sqrt(sum(square * length for square, length in known) / total) if total else math.nan
