"""What the user asks of the queue's lines, done: jobs, batches, files that failed for one reason; with a way back."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, QUrl
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QFileDialog, QWidget

from desktop.errors import UserError
from desktop.jobs.batches import Batch, FailureGroup
from desktop.jobs.rows import Row
from desktop.jobs.states import State
from desktop.ui.files import show_in_folder
from desktop.ui.notify import STAYS_MS, Note, Severity, from_error
from desktop.ui.panels import Services
from desktop.ui.queue.lines import Line, Lines
from desktop.ui.queue.offers import report_of, source_of
from desktop.ui.queue.reports import write_report

_ALL = 1_000_000
_AGAIN_MS = 250


class Steering(QObject):
    """Does what was asked of a line; what is removed can be had back for some seconds.

    Args:
        changed: reads the list anew.
    """

    def __init__(self, services: Services, lines: Lines, changed: Callable[[], None], parent: QWidget) -> None:
        super().__init__(parent)
        self._services, self._lines, self._changed, self._window = services, lines, changed, parent
        self._leaving: dict[int, tuple[tuple[int, ...], tuple[int, ...]]] = {}
        self._removals = 0

    def do(self, what: str, line: Line) -> None:
        """Do what an offer names to what a line is about."""
        try:
            if line.row is not None:
                self.do_job(what, line.row)
            elif what == "open":
                self._lines.turn(line)
            elif line.group is not None and line.batch is not None:
                self._do_group(what, line.batch, line.group)
            elif line.batch is not None:
                self.do_batch(what, line.batch)
        except UserError as error:
            self._services.say(from_error(error))
        self._changed()

    def do_job(self, what: str, row: Row) -> None:
        """Do something to a job; raises UserError."""
        queue, number = self._services.bridge.queue, row.id
        made = [Path(artifact.path) for artifact in row.artifacts]
        if what == "details":
            from desktop.ui.dialogs import JobDialog

            JobDialog(queue.row(number), self._services.store, self._window.window()).open()
        elif what == "result":
            self._services.open(made[0])
        elif what == "folder":
            show_in_folder(made[0])
        elif what == "source":
            show_in_folder(Path(source_of(row)))
        elif what == "copy" and row.error is not None:
            QGuiApplication.clipboard().setText("\n".join(filter(None, (row.error.message, row.error.path, row.error.remedy))))
        elif what in ("first", "last"):
            queue.put(first=what == "first", job=number)
        elif what == "cancel":
            queue.cancel(number)
            self._tell_cancelled(row.job.title, partial(self._do_again, number))
        elif what == "remove":
            self.remove(f"“{row.job.title}” was removed from the history", jobs=[number])
        else:
            {"pause": queue.pause, "resume": queue.resume, "retry": queue.retry}[what](number)

    def do_batch(self, what: str, batch: Batch) -> None:
        """Do something to a batch; raises UserError."""
        queue, number = self._services.bridge.queue, batch.id
        if what == "report" and (report := report_of(batch)) is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(report)))
        elif what == "write":
            self._write_report(batch)
        elif what == "folder":
            show_in_folder(Path(batch.spec.output))
        elif what in ("first", "last"):
            queue.put(first=what == "first", batch=number)
        elif what == "again":
            queue.retry_batch(number, self._cancelled_of(number))
        elif what == "cancel":
            before = self._cancelled_of(number)
            queue.cancel_batch(number)
            self._tell_cancelled(batch.spec.title, partial(self._do_batch_again, number, before))
        elif what == "remove":
            text = f"“{batch.spec.title}” was removed from the history"
            self.remove(text, batches=[number])
        else:
            steps: dict[str, Callable[[int], object]]
            steps = {"pause": queue.pause_batch, "resume": queue.resume_batch, "retry": queue.retry_batch}
            steps[what](number)

    def _do_group(self, what: str, batch: Batch, group: FailureGroup) -> None:
        if what == "retry":
            self._services.bridge.queue.retry_batch(batch.id, group.jobs)
        elif what == "copy":
            QGuiApplication.clipboard().setText("\n".join(filter(None, (group.reason, group.remedy))))

    # The way back

    def remove(self, text: str, *, jobs: Collection[int] = (), batches: Collection[int] = ()) -> None:
        """Take something out of the list, and out of the history when it has not been asked back for a while."""
        self._removals += 1
        removal = self._removals
        self._leaving[removal] = tuple(jobs), tuple(batches)
        self._lines.hidden_jobs |= set(jobs)
        self._lines.hidden_batches |= set(batches)
        QTimer.singleShot(STAYS_MS, self, partial(self._let_go, removal))
        remedy = "What was made stays where it is."
        self._services.say(Note(Severity.INFO, text, remedy=remedy, actions=[("Undo", partial(self._keep, removal))]))
        self._changed()

    def finish(self) -> None:
        """Remove now what is about to be removed."""
        for removal in list(self._leaving):
            self._let_go(removal)

    def _keep(self, removal: int) -> None:
        self._show(*self._leaving.pop(removal, ((), ())))
        self._changed()

    def _let_go(self, removal: int) -> None:
        jobs, batches = self._leaving.pop(removal, ((), ()))
        queue = self._services.bridge.queue
        try:
            for batch in batches:
                queue.remove_batch(batch)
            if jobs:
                queue.remove_jobs(jobs)
        except UserError as error:
            self._services.say(from_error(error))
        self._show(jobs, batches)

    def _show(self, jobs: Collection[int], batches: Collection[int]) -> None:
        self._lines.hidden_jobs -= set(jobs)
        self._lines.hidden_batches -= set(batches)

    def _tell_cancelled(self, title: str, undo: Callable[[], None]) -> None:
        self._services.say(Note(Severity.INFO, f"“{title}” was cancelled", actions=[("Undo", partial(self._try, undo))]))

    def _try(self, action: Callable[[], object]) -> None:
        try:
            action()
        except UserError as error:
            self._services.say(from_error(error))
        self._changed()

    def _do_again(self, number: int, tries: int = 12) -> None:
        queue = self._services.bridge.queue
        if queue.row(number).state.can_retry:
            queue.retry(number)
        elif tries:
            # Its worker has not stopped yet.
            QTimer.singleShot(_AGAIN_MS, self, partial(self._try, partial(self._do_again, number, tries - 1)))

    def _do_batch_again(self, number: int, before: list[int]) -> None:
        again = set(self._cancelled_of(number)).difference(before)
        self._services.bridge.queue.retry_batch(number, sorted(again))

    def _cancelled_of(self, batch: int) -> list[int]:
        return [row.id for row in self._services.store.page(batch=batch, states=(State.CANCELLED,), limit=_ALL)]

    # Reports

    def _write_report(self, batch: Batch) -> None:
        start = Path(batch.spec.report or Path(batch.spec.output or Path.home()) / f"{batch.spec.title} report")
        chosen, _ = QFileDialog.getSaveFileName(
            self._window, "Write a report", f"{start}.html", "Web page with pictures, and a table beside it (*.html *.csv)"
        )
        if chosen:
            write_report(self._services, batch, Path(chosen), self)
