"""Bars and beats: lines behind the notes, ticks and numbers over the waveform, and positions in words."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QColor, QPainter

from desktop.piano.cover import Grid
from desktop.ui import theme
from desktop.ui.widgets.timeline import Span

STEPS = (1, 2, 4, 8, 16, 32, 64, 128)
NEAR = 1e-6
"""Beats nearer than this to a bar line are on it."""


def bar_beat(grid: Grid, second: float) -> str:
    """A time as "bar.beat.part", counting from 1, with quarters of a beat.

    Just before a beat counts as on it, and so does all that comes before the first one.
    """
    beat = max(0.0, float(grid.beats(second)) + 0.06)
    bar, within = grid.bar(beat)
    return f"{bar + 1}.{int(within) + 1}.{int(within % 1 * 4) + 1}"


def bars_text(grid: Grid, first: float, last: float) -> str:
    """The bars that the beats from ``first`` to ``last`` (exclusive) lie in, in words; what is before the first is its pickup."""
    low, high = grid.bar(first + NEAR)[0] + 1, grid.bar(last - NEAR)[0] + 1
    bars = f"bar {high}" if max(low, 1) == high else f"bars {max(low, 1)} to {high}"
    if low > 0:
        return bars
    return f"pickup and {bars}" if high > 0 else "pickup"


def visible_beats(span: Span, grid: Grid) -> tuple[int, int]:
    """First and one past the last beat in view."""
    low, high = np.searchsorted(grid.times, [span.start, span.end])
    return int(low), int(high)


def bar_step(span: Span, grid: Grid, room: float) -> int:
    """How many bars from one line to the next so that they are ``room`` pixels apart."""
    width = grid.meter * 60.0 / grid.tempo * span.scale
    return next((step for step in STEPS if step * width >= room), STEPS[-1])


def draw(painter: QPainter, tokens: theme.Tokens, span: Span, grid: Grid, top: float, bottom: float) -> None:
    """Lines at bars, and at beats where there is room."""
    first, last = visible_beats(span, grid)
    if first >= last:
        return
    beats = np.arange(first, last)
    x = np.rint(span.xs(grid.times[first:last]))
    bar, within = np.divmod(beats - grid.downbeat, grid.meter)
    step = bar_step(span, grid, 12)
    is_bar = (within == 0) & (bar % step == 0)
    height = bottom - top
    if 60.0 / grid.tempo * span.scale >= 7:
        fill(painter, x[within != 0], top, height, theme.mix(tokens.canvas, tokens.text, 0.06))
    fill(painter, x[is_bar], top, height, theme.mix(tokens.canvas, tokens.text, 0.13))


def fill(painter: QPainter, xs: np.ndarray, top: float, height: float, colour: QColor) -> None:
    """One-pixel vertical lines."""
    painter.setPen(QColor(0, 0, 0, 0))
    painter.setBrush(colour)
    painter.drawRects([QRectF(x, top, 1.0, height) for x in xs.tolist()])


def draw_ruler(painter: QPainter, tokens: theme.Tokens, span: Span, grid: Grid, height: float) -> None:
    """Ticks (downbeats taller) at the lower edge of a ruler, bar numbers above."""
    first, last = visible_beats(span, grid)
    if first >= last:
        return
    beats = np.arange(first, last)
    x = np.rint(span.xs(grid.times[first:last]))
    bar, within = np.divmod(beats - grid.downbeat, grid.meter)
    lines, numbers = bar_step(span, grid, 7), bar_step(span, grid, 40)
    tick = theme.mix(tokens.window, tokens.secondary, 0.55)
    if 60.0 / grid.tempo * span.scale >= 5:
        fill(painter, x[within != 0], height - 6, 6, tick)
    fill(painter, x[(within == 0) & (bar % lines == 0)], height - 10, 10, tick)
    named = (within == 0) & (bar % numbers == 0) & (bar >= 0)
    fill(painter, x[named], 4, height - 4, tick)
    painter.setPen(QColor(tokens.secondary))
    for at, number in zip(x[named].tolist(), (bar[named] + 1).tolist(), strict=True):
        painter.drawText(QPointF(at + 4, height - 7), str(number))
