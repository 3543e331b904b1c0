"""A plot of runs' curves: zoomed with the wheel, moved by dragging, read off with the mouse or the arrow keys.

100,000 points are drawn in a few milliseconds: what is on one pixel is looked up, not gone through (``curve_data``).
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QPointF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QWidget

from desktop.ui import theme
from desktop.ui.widgets.curve_axes import Axis
from desktop.ui.widgets.curve_hover import as_text, draw_hover, near, reading, snapped
from desktop.ui.widgets.curve_paint import draw_plot
from desktop.ui.widgets.curve_panes import Pane, Scene, panes
from desktop.ui.widgets.curve_run import RunCurves
from desktop.ui.widgets.parts import came_by_key


class CurvePlot(QWidget):
    """See the module's docstring.

    Signals:
        view_changed: another stretch, or all of it, is shown.
    """

    view_changed = Signal()

    def __init__(self, name: str = "Curves", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.scene = Scene()
        self._span = 0
        self._panes: list[Pane] | None = None
        self._picture = QPixmap()
        self._is_drawn = False
        self._place: float | None = None
        self._dragged: QPointF | None = None
        self._ringed = False
        self.setAccessibleName(name)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setMinimumSize(260, 190)
        self.setToolTip("")

    def sizeHint(self) -> QSize:
        return QSize(720, 420)

    # What is shown

    def set_runs(self, runs: Sequence[RunCurves]) -> None:
        """Show other runs; all of them are in view."""
        self.scene.runs = list(runs)
        self.scene.heights = None
        self._place = None
        for run in runs:
            run.smooth_over(self._span)
        self._measure()
        self.fit()

    def refresh(self) -> None:
        """The runs have more points or other scores."""
        if self._span == 0:
            for run in self.scene.runs:
                run.smooth_over(0)
        self._measure()
        self.invalidate()

    def set_axis(self, axis: Axis) -> None:
        """Show the curves over steps, time or epochs."""
        if axis is not self.scene.axis:
            self.scene.axis = axis
            self._place = None
            self._measure()
            self.fit()

    def set_log(self, on: bool) -> None:
        """Show the loss on a logarithmic scale."""
        self.scene.log, self.scene.heights = on, None
        self.invalidate()

    def set_details(self, on: bool) -> None:
        """Show the small plots where there is room for them."""
        self.scene.details = on
        self.invalidate()

    def set_span(self, span: int) -> None:
        """Smooth the loss over so many steps; 0 lets each run choose, 1 does not smooth."""
        self._span = span
        for run in self.scene.runs:
            run.smooth_over(span)
        self.invalidate()

    @property
    def span(self) -> int:
        """Steps that the loss is smoothed over now; the first run's when each chooses."""
        return self._span or (self.scene.runs[0].span if self.scene.runs else 1)

    def fit(self) -> None:
        """Show everything."""
        self.scene.view.fit()
        self.scene.heights = None
        self._moved()

    def zoom(self, factor: float, at: float | None = None) -> None:
        """Show ``factor`` times as much detail about a place on the axis; its middle when None."""
        view = self.scene.view
        view.zoom(factor, (view.start + view.end) / 2 if at is None else at)
        self._moved()

    def read(self, place: float | None) -> None:
        """Say the values at a place on the axis; None for no place."""
        self._place = place
        heading, lines = reading(self.scene, theme.tokens(), place) if place is not None else ("", [])
        self.setAccessibleDescription(as_text(heading, lines))
        self.update()

    @property
    def place(self) -> float | None:
        """Where values are read off."""
        return self._place

    def panes(self) -> list[Pane]:
        """The panes as they are drawn now."""
        if self._panes is None:
            self.scene.width, self.scene.height, self.scene.ratio = self.width(), self.height(), self.devicePixelRatioF()
            self._panes = panes(self.scene)
        return self._panes

    def invalidate(self) -> None:
        """Draw it anew with the next paint."""
        self._panes, self._is_drawn = None, False
        self.update()

    def image(self, scale: float = 2.0) -> QImage:
        """All of it as a picture, without the reading."""
        made = QImage(round(self.width() * scale), round(self.height() * scale), QImage.Format.Format_RGB32)
        made.setDevicePixelRatio(scale)
        scene = Scene(**{**vars(self.scene), "width": self.width(), "height": self.height(), "ratio": scale})
        painter = QPainter(made)
        painter.setRenderHint(QPainter.RenderHint.TextAntialiasing)
        draw_plot(painter, theme.tokens(), self, scene, panes(scene))
        painter.end()
        return made

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = theme.tokens()
        made, ratio = self.panes(), self.devicePixelRatioF()
        size = QSize(round(self.width() * ratio), round(self.height() * ratio))
        if self._picture.size() != size or self._picture.devicePixelRatio() != ratio:
            self._picture = QPixmap(size)
            self._picture.setDevicePixelRatio(ratio)
            self._is_drawn = False
        if not self._is_drawn:
            self._is_drawn = True
            inner = QPainter(self._picture)
            draw_plot(inner, tokens, self, self.scene, made)
            inner.end()
        painter = QPainter(self)
        painter.drawPixmap(0, 0, self._picture)
        if self._place is not None:
            draw_hover(painter, tokens, self, self.scene, made, self._place)
        if self._ringed:
            painter.setPen(QPen(QColor(tokens.accent), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(self.rect().adjusted(1, 1, -1, -1))

    # What the user does

    def wheelEvent(self, event: QWheelEvent) -> None:
        delta = event.angleDelta()
        step = delta.y() or delta.x()
        modifiers = event.modifiers()
        if modifiers & Qt.KeyboardModifier.ControlModifier:
            self._zoom_heights(1.0015**step, event.position().y())
        elif modifiers & Qt.KeyboardModifier.ShiftModifier or abs(delta.x()) > abs(delta.y()):
            self.scene.view.pan(-step * 0.8 / self.scene.inner * self.scene.view.span)
            self._moved()
        else:
            self.zoom(1.0015**step, self.scene.at(event.position().x()))
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() in (Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton):
            self._dragged = event.position()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        at = event.position()
        if self._dragged is None or not event.buttons():
            self.read(snapped(self.scene, at.x()) if self.scene.runs else None)
            return
        by = at - self._dragged
        self._dragged = at
        if not self.scene.view.whole or self.scene.heights is not None:
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
            self.scene.view.pan(-by.x() / self.scene.inner * self.scene.view.span)
            self._pan_heights(by.y())
            self._moved()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._dragged = None
        self.unsetCursor()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.fit()

    def leaveEvent(self, event: QEvent) -> None:
        self.read(None)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = event.key()
        way = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(key), 0)
        if way:
            self._step(way * (20 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1))
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            self.zoom(1.5, self._place)
        elif key == Qt.Key.Key_Minus:
            self.zoom(1 / 1.5, self._place)
        elif key in (Qt.Key.Key_0, Qt.Key.Key_Home):
            self.fit()
        elif key == Qt.Key.Key_Escape and self._place is not None:
            self.read(None)
        else:
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        # The ring is for those who came by key; a click shows where it was.
        self._ringed = came_by_key(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self._ringed = False
        self.read(None)

    def resizeEvent(self, event: QResizeEvent) -> None:
        self.invalidate()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in theme.RESTYLED:
            self.invalidate()

    # Within

    def _measure(self) -> None:
        ends = [run.at(self.scene.axis) for run in self.scene.runs if len(run)]
        # A run's axis begins at 0 whatever its first point is.
        self.scene.view.set_extent(0.0, max((float(places[-1]) for places in ends), default=1.0))

    def _moved(self) -> None:
        self.invalidate()
        self.view_changed.emit()

    def _step(self, way: int) -> None:
        """Read off the next point that is at another pixel, or the next but so many."""
        view = self.scene.view
        if not self.scene.runs:
            return
        if self._place is None or not view.start <= self._place <= view.end:
            self.read(snapped(self.scene, self.scene.x(view.end if way < 0 else view.start)))
            return
        before = self._place
        run = self.scene.runs[0]
        places = run.at(self.scene.axis)
        number = run.nearest(self.scene.axis, before)
        if len(self.scene.runs) == 1 and number is not None and len(places) > 1:
            pixels = len(places) * view.span / max(1e-9, view.high - view.low) / self.scene.inner
            number = min(len(places) - 1, max(0, number + way * max(1, round(pixels))))
            place = float(places[number])
        else:
            place = before + way * view.span / self.scene.inner
        self.read(min(max(place, view.low), view.high))
        if not view.start <= place <= view.end:
            view.pan(place - before)
            self._moved()

    def _zoom_heights(self, factor: float, y: float) -> None:
        main = self.panes()[0].scale
        at = main.at(y)
        if main.log:
            self.scene.heights = (at * (main.low / at) ** (1 / factor), at * (main.high / at) ** (1 / factor))
        else:
            self.scene.heights = (at - (at - main.low) / factor, at + (main.high - at) / factor)
        self._moved()

    def _pan_heights(self, by: float) -> None:
        if self.scene.heights is not None and self._dragged is not None and near(self.panes()[0], self._dragged):
            main = self.panes()[0].scale
            self.scene.heights = (main.at(main.top + main.height - by), main.at(main.top - by))
