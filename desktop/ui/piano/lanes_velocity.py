"""Velocity below the roll: a bar for each note, to be dragged or drawn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPen
from PySide6.QtWidgets import QWidget

from desktop.piano.cover import Notes
from desktop.piano.editing import marking
from desktop.piano.editing.edited import Edited
from desktop.ui import theme
from desktop.ui.piano.edit_editor import Editor, counted
from desktop.ui.piano.lanes import GRIP, EditLane
from desktop.ui.widgets.roll_data import LEVELS, RollData, empty, from_notes
from desktop.ui.widgets.timeline import GUTTER, Span, Timeline

_AIR = 6.0
"""Pixels kept free at the upper and lower edge."""


@dataclass
class _Stroke:
    """A drag in the velocity lane: from a place, over a note's bar (its index) or in the open."""

    beat: float
    velocity: float
    hit: int | None


class VelocityLane(EditLane):
    """A bar for each note, as high as it is loud. Dragging a bar changes its note, and the other chosen ones as much; dragging
    in the open draws a line that the chosen notes, or all notes, follow."""

    caption = "Velocity"

    def __init__(self, timeline: Timeline, editor: Editor, parent: QWidget | None = None) -> None:
        super().__init__(timeline, editor, 92, parent)
        self._stroke: _Stroke | None = None
        self._line: tuple[tuple[float, float], tuple[float, float]] | None = None
        self._preview: Notes | None = None
        self._data = empty()
        editor.song.selection_changed.connect(self.update)

    def show_song(self) -> None:
        self._data = self._editor.song.roll
        super().show_song()

    def _give_up(self) -> None:
        self._stroke = self._line = self._preview = None
        self._say("")

    def draw(self, painter: QPainter, tokens: theme.Tokens, span: Span) -> None:
        super().draw(painter, tokens, span)
        if self._preview is None:
            self._draw_bars(painter, tokens, span, self._data)

    def draw_over(self, painter: QPainter, tokens: theme.Tokens, rect: QRect) -> None:
        song = self._editor.song
        if self._editor.blocked:
            return
        painter.save()
        painter.setClipRect(QRectF(GUTTER, 1, self.width() - GUTTER, self.height()))
        span = Span(self.timeline.start, self.timeline.scale, self.timeline.width, GUTTER)
        data = self._data if self._preview is None else from_notes(self._preview, song.grid)
        if self._preview is not None:
            self._draw_bars(painter, tokens, span, data)
        chosen = song.selection[song.selection < len(data.start)]
        chosen = data.visible_among(chosen, span.start - 0.1, span.end)
        self._draw_heads(painter, span, data, chosen, QColor(tokens.text), 3.5)
        if self._line is not None and song.grid is not None:
            ends = [QPointF(self.timeline.x(float(song.grid.seconds(b))), self._y(v)) for b, v in self._line]
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(QPen(QColor(tokens.accent), 1.5))
            painter.drawLine(*ends)
        painter.restore()

    def _draw_bars(self, painter: QPainter, tokens: theme.Tokens, span: Span, data: RollData) -> None:
        low, high = np.searchsorted(data.start, [span.start - 0.1, span.end])
        x = np.rint(span.xs(data.start[low:high]))
        velocity, group = data.notes["velocity"][low:high].astype(np.int64), data.group[low:high]
        # One bar a pixel and hand: the loudest.
        key = (x.astype(np.int64) << 9) + (group // LEVELS << 8) + 127 - velocity
        order = np.unique(key, return_index=True)[1]
        column = (x[order].astype(np.int64) << 1) + group[order] // LEVELS
        order = order[np.unique(column, return_index=True)[1]]
        colours = theme.levels(tokens, 0, LEVELS) + theme.levels(tokens, 1, LEVELS)
        painter.setPen(Qt.PenStyle.NoPen)
        bottom = self.height() - _AIR
        for which in np.unique(group[order]).tolist():
            mine = order[group[order] == which]
            tops = self._ys(velocity[mine])
            painter.setBrush(colours[which])
            painter.drawRects([QRectF(a, b, 2.0, bottom - b) for a, b in zip(x[mine].tolist(), tops.tolist(), strict=True)])
            painter.drawRects([QRectF(a - 1.5, b - 1, 5.0, 3.0) for a, b in zip(x[mine].tolist(), tops.tolist(), strict=True)])

    def _draw_heads(self, painter: QPainter, span: Span, data: RollData, index: np.ndarray, colour: QColor, size: float) -> None:
        x = np.rint(span.xs(data.start[index])).tolist()
        y = self._ys(data.notes["velocity"][index].astype(np.int64)).tolist()
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        painter.drawRects([QRectF(a - size + 1, b - size + 0.5, 2 * size, 2 * size) for a, b in zip(x, y, strict=True)])

    def _y(self, velocity: float) -> float:
        return float(self._ys(np.array([velocity]))[0])

    def _ys(self, velocity: np.ndarray) -> np.ndarray:
        return np.asarray(_AIR + (1 - velocity / 127.0) * (self.height() - 2 * _AIR))

    def _velocity(self, y: float) -> float:
        return min(127.0, max(1.0, 127 * (1 - (y - _AIR) / (self.height() - 2 * _AIR))))

    # The mouse

    def bar_at(self, at: QPointF) -> int | None:
        """Index of the note whose bar is at a place: the chosen one, else the one whose head is nearest."""
        data = self._data
        second, reach = self.timeline.start + (at.x() - GUTTER) / self.timeline.scale, GRIP / self.timeline.scale
        low, high = np.searchsorted(data.start, [second - reach, second + reach])
        if low == high:
            return None
        heads = self._ys(data.notes["velocity"][low:high].astype(np.int64))
        away = np.abs(heads - at.y()) + np.where(np.isin(np.arange(low, high), self._editor.song.selection), 0.0, 0.5)
        nearest = int(np.argmin(away))
        return int(low) + nearest if away[nearest] <= 9 else None

    def mousePressEvent(self, event: QMouseEvent) -> None:
        at = event.position()
        if event.button() != Qt.MouseButton.LeftButton or at.x() < GUTTER or self._editor.blocked:
            super().mousePressEvent(event)
            return
        hit = self.bar_at(at)
        if hit is not None and hit not in self._editor.song.selection:
            self._editor.choose([hit])
        self._stroke = _Stroke(self._beat(at.x()), self._velocity(at.y()), hit)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        at = event.position()
        if self._stroke is None:
            if not event.buttons():
                bar = None if self._editor.blocked else self.bar_at(at)
                self.setCursor(Qt.CursorShape.ArrowCursor if bar is None else Qt.CursorShape.SizeVerCursor)
                return
            super().mouseMoveEvent(event)
            return
        edited = self._edited(at)
        first = self._preview is None
        self._preview = edited.notes
        self._say(f"{self._velocity(at.y()):.0f}")
        self.invalidate() if first else self.update()

    def _edited(self, at: QPointF) -> Edited:
        editor, stroke = self._editor, self._stroke
        assert stroke is not None
        notes, chosen = editor.notes, editor.song.selection
        velocity = self._velocity(at.y())
        if stroke.hit is not None:
            return marking.change_velocity(notes, chosen, by=round(velocity) - float(notes["velocity"][stroke.hit]))
        self._line = ((stroke.beat, stroke.velocity), (self._beat(at.x()), velocity))
        among = chosen if len(chosen) else np.arange(len(notes))
        return Edited(marking.velocity_line(notes, among, *self._line).notes, chosen)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._stroke is None:
            super().mouseReleaseEvent(event)
            return
        preview, stroke, chosen = self._preview, self._stroke, self._editor.song.selection
        self._give_up()
        if preview is not None:
            changed = int(np.count_nonzero(preview["velocity"] != self._editor.notes["velocity"]))
            self._editor.apply(f"Velocity of {counted(np.arange(changed))}", Edited(preview, chosen))
        elif stroke.hit is None:
            self.clicked(event.position(), event.modifiers())
        self.invalidate()
