"""What every lane on the time axis does: a cached picture, a playhead over it, the wheel, clicks."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QFocusEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPixmap, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QApplication, QWidget

from desktop.ui import theme
from desktop.ui.widgets.parts import came_by_key
from desktop.ui.widgets.timeline import GUTTER, Span, Timeline

GRIP = 5
"""Pixels on either side of a loop's end that take hold of it."""
STRETCH = 1.6
"""How much longer than the view the kept picture is: scrolling moves it, and draws it anew only after a third of a page."""


class Lane(QWidget):
    """Base of waveform and roll. Subclasses draw their picture in ``draw``; it is kept until something changes.

    Signals:
        seek: second that was clicked.
        loop_drawn: start and end in seconds of a range drawn with the mouse.
    """

    seek = Signal(float)
    loop_drawn = Signal(float, float)
    drag_pans = False
    """Whether dragging moves the view (else it draws a loop range)."""

    def __init__(self, timeline: Timeline, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.timeline = timeline
        self.playhead: float | None = None
        self.loop: tuple[float, float] | None = None
        self.loop_on = False
        self._tile: QPixmap | None = None
        self._span = Span(0.0, 1.0, 0.0)
        self._pressed: QPointF | None = None
        self._last = QPointF()
        self._dragging = False
        self._ringed = False
        self.setMouseTracking(True)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        timeline.changed.connect(self.update)

    # What is shown

    def draw(self, painter: QPainter, tokens: theme.Tokens, span: Span) -> None:
        """Draw a stretch of the lane without playhead and loop; the stretch begins at pixel 0."""
        raise NotImplementedError

    def draw_gutter(self, painter: QPainter, tokens: theme.Tokens) -> None:
        """Draw what stands left of the lane."""

    def draw_over(self, painter: QPainter, tokens: theme.Tokens, rect: QRect) -> None:
        """Draw what moves (called with every paint; ``rect`` is what is painted)."""

    def invalidate(self) -> None:
        """Draw the picture anew with the next paint."""
        self._tile = None
        self.update()

    def set_playhead(self, seconds: float | None) -> None:
        """Move the playhead; only the strips where it was and is are painted."""
        old, self.playhead = self.playhead, seconds
        for at in (old, seconds):
            if at is not None:
                self.update(QRect(int(self.timeline.x(at)) - 6, 0, 13, self.height()))

    def set_loop(self, loop: tuple[float, float] | None, on: bool) -> None:
        """Shade a range; stronger when ``on``."""
        self.loop, self.loop_on = loop, on
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = theme.tokens()
        painter = QPainter(self)
        rect = event.rect()
        ratio = self.devicePixelRatioF()
        if rect.right() >= GUTTER:
            tile = self._picture(tokens, ratio)
            area = QRectF(rect).intersected(QRectF(GUTTER, 0, self.width() - GUTTER, self.height()))
            offset = round(self.timeline.start * self.timeline.scale) - round(self._span.start * self._span.scale) - GUTTER
            source = QRectF((area.x() + offset) * ratio, area.y() * ratio, area.width() * ratio, area.height() * ratio)
            painter.drawPixmap(area, tile, source)
        self._draw_loop(painter, tokens)
        self.draw_over(painter, tokens, rect)
        if rect.left() < GUTTER:
            self.draw_gutter(painter, tokens)
        self._draw_playhead(painter, tokens)
        if self._ringed:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(QColor(tokens.accent), 2))
            painter.drawRect(self.rect().adjusted(1, 1, -1, -1))

    def _picture(self, tokens: theme.Tokens, ratio: float) -> QPixmap:
        """The picture of a stretch that contains what is shown; drawn anew when it does not any more."""
        tile, span, shown = self._tile, self._span, self.timeline
        inside = span.scale == shown.scale and span.start <= shown.start and shown.end <= span.end + 0.5 / span.scale
        if tile is None or not inside or tile.devicePixelRatio() != ratio:
            self._span = span = shown.tile(STRETCH)
            tile = QPixmap(round(span.width * ratio), round(self.height() * ratio))
            tile.setDevicePixelRatio(ratio)
            inner = QPainter(tile)
            self.draw(inner, tokens, span)
            inner.end()
            self._tile = tile
        return tile

    def _draw_loop(self, painter: QPainter, tokens: theme.Tokens) -> None:
        if self.loop is None:
            return
        left, right = (max(GUTTER, self.timeline.x(s)) for s in self.loop)
        if right <= left:
            return
        shade = QColor(tokens.accent)
        shade.setAlphaF(0.13 if self.loop_on else 0.06)
        painter.fillRect(QRectF(left, 0, right - left, self.height()), shade)
        shade.setAlphaF(0.9 if self.loop_on else 0.45)
        for x in (left, right):
            painter.fillRect(QRectF(x - 0.5, 0, 1, self.height()), shade)

    def _draw_playhead(self, painter: QPainter, tokens: theme.Tokens) -> None:
        if self.playhead is None:
            return
        x = self.timeline.x(self.playhead)
        if x >= GUTTER - 1:
            painter.fillRect(QRectF(round(x) - 0.75, 0, 1.5, self.height()), QColor(tokens.text))

    # What the user does

    def wheelEvent(self, event: QWheelEvent) -> None:
        delta = event.angleDelta()
        step = delta.y() or delta.x()
        modifiers = event.modifiers()
        if modifiers & Qt.KeyboardModifier.ShiftModifier or abs(delta.x()) > abs(delta.y()):
            self.timeline.pan(-step * 0.8)
        elif not self.wheel_with(modifiers, step, event.position()):
            self.timeline.zoom(1.0015**step, event.position().x())
        event.accept()

    def wheel_with(self, modifiers: Qt.KeyboardModifier, step: int, at: QPointF) -> bool:
        """A subclass' own use of the wheel; True when it was used."""
        return False

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() in (Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton) and self.timeline.duration > 0:
            self._pressed = self._last = event.position()
            self._dragging = False
            edge = self.loop_edge(event.position().x())
            if edge is not None and self.loop is not None:
                # The other end stays: the range is drawn anew from there.
                self._pressed = QPointF(self.timeline.x(self.loop[1 - edge]), event.position().y())
                self._dragging = True

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._pressed is None:
            held = self.loop_edge(event.position().x()) is not None
            self.setCursor(Qt.CursorShape.SplitHCursor if held else Qt.CursorShape.ArrowCursor)
            self.hover(event.position())
            return
        at = event.position()
        if not self._dragging and (at - self._pressed).manhattanLength() >= QApplication.startDragDistance() // 2:
            self._dragging = True
        if self._dragging:
            pans = self.drag_pans != bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            if event.buttons() & Qt.MouseButton.MiddleButton or pans:
                self.setCursor(Qt.CursorShape.ClosedHandCursor)
                self.drag(at - self._last)
            else:
                times = sorted((self.timeline.seconds(self._pressed.x()), self.timeline.seconds(at.x())))
                self.loop_drawn.emit(times[0], times[1])
        self._last = at

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._pressed is not None and not self._dragging and event.button() == Qt.MouseButton.LeftButton:
            self.clicked(event.position(), event.modifiers())
        self._pressed, self._dragging = None, False
        self.unsetCursor()

    def loop_edge(self, x: float) -> int | None:
        """Which end of the loop a pixel takes hold of: 0 its start, 1 its end."""
        if self.loop is None or self.drag_pans:
            return None
        away = [abs(self.timeline.x(second) - x) for second in self.loop]
        nearest = int(away[1] < away[0])
        return nearest if away[nearest] <= GRIP else None

    def clicked(self, at: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        """A click without a drag."""
        if at.x() >= GUTTER:
            self.seek.emit(self.timeline.seconds(at.x()))

    def drag(self, by: QPointF) -> None:
        """The view was dragged by pixels."""
        self.timeline.pan(-by.x())

    def hover(self, at: QPointF) -> None:
        """The mouse moved without a button."""

    def resizeEvent(self, event: QResizeEvent) -> None:
        self.timeline.set_width(max(1, self.width() - GUTTER))
        self.invalidate()

    def focusInEvent(self, event: QFocusEvent) -> None:
        # The ring is for those who came by key; a click shows where it was.
        self._ringed = came_by_key(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self._ringed = False
        self.update()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in theme.RESTYLED:
            self.invalidate()
