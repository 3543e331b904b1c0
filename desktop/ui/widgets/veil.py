"""What lies over a panel while a file hangs over it."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from desktop.ui import icons, theme


class Veil(QWidget):
    """A tint, a frame and a few words over its parent."""

    def __init__(self, text: str, parent: QWidget) -> None:
        super().__init__(parent)
        self._text = text
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.hide()

    def lift(self, on: bool) -> None:
        """Show over all of the parent, or hide."""
        parent = self.parentWidget()
        if on and parent is not None:
            self.setGeometry(parent.rect())
            self.raise_()
        self.setVisible(on)

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = theme.tokens()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        tint = theme.mix(tokens.canvas, tokens.accent, 0.12)
        tint.setAlphaF(0.86)
        painter.fillRect(self.rect(), tint)
        painter.setPen(QPen(QColor(tokens.accent), 2))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(12, 12, -12, -12), 10, 10)
        middle = self.rect().center()
        size = 32
        mark = icons.pixmap("open", tokens.accent, size, self.devicePixelRatioF())
        painter.drawPixmap(middle.x() - size // 2, middle.y() - size - 4, mark)
        painter.setPen(QColor(tokens.text))
        painter.setFont(theme.font(self, theme.SECTION, bold=True))
        painter.drawText(QRectF(0, middle.y() + 8, self.width(), 28), Qt.AlignmentFlag.AlignHCenter, self._text)
