"""Drawing of notes: as they are, as a ghost, as chosen ones. One ``drawRects`` for each colour."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter

from desktop.ui import theme
from desktop.ui.widgets.roll_data import LEVELS, Ints, RollData
from desktop.ui.widgets.timeline import Span

ROUNDED_AT_MOST = 320
"""More visible notes than this are plain rectangles (rounded ones cost ten times as much)."""
DENSE = 4000
"""From this many visible notes on, those that fall on the same pixels are drawn once."""
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
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, rounded)
    colours = _colours(tokens)
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
    frame = 1.5 if rounded else 1.0
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, rounded)
    painter.setBrush(QColor(tokens.text))
    _fill(painter, boxes.rects(slice(None), frame), 3.5 if rounded else 0.0)
    if rows.row >= 4:
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
        painter.drawRects(boxes.rects(boxes.width > 4, -1.0))


def _boxes(span: Span, rows: Rows, data: RollData, index: Index) -> _Boxes:
    x = span.xs(data.start[index])
    width = np.maximum(2.0, span.xs(data.end[index]) - x - 1.0)
    pitch, group = data.notes["pitch"][index], data.group[index]
    y = rows.y(pitch)
    if len(x) > DENSE:
        # One number for each rectangle in whole pixels: those that are the same are drawn once.
        left = np.clip(np.rint(x), -4096, 65535).astype(np.int64) + 4096
        wide = np.clip(np.rint(width), 0, 65535).astype(np.int64)
        key = ((pitch.astype(np.int64) * 2 * LEVELS + group) << 36) + (left << 18) + wide
        _, kept = np.unique(key, return_index=True)
        group, x, y, width = group[kept], np.rint(x[kept]), y[kept], np.rint(width[kept])
    return _Boxes(x, y, width, max(2.0, rows.row - 1.0), group)


def _fill(painter: QPainter, rects: list[QRectF], radius: float) -> None:
    if radius:
        for rect in rects:
            painter.drawRoundedRect(rect, radius, radius)
    else:
        painter.drawRects(rects)


def _colours(tokens: theme.Tokens) -> tuple[QColor, ...]:
    return theme.levels(tokens, 0, LEVELS) + theme.levels(tokens, 1, LEVELS)
