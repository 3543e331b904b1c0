"""The piano roll: notes of both hands over bars and beats, chord names on top, the keyboard at the left.

Only the visible slice of the notes (sorted by start) is drawn, as one ``drawRects`` for each colour; the picture is kept in a
pixmap, so that the moving playhead costs a narrow strip.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import islice

import numpy as np
from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QHelpEvent, QPainter, QPen
from PySide6.QtWidgets import QToolTip, QWidget

from desktop.piano.cover import LEFT, PITCH_NAMES
from desktop.ui import theme
from desktop.ui.widgets import grid_lines
from desktop.ui.widgets.keyboard import draw_keys, is_black
from desktop.ui.widgets.lane import Lane
from desktop.ui.widgets.roll_data import LEVELS, RollData, empty
from desktop.ui.widgets.timeline import GUTTER, Span, Timeline

CHORDS = 22
"""Height in pixels of the strip with the chord names."""
ROUNDED_AT_MOST = 320
"""More visible notes than this are plain rectangles (rounded ones cost ten times as much)."""
DENSE = 4000
"""From this many visible notes on, those that fall on the same pixels are drawn once."""


class PianoRoll(Lane):
    """Shows ``RollData`` on a timeline.

    Signals:
        note_hovered: index of the note under the mouse, -1 for none.
    """

    note_hovered = Signal(int)
    drag_pans = True

    def __init__(self, timeline: Timeline, parent: QWidget | None = None) -> None:
        super().__init__(timeline, parent)
        self.data: RollData = empty()
        self.low, self.high = self.data.pitch_range()
        self.stale = False
        self.message = ""
        self._hovered = -1
        self._down: dict[int, int] = {}
        self._own_range = False
        self.setMinimumHeight(160)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Piano roll")
        self.setAccessibleDescription("Notes of the cover over time; click to move the playhead, wheel to zoom")

    def set_data(self, data: RollData) -> None:
        """Show other notes; the pitch range follows unless the user has set it."""
        self.data, self._hovered = data, -1
        if not self._own_range:
            low, high = data.pitch_range()
            if len(data.notes):
                self.low, self.high = low, high
        self._down = {}
        self.invalidate()

    def set_stale(self, stale: bool) -> None:
        """Dim the notes: others are being made."""
        if stale != self.stale:
            self.stale = stale
            self.invalidate()

    def set_message(self, text: str) -> None:
        """Say something in the middle while there are no notes."""
        if text != self.message:
            self.message = text
            self.update()

    def fit_pitch(self) -> None:
        """Show the pitches that the cover uses."""
        self._own_range = False
        self.low, self.high = self.data.pitch_range()
        self.invalidate()

    def zoom_pitch(self, factor: float, y: float) -> None:
        """Show fewer (factor over 1) or more pitches about the one at ``y``."""
        rows = self.high - self.low + 1
        share = (y - CHORDS) / max(1.0, self._row() * rows)
        wanted = min(88, max(12, round(rows / factor)))
        if wanted == rows:
            wanted = min(88, max(12, rows + (1 if factor < 1 else -1)))
        high = round(self.high - share * rows + share * wanted)
        high = min(108, max(21 + wanted - 1, high))
        self.low, self.high, self._own_range = high - wanted + 1, high, True
        self.invalidate()

    def set_playhead(self, seconds: float | None) -> None:
        super().set_playhead(seconds)
        down = self.data.sounding(seconds) if seconds is not None else {}
        if down != self._down:
            self._down = down
            self.update(QRect(0, CHORDS, GUTTER, self.height() - CHORDS))

    # Geometry

    def _row(self) -> float:
        return (self.height() - CHORDS) / (self.high - self.low + 1)

    def pitch_at(self, y: float) -> int:
        """MIDI pitch of a vertical position."""
        return int(self.high - np.floor((y - CHORDS) / self._row()))

    def note_at(self, at: QPointF) -> int:
        """Index of the note at a position, -1 for none."""
        if at.x() < GUTTER or at.y() < CHORDS:
            return -1
        second = self.timeline.start + (at.x() - GUTTER) / self.timeline.scale
        hit = self.data.at(second, self.pitch_at(at.y()))
        return -1 if hit is None else hit

    def note_rect(self, index: int) -> QRectF:
        """Where a note is drawn."""
        left, right = self.timeline.x(self.data.start[index]), self.timeline.x(self.data.end[index])
        row = self._row()
        top = CHORDS + (self.high - int(self.data.notes["pitch"][index])) * row
        return QRectF(left, top, max(2.0, right - left), row)

    # Drawing

    def draw(self, painter: QPainter, tokens: theme.Tokens, span: Span) -> None:
        area = QRectF(0, CHORDS, span.width, self.height() - CHORDS)
        self._draw_rows(painter, tokens, area)
        if self.data.grid is not None:
            grid_lines.draw(painter, tokens, span, self.data.grid, CHORDS, self.height())
        self._draw_notes(painter, tokens, span)
        painter.fillRect(QRectF(0, 0, span.width, CHORDS), QColor(tokens.window))
        painter.fillRect(QRectF(0, CHORDS - 1, span.width, 1), QColor(tokens.hairline))
        self._draw_chords(painter, tokens, span)

    def _draw_rows(self, painter: QPainter, tokens: theme.Tokens, area: QRectF) -> None:
        row, shade = self._row(), theme.mix(tokens.canvas, tokens.text, 0.035)
        line = theme.mix(tokens.canvas, tokens.text, 0.09)
        painter.fillRect(area, QColor(tokens.canvas))
        for pitch in range(self.low, self.high + 1):
            top = CHORDS + (self.high - pitch) * row
            if is_black(pitch):
                painter.fillRect(QRectF(area.left(), top, area.width(), row), shade)
            elif pitch % 12 == 0:
                painter.fillRect(QRectF(area.left(), top + row - 0.5, area.width(), 1), line)

    def draw_gutter(self, painter: QPainter, tokens: theme.Tokens) -> None:
        painter.fillRect(QRectF(0, 0, GUTTER, CHORDS), QColor(tokens.window))
        painter.setFont(theme.font(self, theme.CAPTION))
        painter.setPen(QColor(tokens.secondary))
        painter.drawText(QRectF(0, 0, GUTTER - 8, CHORDS), Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, "Chord")
        painter.fillRect(QRectF(0, CHORDS - 1, GUTTER, 1), QColor(tokens.hairline))
        draw_keys(painter, tokens, QRectF(0, CHORDS, GUTTER, self.height() - CHORDS), self.low, self.high, self._down)

    def _draw_notes(self, painter: QPainter, tokens: theme.Tokens, span: Span) -> None:
        data, row = self.data, self._row()
        index = data.visible(span.start, span.end)
        start, group = data.start[index], data.group[index]
        if not len(start):
            return
        x = span.xs(start)
        width = np.maximum(2.0, span.xs(data.end[index]) - x - 1.0)
        y = CHORDS + (self.high - data.notes["pitch"][index].astype(np.int64)) * row
        if len(x) > DENSE:
            # One number for each rectangle in whole pixels: those that are the same are drawn once.
            left = np.clip(np.rint(x), -4096, 65535).astype(np.int64) + 4096
            wide = np.clip(np.rint(width), 0, 65535).astype(np.int64)
            key = ((data.notes["pitch"][index].astype(np.int64) * 2 * LEVELS + group) << 36) + (left << 18) + wide
            _, kept = np.unique(key, return_index=True)
            group, x, y, width = group[kept], np.rint(x[kept]), y[kept], np.rint(width[kept])
        height = max(2.0, row - 1.0)
        rounded = len(x) <= ROUNDED_AT_MOST and row >= 6
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setOpacity(0.28 if self.stale else 1.0)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, rounded)
        colours = theme.levels(tokens, 0, LEVELS) + theme.levels(tokens, 1, LEVELS)
        # Soft notes first, so that a loud one is never hidden behind them.
        for which in sorted(np.unique(group).tolist(), key=lambda g: g % LEVELS):
            mine = np.flatnonzero(group == which)
            rects = list(map(QRectF, x[mine].tolist(), y[mine].tolist(), width[mine].tolist(), [height] * len(mine)))
            painter.setBrush(colours[which])
            if rounded:
                for rect in rects:
                    painter.drawRoundedRect(rect, 2.5, 2.5)
            else:
                painter.drawRects(rects)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.setOpacity(1.0)

    def _draw_chords(self, painter: QPainter, tokens: theme.Tokens, span: Span) -> None:
        painter.setFont(theme.font(self, theme.CAPTION))
        painter.setPen(QColor(tokens.text))
        metrics, free = painter.fontMetrics(), 0.0
        chords = self.data.chords
        first = bisect_right(chords, span.start, key=lambda chord: chord.end)
        for chord in islice(chords, first, bisect_left(chords, span.end, key=lambda chord: chord.start)):
            x = span.x(chord.start) + 4
            needed = metrics.horizontalAdvance(chord.name)
            if x < free or x + needed > span.x(chord.end) + needed * 0.5:
                continue
            painter.drawText(QPointF(x, CHORDS - 7), chord.name)
            free = x + needed + 8

    def draw_over(self, painter: QPainter, tokens: theme.Tokens, rect: QRect) -> None:
        if self.message:
            painter.setFont(theme.font(self, theme.SECTION))
            painter.setPen(QColor(tokens.secondary))
            area = QRectF(GUTTER, CHORDS, self.width() - GUTTER, self.height() - CHORDS)
            painter.drawText(area, Qt.AlignmentFlag.AlignCenter, self.message)
        if 0 <= self._hovered < len(self.data.notes):
            painter.setClipRect(QRectF(GUTTER, CHORDS, self.width() - GUTTER, self.height() - CHORDS))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(QColor(tokens.text), 1.5))
            painter.drawRect(self.note_rect(self._hovered).adjusted(-0.5, -0.5, -0.5, -0.5))
            painter.setClipping(False)

    # The mouse

    def wheel_with(self, modifiers: Qt.KeyboardModifier, step: int, at: QPointF) -> bool:
        if modifiers & Qt.KeyboardModifier.ControlModifier:
            self.zoom_pitch(1.0012**step, at.y())
            return True
        return False

    def drag(self, by: QPointF) -> None:
        super().drag(by)
        rows = round(by.y() / self._row())
        if rows and self._own_range:
            rows = min(rows, 108 - self.high) if rows > 0 else max(rows, 21 - self.low)
            self.low, self.high = self.low + rows, self.high + rows
            self.invalidate()

    def hover(self, at: QPointF) -> None:
        hit = self.note_at(at)
        if hit != self._hovered:
            for index in (self._hovered, hit):
                if 0 <= index < len(self.data.notes):
                    self.update(self.note_rect(index).toAlignedRect().adjusted(-3, -3, 3, 3))
            self._hovered = hit
            self.note_hovered.emit(hit)

    def leaveEvent(self, event: QEvent) -> None:
        self.hover(QPointF(-1, -1))

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            self._tip(event.globalPos(), event.pos())
            return True
        return super().event(event)

    def _tip(self, where: QPoint, at: QPoint) -> None:
        index = self.note_at(QPointF(at))
        if index < 0:
            QToolTip.hideText()
        else:
            QToolTip.showText(where, self.describe(index), self, self.note_rect(index).toAlignedRect())

    def describe(self, index: int) -> str:
        """A note in words: pitch, place, velocity, hand."""
        note = self.data.notes[index]
        pitch = int(note["pitch"])
        name = f"{PITCH_NAMES[pitch % 12]}{pitch // 12 - 1}"
        hand = "left hand" if note["hand"] == LEFT else "right hand"
        place = f"{self.data.start[index]:.2f} s"
        if self.data.grid is not None:
            place = "bar " + grid_lines.bar_beat(self.data.grid, float(self.data.start[index]))
        return f"{name} · {place} · velocity {int(note['velocity'])} · {hand}"
