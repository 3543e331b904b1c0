"""The sustain pedal below the roll: spans to be drawn, resized and lifted."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QMouseEvent, QPainter
from PySide6.QtWidgets import QWidget

from desktop.piano.cover import Notes
from desktop.piano.editing import pedals
from desktop.ui import theme
from desktop.ui.piano.edit_editor import Editor
from desktop.ui.piano.lanes import GRIP, EditLane
from desktop.ui.widgets.timeline import GUTTER, Span, Timeline


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
        return (int(index), int(side)) if away[index, side] <= GRIP else None

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
