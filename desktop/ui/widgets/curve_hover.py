"""What the curves say at one place: a line through all panes, dots on the curves, a card with the values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen
from PySide6.QtWidgets import QWidget

from desktop.ui import theme
from desktop.ui.widgets.curve_axes import Axis, along_text
from desktop.ui.widgets.curve_draw import draw_dots, draw_text, run_colour
from desktop.ui.widgets.curve_paint import score_colour, value_text
from desktop.ui.widgets.curve_panes import EDGE, FOOT, GUTTER, HEAD, SCORE_TITLES, TITLES, Pane, Scene
from desktop.ui.widgets.curve_run import RunCurves

_ROW, _PAD = 17.0, 10.0


@dataclass(frozen=True)
class Said:
    """A line of the card: colour of its mark (None for no mark), words, value."""

    colour: QColor | None
    words: str
    value: str


def reading(scene: Scene, tokens: theme.Tokens, place: float) -> tuple[str, list[Said]]:
    """A heading and lines about the points nearest to a place on the horizontal axis."""
    if len(scene.runs) == 1:
        run = scene.runs[0]
        number = run.nearest(scene.axis, place)
        return ("", []) if number is None else (_heading(run, number), _of_one(scene, tokens, run, number))
    lines = []
    for run in scene.runs:
        number = run.nearest(scene.axis, place)
        if number is not None and run.at(scene.axis)[-1] >= place - scene.view.span / scene.inner:
            smooth, raw = run.value("smooth", number), run.value("loss", number)
            lines.append(
                Said(run_colour(tokens, run.number), run.name, value_text("loss", smooth if np.isfinite(smooth) else raw))
            )
    return f"{_axis_word(scene.axis)} {along_text(scene.axis, place)}", lines


def as_text(heading: str, lines: Sequence[Said]) -> str:
    """The card in one sentence, for those who do not see it."""
    return "; ".join([heading, *(f"{one.words} {one.value}" for one in lines)]) if heading else ""


def draw_hover(
    painter: QPainter, tokens: theme.Tokens, widget: QWidget, scene: Scene, made: Sequence[Pane], place: float
) -> None:
    """Draw line, dots and card."""
    x = scene.x(place)
    if not GUTTER - 1 <= x <= GUTTER + scene.inner + 1:
        return
    heading, lines = reading(scene, tokens, place)
    if not heading:
        return
    painter.fillRect(QRectF(round(x), HEAD, 1, scene.height - HEAD - FOOT), theme.mix(tokens.secondary, tokens.canvas, 0.3))
    for pane in made:
        for line in pane.lines:
            number = line.run.nearest(scene.axis, place)
            if number is None:
                continue
            value = line.run.value("smooth" if pane.name == "loss" else pane.name, number)
            at = scene.x(float(line.run.at(scene.axis)[number]))
            y = float(pane.scale.y(np.array([value]))[0])
            if np.isfinite(y) and pane.scale.top - 4 <= y <= pane.scale.top + pane.scale.height + 4 and abs(at - x) < 12:
                draw_dots(painter, np.array([at]), np.array([y]), run_colour(tokens, line.run.number), QColor(tokens.canvas), 4)
    _draw_card(painter, tokens, widget, scene, x, heading, lines)


def _heading(run: RunCurves, number: int) -> str:
    parts = [f"Step {along_text(Axis.STEP, float(run.at(Axis.STEP)[number]))}"]
    if run.is_timed:
        parts.append(along_text(Axis.TIME, float(run.at(Axis.TIME)[number])))
    return "  ·  ".join([*parts, f"epoch {float(run.at(Axis.EPOCH)[number]):.2f}"])


def _of_one(scene: Scene, tokens: theme.Tokens, run: RunCurves, number: int) -> list[Said]:
    colour = run_colour(tokens, run.number)
    raw, smooth = run.value("loss", number), run.value("smooth", number)
    lines = [Said(colour, "Loss", value_text("loss", smooth if run.span > 1 else raw))]
    if run.span > 1:
        lines.append(Said(None, "at this step", value_text("loss", raw)))
    step = float(run.at(Axis.STEP)[number])
    for one in run.scores:
        before = int(np.searchsorted(one.steps, step, "right")) - 1
        if before >= 0:
            words = "Held-out loss" if one.name == "loss" else SCORE_TITLES.get(one.name, one.name)
            said = f"{value_text(one.name, float(one.values[before]))}  (step {int(one.steps[before]):,})"
            lines.append(Said(score_colour(tokens, scene, run, one.name), words, said))
    for name in ("rate", "speed", "memory", "norm"):
        value = run.value(name, number)
        if np.isfinite(value):
            lines.append(Said(None, TITLES.get(name, "Gradient norm"), value_text(name, value)))
    return lines


def _axis_word(axis: Axis) -> str:
    return {Axis.STEP: "Step", Axis.TIME: "After", Axis.EPOCH: "Epoch"}[axis]


def _draw_card(
    painter: QPainter, tokens: theme.Tokens, widget: QWidget, scene: Scene, x: float, heading: str, lines: Sequence[Said]
) -> None:
    font = theme.font(widget, theme.CAPTION, tabular=True)
    strong = theme.font(widget, theme.CAPTION, bold=True, tabular=True)
    metrics = QFontMetricsF(font)
    words = min(220.0, max((metrics.horizontalAdvance(one.words) for one in lines), default=0.0))
    values = max((metrics.horizontalAdvance(one.value) for one in lines), default=0.0)
    width = max(QFontMetricsF(strong).horizontalAdvance(heading), 16 + words + 16 + values) + 2 * _PAD + 2
    height = _ROW * (1 + len(lines)) + 2 * _PAD - 4
    left = x + 14 if x + 14 + width < scene.width - EDGE else x - 14 - width
    card = QRectF(max(4.0, left), HEAD + 6, width, height)
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(QColor(tokens.hairline), 1))
    ground = QColor(tokens.raised)
    ground.setAlphaF(0.96)
    painter.setBrush(ground)
    painter.drawRoundedRect(card, theme.RADIUS, theme.RADIUS)
    painter.setFont(strong)
    top = card.top() + _PAD - 2
    align = Qt.AlignmentFlag
    draw_text(painter, QRectF(card.left() + _PAD, top, width - 2 * _PAD + 2, _ROW), heading, align.AlignLeft, tokens.text)
    painter.setFont(font)
    for one in lines:
        top += _ROW
        if one.colour is not None:
            draw_dots(
                painter, np.array([card.left() + _PAD + 4]), np.array([top + _ROW / 2]), one.colour, QColor(tokens.raised), 4.5
            )
        draw_text(painter, QRectF(card.left() + _PAD + 14, top, words + 2, _ROW), one.words, align.AlignLeft, tokens.secondary)
        draw_text(
            painter, QRectF(card.right() - _PAD - values - 2, top, values + 2, _ROW), one.value, align.AlignRight, tokens.text
        )
    painter.restore()


def snapped(scene: Scene, x: float) -> float:
    """The place of the step nearest to a pixel (of one run), or just the place under it (of several)."""
    place = min(max(scene.at(x), scene.view.start), scene.view.end)
    if len(scene.runs) == 1:
        number = scene.runs[0].nearest(scene.axis, place)
        if number is not None:
            return float(scene.runs[0].at(scene.axis)[number])
    return place


def near(pane: Pane, at: QPointF) -> bool:
    """Whether a pixel is in a pane."""
    return pane.scale.top <= at.y() <= pane.scale.top + pane.scale.height
