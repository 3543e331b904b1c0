"""The strip above the notes: views at the left, tools for the notes at the right."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QToolButton, QWidget

from desktop.piano.editing.moving import GRIDS
from desktop.ui import theme
from desktop.ui.piano.edit_editor import FREE, Editor, Tool
from desktop.ui.widgets.parts import Segments, label

_TOOLS = (
    (Tool.SELECT, "Select", "Choose, move and resize notes; click an empty place to move the playhead"),
    (Tool.DRAW, "Draw", "Draw notes; a right click deletes (B)"),
)
_LANES = (
    ("velocity", "Velocity", "How loud each note is, below the roll (V)"),
    ("pedal", "Pedal", "When the sustain pedal is down, below the roll (P)"),
)


class EditBar(QWidget):
    """Shows and sets what the editor and the canvas are set to.

    Signals:
        view_chosen: id of a view.
    """

    view_chosen = Signal(str)

    def __init__(self, editor: Editor, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._editor = editor
        self.setFixedHeight(40)
        self.setProperty("surface", "window")
        self.setAccessibleName("Views and tools")
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(theme.S3, 0, theme.S3, 0)
        self._row.setSpacing(theme.S2)
        self.views: Segments | None = None
        self._row.addStretch(1)
        self.tool = Segments("Tool", [(tool.value, text, tip) for tool, text, tip in _TOOLS])
        self.tool.chosen.connect(lambda value: editor.set(tool=Tool(value)))
        self.grid = QComboBox()
        self.grid.setAccessibleName("Grid")
        self.grid.setToolTip(
            "The grid that holds notes while they are moved and drawn, and that Q puts them on; Alt lets go of it"
        )
        for name in (*GRIDS, FREE):
            self.grid.addItem({FREE: "Off"}.get(name, name.replace("T", " triplet")), name)
        self.grid.activated.connect(lambda _index: editor.set(grid=self.grid.currentData()))
        self._lanes = {name: self._toggle(text, tip) for name, text, tip in _LANES}
        for name, button in self._lanes.items():
            button.clicked.connect(lambda _on=False, which=name: editor.toggle_lane(which))
        self.split = self._toggle("Hands", "A line between the hands: drag it over the roll (S)")
        self.split.clicked.connect(lambda _on=False: editor.toggle_split())
        self._parts = (self.tool, label("Grid", tone="secondary"), self.grid, self.split, *self._lanes.values())
        for part in self._parts:
            self._row.addWidget(part)
        editor.changed.connect(self.refresh)
        self.refresh()

    def _toggle(self, text: str, tip: str) -> QToolButton:
        button = QToolButton()
        button.setText(text)
        button.setToolTip(tip)
        button.setAccessibleName(text)
        button.setCheckable(True)
        button.setProperty("kind", "segment")
        button.setProperty("place", "alone")
        button.setMinimumWidth(64)
        return button

    def refresh(self) -> None:
        """Show what is set."""
        editor = self._editor
        self.tool.set_value(editor.tool.value)
        with QSignalBlocker(self.grid):
            self.grid.setCurrentIndex(max(0, self.grid.findData(editor.grid)))
        self.split.setChecked(editor.split is not None)
        for name, button in self._lanes.items():
            button.setChecked(name in editor.lanes)
        reason = editor.blocked
        for part in (self.tool, self.split, self.grid):
            part.setEnabled(not reason)

    def show_views(self, titles: dict[str, str], chosen: str) -> None:
        """Offer the views once there are several; the tools belong to the first one."""
        first = next(iter(titles))
        for part in self._parts:
            part.setVisible(chosen == first)
        if self.views is not None:
            self._row.removeWidget(self.views)
            self.views.hide()
            self.views.deleteLater()
            self.views = None
        if len(titles) > 1:
            self.views = Segments("View", [(name, title, f"Show: {title}") for name, title in titles.items()])
            self.views.setMinimumWidth(84 * len(titles))
            self.views.set_value(chosen)
            self.views.chosen.connect(self.view_chosen)
            self._row.insertWidget(0, self.views)
