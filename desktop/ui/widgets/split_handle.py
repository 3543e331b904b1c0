"""The handle on the line between before and after."""

from __future__ import annotations

from PySide6.QtCore import QPointF, Qt, Signal
from PySide6.QtGui import QColor, QFocusEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QAbstractSlider, QWidget

from desktop.ui import theme
from desktop.ui.widgets.parts import came_by_key

SIDE = 32
STEPS = 1000
STEP, FINE = 20, 2
"""Steps (of ``STEPS``) that an arrow key moves the line, without and with Shift."""


class SplitHandle(QAbstractSlider):
    """A round knob; its value 0..``STEPS`` is where the line is. It has the keys while it is focused.

    Signals:
        dragged: to this x, in the parent's pixels.
    """

    dragged = Signal(float)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setFixedSize(SIDE, SIDE)
        self.setRange(0, STEPS)
        self.setValue(STEPS // 2)
        self.setSingleStep(STEP)
        self.setPageStep(STEPS // 5)
        self.setOrientation(Qt.Orientation.Horizontal)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.SplitHCursor)
        self.setAccessibleName("Line between before and after")
        self.setToolTip("Drag the line, or move it with the arrow keys (Shift: finer, Home and End: to the edges)")
        self._ringed = False

    def keyPressEvent(self, event: QKeyEvent) -> None:
        fine = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Down: -1, Qt.Key.Key_Up: 1}
        if event.key() in steps:
            self.setValue(self.value() + steps[Qt.Key(event.key())] * (FINE if fine else STEP))
            self._ringed = True
            event.accept()
        elif event.key() in (Qt.Key.Key_Home, Qt.Key.Key_End):
            self.setValue(0 if event.key() == Qt.Key.Key_Home else STEPS)
            event.accept()
        else:
            event.ignore()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        event.setAccepted(event.button() == Qt.MouseButton.LeftButton)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if event.buttons() & Qt.MouseButton.LeftButton:
            self.dragged.emit(self.mapToParent(event.position()).x())

    def wheelEvent(self, event: object) -> None:
        event.ignore()  # type: ignore[attr-defined]

    def focusInEvent(self, event: QFocusEvent) -> None:
        self._ringed = came_by_key(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self._ringed = False
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = theme.tokens()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        middle = QPointF(SIDE / 2, SIDE / 2)
        painter.setPen(QPen(QColor(tokens.accent) if self._ringed else QColor(0, 0, 0, 90), 2 if self._ringed else 1))
        painter.setBrush(QColor(255, 255, 255))
        painter.drawEllipse(middle, SIDE / 2 - 3, SIDE / 2 - 3)
        painter.setPen(QPen(QColor(40, 42, 46), 1.6, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin))
        for way in (-1, 1):
            tip = middle + QPointF(way * 7.5, 0)
            painter.drawPolyline(QPolygonF([tip + QPointF(-way * 3.5, -3.5), tip, tip + QPointF(-way * 3.5, 3.5)]))
