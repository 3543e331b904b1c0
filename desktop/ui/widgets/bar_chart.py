"""Horizontal bars with names, and lines at values to compare them with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QHelpEvent, QKeyEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QAbstractScrollArea, QToolTip, QWidget

from desktop.ui import theme
from desktop.ui.widgets.curve_draw import draw_text

ROW, SLIM, LABEL_ROW = 24, 10, 15
"""Heights of a row, of its bar, and of a line of the references' names."""
NAMES_AT_MOST = 220
VALUE = 56
"""Pixels right of the bars for their values."""


@dataclass(frozen=True)
class Bar:
    """One of the bars.

    Attributes:
        value: its length, on the chart's scale.
        text: the value in words. tip: what the tooltip adds.
        low, high: ends of the interval that is drawn over it; None for none.
        strong: it stands for all the others together.
        tone: a token's name.
    """

    name: str
    value: float
    text: str
    tip: str = ""
    low: float | None = None
    high: float | None = None
    strong: bool = False
    tone: str = "accent"


@dataclass(frozen=True)
class Reference:
    """A line through all bars."""

    name: str
    value: float


class BarChart(QAbstractScrollArea):
    """Bars one below the other; the names of the references stay in view above them."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bars: list[Bar] = []
        self._references: list[Reference] = []
        self._maximum = 1.0
        self._head = 0
        self._hovered = -1
        self.setAccessibleName(name)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.viewport().setAutoFillBackground(False)
        self.viewport().setMouseTracking(True)
        self.verticalScrollBar().setSingleStep(ROW)

    @property
    def bars(self) -> list[Bar]:
        """What is shown."""
        return list(self._bars)

    def show_bars(self, bars: Sequence[Bar], references: Sequence[Reference] = (), maximum: float = 1.0) -> None:
        """Show other bars; ``maximum`` is the value of one that fills the chart."""
        self._bars, self._references, self._maximum = list(bars), list(references), max(1e-9, maximum)
        told = "; ".join(f"{bar.name} {bar.text}" for bar in self._bars[:20])
        self.setAccessibleDescription(told + ("; ..." if len(self._bars) > 20 else ""))
        self._measure()
        self.viewport().update()

    def sizeHint(self) -> QSize:
        return QSize(320, self._head + ROW * max(1, len(self._bars)) + 2)

    def minimumSizeHint(self) -> QSize:
        return QSize(160, self._head + 2 * ROW)

    # Places

    def _names_width(self) -> float:
        metrics = QFontMetricsF(self.font())
        widest = max((metrics.horizontalAdvance(bar.name) for bar in self._bars), default=0.0)
        return min(widest + 4, NAMES_AT_MOST, self.viewport().width() * 0.42)

    def _x(self, value: float) -> float:
        left = self._names_width() + theme.S3
        return left + max(0.0, min(1.0, value / self._maximum)) * max(10.0, self.viewport().width() - left - VALUE)

    def _top(self, row: int) -> float:
        return self._head + row * ROW - self.verticalScrollBar().value()

    def _row_at(self, y: float) -> int:
        row = int((y - self._head + self.verticalScrollBar().value()) // ROW) if y >= self._head else -1
        return row if row < len(self._bars) else -1

    def _measure(self) -> None:
        self._places = self._place_references()
        lines = 1 + max((line for _, line, _ in self._places), default=-1)
        self._head = lines * LABEL_ROW + 6 if lines else 0
        bar = self.verticalScrollBar()
        bar.setRange(0, max(0, self._head + len(self._bars) * ROW + 2 - self.viewport().height()))
        bar.setPageStep(self.viewport().height())
        self.updateGeometry()

    def _place_references(self) -> list[tuple[Reference, int, float]]:
        """Each reference with the line and the left edge of its name, so that no two names touch."""
        metrics = QFontMetricsF(theme.font(self, theme.CAPTION))
        made: list[tuple[Reference, int, float]] = []
        ends: list[float] = []
        for one in sorted(self._references, key=lambda reference: reference.value):
            width = metrics.horizontalAdvance(self._words(one)) + 10
            left = min(self._x(one.value) + 4, self.viewport().width() - width)
            line = next((number for number, end in enumerate(ends) if end <= left), len(ends))
            if line == len(ends):
                ends.append(0.0)
            ends[line] = left + width
            made.append((one, line, left))
        return made

    def _words(self, one: Reference) -> str:
        return f"{one.name}  {100 * one.value / self._maximum:.1f}"

    # Drawing

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = theme.tokens()
        painter = QPainter(self.viewport())
        whole = self.viewport().rect()
        painter.save()
        painter.setClipRect(QRectF(0, self._head, whole.width(), whole.height() - self._head))
        first = max(0, self._row_at(self._head))
        for row in range(first, len(self._bars)):
            if self._top(row) > whole.height():
                break
            self._draw_bar(painter, tokens, row)
        painter.restore()
        self._draw_references(painter, tokens)
        if self.hasFocus():
            painter.setPen(QPen(QColor(tokens.accent), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(whole.adjusted(0, 0, -1, -1))

    def _draw_bar(self, painter: QPainter, tokens: theme.Tokens, row: int) -> None:
        bar, top = self._bars[row], self._top(row)
        names, width = self._names_width(), self.viewport().width()
        if row == self._hovered:
            painter.fillRect(QRectF(0, top, width, ROW), theme.mix(tokens.canvas, tokens.text, 0.04))
        painter.setFont(theme.font(self, bold=bar.strong))
        shown = painter.fontMetrics().elidedText(bar.name, Qt.TextElideMode.ElideMiddle, int(names))
        draw_text(painter, QRectF(0, top, names + 2, ROW), shown, Qt.AlignmentFlag.AlignRight, tokens.text)
        left, right = self._x(0.0), self._x(bar.value)
        area = QRectF(left, top + (ROW - SLIM) / 2, max(2.0, right - left), SLIM)
        colour = QColor(getattr(tokens, bar.tone))
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.mix(tokens.canvas, tokens.text, 0.05))
        painter.drawRoundedRect(QRectF(left, area.top(), self._x(self._maximum) - left, SLIM), 2, 2)
        painter.setBrush(colour if bar.strong or not self._has_strong else theme.mix(colour, tokens.canvas, 0.3))
        painter.drawRoundedRect(area, 2, 2)
        painter.restore()
        if bar.low is not None and bar.high is not None:
            self._draw_interval(painter, tokens, area.center().y(), bar.low, bar.high)
        painter.setFont(theme.font(self, bold=bar.strong, tabular=True))
        place = QRectF(width - VALUE + 4, top, VALUE - 6, ROW)
        draw_text(painter, place, bar.text, Qt.AlignmentFlag.AlignRight, tokens.text)

    @property
    def _has_strong(self) -> bool:
        return any(bar.strong for bar in self._bars[:1])

    def _draw_interval(self, painter: QPainter, tokens: theme.Tokens, y: float, low: float, high: float) -> None:
        left, right = self._x(low), self._x(high)
        for rect in (
            QRectF(left, y - 0.75, right - left, 1.5),
            QRectF(left - 0.75, y - 5, 1.5, 10),
            QRectF(right - 0.75, y - 5, 1.5, 10),
        ):
            painter.fillRect(rect, QColor(tokens.text))

    def _draw_references(self, painter: QPainter, tokens: theme.Tokens) -> None:
        painter.setFont(theme.font(self, theme.CAPTION, tabular=True))
        line = theme.mix(tokens.left, tokens.canvas, 0.25)
        bottom = min(self.viewport().height(), self._top(len(self._bars)))
        painter.setPen(QPen(line, 1, Qt.PenStyle.DashLine))
        for one, number, _ in self._places:
            x = round(self._x(one.value)) + 0.5
            painter.drawLine(QPointF(x, number * LABEL_ROW + 2), QPointF(x, bottom))
        # Names stand on the lines of others.
        for one, number, left in self._places:
            top = number * LABEL_ROW + 2
            words = self._words(one)
            width = painter.fontMetrics().horizontalAdvance(words) + 4
            painter.fillRect(QRectF(left - 2, top, width, LABEL_ROW - 1), QColor(tokens.canvas))
            draw_text(painter, QRectF(left, top, width, LABEL_ROW - 1), words, Qt.AlignmentFlag.AlignLeft, tokens.secondary)

    # Events

    def viewportEvent(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            row = self._row_at(event.pos().y())
            if row >= 0:
                bar = self._bars[row]
                QToolTip.showText(event.globalPos(), "\n".join(filter(None, (f"{bar.name}: {bar.text}", bar.tip))), self)
            else:
                QToolTip.hideText()
            return True
        if event.type() in (QEvent.Type.MouseMove, QEvent.Type.Leave):
            row = self._row_at(event.position().y()) if event.type() == QEvent.Type.MouseMove else -1  # type: ignore[attr-defined]
            if row != self._hovered:
                self._hovered = row
                self.viewport().update()
        return super().viewportEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        bar = self.verticalScrollBar()
        ends = {Qt.Key.Key_Home: bar.minimum(), Qt.Key.Key_End: bar.maximum()}
        if Qt.Key(event.key()) in ends:
            bar.setValue(ends[Qt.Key(event.key())])
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._measure()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in theme.RESTYLED:
            self.viewport().update()
