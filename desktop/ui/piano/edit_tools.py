"""The mouse among the notes: which gesture a press begins, and what a hovering mouse looks like."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QObject, QPointF, Qt
from PySide6.QtGui import QContextMenuEvent, QMouseEvent, QPainter
from PySide6.QtWidgets import QApplication

from desktop.piano.editing.choosing import chord_of
from desktop.piano.editing.moving import Edge
from desktop.ui import theme
from desktop.ui.piano.document import NOTHING
from desktop.ui.piano.edit_editor import Editor, Tool
from desktop.ui.piano.edit_gestures import Band, Draw, Gesture, Move, Resize, Split
from desktop.ui.piano.edit_menu import note_menu
from desktop.ui.piano.edit_split import draw_split, is_on_split
from desktop.ui.widgets.piano_roll import PianoRoll
from desktop.ui.widgets.timeline import GUTTER

GRIP = 5.0
"""Pixels at the ends of a note that take hold of the end."""
_ADDS = Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.ControlModifier


class Tools(QObject):
    """The roll's ``Hand``: turns presses into gestures of the editor's tool."""

    def __init__(self, roll: PianoRoll, editor: Editor) -> None:
        super().__init__(roll)
        self._roll, self._editor = roll, editor
        self._gesture: Gesture | None = None
        self._pressed: QPointF | None = None
        roll.hand = self
        editor.changed.connect(roll.update)
        editor.song.selection_changed.connect(self._show_selection)
        editor.song.notes_changed.connect(self._show_selection)

    # What the roll asks

    def press(self, event: QMouseEvent) -> bool:
        if self._editor.blocked or self._gesture is not None:
            return self._gesture is not None
        at = event.position()
        if event.button() == Qt.MouseButton.RightButton:
            if self._editor.tool is Tool.DRAW and (hit := self._roll.note_at(at)) >= 0:
                self._editor.delete(np.array([hit], np.int64))
            return self._editor.tool is Tool.DRAW
        if event.button() != Qt.MouseButton.LeftButton or self._roll.timeline.duration <= 0:
            return False
        self._pressed = at
        self._gesture = self._begin(at, event.modifiers())
        self._roll.setFocus(Qt.FocusReason.MouseFocusReason)
        return True

    def move(self, event: QMouseEvent) -> bool:
        at = event.position()
        if self._gesture is None or self._pressed is None:
            if not event.buttons():
                self._hover(at)
                return True
            return False
        if self._gesture.begun or (at - self._pressed).manhattanLength() >= QApplication.startDragDistance() // 2:
            self._gesture.begun = True
            self._scroll(at)
            self._gesture.move(at, event.modifiers())
        return True

    def release(self, event: QMouseEvent) -> bool:
        gesture, self._gesture = self._gesture, None
        if gesture is None or event.button() != Qt.MouseButton.LeftButton:
            self._gesture = gesture
            return gesture is not None
        if gesture.begun:
            gesture.end(event.position())
        else:
            gesture.click(event.position(), event.modifiers())
        self._roll.stop_moving()
        self._roll.update()
        self._hover(event.position())
        return True

    def double(self, event: QMouseEvent) -> bool:
        hit = self._roll.note_at(event.position())
        if self._editor.blocked or event.button() != Qt.MouseButton.LeftButton:
            return False
        if hit >= 0:
            self._editor.choose(chord_of(self._editor.notes, hit))
        elif self._editor.tool is Tool.SELECT:
            draw = Draw(self._roll, self._editor, event.position(), event.modifiers())
            draw.click(event.position(), event.modifiers())
        return True

    def menu(self, event: QContextMenuEvent) -> bool:
        if self._editor.blocked or (self._editor.tool is Tool.DRAW and event.reason() == QContextMenuEvent.Reason.Mouse):
            return bool(not self._editor.blocked)
        if event.reason() == QContextMenuEvent.Reason.Mouse:
            hit = self._roll.note_at(QPointF(event.pos()))
            if hit >= 0 and hit not in self._editor.song.selection:
                self._editor.choose([hit])
        note_menu(self._editor, self._roll).popup(event.globalPos())
        return True

    def escape(self) -> bool:
        gesture, self._gesture = self._gesture, None
        if gesture is not None:
            gesture.cancel()
            self._roll.stop_moving()
            self._roll.update()
        return gesture is not None

    @property
    def busy(self) -> bool:
        return self._gesture is not None

    def drop(self) -> None:
        self._gesture = None

    def draw(self, painter: QPainter, tokens: theme.Tokens) -> None:
        if self._editor.split is not None:
            draw_split(painter, tokens, self._roll, self._editor.split)
        if self._gesture is not None and self._gesture.begun:
            self._gesture.draw(painter, tokens)

    # Inside

    def _begin(self, at: QPointF, modifiers: Qt.KeyboardModifier) -> Gesture:
        roll, editor = self._roll, self._editor
        hit = roll.note_at(at)
        if editor.split is not None and is_on_split(roll, editor.split, at) and not modifiers & _ADDS:
            return Split(roll, editor, at, modifiers)
        if hit < 0:
            return Draw(roll, editor, at, modifiers) if editor.tool is Tool.DRAW else Band(roll, editor, at, modifiers)
        edge = self._edge(hit, at)
        if edge is not None and not modifiers & _ADDS:
            return Resize(roll, editor, at, modifiers, hit, edge)
        return Move(roll, editor, at, modifiers, hit)

    def _edge(self, index: int, at: QPointF) -> Edge | None:
        rect = self._roll.note_rect(index)
        grip = min(GRIP, rect.width() / 4)
        if rect.right() - at.x() <= grip:
            return Edge.END
        return Edge.START if at.x() - rect.left() <= grip and rect.width() >= 10 else None

    def _hover(self, at: QPointF) -> None:
        roll, editor = self._roll, self._editor
        roll.hover(at)
        shape = Qt.CursorShape.ArrowCursor
        if not editor.blocked and roll.is_among_notes(at):
            hit = roll.note_at(at)
            if editor.split is not None and is_on_split(roll, editor.split, at):
                shape = Qt.CursorShape.SplitVCursor
            elif hit >= 0:
                shape = Qt.CursorShape.SizeHorCursor if self._edge(hit, at) else Qt.CursorShape.OpenHandCursor
            elif editor.tool is Tool.DRAW:
                shape = Qt.CursorShape.CrossCursor
        roll.setCursor(shape)

    def _scroll(self, at: QPointF) -> None:
        """Bring more into view when a gesture leaves it."""
        roll = self._roll
        left, right = at.x() - GUTTER, at.x() - roll.width()
        if left < 0 or right > 0:
            roll.timeline.pan(max(-40.0, left) if left < 0 else min(40.0, right))

    def _show_selection(self) -> None:
        self._roll.set_selection(NOTHING if self._editor.blocked else self._editor.song.selection)
