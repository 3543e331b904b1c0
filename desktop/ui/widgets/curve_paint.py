"""A plot of curves, drawn: legend, panes with their marks, the common axis."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen
from PySide6.QtWidgets import QWidget

from desktop.ui import theme
from desktop.ui.widgets import curve_axes as axes
from desktop.ui.widgets.curve_axes import Axis
from desktop.ui.widgets.curve_data import Values
from desktop.ui.widgets.curve_draw import draw_best, draw_dots, draw_line, draw_raw, draw_text, faint, run_colour
from desktop.ui.widgets.curve_panes import EDGE, FOOT, GUTTER, HEAD, SCORE_TITLES, TITLE, Line, Pane, Scene
from desktop.ui.widgets.curve_run import RunCurves, Scores, Shape

AXIS_WORDS = {Axis.STEP: "Step", Axis.TIME: "Time", Axis.EPOCH: "Epoch"}
_RIGHT, _LEFT, _MIDDLE = Qt.AlignmentFlag.AlignRight, Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignHCenter


def draw_plot(painter: QPainter, tokens: theme.Tokens, widget: QWidget, scene: Scene, made: Sequence[Pane]) -> None:
    """Draw all of it; ``widget`` lends its font."""
    painter.fillRect(QRectF(0, 0, scene.width, scene.height), QColor(tokens.canvas))
    painter.setFont(theme.font(widget, theme.CAPTION, tabular=True))
    _draw_axis(painter, tokens, scene, made)
    for pane in made:
        _draw_pane(painter, tokens, scene, pane)
    painter.setFont(theme.font(widget, theme.CAPTION))
    _draw_legend(painter, tokens, scene)


def value_text(name: str, value: float) -> str:
    """A value of a pane in words."""
    if name == "memory":
        return axes.memory(value)
    if name in SCORE_TITLES and name != "loss":
        return f"{100 * value:.1f} %" if np.isfinite(value) else "–"
    if name in ("loss", "smooth"):
        return f"{value:.4f}" if np.isfinite(value) and abs(value) < 100 else axes.number(value)
    return axes.number(value)


def score_colour(tokens: theme.Tokens, scene: Scene, run: RunCurves, name: str) -> QColor:
    """Colour of a score's points: of its run when several are compared, else another one than the loss'."""
    if len(scene.runs) > 1:
        return run_colour(tokens, run.number)
    names = [one.name for one in run.scores if one.name != "loss"]
    return run_colour(tokens, 1 if name == "loss" or name not in names else (2, 3, 5, 4)[names.index(name) % 4])


@lru_cache(maxsize=8)
def _grid(tokens: theme.Tokens) -> QColor:
    """Of lines that are only there to lead the eye."""
    return theme.mix(tokens.hairline, tokens.canvas, 0.45)


def _draw_axis(painter: QPainter, tokens: theme.Tokens, scene: Scene, made: Sequence[Pane]) -> None:
    """Vertical lines through all panes, and what they stand for below."""
    bottom = scene.height - FOOT
    view = scene.view
    places = axes.along(scene.axis, view.start, view.end, max(2, int(scene.inner / 96)))
    grid = _grid(tokens)
    for place in places:
        x = round(scene.x(place))
        for pane in made:
            painter.fillRect(QRectF(x, pane.scale.top, 1, pane.scale.height), grid)
        text = axes.along_text(scene.axis, place)
        width = painter.fontMetrics().horizontalAdvance(text) + 2.0
        room = QRectF(min(x - width / 2, scene.width - width), bottom + 4, width, 16)
        draw_text(painter, room, text, _MIDDLE, tokens.secondary)
    draw_text(painter, QRectF(4, bottom + 4, GUTTER - 12, 16), AXIS_WORDS[scene.axis], _RIGHT, tokens.secondary)


def _draw_pane(painter: QPainter, tokens: theme.Tokens, scene: Scene, pane: Pane) -> None:
    scale = pane.scale
    _draw_levels(painter, tokens, scene, pane)
    painter.save()
    painter.setClipRect(QRectF(GUTTER, scale.top, scene.inner + 1, scale.height + 1))
    for line in pane.lines:
        _draw_curve(painter, tokens, scene, pane, line)
    painter.restore()
    painter.save()
    # Marks may reach beyond the edges by their own size.
    painter.setClipRect(QRectF(GUTTER - 7, scale.top - 7, scene.inner + 14, scale.height + 14))
    for run, scores in pane.scores:
        _draw_scores(painter, tokens, scene, pane, run, scores)
    painter.restore()
    painter.fillRect(QRectF(GUTTER, scale.top + scale.height, scene.inner, 1), QColor(tokens.hairline))
    if pane.name != "loss":
        _draw_title(painter, tokens, scene, pane)


def _draw_levels(painter: QPainter, tokens: theme.Tokens, scene: Scene, pane: Pane) -> None:
    """Horizontal lines at round values, and these at the left."""
    scale = pane.scale
    count = max(2, int(scale.height / (44 if pane.name == "loss" else 30)))
    if scale.log:
        values = axes.log_marks(scale.low, scale.high, count)
        texts = [axes.number(value) for value in values]
    else:
        values = axes.marks(scale.low, scale.high, count)
        step = axes.round_step(scale.high - scale.low, count)
        texts = [axes.tick(value, step) for value in values]
    if pane.name == "memory":
        texts = [f"{value / 1e9:.3g} GB" if value >= 1e9 else axes.memory(value) for value in values]
    elif pane.name == "score":
        texts = [f"{100 * value:.4g} %" for value in values]
    elif pane.name == "speed":
        texts = [axes.number(value) for value in values]
    for value, y, text in zip(values, scale.y(np.array(values)).tolist(), texts, strict=True):
        if y > scale.top + 2:
            painter.fillRect(QRectF(GUTTER, round(y), scene.inner, 1), _grid(tokens))
        # The bottom value of a small pane would touch the pane below.
        if value > scale.low or pane.scale.height > 60:
            draw_text(painter, QRectF(0, y - 8, GUTTER - 8, 16), text, _RIGHT, tokens.secondary)


def _draw_curve(painter: QPainter, tokens: theme.Tokens, scene: Scene, pane: Pane, line: Line) -> None:
    colour, ratio, scale = run_colour(tokens, line.run.number), scene.ratio, pane.scale
    thin = line.smooth is not None and line.run.span > 1
    if line.raw is not None:
        low, high = scale.y(line.raw.low), scale.y(line.raw.high)
        shade = faint(tokens, colour) if thin else colour
        if line.raw.is_exact and not thin:
            draw_line(painter, GUTTER + line.raw.x, low, shade, 1.5, ratio)
        else:
            draw_raw(painter, line.raw, low, high, GUTTER, shade, ratio)
    if line.smooth is not None and (thin or line.raw is None):
        draw_line(painter, GUTTER + line.smooth.x, scale.y(_middle(line.smooth)), colour, 2, ratio)


def _middle(made: Shape) -> Values:
    return made.low if made.is_exact else (made.low + made.high) / 2


def _draw_scores(painter: QPainter, tokens: theme.Tokens, scene: Scene, pane: Pane, run: RunCurves, scores: Scores) -> None:
    places = run.place(scene.axis, scores.steps)
    shown = (places >= scene.view.start) & (places <= scene.view.end)
    x, y = scene.xs(places), pane.scale.y(scores.values)
    colour = score_colour(tokens, scene, run, scores.name)
    few = shown.sum() <= max(8, scene.inner / 24)
    if len(x) > 1:
        # Of several runs the losses have one colour each: those on held-out rows are the thin ones with dots.
        several = len(scene.runs) > 1 and pane.name == "loss"
        draw_line(painter, x, y, colour, 1 if several else 1.5 if few else 2, scene.ratio)
    if few:
        draw_dots(painter, x[shown], y[shown], colour, QColor(tokens.canvas), 3.5)
    if scores.name == run.best_name and run.best_step is not None:
        best = np.flatnonzero((scores.steps == run.best_step) & shown & np.isfinite(y))
        if len(best):
            draw_best(painter, QPointF(float(x[best[0]]), float(y[best[0]])), colour, QColor(tokens.canvas))


def _draw_title(painter: QPainter, tokens: theme.Tokens, scene: Scene, pane: Pane) -> None:
    """A small pane's title, and its newest value."""
    words = pane.title
    if len(scene.runs) == 1 and pane.lines:
        values = pane.lines[0].run.line(pane.name).values
        known = values[np.isfinite(values)][-1:] if len(values) else values
        words = f"{words}  {value_text(pane.name, float(known[0]))}" if len(known) else words
    elif len(scene.runs) == 1 and len({one.name for _, one in pane.scores}) > 1:
        _draw_score_names(painter, tokens, scene, pane)
        return
    draw_text(painter, QRectF(GUTTER, pane.scale.top - TITLE, scene.inner, 16), words, _LEFT, tokens.secondary)


