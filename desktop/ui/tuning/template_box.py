"""The template of the prompt and the system message; the text beside it follows while it is written."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import QHBoxLayout, QMenu, QPlainTextEdit, QVBoxLayout, QWidget

from desktop.ui import theme
from desktop.ui.icons import Button
from desktop.ui.tuning.fields import captioned
from desktop.ui.widgets.parts import label


class TemplateBox(QWidget):
    """Signals:
    changed: template and system message.
    """

    changed = Signal(str, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.S2)
        self.template = _editor("Template")
        self.system = _editor("System message")
        self.system.setPlaceholderText("How the model is to behave; for bases that take part in a conversation")
        for editor in (self.template, self.system):
            editor.textChanged.connect(self._say)
        column.addWidget(
            captioned("Template", self.template, "Jinja: {{ column }} stands for the value; empty joins the columns read", 104)
        )
        row = QHBoxLayout()
        self.insert = Button("Insert a column", kind="link")
        self.insert.setProperty("tight", True)
        self.insert.setToolTip("Put the value of a column where the cursor is")
        row.addWidget(self.insert)
        row.addStretch(1)
        self.reset = Button("Join the columns", kind="link")
        self.reset.setProperty("tight", True)
        self.reset.setToolTip("Use no template")
        self.reset.clicked.connect(lambda: self.template.setPlainText(""))
        row.addWidget(self.reset)
        column.addLayout(row)
        column.addWidget(captioned("System message", self.system, height=76))
        self._error = label(size=theme.CAPTION, tone="error", wrap=True)
        self._error.hide()
        column.addWidget(self._error)

    def show_template(self, template: str, system: str, columns: list[str], inputs: tuple[str, ...], problem: str = "") -> None:
        """Show what is used; what the user is writing is left alone."""
        for editor, text in ((self.template, template), (self.system, system)):
            if editor.toPlainText() != text and not editor.hasFocus():
                with QSignalBlocker(editor):
                    editor.setPlainText(text)
        joined = "\n".join(f"{{{{ {name} }}}}" if name.isidentifier() else f"{{{{ row['{name}'] }}}}" for name in inputs)
        self.template.setPlaceholderText(joined)
        menu = QMenu(self.insert)
        for name in columns:
            menu.addAction(name).triggered.connect(partial(self._insert, name))
        self.insert.setMenu(menu)
        self.reset.setVisible(bool(template))
        self._error.setText(problem)
        self._error.setVisible(bool(problem))

    def _insert(self, name: str, _on: bool = False) -> None:
        self.template.insertPlainText(f"{{{{ {name} }}}}" if name.isidentifier() else f"{{{{ row['{name}'] }}}}")

    def _say(self) -> None:
        self.changed.emit(self.template.toPlainText(), self.system.toPlainText())


def _editor(name: str) -> QPlainTextEdit:
    made = QPlainTextEdit()
    made.setAccessibleName(name)
    made.setTabChangesFocus(True)
    made.setProperty("kind", "field")
    return made
