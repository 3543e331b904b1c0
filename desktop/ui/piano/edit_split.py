"""The line between the hands, over the roll."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from desktop.piano.cover import PITCH_NAMES
from desktop.ui import theme
from desktop.ui.widgets.piano_roll import PianoRoll
from desktop.ui.widgets.timeline import GUTTER

GRIP = 5.0
_LABEL = QRectF(0, -9, 54, 18)


def pitch_name(pitch: int) -> str:
    """A pitch for people: "C4"."""
    return f"{PITCH_NAMES[pitch % 12]}{pitch // 12 - 1}"


def line_y(roll: PianoRoll, split: int) -> float:
    """Where the line is: below the row of its pitch."""
    rows = roll.rows
    return rows.top + (rows.high - split + 1) * rows.row


def is_on_split(roll: PianoRoll, split: int, at: QPointF) -> bool:
    """Whether a place takes hold of the line."""
    return abs(at.y() - line_y(roll, split)) <= GRIP


def draw_split(painter: QPainter, tokens: theme.Tokens, roll: PianoRoll, split: int) -> None:
    """Draw the line with a handle that names its pitch."""
    y = line_y(roll, split)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    painter.setPen(QPen(QColor(tokens.accent), 1.5, Qt.PenStyle.DashLine))
    painter.drawLine(QPointF(GUTTER, y), QPointF(roll.width(), y))
    box = _LABEL.translated(roll.width() - _LABEL.width() - 12, y)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(tokens.accent))
    painter.drawRoundedRect(box, 9, 9)
    painter.setPen(QColor(tokens.on_accent))
    painter.setFont(theme.font(roll, theme.CAPTION, bold=True))
    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, f"⇕ {pitch_name(split)}")
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
