"""One job in the queue."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QWidget

from desktop.jobs.rows import Row
from desktop.jobs.states import State
from desktop.ui import theme
from desktop.ui.icons import IconButton, IconLabel
from desktop.ui.queue import offers
from desktop.ui.queue.lines import Line
from desktop.ui.queue.offers import Offer
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
MORE = Offer("menu", "more", "More")
BUTTONS_WIDTH = 4 * 30


class RowButtons(QWidget):
    """The buttons at the end of a row, of which at most four are in sight, and the one that opens the row's menu.

    Args:
        offers: all that there may ever be.

    Signals:
        asked: the name of the button that was pressed; "menu" for the last one.
    """

    asked = Signal(str)

    def __init__(self, offers: Sequence[Offer], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedWidth(BUTTONS_WIDTH)
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(0)
        line.addStretch(1)
        self._buttons: dict[str, IconButton] = {}
        self._offered: dict[str, Offer] = {}
        for offer in (*(offer for offer in offers if offer.in_row), MORE):
            button = IconButton(offer.icon, offer.text)
            button.clicked.connect(lambda _on=False, what=offer.what: self.asked.emit(what))
            self._buttons[offer.what] = button
            line.addWidget(button)

    def __getitem__(self, what: str) -> IconButton:
        return self._buttons[what]

    def offer(self, offers: Iterable[Offer], title: str) -> None:
        """Show those that make sense now for what ``title`` names."""
        now = {offer.what: offer for offer in (*offers, MORE)}
        for name, button in self._buttons.items():
            button.setVisible(name in now)
            if name not in now:
                continue
            # Rows are filled anew at every step of the wheel.
            if self._offered.get(name) != now[name]:
                self._offered[name] = now[name]
                button.set_icon(now[name].icon, now[name].text)
            button.setAccessibleName(f"{now[name].text}: {title}")


class QueueRow(QWidget):
    """Icon, name, what is going on, bar, time left, buttons.

    Signals:
        asked: what, the name of an offer or "menu".
    """

    asked = Signal(str)

    def __init__(self, row: Row, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._row = row
        self.setFixedHeight(40)
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(theme.S2)
        # Of one layout, so that what follows stands in a column however deep the row is.
        head = self._head = QHBoxLayout()
        head.setContentsMargins(theme.S2, 0, 0, 0)
        head.setSpacing(theme.S2)
        self._mark = IconLabel("waiting")
        self._name = ElidedLabel()
        self._what = ElidedLabel(mode=Qt.TextElideMode.ElideRight)
        self._what.setProperty("tone", "secondary")
        self._bar = QProgressBar(maximum=1000, textVisible=False)
        self._bar.setFixedWidth(120)
        self._left = label(tone="secondary", tabular=True)
        self._left.setFixedWidth(96)
        self._left.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        head.addWidget(self._mark)
        head.addWidget(self._name, 1)
        line.addLayout(head, 5)
        line.addWidget(self._what, 4)
        policy = self._bar.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self._bar.setSizePolicy(policy)
        line.addWidget(self._bar)
        line.addWidget(self._left)
        self._buttons = RowButtons(offers.JOB)
        self._buttons.asked.connect(self.asked)
        line.addWidget(self._buttons)
        self.show_row(row)

    def show_line(self, line: Line) -> None:
        """Show a job as it is now, below what it belongs to."""
        assert line.row is not None
        self._head.setContentsMargins(theme.S2 + line.depth * theme.S6, 0, 0, 0)
        self.show_row(line.row, reason=line.key[1])

    def folder(self) -> Path:
        """Where the job's files are."""
        made = [Path(a.path) for a in self._row.artifacts]
        return made[0] if made else Path(getattr(self._row.job, "output", "."))

    def show_row(self, row: Row, *, reason: str = "") -> None:
        """Show the job as it is now; ``reason``: the one of its failure that stands above it already."""
        self._row = row
        state = row.state
        self._mark.show_icon(*MARKS[state])
        self._name.setText(row.job.title)
        self.setToolTip(offers.source_of(row))
        what = str(Path(offers.source_of(row)).parent) if row.error and row.error.message == reason else said(row)
        self._what.setText(what)
        restyle(self._what, tone="error" if state is State.FAILED and not reason else "secondary")
        self._bar.setVisible(state.is_active)
        self._bar.setValue(round(row.fraction * 1000))
        restyle(self._bar, state=state.value)
        self._bar.setAccessibleName(f"Progress of {row.job.title}")
        self._left.setText(remaining(row.remaining_s) if state is State.RUNNING else when(row.ended) if state.is_over else "")
        self._buttons.offer(offers.of_job(row), row.job.title)
        self.setAccessibleName(f"{row.job.title}: {what}")


def said(row: Row) -> str:
    """What is going on with a job, and on which computer where it is another one."""
    state = row.state
    if row.error:
        text = row.error.message
    elif offers.goes_on(row):
        text = f"{'Interrupted' if state is State.INTERRUPTED else 'Stopped'}: can go on where it was"
    elif state is State.PAUSED and row.message:
        text = f"Paused  ·  {row.message}"
    else:
        text = WORDS.get(state) or row.message or "Starting"
    return f"{text}  ·  on {row.node}" if row.node and state is not State.QUEUED else text


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
