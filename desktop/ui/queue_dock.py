"""The queue below the panels: one line when closed, rows with bars and buttons when open."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from time import monotonic

from PySide6.QtCore import Qt, QTimer, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QProgressBar, QVBoxLayout, QWidget

from desktop.errors import UserError
from desktop.jobs.batches import Batch
from desktop.jobs.job import RenderJob
from desktop.jobs.rows import Owner, Row
from desktop.jobs.states import State as JobState
from desktop.ui import theme
from desktop.ui.icons import Button, IconButton, IconLabel
from desktop.ui.notify import Note, Severity, from_error
from desktop.ui.panels import Services
from desktop.ui.queue.batch_row import report_of
from desktop.ui.queue.lines import ACTIVE, ASIDE_KINDS, HISTORY, OVER, Lines, all_rows, is_aside
from desktop.ui.queue.view import QueueView
from desktop.ui.queue_row import QueueRow
from desktop.ui.topbar import remaining
from desktop.ui.widgets.elided import ElidedLabel
from desktop.ui.widgets.parts import label, line

LINE = 36
HEIGHT = 224
KEPT = 500
"""Jobs that are over and still known by number."""
REFRESH_MS = 200
FAILED = (JobState.FAILED, JobState.INTERRUPTED)
NOTHING = "Nothing has been done yet. Jobs appear here while they run and stay until they are cleared."


class QueueDock(QWidget):
    """Shows the jobs of this computer and lets the user steer them.

    Attributes:
        view: the list. search: what it is narrowed to.
        rows: number -> the newest state of each job.
    """

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._services = services
        self._me = Owner.me()
        self.rows: dict[int, Row] = {}
        self._counts = (0, 0, 0)
        self._is_closed = False
        self.setAccessibleName("Queue")
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addWidget(self._make_line())
        self._edge = line()
        whole.addWidget(self._edge)
        self._lines = Lines(services.store)
        self.view = QueueView(self._lines)
        self.view.setFixedHeight(HEIGHT)
        self.view.asked.connect(self._do)
        self.view.batch_asked.connect(self._do_batch)
        self._empty = label(tone="secondary")
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        inside = QVBoxLayout(self.view)
        inside.addWidget(self._empty)
        whole.addWidget(self.view)
        self._refreshing = QTimer(self, singleShot=True, interval=REFRESH_MS)
        self._refreshing.timeout.connect(self._refresh)
        self._show_open(services.state.flag("queue/open"))
        services.bridge.rows_changed.connect(self._changed)
        services.bridge.batch_changed.connect(self._batch_changed)
        services.bridge.removed.connect(self._removed)
        self._refresh()

    def load(self) -> None:
        """Read the history; offer to retry what was interrupted."""
        store = self._services.store
        rows = all_rows(store, (*ACTIVE, JobState.INTERRUPTED))
        for row in all_rows(store, OVER, ASIDE_KINDS):
            if is_aside(row):
                self._do("remove", row.id)
        self._changed([row for row in rows if not (is_aside(row) and row.state.is_over)])
        self._refresh()
        lost = [row for row in self.rows.values() if row.state is JobState.INTERRUPTED and not is_aside(row)]
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
        return not self.view.isHidden()

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
        rows = all_rows(self._services.store, (JobState.QUEUED, *ACTIVE))
        return [row for row in rows if row.owner == self._me and not is_aside(row)]

    def close_dock(self) -> None:
        """Cancel what only served this window; read nothing any more."""
        self._is_closed = True
        self._refreshing.stop()
        for row in self.rows.values():
            if row.owner == self._me and not row.state.is_over and is_aside(row):
                self._services.bridge.queue.cancel(row.id)

    def _show_open(self, on: bool) -> None:
        self.view.setVisible(on)
        self._edge.setVisible(on)
        self._clear.setVisible(on)
        self.search.setVisible(on)
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
        self.search = QLineEdit(placeholderText="Search the history")
        self.search.setAccessibleName("Search the history")
        self.search.setFixedWidth(200)
        self.search.textChanged.connect(self._search_for)
        self._clear = Button("Clear finished", kind="link")
        self._clear.clicked.connect(self._clear_finished)
        self._arrow = IconButton("up", "Open the queue (Ctrl+J)")
        self._arrow.clicked.connect(self.toggle)
        for part in (self._mark, self._text, self._bar, self._left):
            row.addWidget(part, 1 if part is self._text else 0)
        row.addWidget(self.search)
        row.addWidget(self._clear)
        row.addWidget(self._arrow)
        return bar

    # What happens

    @property
    def _made(self) -> dict[int, QueueRow]:
        """Rows of jobs that are in sight, by number."""
        return self.view.jobs

    def _changed(self, rows: list[Row]) -> None:
        moved = False
        for row in rows:
            before = self.rows.get(row.id)
            self.rows[row.id] = row
            moved = moved or before is None or before.state is not row.state
            self._lines.take(row)
            if row.state.is_over and isinstance(row.job, RenderJob) and is_aside(row):
                # What only served the window is no history; whoever waits for it hears of its end first.
                QTimer.singleShot(0, self, lambda number=row.id: self._forget(number))
        if moved:
            self._forget_old()
            self._later()
        self.view.relay()
        self._summarise()

    def _forget(self, number: int) -> None:
        if self._is_closed:
            return
        with contextlib.suppress(UserError):
            self._services.bridge.queue.remove(number)

    def _forget_old(self) -> None:
        over = sorted(number for number, row in self.rows.items() if row.state.is_over)
        for number in over[:-KEPT]:
            del self.rows[number]

    def _batch_changed(self, batch: Batch) -> None:
        if not self._lines.take_batch(batch) or batch.id in self._lines.opened:
            self._later()
        self.view.relay()
        self._summarise()

    def _removed(self, number: int) -> None:
        self.rows.pop(number, None)
        self._later()
        self._summarise()

    def _later(self) -> None:
        """Read the list anew soon, once for all that happens until then."""
        if not self._refreshing.isActive() and not self._is_closed:
            self._refreshing.start()

    def _search_for(self, words: str) -> None:
        self._lines.search = words.strip()
        self.view.verticalScrollBar().setValue(0)
        self._refresh()

    def _refresh(self) -> None:
        began = monotonic()
        try:
            self._lines.refresh()
            count = self._services.store.count
            waiting, failed = count(states=(JobState.QUEUED,)), count(states=FAILED, kinds=HISTORY)
            self._counts = waiting, failed, count(states=OVER, kinds=HISTORY)
        except UserError as error:
            self._services.say(from_error(error))
        self.view.relay()
        self._summarise()
        # However long the list is, most of the time is left for the user.
        self._refreshing.setInterval(max(REFRESH_MS, round(8000 * (monotonic() - began))))

    def _summarise(self) -> None:
        self._empty.setText(f"No job has “{self._lines.search}” in its name." if self._lines.search else NOTHING)
        self._empty.setVisible(not len(self._lines))
        running = [row for row in self.rows.values() if row.state.is_active]
        waiting, failed, over = self._counts
        self._clear.setEnabled(over > 0)
        self._bar.setVisible(bool(running))
        if running:
            first = max(running, key=lambda row: (row.state is JobState.RUNNING, row.priority, -row.id))
            more = f"  ·  {len(running) - 1 + waiting:,} more" if len(running) + waiting > 1 else ""
            self._text.setText(f"{first.job.title}{more}")
            self._bar.setValue(round(first.fraction * 1000))
            self._left.setText(remaining(first.remaining_s))
            self._mark.show_icon("queue", "accent")
            return
        self._left.setText("")
        words = f"{waiting:,} waiting" if waiting else "Nothing running"
        if failed:
            words += f"  ·  {failed:,} to look at"
        self._text.setText(words)
        self._mark.show_icon("queue", "secondary")

    def _do(self, what: str, number: int) -> None:
        queue = self._services.bridge.queue
        try:
            if what == "details":
                from desktop.ui.dialogs import JobDialog

                JobDialog(queue.row(number), self._services.store, self.window()).open()
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

    def _do_batch(self, what: str, number: int, jobs: Sequence[int] | None = None) -> None:
        queue = self._services.bridge.queue
        try:
            batch = self._services.store.batch(number)
            if what == "open":
                self._lines.opened ^= {number}
            elif what == "report" and (report := report_of(batch)) is not None:
                QDesktopServices.openUrl(QUrl.fromLocalFile(str(report)))
            elif what == "folder":
                from desktop.ui.files import show_in_folder

                show_in_folder(Path(batch.spec.output))
            elif what == "retry":
                queue.retry_batch(number, jobs)
            else:
                {
                    "cancel": queue.cancel_batch,
                    "pause": queue.pause_batch,
                    "resume": queue.resume_batch,
                    "remove": queue.remove_batch,
                }[what](number)
        except UserError as error:
            self._services.say(from_error(error))
        self._refresh()

    def _clear_finished(self) -> None:
        for batch in self._services.store.batches():
            if batch.is_over:
                self._do_batch("remove", batch.id)
        for row in all_rows(self._services.store, OVER):
            if not row.batch:
                self._do("remove", row.id)
