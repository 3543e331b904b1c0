"""How often each answer occurs: a bar for each label, the most frequent first."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QEvent, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QHelpEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractScrollArea, QToolTip, QWidget

from desktop.ui import theme
from desktop.ui.tuning.words import count

ROW = 20
NAME_SHARE = 0.46


class BalanceView(QAbstractScrollArea):
    """Bars of rows for training, with those held out behind them in a lighter tint."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: list[tuple[str, int, int]] = []
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.viewport().setAutoFillBackground(False)
        self.setAccessibleName("Rows of each answer")
        self.verticalScrollBar().setSingleStep(ROW)

    def show_classes(self, classes: Mapping[str, Mapping[str, int]]) -> None:
        """``classes``: label -> split -> rows, in the order to be shown."""
        rows = [(name, parts.get("train", 0), sum(parts.values())) for name, parts in classes.items()]
        if rows == self._rows:
            return
        self._rows = rows
        told = "; ".join(f"{name}: {whole}" for name, _, whole in rows[:12])
        self.setAccessibleDescription(told + ("; ..." if len(rows) > 12 else ""))
        self._measure()
        self.viewport().update()

    def sizeHint(self) -> QSize:
        return QSize(240, 6 * ROW)

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._measure()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in theme.RESTYLED:
            self.viewport().update()

    def viewportEvent(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            row = (event.y() + self.verticalScrollBar().value()) // ROW
            if 0 <= row < len(self._rows):
                name, train, whole = self._rows[row]
                QToolTip.showText(
                    event.globalPos(), f"{name}\n{count(train)} for training, {count(whole - train)} held out", self
                )
            return True
        return super().viewportEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self._rows:
            return
        tokens = theme.tokens()
        painter = QPainter(self.viewport())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(theme.font(self, theme.CAPTION, tabular=True))
        metrics, width = painter.fontMetrics(), self.viewport().width()
        most = max(whole for _, _, whole in self._rows) or 1
        numbers = metrics.horizontalAdvance(count(most)) + theme.S2
        widest = max(metrics.horizontalAdvance(name) for name, _, _ in self._rows[:200]) + theme.S2
        names = min(widest, int(width * NAME_SHARE))
        room = max(8, width - names - numbers - theme.S1)
        top = self.verticalScrollBar().value()
        first, last = top // ROW, min(len(self._rows), (top + self.viewport().height()) // ROW + 1)
        strong, soft = QColor(tokens.accent), theme.mix(tokens.canvas, tokens.accent, 0.35)
        for number in range(first, last):
            name, train, whole = self._rows[number]
            y = number * ROW - top
            painter.setPen(QColor(tokens.text))
            shown = metrics.elidedText(name or "(empty)", Qt.TextElideMode.ElideRight, names - theme.S2)
            painter.drawText(QRectF(0, y, names, ROW), Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, shown)
            painter.setPen(Qt.PenStyle.NoPen)
            for share, colour in ((whole / most, soft), (train / most, strong)):
                if share > 0:
                    painter.setBrush(colour)
                    painter.drawRoundedRect(QRectF(names, y + 5, max(2.0, room * share), ROW - 10), 2, 2)
            painter.setPen(QColor(tokens.secondary))
            area = QRectF(width - numbers, y, numbers, ROW)
            painter.drawText(area, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, count(whole))

    def _measure(self) -> None:
        bar, page = self.verticalScrollBar(), self.viewport().height()
        bar.setPageStep(page)
        bar.setRange(0, max(0, len(self._rows) * ROW - page))
