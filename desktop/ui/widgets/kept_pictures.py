"""Painting of enlarged and reduced pictures; what is painted twice the same is kept."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize
from PySide6.QtGui import QColor, QFont, QPainter, QPixmap

from desktop.ui.widgets import compare_paint
from desktop.ui.widgets.picture import Picture

PIXELS_FROM = 16.0
"""Zoom from which pixels are always shown as squares."""


class KeptPictures:
    """Paints pictures into a view; a copy of the scaled picture is kept as long as nothing but the clip changes."""

    def __init__(self) -> None:
        self._kept: dict[int, tuple[tuple[object, ...], QPixmap | None]] = {}

    def clear(self) -> None:
        """Forget the copies."""
        self._kept.clear()

    def paint(
        self,
        painter: QPainter,
        which: int,
        picture: Picture,
        rect: QRectF,
        pane: QRectF,
        *,
        size: QSize,
        ratio: float,
        squares: bool,
        ground: QColor,
        font: QFont,
    ) -> None:
        """Paint a picture.

        Args:
            which: number of the copy that is kept.
            rect: where all of the picture is, in the view.
            pane: the part of the view that is painted.
            size, ratio: of the view, and its device pixels a device-independent one.
            squares: enlarged pixels are squares, not blended.
            ground: colour around the picture.
            font: of the pixels' values.
        """
        key = (picture, rect.getRect(), size.width(), size.height(), ratio, squares)
        kept, pixmap = self._kept.get(which, ((), None))
        painter.save()
        painter.setClipRect(pane)
        if kept != key:
            # Kept only when it is painted a second time: while the view moves a copy would be work for nothing.
            self._kept[which] = (key, None)
            _paint(painter, picture, rect, pane, ratio, squares, font)
        else:
            if pixmap is None:
                pixmap = QPixmap(round(size.width() * ratio), round(size.height() * ratio))
                pixmap.setDevicePixelRatio(ratio)
                # Opaque pixmaps are copied, transparent ones are blended.
                pixmap.fill(ground)
                inner = QPainter(pixmap)
                _paint(inner, picture, rect, QRectF(0, 0, size.width(), size.height()), ratio, squares, font)
                inner.end()
                self._kept[which] = (key, pixmap)
            painter.drawPixmap(pane, pixmap, QRectF(pane.topLeft() * ratio, pane.size() * ratio))
        painter.restore()


def _paint(painter: QPainter, picture: Picture, rect: QRectF, clip: QRectF, ratio: float, squares: bool, font: QFont) -> None:
    zoom = rect.width() * ratio / max(1, picture.width)
    image = picture.level(zoom)
    squares = zoom > 1.0 and (squares or zoom >= PIXELS_FROM)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, not squares)
    # Only what is seen is handed over: with a large zoom the whole rectangle would be far beyond the view.
    seen = rect.intersected(clip.adjusted(-1, -1, 1, 1))
    if seen.isEmpty():
        return
    across, down = image.width() / rect.width(), image.height() / rect.height()
    source = QRectF(
        (seen.left() - rect.left()) * across, (seen.top() - rect.top()) * down, seen.width() * across, seen.height() * down
    )
    painter.drawImage(seen, image, source)
    if squares:
        compare_paint.draw_pixels(painter, picture, rect, clip, font)
