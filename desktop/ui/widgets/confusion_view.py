"""Which label was answered where which was expected: a field of cells that scrolls and zooms, of which each can be opened."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFontMetricsF,
    QHelpEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QToolTip, QWidget

from desktop.ui import theme

SMALLEST, LARGEST = 3.0, 48.0
"""Pixels of a cell."""
NAMED, NUMBERED, LINED = 12.0, 20.0, 7.0
"""Least pixels of a cell beside which there is a name, in which a number, and around which a line."""
NAME_AT_MOST = 150
TITLE = 18
"""Room of "Expected" and "Answered"."""


class ConfusionView(QAbstractScrollArea):
    """Rows are what was expected, columns what was answered; right answers are on the diagonal, in another colour.

    A cell is as strong as its share of its row, so that rare labels are seen as well.

    Signals:
        chosen: row and column of the cell that was clicked, or on which Enter was pressed.
    """

    chosen = Signal(int, int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.labels: list[str] = []
        self.counts: npt.NDArray[np.int64] = np.zeros((0, 0), np.int64)
        self.cell = 16.0
        self.current: tuple[int, int] | None = None
        self._hovered: tuple[int, int] | None = None
        self._fitted = True
        self._image: QImage | None = None
        self.setAccessibleName("Confusion matrix")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.viewport().setAutoFillBackground(False)
        self.viewport().setMouseTracking(True)
        self.setCornerWidget(QWidget())

    def show_confusion(self, labels: Sequence[str], counts: Sequence[Sequence[int]] | npt.NDArray[np.int64]) -> None:
        """Show other counts: ``counts[row][column]`` answers ``column`` where ``row`` was expected."""
        self.labels = list(labels)
        self.counts = np.asarray(counts, np.int64).reshape(len(self.labels), len(self.labels))
        self.current = self._hovered = None
        right = int(np.trace(self.counts)) if self.counts.size else 0
        self.setAccessibleDescription(f"{len(self.labels)} labels, {right} of {int(self.counts.sum())} answers right")
        self._image = None
        self.fit()

    def describe(self, row: int, column: int) -> str:
        """A cell in words."""
        count, whole = int(self.counts[row, column]), int(self.counts[row].sum())
        share = f" ({100 * count / whole:.0f} %)" if whole else ""
        if row == column:
            return f"{self.labels[row]}: {count} of {whole} right{share}"
        return f"{self.labels[row]} answered as {self.labels[column]}: {count} of {whole}{share}"

    # View

    def fit(self) -> None:
        """Show as much of it as fits with cells that can still be hit."""
        self._fitted = True
        count = max(1, len(self.labels))
        # With names where cells are then large enough for them, else without.
        for trial in (NAMED, SMALLEST):
            self.cell = trial
            left, top = self._margins()
            room = min(self.viewport().width() - left, self.viewport().height() - top) - 2
            self.cell = min(LARGEST, max(SMALLEST, room / count))
            if self.cell >= trial:
                break
        if trial == SMALLEST:
            self.cell = min(self.cell, NAMED - 0.01)
        self._settle()

    def zoom(self, factor: float, at: QPointF | None = None) -> None:
        """Make cells larger or smaller about a place in the view."""
        left, top = self._margins()
        point = at or QPointF(self.viewport().width() / 2, self.viewport().height() / 2)
        bars = self.horizontalScrollBar(), self.verticalScrollBar()
        place = [
            (p - margin + bar.value()) / self.cell
            for p, margin, bar in zip((point.x(), point.y()), (left, top), bars, strict=True)
        ]
        self.cell = min(LARGEST, max(SMALLEST, self.cell * factor))
        self._fitted = False
        self._settle()
        left, top = self._margins()
        for bar, share, p, margin in zip(bars, place, (point.x(), point.y()), (left, top), strict=True):
            bar.setValue(round(share * self.cell - (p - margin)))

    def _margins(self) -> tuple[float, float]:
        """Room left of the cells and above them."""
        if self.cell < NAMED:
            return TITLE, TITLE
        metrics = QFontMetricsF(theme.font(self, theme.CAPTION))
        widest = max((metrics.horizontalAdvance(label) for label in self.labels), default=0.0)
        names = min(widest + 8, NAME_AT_MOST)
        return TITLE + min(names, self.viewport().width() * 0.35), TITLE + min(names, self.viewport().height() * 0.35)

    def _settle(self) -> None:
        left, top = self._margins()
        whole = self.cell * len(self.labels) + 1
        for bar, room in (
            (self.horizontalScrollBar(), self.viewport().width() - left),
            (self.verticalScrollBar(), self.viewport().height() - top),
        ):
            bar.setRange(0, max(0, round(whole - room)))
            bar.setPageStep(max(1, round(room)))
            bar.setSingleStep(max(8, round(self.cell)))
        self.viewport().update()

    def _origin(self) -> tuple[float, float]:
        left, top = self._margins()
        return left - self.horizontalScrollBar().value(), top - self.verticalScrollBar().value()

    def cell_at(self, at: QPoint | QPointF) -> tuple[int, int] | None:
        """Row and column under a place in the view."""
        left, top = self._margins()
        if at.x() < left or at.y() < top:
            return None
        x, y = self._origin()
        row, column = int((at.y() - y) // self.cell), int((at.x() - x) // self.cell)
        return (row, column) if row < len(self.labels) and column < len(self.labels) else None

    def rect_of(self, row: int, column: int) -> QRectF:
        """Where a cell is in the view."""
        x, y = self._origin()
        return QRectF(x + column * self.cell, y + row * self.cell, self.cell, self.cell)

    def select(self, cell: tuple[int, int] | None) -> None:
        """Mark a cell and bring it into view."""
        self.current = cell
        if cell is not None:
            left, top = self._margins()
            rect = self.rect_of(*cell)
            for bar, low, high, margin, room in (
                (self.horizontalScrollBar(), rect.left(), rect.right(), left, self.viewport().width()),
                (self.verticalScrollBar(), rect.top(), rect.bottom(), top, self.viewport().height()),
            ):
                bar.setValue(round(bar.value() + min(0.0, low - margin) + max(0.0, high - room)))
            self.setAccessibleDescription(self.describe(*cell))
        self.viewport().update()

    # Drawing

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self.labels:
            return
        tokens = theme.tokens()
        painter = QPainter(self.viewport())
        left, top = self._margins()
        area = QRectF(left, top, self.viewport().width() - left, self.viewport().height() - top)
        x, y = self._origin()
        count = len(self.labels)
        whole = QRectF(x, y, count * self.cell, count * self.cell)
        if self._image is None:
            self._image = self._shades(tokens)
        painter.save()
        painter.setClipRect(area)
        painter.drawImage(whole, self._image, QRectF(0, 0, count, count))
        seen = self._seen(area)
        if self.cell >= LINED:
            grid = theme.mix(tokens.hairline, tokens.canvas, 0.4)
            for k in range(seen.left(), seen.right() + 2):
                painter.fillRect(QRectF(round(x + k * self.cell), max(y, top), 1, whole.bottom() - max(y, top)), grid)
            for k in range(seen.top(), seen.bottom() + 2):
                painter.fillRect(QRectF(max(x, left), round(y + k * self.cell), whole.right() - max(x, left), 1), grid)
        if self.cell >= NUMBERED:
            self._draw_numbers(painter, tokens, seen)
        painter.setPen(QPen(QColor(tokens.hairline), 1))
        painter.drawRect(whole)
        self._draw_marks(painter, tokens, whole)
        painter.restore()
        self._draw_names(painter, tokens, seen, left, top)

    def _seen(self, area: QRectF) -> QRect:
        """Columns and rows in view."""
        x, y = self._origin()
        last = len(self.labels) - 1
        first_column, first_row = max(0, int((area.left() - x) // self.cell)), max(0, int((area.top() - y) // self.cell))
        last_column, last_row = min(last, int((area.right() - x) // self.cell)), min(last, int((area.bottom() - y) // self.cell))
        return QRect(QPoint(first_column, first_row), QPoint(last_column, last_row))

    def _shades(self, tokens: theme.Tokens) -> QImage:
        """One pixel for each cell."""
        count = len(self.labels)
        share = np.sqrt(self.counts / np.maximum(1, self.counts.sum(axis=1, keepdims=True)))
        # A single mistake among many right answers must still be seen.
        share = np.where(self.counts > 0, np.maximum(share, 0.28 if tokens.dark else 0.2), 0.0)[..., None]
        ends = [_rgb(name) for name in (tokens.canvas, tokens.accent, tokens.left)]
        strong = np.where(np.eye(count, dtype=bool)[..., None], ends[1], ends[2])
        mixed = np.rint(ends[0] + (strong - ends[0]) * share).astype(np.uint32)
        pixels = np.ascontiguousarray(0xFF000000 | mixed[..., 0] << 16 | mixed[..., 1] << 8 | mixed[..., 2]).astype(np.uint32)
        return QImage(pixels.data, count, count, 4 * count, QImage.Format.Format_RGB32).copy()

    def _draw_numbers(self, painter: QPainter, tokens: theme.Tokens, seen: QRect) -> None:
        painter.setFont(theme.font(self, theme.CAPTION, tabular=True))
        assert self._image is not None
        for row in range(seen.top(), seen.bottom() + 1):
            for column in range(seen.left(), seen.right() + 1):
                if count := int(self.counts[row, column]):
                    ground = self._image.pixelColor(column, row)
                    colours = (tokens.text, tokens.canvas)
                    painter.setPen(QColor(max(colours, key=lambda colour: theme.contrast(colour, ground))))
                    painter.drawText(self.rect_of(row, column), Qt.AlignmentFlag.AlignCenter, str(count))

    def _draw_marks(self, painter: QPainter, tokens: theme.Tokens, whole: QRectF) -> None:
        """The row and column under the mouse, and the chosen cell."""
        if self._hovered is not None:
            rect = self.rect_of(*self._hovered)
            shade = QColor(tokens.text)
            shade.setAlphaF(0.07)
            painter.fillRect(QRectF(whole.left(), rect.top(), whole.width(), rect.height()), shade)
            painter.fillRect(QRectF(rect.left(), whole.top(), rect.width(), whole.height()), shade)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for cell, colour in ((self._hovered, tokens.secondary), (self.current, tokens.text)):
            if cell is not None:
                painter.setPen(QPen(QColor(colour), 2 if cell == self.current else 1))
                painter.drawRect(self.rect_of(*cell).adjusted(-1, -1, 1, 1))
        if self.hasFocus() and self.current is None:
            painter.setPen(QPen(QColor(tokens.accent), 2))
            painter.drawRect(whole.adjusted(1, 1, -1, -1))

    def _draw_names(self, painter: QPainter, tokens: theme.Tokens, seen: QRect, left: float, top: float) -> None:
        painter.setFont(theme.font(self, theme.CAPTION))
        painter.setPen(QColor(tokens.secondary))
        centre = Qt.AlignmentFlag.AlignCenter
        painter.drawText(
            QRectF(left, 0, min(self.viewport().width() - left, self.cell * len(self.labels)), TITLE), centre, "Answered"
        )
        painter.save()
        painter.translate(0, top)
        painter.rotate(-90)
        height = min(self.viewport().height() - top, self.cell * len(self.labels))
        painter.drawText(QRectF(-height, 0, height, TITLE), centre, "Expected")
        painter.restore()
        if self.cell < NAMED:
            return
        metrics = painter.fontMetrics()
        lit = (self._hovered or (-1, -1), self.current or (-1, -1))
        painter.save()
        painter.setClipRect(QRectF(TITLE, top, left - TITLE, self.viewport().height() - top))
        for row in range(seen.top(), seen.bottom() + 1):
            rect = self.rect_of(row, 0)
            painter.setPen(QColor(tokens.text if row in (lit[0][0], lit[1][0]) else tokens.secondary))
            text = metrics.elidedText(self.labels[row], Qt.TextElideMode.ElideMiddle, int(left - TITLE - 6))
            painter.drawText(
                QRectF(TITLE, rect.top(), left - TITLE - 6, self.cell),
                int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter),
                text,
            )
        painter.restore()
        painter.save()
        painter.setClipRect(QRectF(left, TITLE, self.viewport().width() - left, top - TITLE))
        for column in range(seen.left(), seen.right() + 1):
            rect = self.rect_of(0, column)
            painter.setPen(QColor(tokens.text if column in (lit[0][1], lit[1][1]) else tokens.secondary))
            text = metrics.elidedText(self.labels[column], Qt.TextElideMode.ElideMiddle, int(top - TITLE - 6))
            painter.save()
            painter.translate(rect.left(), top - 4)
            painter.rotate(-90)
            painter.drawText(
                QRectF(0, 0, top - TITLE, self.cell), int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter), text
            )
            painter.restore()
        painter.restore()

    # Events

    def wheelEvent(self, event: QWheelEvent) -> None:
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.zoom(1.0015 ** event.angleDelta().y(), event.position())
            event.accept()
        else:
            super().wheelEvent(event)

    def viewportEvent(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            cell = self.cell_at(event.pos())
            if cell is not None:
                QToolTip.showText(event.globalPos(), self.describe(*cell), self)
            else:
                QToolTip.hideText()
            return True
        if event.type() == QEvent.Type.Leave:
            self._hover(None)
        return super().viewportEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._hover(self.cell_at(event.position()))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        cell = self.cell_at(event.position())
        if cell is not None and event.button() == Qt.MouseButton.LeftButton:
            self.select(cell)
            self.chosen.emit(*cell)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        moves = {Qt.Key.Key_Left: (0, -1), Qt.Key.Key_Right: (0, 1), Qt.Key.Key_Up: (-1, 0), Qt.Key.Key_Down: (1, 0)}
        if key in moves and self.labels:
            last = len(self.labels) - 1
            row, column = self.current or (0, 0)
            step = moves[key] if self.current is not None else (0, 0)
            self.select((min(last, max(0, row + step[0])), min(last, max(0, column + step[1]))))
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space) and self.current is not None:
            self.chosen.emit(*self.current)
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal, Qt.Key.Key_Minus):
            self.zoom(1.25 if key != Qt.Key.Key_Minus else 0.8)
        elif key == Qt.Key.Key_0:
            self.fit()
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        if self._fitted:
            self.fit()
        else:
            self._settle()

    def focusInEvent(self, event: QEvent) -> None:
        self.viewport().update()

    def focusOutEvent(self, event: QEvent) -> None:
        self.viewport().update()

    def scrollContentsBy(self, dx: int, dy: int) -> None:
        # Names do not scroll with the cells: draw anew.
        self.viewport().update()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in theme.RESTYLED:
            self._image = None
            self.viewport().update()

    def _hover(self, cell: tuple[int, int] | None) -> None:
        if cell != self._hovered:
            self._hovered = cell
            self.viewport().update()


def _rgb(colour: str) -> npt.NDArray[np.float64]:
    made = QColor(colour)
    return np.array([made.red(), made.green(), made.blue()], np.float64)
