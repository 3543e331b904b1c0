"""How a run is drawn in the list: name, best value, base, rows, curve, when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPen
from PySide6.QtWidgets import QLineEdit, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from desktop.ui import icons, theme
from desktop.ui.widgets.sparkline import draw_sparkline

ROW = 72
ENTRY = int(Qt.ItemDataRole.UserRole)
AnyIndex = QModelIndex | QPersistentModelIndex


@dataclass(frozen=True)
class RunEntry:
    """A run as the list shows it.

    Attributes:
        best: its best value in words, "" when there is none yet.
        about: base and rows in words.
        state, when: in words. icon, tone: of the state.
        fraction: of the work, while it runs; None otherwise.
        curve: losses over the run, at most a few dozen.
        begun: the history knows it.
    """

    id: str
    name: str
    best: str = ""
    about: str = ""
    state: str = ""
    when: str = ""
    icon: str = "done"
    tone: str = "secondary"
    fraction: float | None = None
    curve: Sequence[float] = field(default=())
    tip: str = ""
    begun: bool = True

    @property
    def spoken(self) -> str:
        """For a screen reader."""
        return ", ".join(part for part in (self.name, self.state, self.best, self.about, self.when) if part)


class RunDelegate(QStyledItemDelegate):
    """Draws a RunEntry; editing changes its name."""

    def sizeHint(self, option: QStyleOptionViewItem, index: AnyIndex) -> QSize:
        return QSize(160, ROW)

    def createEditor(self, parent: QWidget, option: QStyleOptionViewItem, index: AnyIndex) -> QWidget:
        editor = QLineEdit(parent)
        editor.setAccessibleName("Name of the run")
        return editor

    def updateEditorGeometry(self, editor: QWidget, option: QStyleOptionViewItem, index: AnyIndex) -> None:
        area = option.rect
        editor.setGeometry(area.adjusted(4, 3, -4, 0).adjusted(0, 0, 0, 34 - area.height()))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: AnyIndex) -> None:
        entry = index.data(ENTRY)
        if not isinstance(entry, RunEntry):
            return
        tokens = theme.tokens()
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = QRectF(option.rect).adjusted(1, 1, -1, -1)
        state = option.state
        chosen = bool(state & QStyle.StateFlag.State_Selected)
        hovered = bool(state & QStyle.StateFlag.State_MouseOver)
        if chosen or hovered:
            painter.setPen(Qt.PenStyle.NoPen)
            mixed = theme.mix(tokens.raised, tokens.accent, 0.1) if chosen else theme.mix(tokens.window, tokens.text, 0.07)
            painter.setBrush(mixed)
            painter.drawRoundedRect(area, theme.RADIUS, theme.RADIUS)
        if state & QStyle.StateFlag.State_HasFocus:
            painter.setPen(QPen(QColor(tokens.accent), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(area, theme.RADIUS, theme.RADIUS)
        self._write(painter, entry, area.adjusted(theme.S2, 6, -theme.S2, -6), option.widget, tokens)
        painter.restore()

    def _write(self, painter: QPainter, entry: RunEntry, area: QRectF, widget: QWidget, tokens: theme.Tokens) -> None:
        left, right = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, Qt.AlignmentFlag.AlignRight
        first, second, third = (QRectF(area.left(), area.top() + top, area.width(), 20) for top in (0.0, 19.0, 39.0))
        painter.setFont(theme.font(widget, theme.BODY, bold=True, tabular=True))
        painter.setPen(QColor(tokens.text))
        taken = painter.fontMetrics().horizontalAdvance(entry.best) + (theme.S2 if entry.best else 0)
        painter.drawText(first, right | Qt.AlignmentFlag.AlignVCenter, entry.best)
        name = painter.fontMetrics().elidedText(entry.name, Qt.TextElideMode.ElideMiddle, int(first.width() - taken))
        painter.drawText(first, left, name)
        painter.setFont(theme.font(widget, theme.CAPTION, tabular=True))
        painter.setPen(QColor(tokens.secondary))
        about = painter.fontMetrics().elidedText(entry.about, Qt.TextElideMode.ElideMiddle, int(second.width()))
        painter.drawText(second, left, about)
        icon = icons.pixmap(entry.icon, getattr(tokens, entry.tone), 14, widget.devicePixelRatioF())
        painter.drawPixmap(QPointF(third.left(), third.center().y() - 7), icon)
        painter.setPen(QColor(getattr(tokens, entry.tone if entry.tone in ("error", "warning") else "secondary")))
        words = entry.when if entry.fraction is None and entry.tone != "error" else entry.state
        spark = QRectF(third.right() - 84, third.top() + 1, 84, 18)
        room = int((spark.left() if len(entry.curve) > 1 else third.right()) - third.left() - 18 - theme.S2)
        words = painter.fontMetrics().elidedText(words, Qt.TextElideMode.ElideRight, room)
        painter.drawText(third.adjusted(18, 0, 0, 0), left, words)
        draw_sparkline(painter, spark, entry.curve, tokens.accent, widget.devicePixelRatioF())
        if entry.fraction is not None:
            bar = QRectF(area.left(), area.bottom() + 2, area.width(), 2)
            painter.fillRect(bar, theme.mix(tokens.window, tokens.text, 0.13))
            painter.fillRect(QRectF(bar.left(), bar.top(), bar.width() * entry.fraction, 2), QColor(tokens.accent))
