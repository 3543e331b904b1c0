"""Velocity and pedal below the roll, to be drawn with the mouse."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPen, QResizeEvent
from PySide6.QtWidgets import QWidget

from desktop.piano.cover import Notes
from desktop.piano.editing import marking, pedals
from desktop.piano.editing.edited import Edited
from desktop.ui import theme
from desktop.ui.piano.edit_editor import Editor, counted
from desktop.ui.widgets import grid_lines
from desktop.ui.widgets.lane import Lane
from desktop.ui.widgets.roll_data import LEVELS, RollData, empty, from_notes
from desktop.ui.widgets.timeline import GUTTER, Span, Timeline

_GRIP = 4.0
_AIR = 6.0
"""Pixels kept free at the upper and lower edge."""


class EditLane(Lane):
    """A lane that shows something of the song's cover and changes it."""

    drag_pans = True
    caption = ""

    def __init__(self, timeline: Timeline, editor: Editor, height: int, parent: QWidget | None = None) -> None:
        super().__init__(timeline, parent)
        self._editor = editor
        self._value = ""
        self.setFixedHeight(height)
        self.setAccessibleName(f"{self.caption} lane")
        self.setToolTip("")

    def show_song(self) -> None:
        """Notes, pedal or beats have changed."""
        self._give_up()
        self.invalidate()

    def _give_up(self) -> None:
        """Forget what is being dragged."""

    def _beat(self, x: float) -> float:
        cover = self._editor.song.cover
        assert cover is not None
        return float(cover.grid.beats(self.timeline.start + (x - GUTTER) / self.timeline.scale))

    def draw(self, painter: QPainter, tokens: theme.Tokens, span: Span) -> None:
        painter.fillRect(QRectF(0, 0, span.width, self.height()), QColor(tokens.canvas))
        grid = self._editor.song.grid
        if grid is not None:
            grid_lines.draw(painter, tokens, span, grid, 0, self.height())
        painter.fillRect(QRectF(0, 0, span.width, 1), QColor(tokens.hairline))

    def draw_gutter(self, painter: QPainter, tokens: theme.Tokens) -> None:
        painter.fillRect(QRectF(0, 0, GUTTER, self.height()), QColor(tokens.window))
        painter.fillRect(QRectF(0, 0, GUTTER, 1), QColor(tokens.hairline))
        painter.fillRect(QRectF(GUTTER - 1, 0, 1, self.height()), QColor(tokens.hairline))
        painter.setFont(theme.font(self, theme.CAPTION, tabular=True))
        painter.setPen(QColor(tokens.secondary))
        box = QRectF(0, 0, GUTTER - 8, self.height())
        middle = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
        painter.drawText(box, middle, f"{self.caption}\n{self._value}" if self._value else self.caption)

    def resizeEvent(self, event: QResizeEvent) -> None:
        # The roll says how wide the view is; a lane that is folded has no width that means anything.
        self.invalidate()

    def _say(self, value: str) -> None:
        if value != self._value:
            self._value = value
            self.update(QRect(0, 0, GUTTER, self.height()))


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
        second, reach = self.timeline.start + (at.x() - GUTTER) / self.timeline.scale, _GRIP / self.timeline.scale
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


class PedalLane(EditLane):
    """Spans in which the sustain pedal is down. Dragging an end moves it, dragging in the open presses the pedal, a right
    click lifts it."""

    caption = "Pedal"

    def __init__(self, timeline: Timeline, editor: Editor, parent: QWidget | None = None) -> None:
        super().__init__(timeline, editor, 38, parent)
        self._held: tuple[int, int] | None = None
        self._from: float | None = None
        self._preview: Notes | None = None

    def _give_up(self) -> None:
        self._held = self._from = self._preview = None
        self._say("")

    def draw(self, painter: QPainter, tokens: theme.Tokens, span: Span) -> None:
        super().draw(painter, tokens, span)
        cover = self._editor.song.cover
        if cover is None:
            return
        spans = cover.pedals if self._preview is None else self._preview
        down, up = span.xs(cover.grid.seconds(spans["down"])), span.xs(cover.grid.seconds(spans["up"]))
        shown = np.flatnonzero((up >= 0) & (down <= span.width))
        body, edge = theme.mix(tokens.canvas, tokens.secondary, 0.35), QColor(tokens.secondary)
        top, height = 11.0, self.height() - 20.0
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(body)
        pairs = list(zip(down[shown].tolist(), up[shown].tolist(), strict=True))
        painter.drawRects([QRectF(a, top, max(1.0, b - a - 1), height) for a, b in pairs])
        painter.setBrush(edge)
        painter.drawRects([QRectF(x, top - 3, 2, height + 6) for a, b in pairs if b - a > 8 for x in (a, b - 2)])

    def _edge_at(self, at: QPointF) -> tuple[int, int] | None:
        """Span and end (0 down, 1 up) that a place takes hold of."""
        cover = self._editor.song.cover
        if cover is None or not len(cover.pedals):
            return None
        scale, start = self.timeline.scale, self.timeline.start
        ends = np.stack([cover.grid.seconds(cover.pedals["down"]), cover.grid.seconds(cover.pedals["up"])], 1)
        away = np.abs((ends - start) * scale + GUTTER - at.x())
        index, side = np.unravel_index(int(np.argmin(away)), away.shape)
        return (int(index), int(side)) if away[index, side] <= _GRIP else None

    def mousePressEvent(self, event: QMouseEvent) -> None:
        at, cover = event.position(), self._editor.song.cover
        if at.x() < GUTTER or self._editor.blocked or cover is None:
            super().mousePressEvent(event)
        elif event.button() == Qt.MouseButton.RightButton:
            index = pedals.span_at(cover.pedals, self._beat(at.x()))
            if index is not None:
                self._editor.set_pedals("Lift the pedal", pedals.release(cover.pedals, index))
        elif event.button() == Qt.MouseButton.LeftButton:
            self._held = self._edge_at(at)
            self._from = self._held_beat(self._beat(at.x()), event.modifiers())
        else:
            super().mousePressEvent(event)

    def _held_beat(self, beat: float, modifiers: Qt.KeyboardModifier) -> float:
        step = self._editor.step
        free = not step or bool(modifiers & Qt.KeyboardModifier.AltModifier)
        return max(beat if free else round(beat / step) * step, self._editor.first)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        at, cover = event.position(), self._editor.song.cover
        if self._from is None or cover is None:
            if not event.buttons():
                held = None if self._editor.blocked else self._edge_at(at)
                self.setCursor(Qt.CursorShape.ArrowCursor if held is None else Qt.CursorShape.SizeHorCursor)
                return
            super().mouseMoveEvent(event)
            return
        beat = self._held_beat(self._beat(at.x()), event.modifiers())
        if self._held is not None:
            index, side = self._held
            down, up = cover.pedals[index].tolist()
            ends = (min(beat, up - pedals.SHORTEST), up) if side == 0 else (down, beat)
            self._preview = pedals.resize(cover.pedals, index, *ends)
        elif abs(beat - self._from) >= pedals.SHORTEST:
            self._preview = pedals.press(cover.pedals, self._from, beat)
        self.invalidate()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._from is None:
            super().mouseReleaseEvent(event)
            return
        preview, held = self._preview, self._held
        self._give_up()
        if preview is not None:
            self._editor.set_pedals("Pedal" if held is None else "Move the pedal", preview)
        elif held is None:
            self.clicked(event.position(), event.modifiers())
        self.invalidate()
