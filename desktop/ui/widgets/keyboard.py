"""Drawing of the piano's keys beside the roll: equal rows, so that a key stands exactly before its notes."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter

from desktop.ui import theme

BLACK = frozenset({1, 3, 6, 8, 10})
PRESSED = 2
"""Stands where a hand does, for keys that the player holds on a keyboard."""


def is_black(pitch: int) -> bool:
    """Whether a MIDI pitch is a black key."""
    return pitch % 12 in BLACK


def draw_keys(
    painter: QPainter, tokens: theme.Tokens, area: QRectF, low: int, high: int, down: Mapping[int, int] | None = None
) -> None:
    """Draw keys ``low``..``high`` (bottom to top) into ``area``; ``down`` maps sounding pitches to hands, or to ``PRESSED``."""
    row = area.height() / (high - low + 1)
    # A keyboard is black and white in every theme; in the dark one the white is dimmed.
    white = QColor("#C9CCD1") if tokens.dark else QColor("#FFFFFF")
    black = QColor("#2A2C30") if tokens.dark else QColor("#33363B")
    line = theme.mix(white, black, 0.25)
    painter.save()
    painter.setClipRect(area)
    painter.fillRect(area, white)
    colours = (QColor(tokens.right), QColor(tokens.left), QColor(tokens.good))
    down = down or {}
    for pitch in range(low, high + 1):
        top = area.top() + (high - pitch) * row
        if pitch in down and not is_black(pitch):
            painter.fillRect(QRectF(area.left(), top - row * 0.3, area.width(), row * 1.6), colours[down[pitch]])
    for pitch in range(low, high + 1):
        top = area.top() + (high - pitch) * row
        if is_black(pitch):
            painter.fillRect(QRectF(area.left(), top + row / 2 - 0.5, area.width(), 1), line)
            painter.fillRect(QRectF(area.left(), top, area.width() * 0.62, row), colours[down[pitch]] if pitch in down else black)
        elif pitch % 12 in (0, 5):
            painter.fillRect(QRectF(area.left(), top + row - 0.5, area.width(), 1), line)
    font = painter.font()
    font.setPixelSize(max(8, min(theme.CAPTION - 1, int(row * 1.5))))
    painter.setFont(font)
    painter.setPen(QColor("#3C4046"))
    for pitch in range(low, high + 1):
        top = area.top() + (high - pitch) * row
        if pitch % 12 == 0 and area.top() + 6 <= top + row / 2 <= area.bottom() - 6:
            box = QRectF(area.left(), top - row, area.width() - 5, row * 2)
            painter.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, f"C{pitch // 12 - 1}")
    painter.fillRect(QRectF(area.right() - 1, area.top(), 1, area.height()), QColor(tokens.hairline))
    painter.restore()
