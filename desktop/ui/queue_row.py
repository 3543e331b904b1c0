"""One job in the queue."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QWidget

from desktop.jobs.rows import Row
from desktop.jobs.states import State
from desktop.ui import theme
from desktop.ui.icons import IconButton, IconLabel
from desktop.ui.topbar import remaining
from desktop.ui.widgets.elided import ElidedLabel
from desktop.ui.widgets.parts import label, restyle

MARKS = {
    State.QUEUED: ("waiting", "secondary"),
    State.RUNNING: ("play", "accent"),
    State.PAUSED: ("pause", "secondary"),
    State.DONE: ("done", "good"),
    State.FAILED: ("error", "error"),
    State.CANCELLED: ("close", "secondary"),
    State.INTERRUPTED: ("warning", "warning"),
}
WORDS = {
    State.QUEUED: "Waiting",
    State.PAUSED: "Paused",
    State.DONE: "Done",
    State.CANCELLED: "Cancelled",
    State.INTERRUPTED: "Interrupted: Reprise ended before it was done",
}


BUTTONS = (
    ("pause", "pause", "Pause"),
    ("resume", "play", "Go on"),
    ("cancel", "close", "Cancel"),
    ("retry", "retry", "Try again"),
    ("folder", "folder", "Show the result in its folder"),
    ("details", "log", "Details and log"),
    ("remove", "remove", "Remove from the history"),
)


class RowButtons(QWidget):
    """The buttons at the end of a row, of which at most four are in sight.

    Args:
        buttons: name, icon and tip of each.

    Signals:
        asked: the name of the button that was pressed.
    """

    asked = Signal(str)

    def __init__(self, buttons: Sequence[tuple[str, str, str]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedWidth(4 * 30)
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(0)
        line.addStretch(1)
        self._buttons: dict[str, IconButton] = {}
        for what, icon, tip in buttons:
            button = IconButton(icon, tip)
            button.clicked.connect(lambda _on=False, w=what: self.asked.emit(w))
            self._buttons[what] = button
            line.addWidget(button)

    def __getitem__(self, what: str) -> IconButton:
        return self._buttons[what]

    def offer(self, visible: Mapping[str, bool], title: str) -> None:
        """Show those that make sense now for what ``title`` names."""
        for name, button in self._buttons.items():
            button.setVisible(visible[name])
            button.setAccessibleName(f"{button.toolTip()}: {title}")


class QueueRow(QWidget):
    """Icon, name, what is going on, bar, time left, buttons.

    Signals:
        asked: what ("cancel", "pause", "resume", "retry", "remove", "details", "folder") and the job's number.
    """

    asked = Signal(str, int)

    def __init__(self, row: Row, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._row = row
        self.setFixedHeight(40)
        line = self._line = QHBoxLayout(self)
        line.setContentsMargins(theme.S2, 0, 0, 0)
        line.setSpacing(theme.S2)
        self._mark = IconLabel("waiting")
        self._name = ElidedLabel()
        self._what = ElidedLabel(mode=Qt.TextElideMode.ElideRight)
        self._what.setProperty("tone", "secondary")
        self._bar = QProgressBar(maximum=1000, textVisible=False)
        self._bar.setFixedWidth(120)
        self._left = label(tone="secondary", tabular=True)
        self._left.setFixedWidth(96)
        self._left.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        line.addWidget(self._mark)
        line.addWidget(self._name, 3)
        line.addWidget(self._what, 4)
        policy = self._bar.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self._bar.setSizePolicy(policy)
        line.addWidget(self._bar)
        line.addWidget(self._left)
        self._buttons = RowButtons(BUTTONS)
        self._buttons.asked.connect(lambda what: self.asked.emit(what, self._row.id))
        line.addWidget(self._buttons)
        self.show_row(row)

    def indent(self, depth: int) -> None:
        """Stand below what it belongs to."""
        self._line.setContentsMargins(theme.S2 + depth * theme.S6, 0, 0, 0)

    def folder(self) -> Path:
        """Where the job's files are."""
        made = [Path(a.path) for a in self._row.artifacts]
        return made[0] if made else Path(getattr(self._row.job, "output", "."))

    def show_row(self, row: Row) -> None:
        """Show the job as it is now."""
        self._row = row
        state = row.state
        self._mark.show_icon(*MARKS[state])
        self._name.setText(row.job.title)
        goes_on = row.job.resumable and state.can_retry and row.fraction > 0
        what = row.error.message if row.error else WORDS.get(state) or row.message or "Starting"
        if goes_on and state is not State.FAILED:
            what = f"{'Interrupted' if state is State.INTERRUPTED else 'Stopped'}: can go on where it was"
        if state is State.PAUSED and row.message:
            what = f"Paused  ·  {row.message}"
        self._what.setText(what)
        restyle(self._what, tone="error" if state is State.FAILED else "secondary")
        self._bar.setVisible(state.is_active)
        self._bar.setValue(round(row.fraction * 1000))
        restyle(self._bar, state=state.value)
        self._bar.setAccessibleName(f"Progress of {row.job.title}")
        self._left.setText(remaining(row.remaining_s) if state is State.RUNNING else when(row.ended) if state.is_over else "")
        visible = {
            "pause": state is State.RUNNING,
            "resume": state is State.PAUSED,
            "cancel": not state.is_over,
            "retry": state.can_retry,
            "folder": state is State.DONE and bool(row.artifacts),
            "details": True,
            "remove": state.is_over,
        }
        self._buttons["retry"].set_icon("play" if goes_on else "retry", "Go on" if goes_on else "Try again")
        self._buttons.offer(visible, row.job.title)
        self.setAccessibleName(f"{row.job.title}: {what}")


def when(ended: float | None) -> str:
    """When something ended, in words."""
    if ended is None:
        return ""
    ago = time.time() - ended
    if ago < 60:
        return "just now"
    if ago < 3600:
        return f"{round(ago / 60)} min ago"
    return time.strftime("%H:%M" if ago < 43200 else "%d %b", time.localtime(ended))
