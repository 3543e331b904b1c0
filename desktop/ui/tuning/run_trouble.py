"""Why a run failed and what to do, over its curves."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from desktop.jobs.events import Failed
from desktop.jobs.rows import Row
from desktop.jobs.states import State
from desktop.tuning.runs import Run, RunState
from desktop.ui import theme
from desktop.ui.icons import Button, IconLabel
from desktop.ui.widgets.elided import ElidedLabel
from desktop.ui.widgets.parts import label


class Trouble(QFrame):
    """What happened, to which file, what to do; all of it can be copied."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("surface", "card")
        self._report = ""
        row = QHBoxLayout(self)
        row.setContentsMargins(theme.S3, theme.S2, theme.S2, theme.S2)
        row.setSpacing(theme.S3)
        row.addWidget(IconLabel("error", "error"), 0, Qt.AlignmentFlag.AlignTop)
        column = QVBoxLayout()
        column.setSpacing(2)
        self.text, self._path, self.remedy = label(bold=True, wrap=True), ElidedLabel(), label(wrap=True)
        self._path.setProperty("tone", "secondary")
        for part in (self.text, self._path, self.remedy):
            part.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            column.addWidget(part)
        row.addLayout(column, 1)
        copy = Button("Copy details", kind="link")
        copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(self._report))
        row.addWidget(copy, 0, Qt.AlignmentFlag.AlignTop)

    def say(self, failed: Failed | None) -> None:
        """Show a failure; None hides."""
        self.setVisible(failed is not None)
        if failed is None:
            return
        self._report = "\n".join(part for part in (failed.message, failed.path, failed.remedy, failed.details) if part)
        self.text.setText(failed.message)
        self._path.setText(failed.path)
        self._path.setVisible(bool(failed.path))
        self.remedy.setText(failed.remedy)
        self.remedy.setVisible(bool(failed.remedy))
        self.setAccessibleName(f"Error: {failed.message}")


def trouble(run: Run | None, row: Row | None) -> Failed | None:
    """Why a run failed: its job says it with more words than the history; None when it did not fail."""
    if row is not None and not row.state.is_over:
        return None
    if row is not None and row.state is State.FAILED and row.error is not None:
        return row.error
    if run is not None and run.state is RunState.FAILED:
        remedy = "Go on from its last checkpoint, or start a new run with another recipe."
        return Failed(run.error or "The run failed", remedy=remedy if run.step else "Start it again.")
    if row is not None and row.state is State.INTERRUPTED and run is None:
        return Failed("Reprise ended before the run began", remedy="Start it again.")
    return None
