"""How long the records are: bars, and a line where they are cut."""

from __future__ import annotations

from itertools import pairwise

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from desktop.ui import theme
from desktop.ui.tuning.seen import Lengths
from desktop.ui.tuning.words import count

AXIS = 18
"""Pixels below the bars."""


class LengthView(QWidget):
    """A histogram; the bars beyond the limit are tinted as what is cut."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._lengths = Lengths()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumHeight(64)
        self.setAccessibleName("Lengths of the records")

    def show_lengths(self, lengths: Lengths) -> None:
        """Show other lengths."""
        if lengths != self._lengths:
            self._lengths = lengths
            self.setAccessibleDescription(told(lengths))
            self.setToolTip(told(lengths))
            self.update()

    def sizeHint(self) -> QSize:
        return QSize(240, 120)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in theme.RESTYLED:
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        edges, counts = self._lengths.edges, self._lengths.counts
        if len(edges) < 2 or not counts:
            return
        tokens, limit = theme.tokens(), self._lengths.limit
        painter = QPainter(self)
        low, high = edges[0], edges[-1]
        if limit is not None and limit <= high * 3:
            high = max(high, limit * 1.04)
        plot = QRectF(0, 14, self.width(), self.height() - AXIS - 14)

        def x(value: float) -> float:
            return plot.left() + (min(value, high) - low) / max(1e-9, high - low) * plot.width()

        # The last bin may be much wider than the others: heights are rows for each usual width.
        usual = sorted(right - left for left, right in pairwise(edges))[len(counts) // 2] or 1.0
        heights = [rows * usual / max(usual, edges[n + 1] - edges[n]) for n, rows in enumerate(counts)]
        most = max(heights) or 1.0
        for number, rows in enumerate(heights):
            left, right = x(edges[number]), x(edges[number + 1])
            cut = limit is not None and edges[number] >= limit
            height = plot.height() * rows / most
            colour = QColor(tokens.warning) if cut else theme.mix(tokens.canvas, tokens.accent, 0.75)
            if rows:
                painter.fillRect(
                    QRectF(left, plot.bottom() - max(1.0, height), max(1.0, right - left - 1), max(1.0, height)), colour
                )
        painter.fillRect(QRectF(plot.left(), plot.bottom(), plot.width(), 1), QColor(tokens.hairline))
        painter.setFont(theme.font(self, theme.CAPTION, tabular=True))
        painter.setPen(QColor(tokens.secondary))
        low_area = QRectF(plot.left(), plot.bottom() + 2, plot.width(), AXIS - 2)
        painter.drawText(low_area, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, count(round(low)))
        painter.drawText(
            low_area, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, f"{count(round(high))} {self._lengths.unit}"
        )
        if limit is not None and limit <= high:
            self._draw_limit(painter, plot, x(limit), f"cut at {count(round(limit))}", tokens)

    def _draw_limit(self, painter: QPainter, plot: QRectF, at: float, words: str, tokens: theme.Tokens) -> None:
        painter.setPen(QPen(QColor(tokens.warning), 1, Qt.PenStyle.DashLine))
        painter.drawLine(QPointF(at, plot.top() - 2), QPointF(at, plot.bottom()))
        painter.setPen(QColor(tokens.warning))
        width = painter.fontMetrics().horizontalAdvance(words)
        left = at - width - 4 if at > plot.width() / 2 else at + 4
        painter.drawText(QPointF(max(0.0, left), plot.top() - 3), words)


def told(lengths: Lengths) -> str:
    """The truncation in a sentence."""
    if lengths.limit is None:
        return f"Lengths in {lengths.unit}; nothing is cut"
    cut, whole = count(lengths.cut_rows), count(lengths.sampled)
    if not lengths.cut_rows:
        return f"None of {whole} rows is cut"
    return f"{cut} of {whole} rows {'is' if lengths.cut_rows == 1 else 'are'} cut at {count(round(lengths.limit))} {lengths.unit}"
