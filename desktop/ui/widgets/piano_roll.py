"""The piano roll: notes of both hands over bars and beats, chord names on top, the keyboard at the left.

Only the visible slice of the notes (sorted by start) is drawn; the picture is kept in a pixmap, so that the moving playhead
costs a narrow strip, and notes that are being moved are drawn over a picture without them. What the mouse does to notes
is decided by a ``Hand`` that the roll is given; without one it can be looked at only.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from itertools import islice
from typing import Protocol

import numpy as np
from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QContextMenuEvent, QHelpEvent, QKeyEvent, QMouseEvent, QPainter, QPen
from PySide6.QtWidgets import QToolTip, QWidget

from desktop.piano.cover import LEFT, PITCH_NAMES
from desktop.ui import theme
from desktop.ui.widgets import grid_lines
from desktop.ui.widgets.keyboard import PRESSED, draw_keys, is_black
from desktop.ui.widgets.lane import Lane
from desktop.ui.widgets.roll_data import Ints, RollData, empty
from desktop.ui.widgets.roll_paint import Rows, draw_chosen, draw_ghost, draw_notes
from desktop.ui.widgets.timeline import GUTTER, Span, Timeline

CHORDS = 22
"""Height in pixels of the strip with the chord names."""
NO_NOTES: Ints = np.zeros(0, np.int64)


class Hand(Protocol):
    """What the mouse does in the roll. Events are those of the roll; True says that one was used."""

    def press(self, event: QMouseEvent) -> bool:
        """A button went down."""

    def move(self, event: QMouseEvent) -> bool:
        """The mouse moved, with or without a button."""

    def release(self, event: QMouseEvent) -> bool:
        """A button came up."""

    def double(self, event: QMouseEvent) -> bool:
        """A double click."""

    def menu(self, event: QContextMenuEvent) -> bool:
        """A menu is asked for."""

    @property
    def busy(self) -> bool:
        """Whether something is going on that ``escape`` gives up."""

    def escape(self) -> bool:
        """The user gives up what is going on; whether there was anything."""

    def drop(self) -> None:
        """The notes changed, or are no longer there: give up what is going on."""

    def draw(self, painter: QPainter, tokens: theme.Tokens) -> None:
        """Draw lines and frames over the notes."""


class PianoRoll(Lane):
    """Shows ``RollData`` on a timeline.

    Signals:
        note_hovered: index of the note under the mouse, -1 for none.

    Attributes:
        selection: indices of the chosen notes, rising.
        ghost: an earlier take, shown behind the notes.
        hand: what the mouse does to notes.
    """

    note_hovered = Signal(int)
    drag_pans = True

    def __init__(self, timeline: Timeline, parent: QWidget | None = None) -> None:
        super().__init__(timeline, parent)
        self.data: RollData = empty()
        self.low, self.high = self.data.pitch_range()
        self.stale = False
        self.message = ""
        self.selection: Ints = NO_NOTES
        self.ghost: RollData | None = None
        self.hand: Hand | None = None
        self._hidden: np.ndarray | None = None
        self._moving: RollData | None = None
        self._hovered = -1
        self._down: dict[int, int] = {}
        self._keys: frozenset[int] = frozenset()
        self._own_range = False
        self.setMinimumHeight(160)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Piano roll")
        self.setAccessibleDescription("Notes of the cover over time; click to move the playhead, wheel to zoom")

    def set_data(self, data: RollData) -> None:
        """Show other notes; the pitch range follows unless the user has set it."""
        self.data, self._hovered = data, -1
        self.selection = self.selection[self.selection < len(data.notes)]
        self._hidden = self._moving = None
        if self.hand is not None:
            self.hand.drop()
        if not self._own_range:
            low, high = data.pitch_range()
            if len(data.notes):
                self.low, self.high = low, high
        self._down = {}
        self.invalidate()

    def set_selection(self, indices: Ints) -> None:
        """Frame the chosen notes."""
        self.selection = indices
        self.update()

    def set_ghost(self, data: RollData | None) -> None:
        """Show an earlier take behind the notes, or no longer."""
        if data is not self.ghost:
            self.ghost = data
            self.invalidate()

    def show_moving(self, hidden: Ints, data: RollData) -> None:
        """Show ``data`` in the place of some notes, until other notes are set or ``stop_moving``."""
        if self._hidden is None or int(self._hidden.sum()) != len(hidden) or not self._hidden[hidden].all():
            self._hidden = np.zeros(len(self.data.notes), bool)
            self._hidden[hidden] = True
            self.invalidate()
        self._moving = data
        self.update()

    def stop_moving(self) -> None:
        """Show the notes as they are."""
        if self._hidden is not None:
            self._hidden = self._moving = None
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

    def set_pressed(self, pitches: Iterable[int]) -> None:
        """Light up the keys that the player holds on a keyboard."""
        pressed = frozenset(pitches)
        if pressed != self._keys:
            self._keys = pressed
            self.update(QRect(0, CHORDS, GUTTER, self.height() - CHORDS))

    # Geometry

    def _row(self) -> float:
        return (self.height() - CHORDS) / (self.high - self.low + 1)

    @property
    def rows(self) -> Rows:
        """Where the pitches are."""
        return Rows(self.high, self._row(), CHORDS)

    def second_at(self, x: float) -> float:
        """Time of a pixel, also outside of the song."""
        return self.timeline.start + (x - GUTTER) / self.timeline.scale

    def pitch_at(self, y: float) -> int:
        """MIDI pitch of a vertical position."""
        return int(self.high - np.floor((y - CHORDS) / self._row()))

    def note_at(self, at: QPointF) -> int:
        """Index of the note at a position, -1 for none."""
        if at.x() < GUTTER or at.y() < CHORDS:
            return -1
        hit = self.data.at(self.second_at(at.x()), self.pitch_at(at.y()))
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
        down = self._down | dict.fromkeys(self._keys, PRESSED)
        draw_keys(painter, tokens, QRectF(0, CHORDS, GUTTER, self.height() - CHORDS), self.low, self.high, down)

    def _draw_notes(self, painter: QPainter, tokens: theme.Tokens, span: Span) -> None:
        if self.ghost is not None:
            draw_ghost(painter, tokens, span, self.rows, self.ghost)
        index = self.data.visible(span.start, span.end)
        if self._hidden is not None:
            shown = np.arange(len(self.data.start))[index]
            index = shown[~self._hidden[shown]]
        draw_notes(painter, tokens, span, self.rows, self.data, index, 0.28 if self.stale else 1.0)

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
        self._draw_chosen(painter, tokens, rect)
        if self._hidden is None and 0 <= self._hovered < len(self.data.notes):
            painter.setClipRect(QRectF(GUTTER, CHORDS, self.width() - GUTTER, self.height() - CHORDS))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(QColor(tokens.text), 1.5))
            painter.drawRect(self.note_rect(self._hovered).adjusted(-0.5, -0.5, -0.5, -0.5))
            painter.setClipping(False)

    def _draw_chosen(self, painter: QPainter, tokens: theme.Tokens, rect: QRect) -> None:
        """Draw what is chosen or being moved, as far as it is in ``rect``, and what the hand draws."""
        if self._moving is None and not len(self.selection) and self.hand is None:
            return
        painter.save()
        painter.setClipRect(QRectF(GUTTER, CHORDS, self.width() - GUTTER, self.height() - CHORDS))
        span = Span(self.timeline.start, self.timeline.scale, self.timeline.width, GUTTER)
        first, last = self.second_at(rect.left() - 4), self.second_at(rect.right() + 4)
        if self._moving is not None:
            draw_chosen(painter, tokens, span, self.rows, self._moving, self._moving.visible(first, last))
        elif len(self.selection):
            draw_chosen(painter, tokens, span, self.rows, self.data, self.data.visible_among(self.selection, first, last))
        if self.hand is not None:
            self.hand.draw(painter, tokens)
        painter.restore()

    # The mouse

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if not (self.is_among_notes(event.position()) and self.hand is not None and self.hand.press(event)):
            super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._pressed is None and self.hand is not None and self.hand.move(event):
            return
        super().mouseMoveEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._pressed is not None or self.hand is None or not self.hand.release(event):
            super().mouseReleaseEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if not (self.is_among_notes(event.position()) and self.hand is not None and self.hand.double(event)):
            super().mouseDoubleClickEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if self.hand is None or not self.hand.menu(event):
            super().contextMenuEvent(event)

    def is_among_notes(self, at: QPointF) -> bool:
        """Whether a place is among the notes; the strip above and the keys are for moving the view."""
        return at.x() >= GUTTER and at.y() >= CHORDS

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
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and self._escapes(event):
            # Escape ends a gesture before it is a shortcut for anything else.
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if not (self._escapes(event) and self.hand is not None and self.hand.escape()):
            super().keyPressEvent(event)

    def _escapes(self, event: QKeyEvent) -> bool:
        return event.key() == Qt.Key.Key_Escape and self.hand is not None and self.hand.busy

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
