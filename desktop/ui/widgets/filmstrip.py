"""The timeline of a clip: small pictures, where shots begin, the part to restore, what has been restored, the playhead."""

from __future__ import annotations

from bisect import bisect_left

from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen, QPixmap, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from desktop.ui import theme
from desktop.ui.widgets.picture import Picture
from desktop.ui.widgets.timecode import clock, timecode

RULER, STRIP, BAR = 22, 54, 6
EDGE = 12
"""Pixels left and right of the strip, so that handles at its ends can be taken hold of."""
GRIP = 7
STEPS = (0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600)
Part = tuple[float, float]


class Filmstrip(QWidget):
    """See the module's docstring. All times are seconds of the clip.

    Signals:
        scrubbed: to this second; still dragging or not.
        part_changed: in and out point while they are dragged.
    """

    scrubbed = Signal(float, bool)
    part_changed = Signal(float, float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.duration, self.rate = 0.0, 25.0
        self.thumbs: list[tuple[float, Picture]] = []
        self.shots: list[float] = []
        self.part: Part | None = None
        self.done: list[Part] = []
        self.playhead = 0.0
        self.message = ""
        self._tile: QPixmap | None = None
        self._held = ""
        self.setFixedHeight(RULER + STRIP + BAR + 4)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMinimumWidth(160)
        self.setMouseTracking(True)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setAccessibleName("Timeline of the clip")
        self.setToolTip("Click or drag: go there · drag the ends: the part to restore (I and O) · arrows: one frame, Shift: 1 s")

    # What is shown

    def clear(self) -> None:
        """Another clip: nothing is known of it."""
        self.duration, self.thumbs, self.shots, self.part, self.done, self.playhead = 0.0, [], [], None, [], 0.0
        self.message = ""
        self._redraw()

    def set_length(self, duration: float, rate: float) -> None:
        """How long the clip is, and its frames a second."""
        self.duration, self.rate = max(0.0, duration), rate if rate > 0 else 25.0
        self._redraw()

    def set_message(self, text: str) -> None:
        """Say something while there are no thumbnails."""
        if text != self.message:
            self.message = text
            self._redraw()

    def add_thumb(self, second: float, picture: Picture) -> None:
        """Show a thumbnail; one of the same moment is replaced."""
        at = bisect_left(self.thumbs, second, key=lambda thumb: thumb[0])
        same = at < len(self.thumbs) and self.thumbs[at][0] == second
        self.thumbs[at : at + same] = [(second, picture)]
        self._redraw()

    def set_shots(self, shots: list[float]) -> None:
        """Where shots begin."""
        self.shots = sorted(shots)
        self._redraw()

    def set_part(self, part: Part | None) -> None:
        """The part to be restored; None for all."""
        if part != self.part:
            self.part = part
            self.update()

    def set_done(self, done: list[Part]) -> None:
        """What has been restored."""
        if done != self.done:
            self.done = done
            self.update()

    def set_playhead(self, second: float) -> None:
        """Where we are."""
        self.playhead = second
        self.setAccessibleDescription(timecode(second, self.rate))
        self.update()

    def nearest(self, second: float) -> Picture | None:
        """The thumbnail nearest to a moment."""
        if not self.thumbs:
            return None
        return min(self.thumbs, key=lambda thumb: abs(thumb[0] - second))[1]

    # Pixels and seconds

    def place(self, second: float) -> float:
        """Pixel of a moment."""
        return EDGE + (self.width() - 2 * EDGE) * (second / self.duration if self.duration > 0 else 0.0)

    def second(self, x: float) -> float:
        """Moment under a pixel, within the clip."""
        share = (x - EDGE) / max(1, self.width() - 2 * EDGE)
        return self.duration * min(1.0, max(0.0, share))

    # Painting

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = theme.tokens()
        painter = QPainter(self)
        ratio = self.devicePixelRatioF()
        if self._tile is None or self._tile.devicePixelRatio() != ratio:
            self._tile = QPixmap(round(self.width() * ratio), round(self.height() * ratio))
            self._tile.setDevicePixelRatio(ratio)
            inner = QPainter(self._tile)
            self._draw(inner, tokens)
            inner.end()
        painter.drawPixmap(0, 0, self._tile)
        if self.duration <= 0:
            return
        self._draw_part(painter, tokens)
        self._draw_done(painter, tokens)
        self._draw_playhead(painter, tokens)

    def _draw(self, painter: QPainter, tokens: theme.Tokens) -> None:
        painter.fillRect(self.rect(), QColor(tokens.window))
        strip = QRectF(EDGE, RULER, self.width() - 2 * EDGE, STRIP)
        painter.fillRect(strip, theme.mix(tokens.window, tokens.text, 0.07))
        self._draw_ruler(painter, tokens)
        if self.thumbs:
            self._draw_thumbs(painter, strip)
        elif self.message:
            painter.setFont(theme.font(self, theme.CAPTION))
            painter.setPen(QColor(tokens.secondary))
            painter.drawText(strip, Qt.AlignmentFlag.AlignCenter, self.message)
        for shot in self.shots:
            if shot > 1.5 / self.rate:
                self._draw_shot(painter, tokens, round(self.place(shot)))

    def _draw_shot(self, painter: QPainter, tokens: theme.Tokens, x: int) -> None:
        painter.fillRect(QRectF(x - 1, RULER, 3, STRIP), QColor(tokens.window))
        painter.fillRect(QRectF(x, RULER - 5, 1, STRIP + 5), QColor(tokens.text))

    def _draw_thumbs(self, painter: QPainter, strip: QRectF) -> None:
        first = self.thumbs[0][1]
        width = max(24.0, STRIP * first.width / max(1, first.height))
        count = max(1, round(strip.width() / width))
        width = strip.width() / count
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.setClipRect(strip)
        for n in range(count):
            cell = QRectF(strip.left() + n * width, strip.top(), width, strip.height())
            picture = self.nearest(self.second(cell.center().x()))
            if picture is None:
                continue
            zoom = cell.height() * self.devicePixelRatioF() / max(1, picture.height)
            image = picture.level(zoom)
            # Cells are stretched or squeezed to fill the strip evenly: the picture is cut at its sides, never distorted.
            shown = min(1.0, cell.width() / cell.height() * image.height() / image.width())
            tall = min(1.0, cell.height() / cell.width() * image.width() / image.height())
            source = QRectF(
                image.width() * (1 - shown) / 2, image.height() * (1 - tall) / 2, image.width() * shown, image.height() * tall
            )
            painter.drawImage(cell, image, source)
        painter.setClipping(False)

    def _draw_ruler(self, painter: QPainter, tokens: theme.Tokens) -> None:
        if self.duration <= 0:
            return
        painter.setFont(theme.font(self, theme.CAPTION, tabular=True))
        painter.setPen(QColor(tokens.secondary))
        room = painter.fontMetrics().horizontalAdvance("0:00:00") + 16
        pixels = (self.width() - 2 * EDGE) / self.duration
        step = next((s for s in STEPS if s * pixels >= room), STEPS[-1])
        for n in range(int(self.duration / step) + 1):
            x = round(self.place(n * step))
            painter.fillRect(QRectF(x, RULER - 5, 1, 5), theme.mix(tokens.window, tokens.secondary, 0.6))
            text = clock(n * step) if step >= 1 else f"{clock(n * step)}.{round(n * step * 10) % 10}"
            if x + 4 + painter.fontMetrics().horizontalAdvance(text) <= self.width() - 4:
                painter.drawText(QPointF(x + 4, RULER - 10), text)

    def _draw_part(self, painter: QPainter, tokens: theme.Tokens) -> None:
        start, end = self.part or (0.0, self.duration)
        left, right = self.place(start), self.place(end)
        veil = QColor(tokens.window)
        veil.setAlphaF(0.72)
        painter.fillRect(QRectF(EDGE, RULER, left - EDGE, STRIP), veil)
        painter.fillRect(QRectF(right, RULER, self.width() - EDGE - right, STRIP), veil)
        colour = QColor(tokens.accent) if self.part is not None else theme.mix(tokens.window, tokens.secondary, 0.7)
        painter.fillRect(QRectF(left, RULER, right - left, 2), colour)
        painter.fillRect(QRectF(left, RULER + STRIP - 2, right - left, 2), colour)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        for x, way in ((left, -1), (right, 1)):
            grip = QRectF(min(x, x + way * 8), RULER, 8, STRIP)
            painter.drawRoundedRect(grip, 3, 3)
            painter.fillRect(QRectF(grip.center().x() - 0.75, RULER + STRIP / 2 - 8, 1.5, 16), QColor(tokens.on_accent))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)

    def _draw_done(self, painter: QPainter, tokens: theme.Tokens) -> None:
        top = RULER + STRIP + 3
        painter.fillRect(QRectF(EDGE, top, self.width() - 2 * EDGE, 3), theme.mix(tokens.window, tokens.text, 0.1))
        for start, end in self.done:
            painter.fillRect(
                QRectF(self.place(start), top, max(2.0, self.place(end) - self.place(start)), 3), QColor(tokens.accent)
            )

    def _draw_playhead(self, painter: QPainter, tokens: theme.Tokens) -> None:
        x = round(self.place(self.playhead)) + 0.5
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(tokens.window), 4))
        painter.drawLine(QPointF(x, RULER - 4), QPointF(x, RULER + STRIP + BAR))
        painter.setPen(QPen(QColor(tokens.text), 2))
        painter.drawLine(QPointF(x, RULER - 4), QPointF(x, RULER + STRIP + BAR))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(tokens.text))
        painter.drawPolygon(QPolygonF([QPointF(x - 5, RULER - 8), QPointF(x + 5, RULER - 8), QPointF(x, RULER - 1)]))

    # What the user does

    def _grip(self, at: QPointF) -> str:
        """What a point takes hold of: "in", "out", or the playhead with ""."""
        if not RULER <= at.y() <= RULER + STRIP:
            return ""
        start, end = self.part or (0.0, self.duration)
        # The grips lie outside the part: inside of it a click goes to a moment.
        if -GRIP - 4 <= at.x() - self.place(start) <= 3:
            return "in"
        return "out" if -3 <= at.x() - self.place(end) <= GRIP + 4 else ""

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self.duration > 0:
            self._held = self._grip(event.position()) or "playhead"
            self.mouseMoveEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        at = event.position()
        if not self._held:
            grip = self._grip(at) if self.duration > 0 else ""
            self.setCursor(Qt.CursorShape.SplitHCursor if grip else Qt.CursorShape.ArrowCursor)
            return
        second = self.second(at.x())
        if self._held == "playhead":
            self.scrubbed.emit(second, True)
            return
        start, end = self.part or (0.0, self.duration)
        least = 1 / self.rate
        start, end = (min(second, end - least), end) if self._held == "in" else (start, max(second, start + least))
        self.part_changed.emit(max(0.0, start), min(self.duration, end))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._held == "playhead":
            self.scrubbed.emit(self.second(event.position().x()), False)
        self._held = ""

    def resizeEvent(self, event: object) -> None:
        self._redraw()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in theme.RESTYLED:
            self._redraw()

    def _redraw(self) -> None:
        self._tile = None
        self.update()
