"""One audition: its notes as a small picture, a click plays it, Enter or the button uses it."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from desktop.piano.cover import LEFT
from desktop.ui import icons, theme
from desktop.ui.piano.takes import Take

FOOT = 30
USE = 52
"""Width of the part of the foot that uses the take."""


class TakeCard(QAbstractButton):
    """Shows a choice and, once it is there, its take. A click plays it; a click on "Use", or a double click, uses it.

    Signals:
        play_asked, use_asked.
    """

    play_asked = Signal()
    use_asked = Signal()

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.take: Take | None = None
        self.playing = self.used = self.waiting = False
        self._over_use = False
        self.setText(name)
        self.setAccessibleName(name)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(104, 76)
        self.setMouseTracking(True)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.show_take(None)

    def sizeHint(self) -> QSize:
        return QSize(160, 110)

    def show_take(self, take: Take | None, *, waiting: bool = False) -> None:
        """Show another take; None for none yet, ``waiting`` while it is being made."""
        self.take, self.waiting = take, waiting
        self.used = self.used and take is not None
        self.setEnabled(take is not None)
        if take is None:
            tip = "It is being made" if waiting else "Audition the bars first"
        else:
            count = len(take.notes)
            tip = f"{count} notes. Click to hear it, Enter to use it" if count else "This take has no notes"
        self.setToolTip(tip)
        self.setAccessibleDescription(tip)
        self.update()

    def set_marks(self, *, playing: bool, used: bool) -> None:
        """Show whether it is heard now, and whether it was used."""
        if (playing, used) != (self.playing, self.used):
            self.playing, self.used = playing, used
            self.update()

    def _use_area(self) -> QRectF:
        return QRectF(self.width() - USE - 4, self.height() - FOOT, USE, FOOT - 4)

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = theme.tokens()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        over = self.underMouse() and self.isEnabled()
        marked = self.playing or self.used or self.hasFocus()
        edge = QColor(tokens.accent) if marked else theme.mix(tokens.hairline, tokens.text, 0.25 if over else 0.12)
        painter.setPen(QPen(edge, 1.5 if marked else 1.0))
        painter.setBrush(theme.mix(tokens.raised, tokens.accent, 0.10 if self.used else 0.0))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), theme.RADIUS, theme.RADIUS)
        self._draw_notes(painter, tokens, QRectF(10, 10, self.width() - 20, self.height() - FOOT - 14))
        painter.setOpacity(1.0 if self.isEnabled() else 0.5)
        painter.setFont(theme.font(self, theme.BODY, bold=self.used or self.playing))
        painter.setPen(QColor(tokens.accent if self.used or self.playing else tokens.text))
        left = 10.0
        if self.isEnabled():
            tint = tokens.accent if over or self.playing else tokens.secondary
            mark = icons.pixmap("stop" if self.playing else "play", tint, 14, self.devicePixelRatioF())
            painter.drawPixmap(QPointF(8, self.height() - FOOT + 6), mark)
            left = 28.0
        room = self.width() - left - (USE + 8 if self.isEnabled() else 8)
        text = painter.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, int(room))
        painter.drawText(QRectF(left, self.height() - FOOT, room, FOOT - 4), Qt.AlignmentFlag.AlignVCenter, text)
        if self.isEnabled():
            self._draw_use(painter, tokens)

    def _draw_use(self, painter: QPainter, tokens: theme.Tokens) -> None:
        area = self._use_area()
        painter.setFont(theme.font(self, theme.CAPTION))
        if self.used:
            painter.setPen(QColor(tokens.good))
        else:
            painter.setPen(QPen(theme.mix(tokens.hairline, tokens.text, 0.2), 1))
            painter.setBrush(theme.mix(tokens.raised, tokens.accent, 0.14) if self._over_use else QColor(tokens.raised))
            painter.drawRoundedRect(area.adjusted(1, 2, -3, -2), 4, 4)
            painter.setPen(QColor(tokens.text))
        painter.drawText(area.adjusted(0, 0, -2, 0), Qt.AlignmentFlag.AlignCenter, "Used" if self.used else "Use")

    def _draw_notes(self, painter: QPainter, tokens: theme.Tokens, area: QRectF) -> None:
        take = self.take
        if take is None or not len(take.notes):
            painter.setPen(QColor(tokens.secondary))
            painter.setFont(theme.font(self, theme.CAPTION))
            painter.drawText(area, Qt.AlignmentFlag.AlignCenter, "…" if self.waiting else "No notes" if take is not None else "")
            return
        notes = take.notes
        low, high = int(notes["pitch"].min()) - 1, int(notes["pitch"].max()) + 1
        low, high = min(low, 48), max(high, 76)
        row, beat = area.height() / (high - low + 1), area.width() / (take.last - take.first)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.save()
        painter.setClipRect(area)
        for note in notes:
            painter.setBrush(QColor(tokens.left if note["hand"] == LEFT else tokens.right))
            x = area.left() + (float(note["start"]) - take.first) * beat
            width = max(2.0, (float(note["end"]) - float(note["start"])) * beat - 1)
            y = area.top() + (high - int(note["pitch"])) * row
            painter.drawRoundedRect(QRectF(x, y, width, max(2.0, row - 0.5)), 1, 1)
        painter.restore()

    # What the user does

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        over = self._use_area().contains(event.position())
        if over != self._over_use:
            self._over_use = over
            self.update()
        super().mouseMoveEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        inside = self.rect().contains(event.position().toPoint())
        super().mouseReleaseEvent(event)
        if inside and event.button() == Qt.MouseButton.LeftButton and self.take is not None:
            (self.use_asked if self._use_area().contains(event.position()) else self.play_asked).emit()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if self.take is not None:
            self.use_asked.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if self.take is not None and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.use_asked.emit()
        elif self.take is not None and event.key() == Qt.Key.Key_Space:
            self.play_asked.emit()
        else:
            super().keyPressEvent(event)
