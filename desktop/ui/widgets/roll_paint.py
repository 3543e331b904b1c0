"""Drawing of notes: as they are, as a ghost, as chosen ones.

A moderate number is one ``drawRects`` for each colour. For very many it is cheaper to fill stretches of an array that has a
line for each pitch, and to draw its lines as pictures.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPixmap

from desktop.ui import theme
from desktop.ui.widgets.roll_data import LEVELS, Ints, RollData
from desktop.ui.widgets.timeline import Span

ROUNDED_AT_MOST = 320
"""More visible notes than this are plain rectangles (rounded ones cost ten times as much)."""
DENSE = 1500
"""More visible notes than this are drawn through an array, and chosen ones have no frame."""
Floats = npt.NDArray[np.float64]
Index = slice | Ints


@dataclass(frozen=True)
class Rows:
    """Where pitches are: the highest one shown, the height of a row and the first pixel below the chord names."""

    high: int
    row: float
    top: float

    def y(self, pitch: npt.NDArray[Any]) -> Floats:
        """Upper edge of the rows of pitches."""
        return np.asarray(self.top + (self.high - pitch.astype(np.int64)) * self.row)


@dataclass(frozen=True)
class _Boxes:
    """Rectangles of notes and the colour group of each."""

    x: Floats
    y: Floats
    width: Floats
    height: float
    group: Ints

    def by_group(self, grow: float = 0.0) -> Iterator[tuple[int, list[QRectF]]]:
        """Rectangles of each group, soft notes first, so that a loud one is never hidden behind them."""
        for which in sorted(np.unique(self.group).tolist(), key=lambda g: g % LEVELS):
            yield which, self.rects(np.flatnonzero(self.group == which), grow)

    def rects(self, index: Index, grow: float = 0.0) -> list[QRectF]:
        """Rectangles, larger by ``grow`` pixels on every side."""
        x, y, width = self.x[index] - grow, self.y[index] - grow, self.width[index] + 2 * grow
        return list(map(QRectF, x.tolist(), y.tolist(), width.tolist(), [self.height + 2 * grow] * len(x)))


def draw_notes(
    painter: QPainter, tokens: theme.Tokens, span: Span, rows: Rows, data: RollData, index: Index, opacity: float = 1.0
) -> None:
    """Draw notes in the colours of their hands and velocities."""
    boxes = _boxes(span, rows, data, index)
    if not len(boxes.x):
        return
    rounded = len(boxes.x) <= ROUNDED_AT_MOST and rows.row >= 6
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setOpacity(opacity)
    colours = _colours(tokens)
    if len(boxes.x) > DENSE:
        _draw_dense(painter, rows, boxes, colours)
        painter.setOpacity(1.0)
        return
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, rounded)
    for which, rects in boxes.by_group():
        painter.setBrush(colours[which])
        _fill(painter, rects, 2.5 if rounded else 0.0)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    painter.setOpacity(1.0)


def draw_chosen(painter: QPainter, tokens: theme.Tokens, span: Span, rows: Rows, data: RollData, index: Index) -> None:
    """Draw notes framed in the colour of the text, with a tint of it, so that they stand out without their hands' colours."""
    boxes = _boxes(span, rows, data, index)
    if not len(boxes.x):
        return
    rounded = len(boxes.x) <= ROUNDED_AT_MOST and rows.row >= 6
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, rounded)
    if len(boxes.x) > DENSE or rows.row < 5:
        # There is no room, or no time, for frames.
        strong = tuple(theme.mix(colour, tokens.text, 0.6) for colour in _colours(tokens))
        if len(boxes.x) > DENSE:
            _draw_dense(painter, rows, boxes, strong)
            return
        for which, rects in boxes.by_group(0.5):
            painter.setBrush(strong[which])
            _fill(painter, rects, 0.0)
        return
    painter.setBrush(QColor(tokens.text))
    _fill(painter, boxes.rects(slice(None), 1.5 if rounded else 1.0), 3.5 if rounded else 0.0)
    for which, rects in boxes.by_group():
        painter.setBrush(theme.mix(_colours(tokens)[which], tokens.canvas, 0.35))
        _fill(painter, rects, 2.0 if rounded else 0.0)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)


def draw_ghost(painter: QPainter, tokens: theme.Tokens, span: Span, rows: Rows, data: RollData) -> None:
    """Draw notes of an earlier take: pale, without hands or velocities."""
    boxes = _boxes(span, rows, data, data.visible(span.start, span.end))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme.mix(tokens.canvas, tokens.text, 0.3))
    painter.drawRects(boxes.rects(slice(None)))
    painter.setBrush(theme.mix(tokens.canvas, tokens.text, 0.1))
    if boxes.height >= 4:
        painter.drawRects(boxes.rects(np.flatnonzero(boxes.width > 4), -1.0))


def _boxes(span: Span, rows: Rows, data: RollData, index: Index) -> _Boxes:
    x = span.xs(data.start[index])
    width = np.maximum(2.0, span.xs(data.end[index]) - x - 1.0)
    return _Boxes(x, rows.y(data.notes["pitch"][index]), width, max(2.0, rows.row - 1.0), data.group[index])


def _draw_dense(painter: QPainter, rows: Rows, boxes: _Boxes, colours: tuple[QColor, ...]) -> None:
    """Draw very many notes: lines of pixels, one for each pitch, soft notes first."""
    device = painter.device()
    ratio = device.devicePixelRatio()
    wide = round(device.width() * ratio) if not isinstance(device, QPixmap) else device.width()
    line = np.rint((boxes.y - rows.top) / rows.row).astype(np.int64)
    first = np.clip(np.rint(boxes.x * ratio), 0, wide).astype(np.int64)
    last = np.clip(np.rint((boxes.x + boxes.width) * ratio), 0, wide).astype(np.int64)
    seen = np.flatnonzero((line >= 0) & (line < 128) & (last > first))
    seen = seen[np.argsort(boxes.group[seen] % LEVELS, kind="stable")]
    pixels = np.zeros((128, wide), np.uint32)
    flat, at = pixels.reshape(-1), line[seen] * wide
    table = np.array([colour.rgba() for colour in colours], np.uint32)[boxes.group[seen]]
    for start, end, colour in zip((at + first[seen]).tolist(), (at + last[seen]).tolist(), table.tolist(), strict=True):
        flat[start:end] = colour
    image = QImage(pixels.data, wide, 128, wide * 4, QImage.Format.Format_ARGB32_Premultiplied)
    for which in np.unique(line[seen]).tolist():
        area = QRectF(0, rows.top + which * rows.row, wide / ratio, boxes.height)
        painter.drawImage(area, image, QRectF(0, which, wide, 1))


def _fill(painter: QPainter, rects: list[QRectF], radius: float) -> None:
    if radius:
        for rect in rects:
            painter.drawRoundedRect(rect, radius, radius)
    else:
        painter.drawRects(rects)


def _colours(tokens: theme.Tokens) -> tuple[QColor, ...]:
    return theme.levels(tokens, 0, LEVELS) + theme.levels(tokens, 1, LEVELS)
