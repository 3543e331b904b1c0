"""The original's waveform with the found beats over it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPointF, QRect, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPolygonF
from PySide6.QtWidgets import QWidget

from desktop.piano.cover import Grid
from desktop.ui import theme
from desktop.ui.widgets import grid_lines
from desktop.ui.widgets.lane import Lane
from desktop.ui.widgets.timeline import GUTTER, Span, Timeline

RULER = 22
"""Height in pixels of the ruler with bar numbers."""
Peaks = npt.NDArray[np.float32]


class Waveform(Lane):
    """Peaks (minimum and maximum, a fixed number a second) under a ruler of bars; without a grid the ruler shows time.

    Signals:
        downbeat: number of the beat that was Alt-clicked to start a bar.
    """

    downbeat = Signal(int)

    def __init__(self, timeline: Timeline, parent: QWidget | None = None) -> None:
        super().__init__(timeline, parent)
        self._peaks: Peaks = np.zeros((0, 2), np.float32)
        self._rate = 100.0
        self.grid: Grid | None = None
        self.message = ""
        self.setFixedHeight(88)
        self.setAccessibleName("Waveform of the original with beats")
        self.setToolTip(
            "Click: move the playhead · drag: loop range, or one of its ends · Alt-click: this beat starts a bar · wheel: zoom"
        )

    def set_peaks(self, peaks: Peaks, duration: float) -> None:
        """Show peaks: array [n, 2] of minimum and maximum (-1..1) over ``duration`` seconds."""
        self._peaks = np.asarray(peaks, np.float32).reshape(-1, 2)
        self._rate = len(self._peaks) / duration if duration > 0 else 100.0
        self.invalidate()

    def set_message(self, text: str) -> None:
        """Say something where the waveform is not yet."""
        if text != self.message:
            self.message = text
            self.update()

    def set_grid(self, grid: Grid | None) -> None:
        """Show other beats."""
        self.grid = grid
        self.invalidate()

    def draw(self, painter: QPainter, tokens: theme.Tokens, span: Span) -> None:
        painter.fillRect(QRectF(0, 0, span.width, self.height()), QColor(tokens.canvas))
        painter.fillRect(QRectF(0, 0, span.width, RULER), QColor(tokens.window))
        painter.setFont(theme.font(self, theme.CAPTION, tabular=True))
        if self.grid is not None:
            grid_lines.draw(painter, tokens, span, self.grid, RULER, self.height())
            grid_lines.draw_ruler(painter, tokens, span, self.grid, RULER)
        elif self.timeline.duration > 0:
            self._draw_clock(painter, tokens, span)
        self._draw_wave(painter, tokens, span)
        for y in (RULER - 1, self.height() - 1):
            painter.fillRect(QRectF(0, y, span.width, 1), QColor(tokens.hairline))

    def draw_gutter(self, painter: QPainter, tokens: theme.Tokens) -> None:
        painter.fillRect(QRectF(0, 0, GUTTER, self.height()), QColor(tokens.window))
        painter.setFont(theme.font(self, theme.CAPTION))
        painter.setPen(QColor(tokens.secondary))
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(QRectF(0, 0, GUTTER - 8, RULER), right, "Bar" if self.grid is not None else "Time")
        painter.drawText(QRectF(0, RULER, GUTTER - 8, self.height() - RULER), right, "Song")
        for rect in (
            QRectF(0, RULER - 1, GUTTER, 1),
            QRectF(0, self.height() - 1, GUTTER, 1),
            QRectF(GUTTER - 1, RULER, 1, self.height()),
        ):
            painter.fillRect(rect, QColor(tokens.hairline))

    def _draw_wave(self, painter: QPainter, tokens: theme.Tokens, span: Span) -> None:
        if not len(self._peaks):
            return
        columns = np.arange(round(span.width) + 1)
        seconds = span.start + columns / span.scale
        edges = np.clip((seconds * self._rate).astype(np.int64), 0, len(self._peaks) - 1)
        low = np.minimum.reduceat(self._peaks[:, 0], edges)[:-1]
        high = np.maximum.reduceat(self._peaks[:, 1], edges)[:-1]
        within = np.flatnonzero((seconds[:-1] >= 0) & (seconds[:-1] < self.timeline.duration))
        middle, half = (RULER + self.height()) / 2, (self.height() - RULER) / 2 - 6
        top, height = middle - high[within] * half, np.maximum(1.0, (high - low)[within] * half)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.mix(tokens.secondary, tokens.canvas, 0.25))
        painter.drawRects(list(map(QRectF, within.tolist(), top.tolist(), [1.0] * len(within), height.tolist())))

    def _draw_clock(self, painter: QPainter, tokens: theme.Tokens, span: Span) -> None:
        step = next((s for s in (1, 2, 5, 10, 15, 30, 60, 120, 300, 600) if s * span.scale >= 56), 600)
        first = int(np.ceil(max(0.0, span.start) / step)) * step
        painter.setPen(QColor(tokens.secondary))
        for second in range(first, int(min(span.end, self.timeline.duration)) + 1, step):
            x = round(span.x(second))
            painter.fillRect(QRectF(x, RULER - 8, 1, 8), theme.mix(tokens.window, tokens.secondary, 0.55))
            painter.drawText(QPointF(x + 4, RULER - 7), f"{second // 60}:{second % 60:02d}")

    def draw_over(self, painter: QPainter, tokens: theme.Tokens, rect: QRect) -> None:
        if self.message and not len(self._peaks):
            painter.setFont(theme.font(self))
            painter.setPen(QColor(tokens.secondary))
            area = QRectF(GUTTER, RULER, self.width() - GUTTER, self.height() - RULER)
            painter.drawText(area, Qt.AlignmentFlag.AlignCenter, self.message)

    def _draw_playhead(self, painter: QPainter, tokens: theme.Tokens) -> None:
        super()._draw_playhead(painter, tokens)
        if self.playhead is not None and (x := round(self.timeline.x(self.playhead))) >= GUTTER - 1:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(tokens.text))
            painter.drawPolygon(QPolygonF([QPointF(x - 5, 0), QPointF(x + 5, 0), QPointF(x, 8)]))

    def clicked(self, at: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        if modifiers & Qt.KeyboardModifier.AltModifier and self.grid is not None:
            second = self.timeline.seconds(at.x())
            self.downbeat.emit(int(np.abs(self.grid.times - second).argmin()))
        else:
            super().clicked(at, modifiers)
