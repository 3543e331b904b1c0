"""What a panel shows when a file could not be opened."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from desktop.jobs.events import Failed
from desktop.ui import theme
from desktop.ui.icons import Button, IconLabel
from desktop.ui.widgets.elided import ElidedLabel
from desktop.ui.widgets.parts import label
from desktop.ui.widgets.start_page import COLUMN


class FailedPage(QWidget):
    """What happened, to which file, and what to do.

    Signals:
        retry_asked, open_asked, library_asked.
    """

    retry_asked = Signal()
    open_asked = Signal()
    library_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._report = ""
        self.setProperty("surface", "canvas")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(theme.S6, theme.S6, theme.S6, theme.S6)
        whole.setSpacing(theme.S2)
        whole.addStretch(2)
        centre = Qt.AlignmentFlag.AlignHCenter
        whole.addWidget(IconLabel("error", "error", 32), 0, centre)
        self._text = label(size=theme.SECTION, bold=True, wrap=True)
        self._text.setAlignment(centre)
        self._path = ElidedLabel()
        self._path.setProperty("tone", "secondary")
        self._path.setAlignment(centre)
        self._remedy = label(wrap=True)
        self._remedy.setAlignment(centre)
        column = QVBoxLayout()
        column.setSpacing(theme.S2)
        for part in (self._text, self._path, self._remedy):
            part.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            part.setFixedWidth(COLUMN)
            column.addWidget(part)
        sides = QHBoxLayout()
        sides.addStretch(1)
        sides.addLayout(column)
        sides.addStretch(1)
        whole.addLayout(sides)
        whole.addSpacing(theme.S3)
        row = QHBoxLayout()
        row.setSpacing(theme.S2)
        again, other = Button("Try again", kind="primary", icon_name="retry"), Button("Open another file…", icon_name="open")
        again.clicked.connect(lambda: self.retry_asked.emit())
        other.clicked.connect(lambda: self.open_asked.emit())
        row.addStretch(1)
        row.addWidget(again)
        row.addWidget(other)
        self._library = Button("Open the library", icon_name="library")
        self._library.clicked.connect(lambda: self.library_asked.emit())
        row.addWidget(self._library)
        copy = Button("Copy details", kind="link")
        copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(self._report))
        row.addWidget(copy)
        row.addStretch(1)
        whole.addLayout(row)
        whole.addStretch(3)

    def say(self, failed: Failed) -> None:
        """Show a failure."""
        self._report = "\n".join(part for part in (failed.message, failed.path, failed.remedy, failed.details) if part)
        self._text.setText(failed.message)
        self._path.setText(failed.path)
        self._remedy.setText(failed.remedy)
        self._library.setVisible(needs_model(failed))


def needs_model(failed: Failed) -> bool:
    """Whether installing a model is the remedy."""
    return "reprise models " in failed.remedy
