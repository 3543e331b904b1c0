"""What stands in the middle of a page that has nothing to show yet: never a grey void."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from desktop.ui import theme
from desktop.ui.icons import Button, IconLabel
from desktop.ui.widgets.parts import label

COLUMN = 420


class QuietPage(QWidget):
    """An icon, a sentence, what to do; buttons go into ``foot``."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        column = QVBoxLayout(self)
        column.setSpacing(theme.S2)
        column.addStretch(2)
        centre = Qt.AlignmentFlag.AlignHCenter
        self._mark = IconLabel("info", "secondary", 32)
        column.addWidget(self._mark, 0, centre)
        self.text = label(size=theme.SECTION, bold=True, wrap=True)
        self.detail = label(tone="secondary", wrap=True)
        for part in (self.text, self.detail):
            part.setAlignment(centre)
            sides = QHBoxLayout()
            sides.addStretch(1)
            part.setMaximumWidth(COLUMN)
            sides.addWidget(part, 1000)
            sides.addStretch(1)
            column.addLayout(sides)
        self.foot = QHBoxLayout()
        self.foot.setSpacing(theme.S2)
        self.foot.addStretch(1)
        column.addSpacing(theme.S1)
        column.addLayout(self.foot)
        column.addStretch(3)

    def say(self, icon: str, text: str, detail: str = "") -> None:
        """Show this."""
        self._mark.show_icon(icon, "secondary")
        self.text.setText(text)
        self.detail.setText(detail)
        self.detail.setVisible(bool(detail))

    def add_button(self, button: Button) -> Button:
        """Put a button below."""
        self.foot.addWidget(button)
        return button

    def end_buttons(self) -> None:
        """All buttons are there: keep them in the middle."""
        self.foot.addStretch(1)
