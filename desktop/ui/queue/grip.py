"""The upper edge of the open queue: drag it to give the list more room."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QWidget

HEIGHT = 5


class Grip(QWidget):
    """Signals:
    dragged: pixels, positive upwards. turned: a double click asks for much room, or for little again.
    """

    dragged = Signal(int)
    turned = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._from: float | None = None
        self.setCursor(Qt.CursorShape.SizeVerCursor)
        self.setToolTip("Drag for more or less room (Ctrl+Shift+J)")
        self.setAccessibleName("Edge of the queue")

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._from = event.globalPosition().y()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._from is not None:
            now = event.globalPosition().y()
            self.dragged.emit(round(self._from - now))
            self._from = now

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._from = None

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.turned.emit()
