"""The queue below the panels: one line when closed, rows with bars and buttons when open."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QScrollArea, QVBoxLayout, QWidget

from desktop.errors import UserError
from desktop.jobs.job import (
    AskJob,
    EstimateJob,
    FilmstripJob,
    FramesJob,
    InspectJob,
    ListenJob,
    PreviewJob,
    RecordsJob,
    RenderJob,
)
from desktop.jobs.rows import Owner, Row
from desktop.jobs.states import State as JobState
from desktop.ui import theme
from desktop.ui.icons import Button, IconButton, IconLabel
from desktop.ui.notify import Note, Severity, from_error
from desktop.ui.panels import Services
from desktop.ui.queue_row import QueueRow
from desktop.ui.topbar import remaining
from desktop.ui.widgets.elided import ElidedLabel
from desktop.ui.widgets.parts import label, line

LINE = 36
HEIGHT = 224
SHOWN = 40
"""Rows of history that are shown."""


class QueueDock(QWidget):
    """Shows the jobs of this computer and lets the user steer them.

    Attributes:
        rows: number -> the newest state of each job.
    """

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._services = services
        self._me = Owner.me()
        self.rows: dict[int, Row] = {}
        self._made: dict[int, QueueRow] = {}
        self.setAccessibleName("Queue")
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addWidget(self._make_line())
        self._edge = line()
        whole.addWidget(self._edge)
        self._scroll = QScrollArea(widgetResizable=True)
        self._scroll.setAccessibleName("Jobs")
        self._scroll.setFixedHeight(HEIGHT)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        inner = QWidget()
        inner.setProperty("surface", "plain")
        self._list = QVBoxLayout(inner)
        self._list.setContentsMargins(theme.S2, theme.S1, theme.S2, theme.S1)
        self._list.setSpacing(0)
        self._empty = label(
            "Nothing has been done yet. Jobs appear here while they run and stay until they are cleared.", tone="secondary"
        )
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._list.addWidget(self._empty)
        self._list.addStretch(1)
        self._scroll.setWidget(inner)
        whole.addWidget(self._scroll)
        self._show_open(services.state.flag("queue/open"))
        services.bridge.rows_changed.connect(self._changed)
        services.bridge.removed.connect(self._removed)
        self._summarise()

    def load(self) -> None:
        """Read the history; offer to retry what was interrupted."""
        rows = self._services.bridge.queue.rows()
        for row in rows:
            if _is_aside(row) and row.state.is_over:
                self._do("remove", row.id)
        self._changed([row for row in rows if not (_is_aside(row) and row.state.is_over)])
        lost = [row for row in self.rows.values() if row.state is JobState.INTERRUPTED and not _is_aside(row)]
        if lost:
            what = f"“{lost[0].job.title}” was" if len(lost) == 1 else f"{len(lost)} jobs were"
            again = all(row.job.resumable for row in lost)
            left = "What was finished is kept: it goes on from there." if again else "Nothing half-written was left."
            self._services.say(
                Note(
                    Severity.WARNING,
                    f"{what} interrupted",
                    remedy=f"Reprise ended before the work was done. {left}",
                    actions=[("Go on" if again else "Try again", lambda: self._retry(lost)), ("Show the queue", self.open)],
                )
            )

    def _retry(self, rows: list[Row]) -> None:
        for row in rows:
            self._do("retry", row.id)

    # Open and closed

    @property
    def is_open(self) -> bool:
        """Whether the rows are shown."""
        return not self._scroll.isHidden()

    def toggle(self) -> None:
        """Open or close."""
        self._show_open(not self.is_open)
        self._services.state.keep("queue/open", self.is_open)
        self._services.refresh()

    def open(self) -> None:
        """Show the rows."""
        if not self.is_open:
            self.toggle()

    def own_jobs(self) -> list[Row]:
        """Jobs of this window that are not over, without those that only help it (they are made again when needed)."""
        return [row for row in self.rows.values() if row.owner == self._me and not row.state.is_over and not _is_aside(row)]

    def close_dock(self) -> None:
        """Cancel what only served this window."""
        for row in self.rows.values():
            if row.owner == self._me and not row.state.is_over and _is_aside(row):
                self._services.bridge.queue.cancel(row.id)

    def _show_open(self, on: bool) -> None:
        self._scroll.setVisible(on)
        self._edge.setVisible(on)
        self._clear.setVisible(on)
        self._arrow.set_icon("down" if on else "up", "Close the queue (Ctrl+J)" if on else "Open the queue (Ctrl+J)")

    def _make_line(self) -> QWidget:
        bar = QWidget()
        bar.setFixedHeight(LINE)
        row = QHBoxLayout(bar)
        row.setContentsMargins(theme.S4, 0, theme.S2, 0)
        row.setSpacing(theme.S2)
        self._mark = IconLabel("queue")
        self._text = ElidedLabel(mode=Qt.TextElideMode.ElideMiddle)
        self._left = label(tone="secondary", tabular=True)
        self._bar = QProgressBar(maximum=1000, textVisible=False)
        self._bar.setFixedWidth(160)
        self._bar.setAccessibleName("Progress of the running job")
        self._clear = Button("Clear finished", kind="link")
        self._clear.clicked.connect(self._clear_finished)
        self._arrow = IconButton("up", "Open the queue (Ctrl+J)")
        self._arrow.clicked.connect(self.toggle)
        for part in (self._mark, self._text, self._bar, self._left):
            row.addWidget(part, 1 if part is self._text else 0)
        row.addWidget(self._clear)
        row.addWidget(self._arrow)
        return bar

    # What happens

    def _changed(self, rows: list[Row]) -> None:
        for row in rows:
            self.rows[row.id] = row
            if _is_aside(row) and row.state.is_over:
                # What only served the window is no history.
                self._drop(row.id)
                continue
            made = self._made.get(row.id)
            if made is None:
                made = self._made[row.id] = QueueRow(row)
                made.asked.connect(self._do)
                self._list.insertWidget(0, made)
            made.show_row(row)
        for number in sorted(self._made)[:-SHOWN]:
            if self.rows[number].state.is_over:
                self._drop(number)
        self._summarise()

    def _removed(self, number: int) -> None:
        self.rows.pop(number, None)
        self._drop(number)
        self._summarise()

    def _drop(self, number: int) -> None:
        if (made := self._made.pop(number, None)) is not None:
            self._list.removeWidget(made)
            made.deleteLater()

    def _summarise(self) -> None:
        self._empty.setVisible(not self._made)
        running = [row for row in self.rows.values() if row.state.is_active]
        waiting = sum(row.state is JobState.QUEUED for row in self.rows.values())
        failed = sum(self.rows[number].state in (JobState.FAILED, JobState.INTERRUPTED) for number in self._made)
        self._clear.setEnabled(any(self.rows[number].state.is_over for number in self._made))
        self._bar.setVisible(bool(running))
        if running:
            first = max(running, key=lambda row: (row.state is JobState.RUNNING, row.priority, -row.id))
            more = f"  ·  {len(running) - 1 + waiting} more" if len(running) + waiting > 1 else ""
            self._text.setText(f"{first.job.title}{more}")
            self._bar.setValue(round(first.fraction * 1000))
            self._left.setText(remaining(first.remaining_s))
            self._mark.show_icon("queue", "accent")
            return
        self._left.setText("")
        words = f"{waiting} waiting" if waiting else "Nothing running"
        if failed:
            words += f"  ·  {failed} to look at"
        self._text.setText(words)
        self._mark.show_icon("queue", "secondary")

    def _do(self, what: str, number: int) -> None:
        queue = self._services.bridge.queue
        try:
            if what == "details":
                from desktop.ui.dialogs import JobDialog

                JobDialog(self.rows[number], self._services.store, self.window()).open()
            elif what == "folder":
                from desktop.ui.files import show_in_folder

                show_in_folder(self._made[number].folder())
            else:
                {
                    "cancel": queue.cancel,
                    "pause": queue.pause,
                    "resume": queue.resume,
                    "retry": queue.retry,
                    "remove": queue.remove,
                }[what](number)
        except UserError as error:
            self._services.say(from_error(error))

    def _clear_finished(self) -> None:
        for number, row in list(self.rows.items()):
            if row.state.is_over:
                self._do("remove", number)


def _is_aside(row: Row) -> bool:
    """Whether a job only serves the window (waveform, playback, frames) and is made again whenever it is needed."""
    aside = (ListenJob, FramesJob, FilmstripJob, InspectJob, PreviewJob, RecordsJob, EstimateJob, AskJob)
    return isinstance(row.job, aside) or (isinstance(row.job, RenderJob) and "renders" in row.job.output)
