"""One line over the records: which columns the model reads, which one it answers."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QMenu, QToolButton, QWidget

from desktop.tuning.records.facts import Facts
from desktop.ui import theme
from desktop.ui.icons import IconLabel
from desktop.ui.tuning.fields import Choice
from desktop.ui.widgets.elided import ElidedLabel
from desktop.ui.widgets.parts import label

ROOMY = 560
"""Width from which there is room for how the file was read."""
DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe", " ": "space"}


class MappingBar(QWidget):
    """Signals:
    mapped: columns of the prompt and the column of the answer.
    """

    mapped = Signal(tuple, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._columns: list[str] = []
        self._inputs: tuple[str, ...] = ()
        self._output = ""
        self.setFixedHeight(48)
        row = QHBoxLayout(self)
        row.setContentsMargins(theme.S3, 0, theme.S3, 0)
        row.setSpacing(theme.S2)
        row.addWidget(label("Reads", tone="secondary"))
        self.inputs = QToolButton()
        self.inputs.setProperty("kind", "choice")
        self.inputs.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.inputs.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.inputs.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
        self.inputs.setAccessibleName("Columns that the model reads")
        self.inputs.setToolTip("Columns that the model reads")
        row.addWidget(self.inputs)
        row.addWidget(IconLabel("right", "secondary", 14))
        row.addWidget(label("answers", tone="secondary"))
        self.output = Choice("Column of the answer")
        self.output.setToolTip("Column of the answer, or label")
        self.output.setMinimumContentsLength(10)
        self.output.chosen.connect(self._choose_output)
        row.addWidget(self.output)
        self._about = ElidedLabel(mode=Qt.TextElideMode.ElideLeft)
        self._about.setProperty("tone", "secondary")
        self._about.setFont(theme.font(self._about, theme.CAPTION, tabular=True))
        self._about.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        row.addWidget(self._about, 1)

    def show_mapping(self, facts: Facts, inputs: tuple[str, ...], output: str) -> None:
        """Show the columns and what they are used for."""
        self._columns = [column.name for column in facts.columns]
        self._inputs, self._output = inputs, output
        shown = ", ".join(inputs) or "Choose…"
        self.inputs.setText(self.inputs.fontMetrics().elidedText(shown, Qt.TextElideMode.ElideRight, 220))
        self.inputs.setAccessibleName(f"Columns that the model reads: {shown}")
        self.inputs.setToolTip(f"The model reads: {shown}")
        self.inputs.setMenu(self._menu())
        self.output.set_choices([("", "Choose…"), *((name, name) for name in self._columns)])
        self.output.set_value(output)
        self._about.setText(about(facts))

    def resizeEvent(self, event: object) -> None:
        self._about.setVisible(self.width() >= ROOMY)

    def _menu(self) -> QMenu:
        menu = QMenu(self.inputs)
        for name in self._columns:
            action = menu.addAction(name)
            action.setCheckable(True)
            action.setChecked(name in self._inputs)
            action.setEnabled(name != self._output)
            action.toggled.connect(partial(self._choose_input, name))
        return menu

    def _choose_input(self, name: str, on: bool) -> None:
        chosen = {*self._inputs, name} if on else {*self._inputs} - {name}
        self.mapped.emit(tuple(column for column in self._columns if column in chosen), self._output)

    def _choose_output(self, name: str) -> None:
        self.mapped.emit(tuple(column for column in self._inputs if column != name), name)


def about(facts: Facts) -> str:
    """How the file was read."""
    parts = [facts.format.upper()]
    if facts.encoding:
        parts.append(facts.encoding.upper())
    if facts.delimiter and facts.format == "csv":
        parts.append(DELIMITERS.get(facts.delimiter, f"“{facts.delimiter}”"))
    return "  ·  ".join(parts)
