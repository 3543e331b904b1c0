"""What happens between a press and a release of the mouse among the notes: each gesture shows its result as it goes, and
becomes one step when it ends."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from desktop.piano.cover import NOTE, Notes
from desktop.piano.editing.choosing import in_rectangle
from desktop.piano.editing.edited import SHORTEST, Ints
from desktop.piano.editing.moving import Edge, room_to_move
from desktop.ui import theme
from desktop.ui.piano.edit_editor import Editor
from desktop.ui.widgets.piano_roll import PianoRoll
from desktop.ui.widgets.roll_data import from_notes

_ADDS = Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.ControlModifier
_FREES = Qt.KeyboardModifier.AltModifier | Qt.KeyboardModifier.ControlModifier
"""Lets go of the grid while dragging; many window managers keep Alt with the mouse for themselves."""


class Gesture:
    """One press of the left button. ``begun``: whether the mouse has moved enough to mean a drag."""

    def __init__(self, roll: PianoRoll, editor: Editor, at: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        self.roll, self.editor, self.begun = roll, editor, False
        # In beats: the view may scroll under the mouse.
        self.pressed, self.pitch = self.beat_at(at.x()), roll.pitch_at(at.y())

    def move(self, at: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        """The mouse is dragged."""

    def end(self, at: QPointF) -> None:
        """The drag ends."""

    def click(self, at: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        """The button came up where it went down."""

    def cancel(self) -> None:
        """As if nothing had happened."""

    def draw(self, painter: QPainter, tokens: theme.Tokens) -> None:
        """Draw over the notes while it is going on."""

    def beat_at(self, x: float) -> float:
        """Beat of a pixel."""
        cover = self.editor.song.cover
        assert cover is not None
        return float(cover.grid.beats(self.roll.second_at(x)))

    def snapped(self, beat: float, modifiers: Qt.KeyboardModifier, *also: float) -> float:
        """The nearest line of the grid, or of the other places that hold; the beat itself with Alt or Ctrl."""
        step = self.editor.step
        if not step or modifiers & _FREES:
            return beat
        return min((round(beat / step) * step, *also), key=lambda line: abs(line - beat))

    def show(self, hidden: Ints, notes: Notes) -> None:
        """Show notes in the place of others."""
        cover = self.editor.song.cover
        assert cover is not None
        self.roll.show_moving(hidden, from_notes(notes, cover.grid))


class Band(Gesture):
    """A rubber band around notes; with Shift or Ctrl they are added to the selection. A click moves the playhead."""

    def __init__(self, roll: PianoRoll, editor: Editor, at: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        super().__init__(roll, editor, at, modifiers)
        self._before, self._adds = editor.song.selection, bool(modifiers & _ADDS)
        self._corner, self._at = at, at
        self._start = roll.second_at(at.x())

    def move(self, at: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        self._at = at
        beats = sorted((self.pressed, self.beat_at(at.x())))
        pitches = sorted((self.pitch, self.roll.pitch_at(at.y())))
        found = in_rectangle(self.editor.notes, beats[0], beats[1], pitches[0], pitches[1])
        self.editor.choose(np.union1d(self._before, found) if self._adds else found)
        self.roll.update()

    def click(self, at: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        if not self._adds:
            self.editor.choose(())
            self.roll.clicked(at, modifiers)

    def cancel(self) -> None:
        self.editor.choose(self._before)

    def draw(self, painter: QPainter, tokens: theme.Tokens) -> None:
        corner = QPointF(self.roll.timeline.x(self._start), self._corner.y())
        accent = QColor(tokens.accent)
        painter.setPen(QPen(accent, 1))
        accent.setAlphaF(0.12)
        painter.setBrush(accent)
        painter.drawRect(QRectF(corner, self._at).normalized())


class Move(Gesture):
    """Chosen notes are dragged; a note that is not among them becomes the chosen one. A click chooses, with Shift or Ctrl
    adds or takes away."""

    def __init__(self, roll: PianoRoll, editor: Editor, at: QPointF, modifiers: Qt.KeyboardModifier, hit: int) -> None:
        super().__init__(roll, editor, at, modifiers)
        self._hit, self._was = hit, hit in editor.song.selection
        self._before = editor.song.selection
        if not self._was:
            editor.choose(np.append(self._before, hit) if modifiers & _ADDS else [hit])
        self._chosen = editor.song.selection
        self._by: tuple[float, int] = (0.0, 0)

    def move(self, at: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        notes = self.editor.notes
        start = float(notes["start"][self._hit])
        target = start + self.beat_at(at.x()) - self.pressed
        beats = self.snapped(target, modifiers, start) - start
        self._by = room_to_move(notes, self._chosen, beats, self.roll.pitch_at(at.y()) - self.pitch, first=self.editor.first)
        moved = notes[self._chosen]
        for name in ("start", "end"):
            moved[name] += self._by[0]
        moved["pitch"] = moved["pitch"].astype(np.int64) + self._by[1]
        self.show(self._chosen, moved)
        self.roll.setCursor(Qt.CursorShape.ClosedHandCursor)

    def end(self, at: QPointF) -> None:
        if self._by != (0.0, 0):
            self.editor.move(*self._by, self._chosen, merge=f"drag {id(self)}")

    def click(self, at: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        if modifiers & _ADDS:
            if self._was:
                self.editor.choose(np.setdiff1d(self._before, [self._hit]))
        else:
            self.editor.choose([self._hit])

    def cancel(self) -> None:
        self.editor.choose(self._before)


class Resize(Gesture):
    """An end of a note is dragged, and with it those of the other chosen notes."""

    def __init__(
        self, roll: PianoRoll, editor: Editor, at: QPointF, modifiers: Qt.KeyboardModifier, hit: int, edge: Edge
    ) -> None:
        super().__init__(roll, editor, at, modifiers)
        self._hit, self._edge, self._by = hit, edge, 0.0
        if hit not in editor.song.selection:
            editor.choose([hit])
        self._chosen = editor.song.selection

    def move(self, at: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        notes, edge = self.editor.notes, self._edge
        was = float(notes[edge.value][self._hit])
        self._by = self.snapped(was + self.beat_at(at.x()) - self.pressed, modifiers, was) - was
        changed = notes[self._chosen]
        if edge is Edge.END:
            changed["end"] = np.maximum(changed["end"] + self._by, changed["start"] + SHORTEST)
        else:
            moved = np.maximum(changed["start"] + self._by, self.editor.first)
            changed["start"] = np.minimum(moved, changed["end"] - SHORTEST)
        self.show(self._chosen, changed)

    def end(self, at: QPointF) -> None:
        if self._by:
            self.editor.resize(self._by, self._edge, self._chosen)

    def click(self, at: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        self.editor.choose([self._hit])


class Draw(Gesture):
    """A note is drawn from the press to the release; a click draws one as long as a line of the grid."""

    def __init__(self, roll: PianoRoll, editor: Editor, at: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        super().__init__(roll, editor, at, modifiers)
        step = editor.step or 0.25
        # The line at or before the mouse: a note is drawn into the cell that was clicked.
        free = bool(modifiers & _FREES) or not editor.step
        self._start = max(self.pressed if free else float(np.floor(self.pressed / step + 1e-6) * step), editor.first)
        self._end = self._start + step
        self._hand = editor.hand_at(self.pitch, self._start)

    def move(self, at: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        end = self.beat_at(at.x())
        step = self.editor.step
        if step and not modifiers & _FREES:
            end = float(np.ceil(end / step - 1e-6) * step)
        self._end = max(end, self._start + (step if step and not modifiers & _FREES else SHORTEST))
        self.pitch = self.roll.pitch_at(at.y())
        note = np.zeros(1, NOTE)
        note[0] = (self._start, self._end, min(108, max(21, self.pitch)), self.editor.usual_velocity(), self._hand)
        self.show(np.zeros(0, np.int64), note)

    def end(self, at: QPointF) -> None:
        self.editor.draw(self._start, self._end, self.pitch)

    def click(self, at: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        self.end(at)


class Split(Gesture):
    """The line between the hands is dragged."""

    def __init__(self, roll: PianoRoll, editor: Editor, at: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        super().__init__(roll, editor, at, modifiers)
        self._was = editor.split

    def move(self, at: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        line = min(108, max(22, self.roll.pitch_at(at.y() - self.roll.rows.row / 2)))
        if line == self.editor.split:
            return
        self.editor.set(split=line)
        notes = self.editor.split_notes(line)
        changed = np.flatnonzero(notes["hand"] != self.editor.notes["hand"])
        self.show(changed, notes[changed])

    def end(self, at: QPointF) -> None:
        if self.editor.split is not None:
            self.editor.split_at(self.editor.split)

    def cancel(self) -> None:
        self.editor.set(split=self._was)
