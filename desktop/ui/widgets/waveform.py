"""The original's waveform with the found beats over it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QContextMenuEvent, QHelpEvent, QMouseEvent, QPainter, QPolygonF
from PySide6.QtWidgets import QApplication, QToolTip, QWidget

from desktop.piano.cover import Grid
from desktop.ui import theme
from desktop.ui.widgets import beat_marks, grid_lines
from desktop.ui.widgets.lane import Lane
from desktop.ui.widgets.timeline import GUTTER, Span, Timeline

RULER = 22
"""Height in pixels of the ruler with bar numbers."""
Peaks = npt.NDArray[np.float32]


class Waveform(Lane):
    """Peaks (minimum and maximum, a fixed number a second) under a ruler of bars; without a grid the ruler shows time.

    Beats are taken hold of in the ruler, where there is room between them; below it a drag draws a loop range.

    Attributes:
        editable: whether beats can be changed now.
        taps: seconds at which was tapped along.

    Signals:
        downbeat: number of the beat that was Alt-clicked to start a bar.
        beat_dragged: number of a beat that is being dragged, the second it shall move to, whether its neighbours give way.
        beat_dropped: it was let go.
        beat_asked: second at which a beat was asked for by a double-click.
        menu_asked: second and number of the nearest beat, and where on the screen, of a right click.
    """

    downbeat = Signal(int)
    beat_dragged = Signal(int, float, bool)
    beat_dropped = Signal()
    beat_asked = Signal(float)
    menu_asked = Signal(float, int, object)

    def __init__(self, timeline: Timeline, parent: QWidget | None = None) -> None:
        super().__init__(timeline, parent)
        self._peaks: Peaks = np.zeros((0, 2), np.float32)
        self._rate = 100.0
        self.grid: Grid | None = None
        self.message = ""
        self.editable = False
        self.taps: list[float] = []
        self._hovered: int | None = None
        self._held: int | None = None
        self._offset, self._from = 0.0, 0.0
        self._moved = False
        self.setFixedHeight(88)
        self.setAccessibleName("Waveform of the original with beats")

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

    def set_taps(self, taps: list[float]) -> None:
        """Show where was tapped."""
        self.taps = list(taps)
        self.update()

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
        span = self.timeline.tile(1.0)
        span = Span(span.start, span.scale, span.width, GUTTER)
        beat_marks.draw_taps(painter, tokens, span, self.taps, RULER, self.height())
        beat = self._held if self._held is not None else self._hovered
        if self.grid is not None and beat is not None and beat < len(self.grid.times):
            painter.setFont(theme.font(self, theme.CAPTION, tabular=True))
            text = beat_marks.time_text(float(self.grid.times[beat])) if self._held is not None and self._moved else ""
            beat_marks.draw_beat(painter, tokens, span, float(self.grid.times[beat]), RULER, self.height(), text)
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

    # What the user does to beats

    def beat_at(self, at: QPointF) -> int | None:
        """Number of the beat that a point of the ruler takes hold of."""
        if self.grid is None or not self.editable or at.x() < GUTTER or at.y() > RULER:
            return None
        return beat_marks.beat_at(self.grid, self.timeline.x, at.x(), self.timeline.scale)

    def nearest(self, second: float) -> int:
        """Number of the beat nearest to a second; -1 without beats."""
        return int(np.abs(self.grid.times - second).argmin()) if self.grid is not None else -1

    def mousePressEvent(self, event: QMouseEvent) -> None:
        plain = event.button() == Qt.MouseButton.LeftButton and not event.modifiers() & Qt.KeyboardModifier.AltModifier
        beat = self.beat_at(event.position()) if plain else None
        if beat is None or self.grid is None:
            super().mousePressEvent(event)
            return
        self._held, self._moved, self._from = beat, False, event.position().x()
        self._offset = float(self.grid.times[beat]) - self._second(event.position().x())
        self.update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        at = event.position()
        if self._held is None:
            super().mouseMoveEvent(event)
            return
        if self._moved or abs(at.x() - self._from) >= QApplication.startDragDistance() // 3:
            self._moved = True
            elastic = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            self.beat_dragged.emit(self._held, self._second(at.x()) + self._offset, elastic)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._held is None:
            super().mouseReleaseEvent(event)
            return
        beat, self._held = self._held, None
        if self._moved:
            self.beat_dropped.emit()
        elif self.grid is not None and beat < len(self.grid.times):
            self.seek.emit(float(self.grid.times[beat]))
        self.hover(event.position())

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        at = event.position()
        asks = self.editable and event.button() == Qt.MouseButton.LeftButton and at.x() >= GUTTER and at.y() <= RULER
        if asks and self.beat_at(at) is None:
            self.beat_asked.emit(self._second(at.x()))
        else:
            self.mousePressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if self.grid is not None and self.editable and event.pos().x() >= GUTTER:
            second = self.timeline.seconds(event.pos().x())
            self.menu_asked.emit(second, self.nearest(second), event.globalPos())

    def hover(self, at: QPointF) -> None:
        beat = self.beat_at(at)
        if beat is not None:
            self.setCursor(Qt.CursorShape.SizeHorCursor)
        if beat != self._hovered:
            self._hovered = beat
            self.update()

    def leaveEvent(self, event: QEvent) -> None:
        self._hovered = None
        self.update()
        super().leaveEvent(event)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            QToolTip.showText(event.globalPos(), self.hint(QPointF(event.pos())), self)
            return True
        return super().event(event)

    def hint(self, at: QPointF) -> str:
        """What a tooltip says of a point: the time there, the beat, and what can be done with it."""
        second = self._second(at.x())
        lines = [beat_marks.time_text(second)]
        beat = self.beat_at(at)
        if self.grid is not None and beat is not None:
            lines = [beat_marks.beat_text(self.grid, beat)]
            lines.append("Drag: move it, notes follow (Shift: neighbours give way) · Alt-click: a bar starts here")
        elif at.y() <= RULER and self.editable:
            crowded = self.grid is not None and not beat_marks.has_room(self.grid, self.timeline.scale)
            lines.append("Zoom in to move beats · Alt-click: a bar starts" if crowded else "Double-click: one more beat here")
        else:
            lines.append("Click: move the playhead · drag: loop range, or one of its ends · wheel: zoom")
        return "\n".join(lines)

    def _second(self, x: float) -> float:
        """Second under a pixel, also beyond the end of the song."""
        return max(0.0, self.timeline.start + (x - GUTTER) / self.timeline.scale)

    def clicked(self, at: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        if modifiers & Qt.KeyboardModifier.AltModifier and self.grid is not None:
            self.downbeat.emit(self.nearest(self.timeline.seconds(at.x())))
        else:
            super().clicked(at, modifiers)
