"""The line that says how a job of the page goes on."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QProgressBar, QVBoxLayout, QWidget

from desktop.jobs.states import State
from desktop.ui import theme
from desktop.ui.icons import IconButton
from desktop.ui.topbar import remaining
from desktop.ui.watched import Watched
from desktop.ui.widgets.elided import ElidedLabel
from desktop.ui.widgets.parts import label


class ProgressLine(QFrame):
    """What is being done, how far it is, how long it takes; hidden while nothing is done."""

    def __init__(self, watched: Watched, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._watched = watched
        self.setProperty("surface", "card")
        row = QHBoxLayout(self)
        row.setContentsMargins(theme.S3, theme.S2, theme.S2, theme.S2)
        row.setSpacing(theme.S3)
        column = QVBoxLayout()
        column.setSpacing(theme.S1)
        words = QHBoxLayout()
        self.message = ElidedLabel(mode=Qt.TextElideMode.ElideRight)
        self.left = label(size=theme.CAPTION, tone="secondary", tabular=True)
        words.addWidget(self.message, 1)
        words.addWidget(self.left)
        self.bar = QProgressBar(maximum=1000, textVisible=False)
        column.addLayout(words)
        column.addWidget(self.bar)
        row.addLayout(column, 1)
        cancel = IconButton("close", "Cancel", size=14)
        cancel.clicked.connect(watched.cancel)
        row.addWidget(cancel)
        watched.changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show where the job is."""
        row = self._watched.row
        self.setVisible(self._watched.going)
        if row is None:
            return
        waiting = row.state is State.QUEUED
        self.message.setText(
            "Waiting for its turn: runs and long jobs on one device take turns" if waiting else row.message or "Starting"
        )
        self.left.setText(remaining(row.remaining_s))
        self.bar.setValue(round(1000 * row.fraction))
        self.bar.setAccessibleName(f"Progress: {row.job.title}")
