"""Two pictures of the same thing at the same place and zoom: split by a line, side by side, or their difference."""

from __future__ import annotations

from enum import StrEnum

from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QHelpEvent,
    QMouseEvent,
    QNativeGestureEvent,
    QPainter,
    QPaintEvent,
    QRegion,
    QWheelEvent,
)
from PySide6.QtWidgets import QGestureEvent, QPinchGesture, QToolTip, QWidget

from desktop.ui import theme
from desktop.ui.widgets import compare_paint, face_marks
from desktop.ui.widgets.face_marks import FaceMark
from desktop.ui.widgets.kept_pictures import KeptPictures
from desktop.ui.widgets.picture import Picture, difference
from desktop.ui.widgets.split_handle import SIDE, STEPS, SplitHandle
from desktop.ui.widgets.viewport import Viewport

EDGE = 10.0
"""Pixels that the line stays away from the edges."""
HANDLE_AT = 0.84
"""Height of the handle, as a share of what is seen."""


class Mode(StrEnum):
    """How two pictures are shown."""

    SPLIT = "split"
    SIDE = "side"
    DIFFERENCE = "difference"


class CompareView(QWidget):
    """See the module's docstring. Without a second picture it shows the first one alone.

    Attributes:
        viewport: place and zoom, for both pictures; one side's pane when they are side by side.
        mode: how they are shown.
        flipped: each picture takes the other one's place.
        as_pixels: enlarged pixels are squares, not blended.
        marks: the faces, outlined when ``show_marks``.

    Signals:
        view_changed: zoom, place or mode.
        full_asked: a double click.
    """

    view_changed = Signal()
    full_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.viewport = Viewport()
        self.mode = Mode.SPLIT
        self.flipped = False
        self.as_pixels = False
        self.marks: list[FaceMark] = []
        self.show_marks = True
        self.before: Picture | None = None
        self.after: Picture | None = None
        self.names = ("Before", "After")
        self.message = ""
        self._size = (0, 0)
        self._difference: tuple[Picture, Picture, Picture] | None = None
        self._hovered: FaceMark | None = None
        self._held: str = ""
        self._last = QPointF()
        self._kept = KeptPictures()
        self.handle = SplitHandle(self)
        self.handle.valueChanged.connect(self._moved)
        self.handle.dragged.connect(self.set_line)
        self.setMinimumSize(160, 120)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setAttribute(Qt.WidgetAttribute.WA_AcceptTouchEvents)
        self.grabGesture(Qt.GestureType.PinchGesture)
        self.setAccessibleName("Picture before and after")
        self._place_handle()

    # What is shown

    def set_size(self, width: int, height: int) -> None:
        """The size in which places and zoom are counted: that of the source, whatever the pictures at hand have."""
        if (width, height) != self._size:
            self._size = (width, height)
            self._resized()

    def set_pictures(self, before: Picture | None, after: Picture | None) -> None:
        """Show other pictures at the same place."""
        if before is self.before and after is self.after:
            return
        self.before, self.after = before, after
        if not any(self._size) and before is not None:
            self.viewport.set_picture(before.width, before.height)
        self._place_handle()
        self.update()

    def set_names(self, before: str, after: str) -> None:
        """What stands in the lower corners."""
        if (before, after) != self.names:
            self.names = (before, after)
            self.update()

    def set_marks(self, marks: list[FaceMark]) -> None:
        """Outline other faces."""
        self.marks = marks
        self._hovered = None
        self.update()

    def set_message(self, text: str) -> None:
        """Say something where there is no picture."""
        if text != self.message:
            self.message = text
            self.update()

    # How it is shown

    @property
    def split(self) -> float:
        """Where the line is, as a share of the width of what is seen."""
        return self.handle.value() / STEPS

    def set_split(self, share: float) -> None:
        """Move the line."""
        self.handle.setValue(round(share * STEPS))

    def set_line(self, x: float) -> None:
        """Move the line to a pixel of the view."""
        left, _, width, _ = self.viewport.visible()
        if width > 0:
            self.set_split((x - left) / width)

    @property
    def line(self) -> float:
        """Pixel of the line: never nearer than ``EDGE`` to the edges of what is seen."""
        left, _, width, _ = self.viewport.visible()
        if width <= 2 * EDGE:
            return left + width / 2
        return min(left + width - EDGE, max(left + EDGE, left + self.split * width))

    def set_mode(self, mode: Mode) -> None:
        """Show the pictures another way."""
        if mode is not self.mode:
            self.mode = mode
            self._resized()
            self.view_changed.emit()

    def set_flipped(self, on: bool) -> None:
        """Let each picture take the other one's place."""
        if on != self.flipped:
            self.flipped = on
            self.update()

    def set_as_pixels(self, on: bool) -> None:
        """Show enlarged pixels as squares, or blended."""
        if on != self.as_pixels:
            self.as_pixels = on
            self.update()
            self.view_changed.emit()

    def set_show_marks(self, on: bool) -> None:
        """Outline the faces, or not."""
        if on != self.show_marks:
            self.show_marks = on
            self.update()
            self.view_changed.emit()

    def fit(self) -> None:
        """Show all of it."""
        self.viewport.fit()
        self._viewed()

    def set_zoom(self, zoom: float) -> None:
        """Show a pixel of the source as ``zoom`` pixels of the screen."""
        self.viewport.set_zoom(zoom)
        self._viewed()

    def zoom_by(self, factor: float, at: QPointF | None = None) -> None:
        """Zoom about a point of the view, its middle when None."""
        if at is None:
            at = QPointF(self.viewport.view_width / 2, self.viewport.view_height / 2)
        self.viewport.zoom_at(factor, at.x(), at.y())
        self._viewed()

    # Painting

    @property
    def compares(self) -> bool:
        """Whether there are two pictures to compare."""
        return self.before is not None and self.after is not None

    def _panes(self) -> list[tuple[int, QRectF]]:
        """Which picture (0 before, 1 after, 2 their difference) is painted where."""
        whole = QRectF(0, 0, self.width(), self.height())
        if not self.compares:
            return [(0 if self.before is not None else 1, whole)]
        first, second = (1, 0) if self.flipped else (0, 1)
        if self.mode is Mode.DIFFERENCE:
            return [(2, whole)]
        if self.mode is Mode.SIDE:
            half = self._pane_width()
            return [(first, QRectF(0, 0, half, self.height())), (second, QRectF(self.width() - half, 0, half, self.height()))]
        x = round(self.line * self.devicePixelRatioF()) / self.devicePixelRatioF()
        return [(first, QRectF(0, 0, x, self.height())), (second, QRectF(x, 0, self.width() - x, self.height()))]

    def _pane_width(self) -> int:
        return (self.width() - 2) // 2

    def _offset(self, pane: QRectF) -> float:
        """How far right of the viewport a pane's picture is."""
        return pane.left() if self.mode is Mode.SIDE and self.compares else 0.0

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        self._fill_around(painter)
        panes = self._panes()
        if self.before is None and self.after is None:
            self._draw_message(painter, theme.tokens())
            return
        for which, pane in panes:
            self._draw_pane(painter, which, pane)
        if self.compares and self.mode is Mode.SPLIT:
            line = panes[1][1].left()
            top, height = self.viewport.visible()[1], self.viewport.visible()[3]
            painter.fillRect(QRectF(line - 1.5, top, 3, height), QColor(0, 0, 0, 90))
            painter.fillRect(QRectF(line - 0.5, top, 1, height), QColor(255, 255, 255))
        self._draw_names(painter, panes)

    def _fill_around(self, painter: QPainter) -> None:
        """The ground, only where no picture will lie: filling all of a large view takes as long as a kept picture."""
        bare = QRegion(self.rect())
        if self.before is not None or self.after is not None:
            left, top, width, height = self.viewport.visible()
            for _, pane in self._panes():
                covered = QRectF(left + self._offset(pane), top, width, height).intersected(pane).toAlignedRect()
                bare -= QRegion(covered.adjusted(1, 1, -1, -1))
        painter.setClipRegion(bare)
        painter.fillRect(self.rect(), self._ground())
        painter.setClipping(False)

    def _ground(self) -> QColor:
        tokens = theme.tokens()
        return theme.mix(tokens.canvas, tokens.text, 0.0 if tokens.dark else 0.06)

    def _draw_pane(self, painter: QPainter, which: int, pane: QRectF) -> None:
        picture = self._picture(which)
        if picture is None:
            return
        left, top, width, height = self.viewport.rect()
        rect = QRectF(left + self._offset(pane), top, width, height)
        self._kept.paint(
            painter,
            which,
            picture,
            rect,
            pane,
            size=self.size(),
            ratio=self.devicePixelRatioF(),
            squares=self.as_pixels,
            ground=self._ground(),
            font=theme.font(self, 9, tabular=True),
        )
        if self.show_marks and self.marks and which != 2:
            painter.save()
            painter.setClipRect(pane)
            origin = (rect.left(), rect.top())
            face_marks.draw(
                painter, self.marks, origin, self.viewport.scale, self._hovered, theme.font(self, theme.CAPTION, tabular=True)
            )
            painter.restore()

    def _picture(self, which: int) -> Picture | None:
        if which < 2:
            return (self.before, self.after)[which]
        assert self.before is not None and self.after is not None
        if self._difference is None or self._difference[:2] != (self.before, self.after):
            self._difference = (self.before, self.after, difference(self.before, self.after))
        return self._difference[2]

    def _draw_names(self, painter: QPainter, panes: list[tuple[int, QRectF]]) -> None:
        left, top, width, height = self.viewport.visible()
        area, font = QRectF(left, top, width, height), theme.font(self, theme.CAPTION, bold=True)
        if self.mode is Mode.DIFFERENCE and self.compares:
            compare_paint.draw_labels(painter, area, "Difference", "", font)
            compare_paint.draw_legend(painter, area, theme.font(self, theme.CAPTION))
            return
        if len(panes) == 1:
            compare_paint.draw_labels(painter, area, self.names[panes[0][0]], "", font)
            return
        first, second = (self.names[which] for which, _ in panes)
        if self.mode is Mode.SPLIT:
            compare_paint.draw_labels(painter, area, first, second, font)
            return
        compare_paint.draw_labels(painter, area, first, "", font)
        compare_paint.draw_labels(painter, area.translated(panes[1][1].left(), 0), second, "", font)

    def _draw_message(self, painter: QPainter, tokens: theme.Tokens) -> None:
        painter.setFont(theme.font(self))
        painter.setPen(QColor(tokens.secondary))
        painter.drawText(QRectF(self.rect()), Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, self.message)

    # Size and place

    def _resized(self) -> None:
        width, height = self._size
        if not (width and height) and self.before is not None:
            width, height = self.before.width, self.before.height
        side = self.mode is Mode.SIDE and self.compares
        self.viewport.set_view(self._pane_width() if side else self.width(), self.height(), self.devicePixelRatioF())
        self.viewport.set_picture(width, height)
        self._place_handle()
        self.update()

    def _viewed(self) -> None:
        self._place_handle()
        self.update()
        self.view_changed.emit()

    def _moved(self) -> None:
        self._place_handle()
        self.update()

    def _place_handle(self) -> None:
        # Another number of pictures means panes of another width when they are side by side.
        wide = self._pane_width() if self.mode is Mode.SIDE and self.compares else self.width()
        if wide != self.viewport.view_width:
            self.viewport.set_view(wide, self.height(), self.devicePixelRatioF())
        self.handle.setVisible(self.compares and self.mode is Mode.SPLIT)
        _, top, _, height = self.viewport.visible()
        # Low: what is looked at, a face, is mostly in the middle.
        self.handle.move(round(self.line - SIDE / 2), round(top + height * HANDLE_AT - SIDE / 2))

    def resizeEvent(self, event: object) -> None:
        self._resized()
        self.view_changed.emit()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in theme.RESTYLED:
            self._kept.clear()
            self.update()

    # What the user does

    def _margin(self) -> float:
        """Pixels on either side of the line that take hold of it; more on finer screens."""
        return max(5.0, self.logicalDpiX() / 24)

    def _on_line(self, at: QPointF) -> bool:
        return self.compares and self.mode is Mode.SPLIT and abs(at.x() - self.line) <= self._margin()

    def _mark_at(self, at: QPointF) -> FaceMark | None:
        if not self.show_marks:
            return None
        for _, pane in self._panes():
            if pane.contains(at):
                left, top = self.viewport.origin
                return face_marks.hit(self.marks, at, (left + self._offset(pane), top), self.viewport.scale)
        return None

    def wheelEvent(self, event: QWheelEvent) -> None:
        delta, at = event.angleDelta(), self._in_pane(event.position())
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier or abs(delta.x()) > abs(delta.y()):
            self.viewport.pan((delta.x() or delta.y()) * 0.5, 0)
            self._viewed()
        else:
            self.zoom_by(1.0015 ** delta.y(), at)
        event.accept()

    def _in_pane(self, at: QPointF) -> QPointF:
        """A point of the widget in the pane that it is in."""
        for _, pane in self._panes():
            if pane.contains(at):
                return at - QPointF(self._offset(pane), 0)
        return at

    def mousePressEvent(self, event: QMouseEvent) -> None:
        left = event.button() == Qt.MouseButton.LeftButton
        if left and self._on_line(event.position()):
            self._held = "line"
            self.handle.setFocus(Qt.FocusReason.MouseFocusReason)
        elif left or event.button() == Qt.MouseButton.MiddleButton:
            self._held = "picture"
        self._last = event.position()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        at = event.position()
        if self._held == "line":
            self.set_line(at.x())
        elif self._held == "picture":
            if not self.viewport.fitted:
                self.setCursor(Qt.CursorShape.ClosedHandCursor)
            self.viewport.pan(at.x() - self._last.x(), at.y() - self._last.y())
            self._viewed()
        else:
            self.setCursor(Qt.CursorShape.SplitHCursor if self._on_line(at) else Qt.CursorShape.ArrowCursor)
            if (mark := self._mark_at(at)) != self._hovered:
                self._hovered = mark
                self.update()
        self._last = at

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._held = ""
        self.unsetCursor()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and not self._on_line(event.position()):
            self.full_asked.emit()

    def leaveEvent(self, event: QEvent) -> None:
        if self._hovered is not None:
            self._hovered = None
            self.update()

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            mark = self._mark_at(QPointF(event.pos()))
            if mark is not None:
                QToolTip.showText(event.globalPos(), mark.tip, self)
            else:
                QToolTip.hideText()
            return True
        if isinstance(event, QNativeGestureEvent) and event.gestureType() == Qt.NativeGestureType.ZoomNativeGesture:
            self.zoom_by(1.0 + event.value(), self._in_pane(event.position()))
            return True
        if isinstance(event, QGestureEvent):
            pinch = event.gesture(Qt.GestureType.PinchGesture)
            if isinstance(pinch, QPinchGesture):
                self.zoom_by(pinch.scaleFactor(), self._in_pane(QPointF(self.mapFromGlobal(pinch.centerPoint().toPoint()))))
                return True
        return super().event(event)
