"""Beats that can be taken hold of, and taps: how they look, where they are, and what is said about them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPolygonF

from desktop.piano.cover import Grid
from desktop.ui import theme
from desktop.ui.widgets.timeline import Span

REACH = 5.0
"""Pixels on either side of a beat that take hold of it."""
ROOM = 11.0
"""Pixels from beat to beat from which on they can be told apart."""


def has_room(grid: Grid, scale: float) -> bool:
    """Whether beats lie far enough apart, at so many pixels a second, to be taken hold of."""
    return 60.0 / grid.tempo * scale >= ROOM


def beat_at(grid: Grid, x_of: Callable[[float], float], x: float, scale: float) -> int | None:
    """Number of the beat at a pixel, None where there is none or no room to choose among them."""
    if not has_room(grid, scale):
        return None
    second = (x - x_of(0.0)) / scale
    near = int(np.abs(grid.times - second).argmin())
    return near if abs(x_of(float(grid.times[near])) - x) <= REACH else None


def time_text(second: float) -> str:
    """A time to the millisecond: "1:02.345"."""
    thousandths = round(max(0.0, second) * 1000)
    return f"{thousandths // 60_000}:{thousandths // 1000 % 60:02d}.{thousandths % 1000:03d}"


def beat_text(grid: Grid, beat: int) -> str:
    """A beat in words: bar, place in it, time, and the tempo from it to the next one."""
    bar, within = grid.bar(beat)
    place = f"Bar {bar + 1}, beat {round(within) + 1}" if bar >= 0 else f"Pickup, beat {round(within) + 1}"
    low = min(beat, len(grid.times) - 2)
    tempo = 60.0 / float(grid.times[low + 1] - grid.times[low])
    return f"{place}  ·  {time_text(float(grid.times[beat]))}  ·  {tempo:.1f} BPM"


def draw_beat(
    painter: QPainter, tokens: theme.Tokens, span: Span, second: float, ruler: float, height: float, text: str = ""
) -> None:
    """A beat under the mouse: a line through the lane, a handle in the ruler, ``text`` beside it while it is dragged."""
    x = round(span.x(second))
    accent = QColor(tokens.accent)
    painter.fillRect(QRectF(x - 0.5, ruler - 8, 2, height - ruler + 8), accent)
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(accent)
    painter.drawRoundedRect(QRectF(x - 3.5, ruler - 13, 8, 13), 2.5, 2.5)
    if text:
        width = painter.fontMetrics().horizontalAdvance(text) + 12
        left = x + 8 if x + 8 + width <= span.left + span.width else x - 7 - width
        box = QRectF(left, ruler + 4, width, 18)
        painter.drawRoundedRect(box, 4, 4)
        painter.setPen(QColor(tokens.on_accent))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)
    painter.restore()


def draw_taps(painter: QPainter, tokens: theme.Tokens, span: Span, taps: Sequence[float], ruler: float, height: float) -> None:
    """Taps: a drop in the ruler and a faint line below; the last one is stronger."""
    if not taps:
        return
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    for number, second in enumerate(taps, 1):
        x = span.x(second)
        if not span.left <= x <= span.left + span.width:
            continue
        colour = QColor(tokens.accent)
        painter.setBrush(colour)
        painter.drawPolygon(QPolygonF([QPointF(x - 4.5, ruler - 9), QPointF(x + 4.5, ruler - 9), QPointF(x, ruler - 1)]))
        colour.setAlphaF(0.9 if number == len(taps) else 0.45)
        painter.fillRect(QRectF(x - 0.75, ruler, 1.5, height - ruler), colour)
    painter.restore()
