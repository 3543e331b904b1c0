"""A picture of a cover's piano roll, drawn into memory: no window, no display."""

from __future__ import annotations

import math
from pathlib import Path

from PySide6.QtCore import QBuffer, QIODevice, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter

from desktop.errors import UserError
from desktop.paths import atomic_write
from desktop.piano.cover import Cover
from desktop.piano.project import load_project
from desktop.ui import theme
from desktop.ui.widgets import grid_lines
from desktop.ui.widgets.piano_roll import CHORDS, PianoRoll
from desktop.ui.widgets.roll_data import from_cover
from desktop.ui.widgets.timeline import GUTTER, Span, Timeline

ROW_S = 40.0
"""Seconds in a row of the picture, about."""
ROWS_AT_MOST = 12
HEAD, RULER, ROLL, GAP, EDGE = 64, 22, 240, 16, 24


def roll_picture(project: Path | str, picture: Path | str, *, width: int = 1600, dark: bool = False, scale: float = 2.0) -> None:
    """Draw the cover saved in ``project`` into the PNG file ``picture``, in rows like a score.

    Args:
        width: in pixels before scaling.
        scale: pixels of the file for each of those.

    Raises:
        UserError: the project cannot be read or the picture cannot be written.
    """
    from desktop.ui.app import application

    cover = load_project(project)
    application()
    image = draw_cover(cover, width, theme.DARK if dark else theme.LIGHT, scale)
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    if not image.save(buffer, "PNG"):  # type: ignore[call-overload]
        raise UserError("The picture could not be drawn", path=picture)
    with atomic_write(Path(picture)) as file:
        file.write(buffer.data().data())


def draw_cover(cover: Cover, width: int, tokens: theme.Tokens, scale: float) -> QImage:
    """The picture as an image."""
    roll = PianoRoll(Timeline())
    roll.setFont(theme.body_font())
    roll.resize(width, CHORDS + ROLL)
    roll.set_data(from_cover(cover))
    length = max(cover.duration, float(roll.data.end.max()) if len(roll.data.end) else 1.0, 1.0)
    rows = min(ROWS_AT_MOST, max(1, math.ceil(length / ROW_S - 0.25)))
    shown = width - 2 * EDGE - GUTTER
    each = RULER + CHORDS + ROLL + GAP
    height = HEAD + rows * each - GAP + EDGE
    image = QImage(round(width * scale), round(height * scale), QImage.Format.Format_RGB32)
    image.fill(QColor(tokens.window))
    painter = QPainter(image)
    painter.scale(scale, scale)
    _draw_head(painter, tokens, cover, roll, width)
    for row in range(rows):
        painter.save()
        painter.translate(EDGE, HEAD + row * each)
        painter.setClipRect(QRectF(0, 0, shown + GUTTER, RULER + CHORDS + ROLL))
        _draw_row(painter, tokens, roll, Span(length / rows * row, shown / (length / rows), shown))
        painter.restore()
    painter.end()
    return image


def _draw_row(painter: QPainter, tokens: theme.Tokens, roll: PianoRoll, span: Span) -> None:
    painter.save()
    painter.translate(GUTTER, 0)
    painter.setFont(theme.font(roll, theme.CAPTION, tabular=True))
    if roll.data.grid is not None:
        grid_lines.draw_ruler(painter, tokens, span, roll.data.grid, RULER)
    painter.restore()
    painter.translate(0, RULER)
    roll.draw_gutter(painter, tokens)
    painter.setClipRect(QRectF(GUTTER, -RULER, span.width, RULER + roll.height()))
    painter.translate(GUTTER, 0)
    roll.draw(painter, tokens, span)


def _draw_head(painter: QPainter, tokens: theme.Tokens, cover: Cover, roll: PianoRoll, width: int) -> None:
    painter.setFont(theme.font(roll, theme.TITLE, bold=True))
    painter.setPen(QColor(tokens.text))
    title = painter.fontMetrics().elidedText(cover.title, Qt.TextElideMode.ElideMiddle, width - 520)
    painter.drawText(QPointF(EDGE, 40), title)
    painter.setFont(theme.font(roll))
    painter.setPen(QColor(tokens.secondary))
    facts = f"{cover.grid.tempo:.0f} BPM  ·  {cover.key.name}  ·  {len(cover.notes)} notes"
    x = width - EDGE - painter.fontMetrics().horizontalAdvance(facts)
    painter.drawText(QPointF(x, 40), facts)
    for name, colour in (("left hand", tokens.left), ("right hand", tokens.right)):
        x -= painter.fontMetrics().horizontalAdvance(name) + 20
        painter.drawText(QPointF(x, 40), name)
        x -= 16
        painter.fillRect(QRectF(x, 31, 10, 10), QColor(colour))