def _draw_score_names(painter: QPainter, tokens: theme.Tokens, scene: Scene, pane: Pane) -> None:
    left = float(GUTTER)
    for run, one in pane.scores:
        left = _entry(
            painter,
            tokens,
            left,
            pane.scale.top - TITLE,
            SCORE_TITLES.get(one.name, one.name),
            "dot",
            score_colour(tokens, scene, run, one.name),
        )


def _draw_legend(painter: QPainter, tokens: theme.Tokens, scene: Scene) -> None:
    left, top = float(GUTTER), (HEAD - 16) / 2 - 2
    if len(scene.runs) == 1:
        for kind, text, colour in _meanings(tokens, scene, scene.runs[0]):
            left = _entry(painter, tokens, left, top, text, kind, colour)
        return
    room = (scene.width - EDGE - GUTTER) / max(1, len(scene.runs)) - 36
    for run in scene.runs:
        text = painter.fontMetrics().elidedText(run.name, Qt.TextElideMode.ElideRight, int(max(24, room)))
        left = _entry(painter, tokens, left, top, text, "line", run_colour(tokens, run.number))


def _meanings(tokens: theme.Tokens, scene: Scene, run: RunCurves) -> list[tuple[str, str, QColor]]:
    colour = run_colour(tokens, run.number)
    found = [("line", f"Loss, mean of {run.span} steps" if run.span > 1 else "Loss", colour)] if len(run) else []
    if run.span > 1:
        found.append(("line", "each step", faint(tokens, colour)))
    if run.score("loss") is not None:
        found.append(("dot", "on held-out rows", run_colour(tokens, 1)))
    if run.best_step is not None:
        found.append(("ring", f"best, step {run.best_step:,}", score_colour(tokens, scene, run, run.best_name)))
    return found


def _entry(painter: QPainter, tokens: theme.Tokens, left: float, top: float, text: str, kind: str, colour: QColor) -> float:
    """One of a legend's entries; returns where the next begins."""
    middle = top + 8
    if kind == "line":
        painter.fillRect(QRectF(left, middle - 1, 16, 2), colour)
        left += 16
    elif kind == "dot":
        draw_dots(painter, np.array([left + 5]), np.array([middle]), colour, QColor(tokens.canvas), 3.5)
        left += 10
    else:
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(colour, 1.5))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawEllipse(QPointF(left + 5, middle), 4, 4)
        painter.restore()
        left += 10
    width = painter.fontMetrics().horizontalAdvance(text) + 2
    draw_text(painter, QRectF(left + 6, top, width, 16), text, _LEFT, tokens.text)
    return left + 6 + width + 16
