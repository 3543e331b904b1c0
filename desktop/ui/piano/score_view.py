"""The cover as sheet music: pages that follow the playhead, and seek where they are clicked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEasingCurve, QEvent, QPointF, QPropertyAnimation, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QMouseEvent, QPainter, QPaintEvent, QPen, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QAbstractScrollArea, QVBoxLayout, QWidget

from desktop.ui import theme
from desktop.ui.background import Op
from desktop.ui.engraving import page_image, renderer
from desktop.ui.icons import Button
from desktop.ui.panels import Services
from desktop.ui.piano.score_pages import Engraving
from desktop.ui.piano.score_source import ScoreSource
from desktop.ui.piano.song import Song
from desktop.ui.widgets.quiet_page import QuietPage

if TYPE_CHECKING:
    from PySide6.QtSvg import QSvgRenderer

GLIDE_MS = 380
GAP, EDGE = 20, 24
LARGEST_PAGE = 1060.0
"""Width in pixels of a page at 100 %: wider windows leave a margin."""
ZOOMS = (0.4, 3.0)
_SHARPEST = 24e6
"""Pixels that a page is drawn with at most: beyond that it is enlarged."""
_LEAD = 0.22
"""Share of the height above the line of music that is heard."""


class ScoreView(QAbstractScrollArea):
    """See the module's docstring; follows the protocol of the canvas's views.

    Attributes:
        source: where its pages come from.
        engraving: the pages that are shown, None while there are none.
        zoom_factor: 1 for pages as wide as the view.

    Signals:
        seek: second that was clicked.
    """

    seek = Signal(float)

    def __init__(self, song: Song, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._song = song
        self.source = ScoreSource(song, services.bridge, self)
        self.engraving: Engraving | None = None
        self._active = False
        self._second: float | None = None
        self._bar = -1
        self.zoom_factor = 1.0
        self._pages: list[QSvgRenderer] = []
        self._images: dict[int, QImage] = {}
        self._drawn: dict[int, tuple[int, int]] = {}
        self._pending: set[int] = set()
        self._quiet = QuietPage(self.viewport())
        self._again = self._quiet.add_button(Button("Try again"))
        self._quiet.end_buttons()
        self._again.clicked.connect(self.source.engrave)
        cover = QVBoxLayout(self.viewport())
        cover.addWidget(self._quiet)
        self._glide = QPropertyAnimation(self.verticalScrollBar(), b"value", self)
        self._glide.setDuration(GLIDE_MS)
        self._glide.setEasingCurve(QEasingCurve.Type.OutCubic)
        self.setFrameShape(QAbstractScrollArea.Shape.NoFrame)
        self.setAccessibleName("Score")
        self.setToolTip("Click: move the playhead · wheel: scroll · Ctrl+wheel: zoom")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.verticalScrollBar().valueChanged.connect(self.viewport().update)
        self.horizontalScrollBar().valueChanged.connect(self.viewport().update)
        self.source.arrived.connect(self._show)
        self.source.changed.connect(self._say_state)
        song.replaced.connect(self._forget)
        self._say_state()

    # The view's protocol

    def show_song(self) -> None:
        """Notes or beats have changed: engrave them once they stand still; the old pages stay until then."""
        if self._song.cover is None:
            self._forget()
        elif self._active:
            self.source.want()

    def set_playhead(self, second: float | None) -> None:
        """Mark the moment that is heard, and keep it in view."""
        before = self._cursor_area()
        self._second = second
        bar = self.engraving.bar_at(second) if self.engraving is not None and second is not None else -1
        moved, self._bar = bar != self._bar, bar
        for area in (before, self._cursor_area()):
            if area is not None:
                self.viewport().update(area.toAlignedRect().adjusted(-4, -4, 4, 4))
        if moved:
            self._follow()

    def set_active(self, on: bool) -> None:
        """In front or not; what is not seen is not engraved."""
        self._active = on
        if on:
            self.show_song()

    # What the user does

    def zoom(self, factor: float, at: QPointF | None = None) -> None:
        """Enlarge by ``factor`` about a point of the viewport, its middle when None."""
        centre = at or QPointF(self.viewport().rect().center())
        new = min(max(self.zoom_factor * factor, ZOOMS[0]), ZOOMS[1])
        bar_x, bar_y = self.horizontalScrollBar(), self.verticalScrollBar()
        factor = new / self.zoom_factor
        x, y = (bar_x.value() + centre.x()) * factor - centre.x(), (bar_y.value() + centre.y()) * factor - centre.y()
        self.zoom_factor = new
        self._arrange()
        bar_x.setValue(round(x))
        bar_y.setValue(round(y))

    def fit(self) -> None:
        """Back to pages as wide as the view."""
        self.zoom(1.0 / self.zoom_factor)

    def wheelEvent(self, event: QWheelEvent) -> None:
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.zoom(1.0015 ** event.angleDelta().y(), event.position())
            event.accept()
        else:
            self._glide.stop()
            super().wheelEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        found = self._hit(event.position())
        if event.button() == Qt.MouseButton.LeftButton and found is not None:
            self.seek.emit(max(0.0, found))
            event.accept()
        else:
            super().mousePressEvent(event)

    def _hit(self, point: QPointF) -> float | None:
        """The moment at a point of the viewport."""
        if self.engraving is None:
            return None
        for page in range(len(self.engraving.svgs)):
            area = self.page_rect(page)
            if area.contains(point):
                return self.engraving.second_at(page, (point - area.topLeft()) / self._scale())
        return None

    # What arrives

    def _show(self, engraving: Engraving) -> None:
        self.engraving = engraving
        self._pages = [renderer(svg) for svg in engraving.svgs]
        self._drawn.clear()
        self._images = {page: image for page, image in self._images.items() if page < len(self._pages)}
        self._arrange()
        self._bar = engraving.bar_at(self._second) if self._second is not None else -1
        self._say_state()

    def _forget(self) -> None:
        self.engraving = None
        self._pages, self._images = [], {}
        self._drawn.clear()
        self._bar = -1
        self._arrange()
        self.source.forget()

    def _say_state(self) -> None:
        """The middle of the view while there are no pages; a word in the corner while there are."""
        problem = self.source.problem
        self._again.setVisible(bool(problem))
        self._quiet.setVisible(self.engraving is None)
        if problem:
            self._quiet.say("warning", "The score could not be engraved", problem)
        elif not self.source.wanted:
            self._quiet.say("info", "No score yet", "It appears here when the cover is there.")
        else:
            self._quiet.say("info", "Engraving the score…", "Pages appear in a moment.")
        self.viewport().update()

    # Where things are

    def _page_width(self) -> float:
        return min(LARGEST_PAGE, max(200.0, self.viewport().width() - 2 * EDGE)) * self.zoom_factor

    def _scale(self) -> float:
        """Pixels of the view for one of the pages' own."""
        return self._page_width() / self.engraving.width if self.engraving is not None else 1.0

    def page_rect(self, page: int) -> QRectF:
        """A page in the viewport."""
        width = self._page_width()
        height = self.engraving.height * self._scale() if self.engraving is not None else 0.0
        left = max(float(EDGE), (self.viewport().width() - width) / 2) - self.horizontalScrollBar().value()
        return QRectF(left, EDGE + page * (height + GAP) - self.verticalScrollBar().value(), width, height)

    def bar_rect(self, bar: int) -> QRectF:
        """A bar in the viewport, with room around its staves."""
        if self.engraving is None:
            return QRectF()
        found, scale = self.engraving.bars[bar], self._scale()
        origin = self.page_rect(found.page).topLeft()
        area = QRectF(found.area.topLeft() * scale + origin, found.area.size() * scale)
        return area.adjusted(0, -14 * scale, 0, 14 * scale)

    def cursor_x(self) -> float | None:
        """Where the playhead stands in the viewport."""
        if self.engraving is None or self._second is None or self._bar < 0:
            return None
        place = self.engraving.x_at(self._second, self._bar)
        return self.page_rect(self.engraving.bars[self._bar].page).left() + place * self._scale()

    def _cursor_area(self) -> QRectF | None:
        return self.bar_rect(self._bar) if self.engraving is not None and self._bar >= 0 else None

    def _arrange(self) -> None:
        view = self.viewport().size()
        count = len(self._pages)
        whole = self.page_rect(0)
        height = 2 * EDGE + count * (whole.height() + GAP) - GAP if count else 0.0
        for bar, size, shown in (
            (self.verticalScrollBar(), height, view.height()),
            (self.horizontalScrollBar(), whole.width() + 2 * EDGE if count else 0.0, view.width()),
        ):
            bar.setRange(0, max(0, round(size - shown)))
            bar.setPageStep(shown)
            bar.setSingleStep(60)
        self.viewport().update()

    def _follow(self) -> None:
        """Glide to the line of music that is heard when it is not comfortably in view."""
        if self.engraving is None or self._bar < 0 or not self.isVisible():
            return
        area, view = self.bar_rect(self._bar), self.viewport().height()
        across, width = self.horizontalScrollBar(), self.viewport().width()
        if across.maximum() and (area.left() < 0 or area.right() > width):
            # Zoomed in: the next bars come with the one that is heard.
            across.setValue(round(across.value() + area.left() - width * 0.08))
            area = self.bar_rect(self._bar)
        scroll = self.verticalScrollBar()
        if area.top() >= 8 and area.bottom() <= view * 0.8:
            return
        target = min(max(0, round(scroll.value() + area.top() - view * _LEAD)), scroll.maximum())
        if self._glide.state() == QPropertyAnimation.State.Running and self._glide.endValue() == target:
            return
        self._glide.stop()
        self._glide.setStartValue(scroll.value())
        self._glide.setEndValue(target)
        self._glide.start()

    # Painting

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in theme.RESTYLED:
            self._drawn.clear()
            self.viewport().update()

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = theme.tokens()
        painter = QPainter(self.viewport())
        painter.fillRect(event.rect(), QColor(tokens.canvas if tokens.dark else tokens.window))
        view = QRectF(self.viewport().rect())
        for page in range(len(self._pages)):
            area = self.page_rect(page)
            if area.intersects(view):
                self._paint_page(painter, page, area, tokens)
            if area.intersects(view.adjusted(0, -view.height(), 0, view.height())):
                # Its neighbours too, so that scrolling meets no blank page.
                self._sharpen(page, area.toRect().size(), tokens)
            elif not area.intersects(view.adjusted(0, -3 * area.height(), 0, 3 * area.height())):
                self._images.pop(page, None)
                self._drawn.pop(page, None)
        if self._pages:
            self._paint_cursor(painter, tokens)
            self._paint_note(painter, tokens)

    def _paint_page(self, painter: QPainter, page: int, area: QRectF, tokens: theme.Tokens) -> None:
        place = area.toRect()
        image = self._images.get(page)
        painter.fillRect(place, QColor(paper(tokens)))
        if image is not None:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawImage(place, image)
        painter.setPen(QPen(theme.mix(tokens.hairline, tokens.text, 0.1), 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(place.adjusted(-1, -1, 0, 0))

    def _sharpen(self, page: int, size: QSize, tokens: theme.Tokens) -> None:
        """Have a page drawn for its size unless it is."""
        ratio = min(self.devicePixelRatioF(), (_SHARPEST / max(1, size.width() * size.height())) ** 0.5)
        pixels = (round(size.width() * ratio), round(size.height() * ratio))
        if self._drawn.get(page) != pixels and page not in self._pending:
            self._draw(page, size, ratio, pixels, paper(tokens))

    def _draw(self, page: int, size: QSize, ratio: float, pixels: tuple[int, int], colour: str) -> None:
        """Draw a page sharp for its size now, off the window's thread; until then the one before is stretched."""
        self._pending.add(page)
        drawn, engraving = self._pages[page], self.engraving

        def done(image: QImage) -> None:
            self._pending.discard(page)
            if engraving is self.engraving:
                self._images[page] = image
                self._drawn[page] = pixels
            self.viewport().update()

        Op(self, lambda: page_image(drawn, size, ratio, colour)).success(done).start()

    def _paint_cursor(self, painter: QPainter, tokens: theme.Tokens) -> None:
        area, x = self._cursor_area(), self.cursor_x()
        if area is None or x is None:
            return
        accent = QColor(theme.LIGHT.accent)
        accent.setAlpha(30)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(accent)
        painter.drawRoundedRect(area, 4, 4)
        accent.setAlpha(220)
        painter.fillRect(QRectF(x - 1, area.top(), 2, area.height()), accent)

    def _paint_note(self, painter: QPainter, tokens: theme.Tokens) -> None:
        problem = self.source.problem
        text = problem or ("Updating the score…" if self.source.busy else "")
        if not text:
            return
        painter.setFont(theme.font(self, theme.CAPTION))
        width = min(painter.fontMetrics().horizontalAdvance(text) + 20, self.viewport().width() - 24)
        box = QRectF(self.viewport().width() - width - 12, 12, width, 24)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(tokens.hairline), 1))
        painter.setBrush(QColor(tokens.raised))
        painter.drawRoundedRect(box, theme.RADIUS, theme.RADIUS)
        painter.setPen(QColor(tokens.warning if problem else tokens.secondary))
        shown = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, int(width) - 16)
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, shown)


def paper(tokens: theme.Tokens) -> str:
    """The colour of a page: white, a little warmer and dimmer where all around is dark; the ink stays black."""
    return "#E9E4D8" if tokens == theme.DARK else "#FFFFFF"
