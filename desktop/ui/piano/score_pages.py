"""Engraved pages of a cover and where its moments stand on them (``desktop.piano.score.places`` tells the file's form)."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from PySide6.QtCore import QPointF, QRectF

from desktop import __version__
from desktop.errors import UserError
from desktop.malformed import MALFORMED
from desktop.paths import cache_dir, make_folder
from desktop.piano.cover import Floats

_KEPT = 24
PLACES = "places.json"


@dataclass(frozen=True)
class Bar:
    """A bar on a page: rectangle of its staves in the page's pixels, and the seconds it lasts."""

    number: int
    page: int
    area: QRectF
    start: float
    end: float


@dataclass(frozen=True)
class Engraving:
    """All pages of a score.

    Attributes:
        width, height: of a page, in the pixels that places are given in.
        svgs: the pages.
        bars: in the order of time.
    """

    width: float
    height: float
    svgs: tuple[bytes, ...]
    bars: tuple[Bar, ...]
    _knots: tuple[tuple[Floats, Floats], ...]

    def bar_at(self, second: float) -> int:
        """Index of the bar that is heard; the first before, the last after the music. -1 when there is none."""
        starts = [bar.start for bar in self.bars]
        return max(0, int(np.searchsorted(starts, second, side="right")) - 1) if starts else -1

    def x_at(self, second: float, bar: int) -> float:
        """Where a moment stands in a bar: between what is struck before it and after it."""
        seconds, places = self._knots[bar]
        return float(np.interp(second, seconds, places))

    def second_at(self, page: int, point: QPointF) -> float | None:
        """The moment that a point of a page stands for: of the bar there, or of the nearest one in its line."""
        here = [n for n, bar in enumerate(self.bars) if bar.page == page]
        if not here:
            return None

        def distance(n: int) -> tuple[float, float]:
            area = self.bars[n].area
            return _outside(point.y(), area.top(), area.bottom()), _outside(point.x(), area.left(), area.right())

        best = min(here, key=distance)
        seconds, places = self._knots[best]
        # A click that misses a note by a hair means the note.
        near = int(np.argmin(np.abs(places - point.x())))
        if near < len(places) - 1 and abs(places[near] - point.x()) < 9:
            return float(seconds[near])
        return float(np.interp(point.x(), places, seconds))


def read_engraving(folder: Path) -> Engraving:
    """Pages from a folder that ``PagesJob`` has filled; raises UserError when they are incomplete."""
    try:
        places: dict[str, Any] = msgspec.json.decode((folder / PLACES).read_bytes())
        svgs = tuple((folder / str(name)).read_bytes() for name in places["pages"])
        bars = tuple(
            Bar(b["number"], b["page"], QRectF(b["x"], b["y"], b["width"], b["height"]), b["start"], b["end"])
            for b in places["bars"]
        )
        knots = _knots(bars, places["onsets"])
        return Engraving(places["width"], places["height"], svgs, bars, knots)
    except (OSError, *MALFORMED, KeyError, TypeError) as error:
        raise UserError("The engraved pages cannot be read", path=folder, remedy="Engrave the score again.") from error


def folder_for(project: Path) -> Path:
    """Where the pages of a saved cover are kept: by its content. Older ones are removed."""
    mark = hashlib.sha256(project.read_bytes() + __version__.encode()).hexdigest()[:20]
    root = make_folder(cache_dir() / "pages")
    found = []
    for path in root.iterdir():
        with contextlib.suppress(OSError):
            found.append((path.stat().st_mtime, path))
    for _, path in sorted(found, reverse=True)[_KEPT:]:
        if path.name != mark:
            shutil.rmtree(path, ignore_errors=True)
    return root / mark


def _outside(value: float, low: float, high: float) -> float:
    return max(0.0, low - value, value - high)


def _knots(bars: tuple[Bar, ...], onsets: list[list[float]]) -> tuple[tuple[Floats, Floats], ...]:
    """For each bar the seconds and places between which the cursor glides."""
    seconds = np.array([onset[0] for onset in onsets], np.float64)
    out = []
    for bar in bars:
        first, last = np.searchsorted(seconds, [bar.start - 1e-3, bar.end - 1e-3])
        inside = [(second, x) for second, page, x in onsets[first:last] if page == bar.page]
        begin = [] if inside and inside[0][0] <= bar.start + 1e-3 else [(bar.start, bar.area.left())]
        knots = [*begin, *inside, (bar.end, bar.area.right())]
        # Two voices may put a moment a little apart: the cursor never steps back.
        places = np.maximum.accumulate([x for _, x in knots])
        out.append((np.array([second for second, _ in knots]), places))
    return tuple(out)
