"""A curve as small as a word: how a run's loss went, for tables and lists."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from desktop.ui import theme
from desktop.ui.widgets.curve_draw import draw_line

SIZE = QSize(72, 20)


def draw_sparkline(painter: QPainter, rect: QRectF, values: Sequence[float], colour: QColor | str, ratio: float = 1.0) -> None:
    """Draw values from left to right over all of ``rect``; a dot marks the last. Nothing is drawn of less than two."""
    known = np.asarray(values, np.float64)
    known = known[np.isfinite(known)]
    if len(known) < 2:
        return
    inner = rect.adjusted(2, 3, -4, -3)
    low, high = float(known.min()), float(known.max())
    x = np.linspace(inner.left(), inner.right(), len(known))
    y = (
        inner.bottom() - (known - low) / (high - low or 1.0) * inner.height()
        if high > low
        else np.full(len(x), inner.center().y())
    )
    draw_line(painter, x, y, QColor(colour), 1.5, ratio)
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(colour))
    painter.drawEllipse(QPointF(float(x[-1]), float(y[-1])), 2.0, 2.0)
    painter.restore()


class Sparkline(QWidget):
    """A sparkline as a widget; ``tone`` is a token's name."""

    def __init__(self, parent: QWidget | None = None, tone: str = "accent") -> None:
        super().__init__(parent)
        self._values: list[float] = []
        self._tone = tone
        self.setFixedSize(SIZE)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)

    def show_values(self, values: Sequence[float], tone: str = "") -> None:
        """Show other values, in another token's colour when named."""
        changed = list(values) != self._values or (tone and tone != self._tone)
        self._values, self._tone = list(values), tone or self._tone
        if changed:
            words = f"Loss from {self._values[0]:.3g} to {self._values[-1]:.3g}" if self._values else "No loss yet"
            self.setAccessibleName(words)
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        colour = getattr(theme.tokens(), self._tone)
        draw_sparkline(painter, QRectF(self.rect()), self._values, colour, self.devicePixelRatioF())

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in theme.RESTYLED:
            self.update()
