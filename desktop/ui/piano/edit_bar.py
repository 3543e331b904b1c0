"""The strip above the notes: views at the left, tools for the notes at the right."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, QSize, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLayout, QToolButton, QWidget

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
        self.grid.setFixedWidth(112)
        self.grid.setToolTip(
            "The grid that holds notes while they are moved and drawn, and that Q puts them on; Alt or Ctrl lets go of it"
        )
        for name in (*GRIDS, FREE):
            self.grid.addItem({FREE: "Off"}.get(name, name.replace("T", " triplet")), name)
        self.grid.activated.connect(lambda _index: editor.set(grid=self.grid.currentData()))
        self._lanes = {name: self._toggle(text, tip) for name, text, tip in _LANES}
        for name, button in self._lanes.items():
            button.clicked.connect(lambda _on=False, which=name: editor.toggle_lane(which))
        self.split = self._toggle("Hands", "A line between the hands: drag it over the roll (S)")
        self.split.clicked.connect(lambda _on=False: editor.toggle_split())
        caption = label("Grid", tone="secondary")
        self._parts: tuple[QWidget, ...] = (self.tool, caption, self.grid, self.split, *self._lanes.values())
        # What goes first where there is no room: all of it is in the menu as well.
        self._spare: tuple[QWidget, ...] = (caption, self._lanes["pedal"], self._lanes["velocity"], self.split, self.grid)
        self._row.setSizeConstraint(QLayout.SizeConstraint.SetNoConstraint)
        self._in_front = True
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
        self._in_front = chosen == next(iter(titles))
        if self.views is not None:
            self._row.removeWidget(self.views)
            self.views.hide()
            self.views.deleteLater()
            self.views = None
        if len(titles) > 1:
            self.views = Segments("View", [(name, title, f"Show: {title}") for name, title in titles.items()])
            self.views.set_value(chosen)
            self.views.chosen.connect(self.view_chosen)
            self._row.insertWidget(0, self.views)
        self._fit()

    def minimumSizeHint(self) -> QSize:
        return QSize(240, self.height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._fit()

    def _fit(self) -> None:
        """Show the tools that there is room for."""
        views = self.views.sizeHint().width() + 2 * theme.S4 if self.views is not None else 0
        room = self.width() - 2 * theme.S3 - views
        needed = sum(part.sizeHint().width() + theme.S2 for part in self._parts)
        hidden: set[QWidget] = set()
        for part in self._spare:
            if needed > room:
                hidden.add(part)
                needed -= part.sizeHint().width() + theme.S2
        for part in self._parts:
            part.setVisible(self._in_front and part not in hidden)
