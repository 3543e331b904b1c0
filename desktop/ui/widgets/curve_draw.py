"""Lines of curves, fast: what QPainter's stroker does slowly for wide lines of many points is done with thin ones."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import shiboken6
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QPainter, QPen, QPolygonF, QStaticText, QTransform

from desktop.ui import theme
from desktop.ui.widgets.curve_data import Values
from desktop.ui.widgets.curve_run import Shape

FAR = 4000.0
"""Pixels beyond which a line's height is of no interest: it is clipped."""


@lru_cache(maxsize=8)
def run_colours(tokens: theme.Tokens) -> tuple[QColor, ...]:
    """Colours of runs that are compared: one after the other differs in lightness as well, all are at least 3:1 on the canvas."""
    deep, pale = (tokens.canvas, tokens.text) if tokens.dark else (tokens.text, tokens.canvas)
    first = QColor(tokens.accent)
    if theme.contrast(first, tokens.left) < 1.25:
        first = theme.mix(first, tokens.canvas, 0.25)
    return (
        first,
        QColor(tokens.left),
        theme.mix(tokens.good, deep, 0.35 if tokens.dark else 0.45),
        theme.mix(theme.mix(tokens.accent, tokens.error, 0.55), pale, 0.28),
        theme.mix(tokens.text, tokens.canvas, 0.1),
        theme.mix(tokens.right, deep, 0.3 if tokens.dark else 0.0),
        theme.mix(tokens.warning, tokens.text, 0.2),
        QColor(tokens.secondary),
    )


def run_colour(tokens: theme.Tokens, number: int) -> QColor:
    """Colour of the run with a number, from 0; they begin again after the last."""
    colours = run_colours(tokens)
    return colours[number % len(colours)]


def faint(tokens: theme.Tokens, colour: QColor) -> QColor:
    """A line's colour for what is only in the background; opaque, which is drawn faster."""
    return theme.mix(colour, tokens.canvas, 0.62 if tokens.dark else 0.66)


def polygon(x: Values, y: Values) -> QPolygonF:
    """Points of two arrays, written into Qt's memory in one go."""
    made = QPolygonF()
    made.resize(len(x))
    if len(x):
        memory = shiboken6.VoidPtr(made.data(), 16 * len(x), True)  # type: ignore[call-arg, arg-type]
        room = np.frombuffer(memory, np.float64).reshape(-1, 2)  # type: ignore[call-overload]
        room[:, 0], room[:, 1] = x, y
    return made


def draw_line(painter: QPainter, x: Values, y: Values, colour: QColor, width: float, ratio: float) -> None:
    """A line through points, ``width`` pixels wide, on a device with ``ratio`` pixels for each; NaN leaves a gap.

    It is drawn a few times one device pixel wide, a little aside each time: looks the same, and takes a tenth of the time.
    """
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, width > 1)
    painter.scale(1.0 / ratio, 1.0 / ratio)
    painter.setPen(QPen(colour, 1))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    reach = (width * ratio - 1.0) / 2
    steps = np.arange(-reach, reach + 0.01) if reach > 0 else np.zeros(1)
    aside = [(0.0, float(step)) for step in steps] + ([(-reach, 0.0), (reach, 0.0)] if reach > 0 else [])
    for part_x, part_y in _parts(x, y):
        points = polygon(part_x * ratio, np.clip(part_y, -FAR, FAR) * ratio)
        for dx, dy in aside:
            painter.drawPolyline(points.translated(dx, dy))
    painter.restore()


def _parts(x: Values, y: Values) -> list[tuple[Values, Values]]:
    known = np.isfinite(y)
    if known.all():
        return [(x, y)]
    edges = np.flatnonzero(np.diff(np.concatenate(([False], known, [False])).astype(np.int8)))
    return [(x[a:b], y[a:b]) for a, b in edges.reshape(-1, 2).tolist()]


def draw_raw(painter: QPainter, made: Shape, y_low: Values, y_high: Values, left: float, colour: QColor, ratio: float) -> None:
    """A line with all its noise: through the points, or from the least to the greatest on each pixel."""
    if made.is_exact:
        draw_line(painter, left + made.x, y_low, colour, 1, ratio)
        return
    y = np.empty(2 * len(made.x))
    y[0::2], y[1::2] = y_low, y_high
    draw_line(painter, left + np.repeat(made.x, 2), y, colour, 1, ratio)


def draw_dots(painter: QPainter, x: Values, y: Values, colour: QColor, edge: QColor, radius: float) -> None:
    """Round marks with an edge that sets them off from lines."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(edge, 1.5))
    painter.setBrush(colour)
    for at_x, at_y in zip(x.tolist(), y.tolist(), strict=True):
        if np.isfinite(at_y) and abs(at_y) < FAR:
            painter.drawEllipse(QPointF(at_x, at_y), radius, radius)
    painter.restore()


def draw_best(painter: QPainter, at: QPointF, colour: QColor, canvas: QColor) -> None:
    """The mark of the best: a dot in a ring."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(colour, 2))
    painter.setBrush(canvas)
    painter.drawEllipse(at, 6.0, 6.0)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)
    painter.drawEllipse(at, 2.75, 2.75)
    painter.restore()


def draw_text(painter: QPainter, rect: QRectF, text: str, align: Qt.AlignmentFlag, colour: QColor | str) -> None:
    """Text in a rectangle, shortened at its end when it does not fit."""
    shown, width, height = _set(text, painter.font().key())
    if width > rect.width() + 1:
        cut = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, int(rect.width()))
        shown, width, height = _set(cut, painter.font().key())
    spare = rect.width() - width
    left = rect.left() + (
        spare if align & Qt.AlignmentFlag.AlignRight else spare / 2 if align & Qt.AlignmentFlag.AlignHCenter else 0
    )
    painter.setPen(QColor(colour))
    painter.drawStaticText(QPointF(left, rect.top() + (rect.height() - height) / 2), shown)


@lru_cache(maxsize=512)
def _set(text: str, font: str) -> tuple[QStaticText, float, float]:
    """A text with its glyphs chosen, which takes longer than drawing them; its width and height in pixels."""
    made = QStaticText(text)
    made.setTextFormat(Qt.TextFormat.PlainText)
    named = QFont()
    named.fromString(font)
    made.prepare(QTransform(), named)
    return made, made.size().width(), made.size().height()
