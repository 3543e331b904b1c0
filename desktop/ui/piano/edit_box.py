"""The chosen notes in the inspector: what they have in common, and changes of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PySide6.QtCore import QSignalBlocker
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QSizePolicy,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from desktop.piano.cover import LEFT, RIGHT
from desktop.ui import theme
from desktop.ui.icons import Button
from desktop.ui.piano.edit_editor import Editor, counted
from desktop.ui.piano.edit_split import pitch_name
from desktop.ui.widgets.parts import label

LENGTHS = (
    ("1/32", 0.125), ("1/16", 0.25), ("1/8", 0.5), ("1/8 dotted", 0.75), ("1/4", 1.0), ("1/4 dotted", 1.5), ("1/2", 2.0),
    ("1/1", 4.0),
)  # fmt: skip
STRENGTHS = (25, 50, 75, 100)
_HANDS = {RIGHT: "right hand", LEFT: "left hand"}


class EditBox(QWidget):
    """Velocity, length, hand, transposition and quantisation of the chosen notes; the leeway of the line between the hands."""

    def __init__(self, editor: Editor, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._editor = editor
        self.setAccessibleName("Chosen notes")
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(theme.S2)
        self.said = label(tone="secondary", wrap=True, tabular=True)
        whole.addWidget(self.said)
        self._choice = QWidget()
        whole.addWidget(self._choice)
        grid = QGridLayout(self._choice)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(theme.S2)
        grid.setVerticalSpacing(theme.S2)
        grid.setColumnStretch(1, 1)
        self._add_values(grid)
        self._add_moves(grid)
        self._add_quantise(grid)
        for signal in (editor.changed, editor.song.selection_changed, editor.song.notes_changed, editor.song.status_changed):
            signal.connect(self.refresh)
        self.refresh()

    def _add_values(self, grid: QGridLayout) -> None:
        self.velocity = _number(127, "mixed")
        self.velocity.setToolTip("How loud the chosen notes are, 1 to 127; drag in the velocity lane (V) to draw it")
        self.velocity.valueChanged.connect(self._set_velocity)
        self.length = QComboBox()
        self.length.setToolTip("How long the chosen notes are")
        self.length.addItem("", 0.0)
        for text, beats in LENGTHS:
            self.length.addItem(text, beats)
        self.length.activated.connect(self._set_length)
        editor = self._editor
        self.hand = _buttons(
            ("Left", "To the left hand", lambda: editor.set_hand(LEFT)),
            ("Right", "To the right hand", lambda: editor.set_hand(RIGHT)),
            ("Other", "Each note to the other hand (H)", editor.swap_hands),
        )
        for row, (name, widget) in enumerate((("Velocity", self.velocity), ("Length", self.length), ("Hand", self.hand))):
            _place(grid, row, name, widget)

    def _add_moves(self, grid: QGridLayout) -> None:
        editor = self._editor
        self.moves = _buttons(
            ("−8ve", "An octave down (Shift+Down)", lambda: editor.move(0, -12)),
            ("−1", "A semitone down (Down)", lambda: editor.move(0, -1)),
            ("+1", "A semitone up (Up)", lambda: editor.move(0, 1)),
            ("+8ve", "An octave up (Shift+Up)", lambda: editor.move(0, 12)),
        )
        self.steps = _buttons(
            ("−1 step", "A step of the scale down (Alt+Down)", lambda: editor.transpose_in_key(-1)),
            ("+1 step", "A step of the scale up (Alt+Up)", lambda: editor.transpose_in_key(1)),
        )
        _place(grid, 3, "Pitch", self.moves)
        _place(grid, 4, "In key", self.steps)

    def _add_quantise(self, grid: QGridLayout) -> None:
        editor = self._editor
        row = QWidget()
        line = QHBoxLayout(row)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(theme.S2)
        self.strength = QComboBox()
        self.strength.setAccessibleName("How far quantising pulls")
        self.strength.setToolTip("How far notes are pulled to the grid")
        for percent in STRENGTHS:
            self.strength.addItem(f"{percent} %", percent / 100)
        self.strength.activated.connect(lambda _index: editor.set(strength=float(self.strength.currentData())))
        self.ends = QCheckBox("Ends too")
        self.ends.setToolTip("Pull the ends of notes to the grid as well; else they keep their length")
        self.ends.toggled.connect(lambda on: editor.set(ends=on))
        line.addWidget(self.strength)
        line.addWidget(self.ends, 1)
        _place(grid, 5, "Pull", row)
        self.quantise = Button("Quantise")
        self.quantise.clicked.connect(lambda _on=False: editor.quantise())
        grid.addWidget(self.quantise, 6, 1)
        self.leeway = _number(12, "none")
        self.leeway.setSuffix(" semitones")
        self.leeway.setToolTip(
            "Notes that are at most so far on the wrong side of the line between the hands (S) keep their hand"
        )
        self.leeway.valueChanged.connect(lambda value: editor.set(leeway=value))
        self._leeway_caption = _place(grid, 7, "Leeway", self.leeway)

    # What is shown

    def refresh(self) -> None:
        """Show what the chosen notes have in common."""
        editor, chosen = self._editor, self._editor.song.selection
        reason = editor.unchosen
        self.said.setText(self._facts())
        self._choice.setVisible(not reason or editor.split is not None)
        for part in (self.velocity, self.length, self.hand, self.moves, self.steps, self.quantise, self.strength, self.ends):
            part.setEnabled(not reason)
        self.quantise.setToolTip(reason or f"Put the chosen notes on the grid of {editor.grid} (Q)")
        for widget in (self.leeway, self._leeway_caption):
            widget.setVisible(editor.split is not None)
        blockers = [QSignalBlocker(w) for w in (self.velocity, self.length, self.strength, self.ends, self.leeway)]
        self.strength.setCurrentIndex(max(0, self.strength.findData(editor.strength)))
        self.ends.setChecked(editor.ends)
        self.leeway.setValue(editor.leeway)
        if not reason:
            notes = editor.notes[chosen]
            same = bool((notes["velocity"] == notes["velocity"][0]).all())
            self.velocity.setValue(int(notes["velocity"][0]) if same else 0)
            lengths = notes["end"] - notes["start"]
            near = [n for n, (_, beats) in enumerate(LENGTHS, 1) if np.allclose(lengths, beats, atol=0.02)]
            self.length.setItemText(0, "mixed" if np.ptp(lengths) > 0.02 else f"{float(lengths[0]):.2f} beats")
            self.length.setCurrentIndex(near[0] if near else 0)
        del blockers

    def _facts(self) -> str:
        editor, chosen = self._editor, self._editor.song.selection
        if editor.blocked:
            return editor.blocked
        if not len(chosen):
            return "Click notes or draw a frame around them to change them. B draws new ones."
        notes = editor.notes[chosen]
        low, high = pitch_name(int(notes["pitch"].min())), pitch_name(int(notes["pitch"].max()))
        hands = np.unique(notes["hand"]).tolist()
        hand = _HANDS[hands[0]] if len(hands) == 1 else "both hands"
        return f"{counted(chosen)} · {low}" + (f" to {high}" if low != high else "") + f" · {hand}"

    def _set_velocity(self, value: int) -> None:
        if value:
            self._editor.set_velocity(value)

    def _set_length(self) -> None:
        beats = float(self.length.currentData())
        if beats:
            self._editor.set_length(beats)


def _place(grid: QGridLayout, row: int, name: str, widget: QWidget) -> QWidget:
    """Put a widget with its caption into a row; returns the caption."""
    caption = label(name, tone="secondary")
    caption.setBuddy(widget)
    if not widget.accessibleName():
        widget.setAccessibleName(name)
    grid.addWidget(caption, row, 0)
    grid.addWidget(widget, row, 1)
    return caption


def _number(most: int, nothing: str) -> QSpinBox:
    """A number up to ``most``; 0 reads as ``nothing``."""
    box = QSpinBox()
    box.setRange(0, most)
    box.setSpecialValueText(nothing)
    box.setKeyboardTracking(False)
    box.lineEdit().setTextMargins(theme.S1, 0, 0, 0)
    return box


def _buttons(*entries: tuple[str, str, Callable[[], None]]) -> QWidget:
    row = QWidget()
    line = QHBoxLayout(row)
    line.setContentsMargins(0, 0, 0, 0)
    line.setSpacing(theme.S1)
    for text, tip, run in entries:
        button = QToolButton()
        button.setText(text)
        button.setToolTip(tip)
        button.setAccessibleName(tip)
        button.setProperty("kind", "segment")
        button.setProperty("place", "alone")
        button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        button.clicked.connect(lambda _on=False, what=run: what())
        line.addWidget(button, 1)
    return row
