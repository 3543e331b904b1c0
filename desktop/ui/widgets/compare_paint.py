"""What the compare view draws over and around its pictures: labels, legend, pixel grid."""

from __future__ import annotations

import math

import numpy as np
from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter

from desktop.ui import theme
from desktop.ui.widgets.face_marks import draw_pill
from desktop.ui.widgets.picture import FULL_DIFFERENCE, Picture, heat

GRID_FROM = 12.0
"""Device-independent pixels a pixel of the picture must take for the grid to be drawn."""
VALUES_FROM = 60.0
"""The same for its red, green and blue being written into it."""
GAP = 8


def draw_labels(painter: QPainter, area: QRectF, left: str, right: str, font: object) -> None:
    """The names of both sides in the lower corners of the part of the view that the pictures take."""
    painter.setFont(font)  # type: ignore[arg-type]
    if left:
        draw_pill(painter, QPointF(area.left() + GAP, area.bottom() - GAP), left)
    if right:
        draw_pill(painter, QPointF(area.right() - GAP, area.bottom() - GAP), right, right=True)


def draw_legend(painter: QPainter, area: QRectF, font: object) -> None:
    """What the colours of the difference mean, in the upper right corner."""
    painter.save()
    painter.setFont(font)  # type: ignore[arg-type]
    metrics = painter.fontMetrics()
    ends = ("the same", f"{FULL_DIFFERENCE} of 255 or more")
    bar = 96.0
    widths = [metrics.horizontalAdvance(text) for text in ends]
    width, height = sum(widths) + bar + 4 * GAP, metrics.height() + 12
    box = QRectF(area.right() - GAP - width, area.top() + GAP, width, height)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(16, 17, 19, 215))
    painter.drawRoundedRect(box, theme.RADIUS, theme.RADIUS)
    painter.setPen(QColor(255, 255, 255))
    painter.drawText(QRectF(box.left() + GAP, box.top(), widths[0], height), Qt.AlignmentFlag.AlignCenter, ends[0])
    painter.drawText(QRectF(box.right() - GAP - widths[1], box.top(), widths[1], height), Qt.AlignmentFlag.AlignCenter, ends[1])
    colours = np.ascontiguousarray(heat()[: FULL_DIFFERENCE + 1][None])
    image = QImage(colours.data, colours.shape[1], 1, 3 * colours.shape[1], QImage.Format.Format_RGB888)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    painter.drawImage(QRectF(box.left() + 2 * GAP + widths[0], box.center().y() - 4, bar, 8), image.copy())
    painter.restore()


def draw_pixels(painter: QPainter, picture: Picture, rect: QRectF, clip: QRectF, font: object) -> None:
    """The grid between a picture's pixels, and in very large ones their values. ``rect``: where the whole picture is."""
    size = rect.width() / max(1, picture.width)
    if size < GRID_FROM:
        return
    seen = rect.intersected(clip)
    if seen.isEmpty():
        return
    first_x, last_x = int((seen.left() - rect.left()) / size), math.ceil((seen.right() - rect.left()) / size)
    first_y, last_y = int((seen.top() - rect.top()) / size), math.ceil((seen.bottom() - rect.top()) / size)
    painter.save()
    painter.setClipRect(clip)
    painter.setPen(QColor(128, 128, 128, 160))
    columns = [rect.left() + k * size for k in range(first_x, last_x + 1)]
    rows = [rect.top() + k * size for k in range(first_y, last_y + 1)]
    painter.drawLines(
        [QLineF(x, seen.top(), x, seen.bottom()) for x in columns] + [QLineF(seen.left(), y, seen.right(), y) for y in rows]
    )
    if size >= VALUES_FROM:
        painter.setFont(font)  # type: ignore[arg-type]
        _draw_values(painter, picture, rect, size, (first_x, first_y, last_x, last_y))
    painter.restore()


def _draw_values(painter: QPainter, picture: Picture, rect: QRectF, size: float, cells: tuple[int, int, int, int]) -> None:
    for y in range(max(0, cells[1]), min(picture.height, cells[3])):
        for x in range(max(0, cells[0]), min(picture.width, cells[2])):
            colour = picture.image.pixelColor(x, y)
            painter.setPen(QColor(0, 0, 0) if theme.luminance(colour) > 0.18 else QColor(255, 255, 255))
            cell = QRectF(rect.left() + x * size, rect.top() + y * size, size, size)
            painter.drawText(cell, Qt.AlignmentFlag.AlignCenter, f"{colour.red()}\n{colour.green()}\n{colour.blue()}")
