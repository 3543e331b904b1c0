"""The time axis that waveform and piano roll share: which second is where."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject, Signal

GUTTER = 56
"""Width in pixels of what stands left of every lane (the keyboard of the roll)."""
MAX_SCALE = 1200.0
"""Pixels a second at the closest zoom."""


@dataclass(frozen=True)
class Span:
    """A stretch of the time axis: second ``start`` at pixel ``left``, ``scale`` pixels a second, ``width`` pixels long."""

    start: float
    scale: float
    width: float
    left: float = 0.0

    @property
    def end(self) -> float:
        """Second at the right edge."""
        return self.start + self.width / self.scale

    def x(self, seconds: float) -> float:
        """Pixel of a time."""
        return self.left + (seconds - self.start) * self.scale

    def xs(self, seconds: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Pixels of times."""
        return self.left + (seconds - self.start) * self.scale


class Timeline(QObject):
    """View on a song: ``start`` is the second at the left edge, ``scale`` the pixels a second, ``width`` the pixels shown.

    Signals:
        changed: what is shown has moved, been zoomed or resized.
    """

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.duration, self.start, self.scale, self.width = 0.0, 0.0, 100.0, 800
        self._fitted = True

    @property
    def shown(self) -> float:
        """Seconds that fit into the view."""
        return self.width / self.scale

    @property
    def end(self) -> float:
        """Second at the right edge."""
        return self.start + self.shown

    @property
    def fitted(self) -> bool:
        """Whether the whole song is shown, and stays so when the window grows."""
        return self._fitted

    def x(self, seconds: float) -> float:
        """Pixel (from the lane's left edge, gutter included) of a time."""
        return GUTTER + (seconds - self.start) * self.scale

    def tile(self, stretch: float) -> Span:
        """A span around what is shown, ``stretch`` times as long, from whole pixels on."""
        width = round(self.width * stretch)
        first = round(self.start * self.scale) - (width - self.width) // 2
        return Span(first / self.scale, self.scale, width)

    def seconds(self, x: float) -> float:
        """Time under a pixel, within the song."""
        return min(self.duration, max(0.0, self.start + (x - GUTTER) / self.scale))

    def set_duration(self, duration: float) -> None:
        """Length of the song; the view is fitted when it was empty before."""
        if duration != self.duration:
            self._fitted = self._fitted or self.duration <= 0
            self.duration = max(0.0, duration)
            self._settle()

    def set_width(self, width: int) -> None:
        """Pixels of the lanes without their gutter."""
        if width != self.width and width > 0:
            self.width = width
            self._settle()

    def fit(self) -> None:
        """Show the whole song."""
        self._fitted = True
        self._settle()

    def show_range(self, start: float, end: float) -> None:
        """Show from ``start`` to ``end`` seconds."""
        self._fitted = False
        self.scale = self.width / max(0.05, end - start)
        self.start = start
        self._settle()

    def zoom(self, factor: float, x: float) -> None:
        """Zoom by ``factor`` (over 1: closer), the time under pixel ``x`` staying where it is."""
        anchor = self.start + (x - GUTTER) / self.scale
        least = self._least()
        self._fitted = self.scale * factor <= least * 1.001
        self.scale = min(MAX_SCALE, max(least, self.scale * factor))
        self.start = anchor - (x - GUTTER) / self.scale
        self._settle()

    def pan(self, pixels: float) -> None:
        """Move the view by pixels (positive: later)."""
        self.start += pixels / self.scale
        self._settle()

    def scroll_to(self, start: float) -> None:
        """Put second ``start`` at the left edge."""
        if abs(start - self.start) * self.scale >= 0.5:
            self.start = start
            self._settle()

    def follow(self, seconds: float) -> None:
        """Turn the page when a playhead at ``seconds`` has left the view."""
        if not self._fitted and not self.start <= seconds <= self.start + 0.97 * self.shown:
            self.start = seconds - 0.06 * self.shown
            self._settle()

    def _least(self) -> float:
        return self.width / max(0.5, self.duration * 1.01)

    def _settle(self) -> None:
        if self._fitted:
            self.scale, self.start = self._least(), 0.0
        self.scale = min(MAX_SCALE, max(self._least(), self.scale))
        self.start = min(max(0.0, self.duration * 1.01 - self.shown), max(0.0, self.start))
        # Whole pixels: pictures of the lanes are moved, not drawn anew, and stay sharp.
        self.start = round(self.start * self.scale) / self.scale
        self.changed.emit()
