"""What the user does with runs: start, pause, go on, finish, stop, use again, delete; and being told when one fails."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QMessageBox, QWidget

from desktop.errors import UserError
from desktop.jobs.job import TuneJob
from desktop.jobs.states import State as JobState
from desktop.ui.background import Op
from desktop.ui.files import show_in_folder
from desktop.ui.notify import Note, Severity, from_error, from_failed
from desktop.ui.panels import Services
from desktop.ui.tuning import words
from desktop.ui.tuning.draft import Draft
from desktop.ui.tuning.memory import Kept
from desktop.ui.tuning.open_run import OpenRun


class RunTasks(QWidget):
    """Does them; the parent of its dialogs is its own parent. It is never shown itself.

    Args:
        seen: whether the user is looking at a run, where its failure is told anyway.

    Signals:
        again: a Kept with a run's settings, to be opened.
    """

    again = Signal(object)

    def __init__(self, services: Services, source: OpenRun, draft: Draft, parent: QWidget, seen: Callable[[str], bool]) -> None:
        super().__init__(parent)
        self.hide()
        self._services, self._source, self._draft, self._seen = services, source, draft, seen
        self._told = {row.id for row in source.waiting()}
        source.run_changed.connect(self._run_changed)

    # The shown run

    def start(self, taken: Iterable[str]) -> bool:
        """Train what is drafted, under a name that is not ``taken``; returns whether it was queued."""
        draft = self._draft
        if draft.records is None or draft.path is None or draft.blocked:
            return False
        before = self._source.active()
        name = free_name(draft.name or draft.path.stem, set(taken))
        records, recipe, device = draft.records, draft.recipe, draft.device
        if not self.attempt(lambda: self._source.start(records, recipe, name, device=device)):
            return False
        if before is not None:
            remedy = f"“{before.job.title}” comes first."
            self._services.say(Note(Severity.INFO, "The run waits for its turn", remedy=remedy))
        return True

    @property
    def can_resume(self) -> bool:
        """Whether the shown run was stopped and can go on."""
        source = self._source
        if not source.run_id or source.is_active(source.run_id):
            return False
        run, job = source.run, source.job(source.run_id)
        return run.can_resume if run is not None else job is not None and job.state.can_retry

    def resume(self) -> None:
        """Let the shown run go on."""
        self.attempt(lambda: self._source.resume(self._source.run_id))

    def toggle_pause(self) -> None:
        """Let the shown run stand still, or go on."""
        job = self._source.job(self._source.run_id)
        if job is not None and job.state is JobState.PAUSED:
            self.resume()
        else:
            self._source.pause(self._source.run_id)

    def finish(self) -> None:
        """End the shown run now, and keep its best weights."""
        self.attempt(lambda: self._source.finish(self._source.run_id))

    def stop(self) -> None:
        """Stop the shown run; it can go on."""
        self._source.stop(self._source.run_id)

    # Runs of the list

    def do_with(self, what: str, runs: list[str]) -> None:
        """ "again", "resume", "pause", "finish", "stop", "folder" with the first of ``runs``, or "delete" with all."""
        source = self._source
        acts: dict[str, Callable[[str], object]] = {
            "again": self.use_again,
            "resume": source.resume,
            "pause": source.pause,
            "finish": source.finish,
            "stop": source.stop,
            "folder": lambda run: show_in_folder(source.runs.folder(run)),
        }
        if what == "delete":
            self.ask_delete(runs)
        elif runs:
            self.attempt(partial(acts[what], runs[0]))

    def use_again(self, run: str) -> None:
        """Open the file of a run with its settings; raises UserError when that is gone."""
        found, job = self._source.get(run), self._source.job(run)
        if found is not None:
            records, recipe, name = found.records, found.recipe, found.name
        elif job is not None and isinstance(job.job, TuneJob):
            records, recipe, name = job.job.records, job.job.recipe, job.job.name
        else:
            return
        if not Path(records.source).is_file():
            raise UserError("The file of this run is gone", path=records.source, remedy="Put it back, or open another one.")
        self.again.emit(Kept(records, recipe, name, base_chosen=True))

    def ask_delete(self, runs: list[str]) -> None:
        """Delete runs after a confirmation."""
        if not runs:
            return
        if any(self._source.is_active(run) for run in runs):
            self._services.say(Note(Severity.WARNING, "A run that goes on cannot be deleted", remedy="Stop it first."))
            return
        names = [words.run_title(found) for run in runs if (found := self._source.get(run)) is not None]
        what = f"Delete “{names[0]}”?" if len(runs) == 1 and names else f"Delete {words.counted(len(runs), 'run')}?"
        box = QMessageBox(QMessageBox.Icon.Warning, "Delete runs?", what, parent=self.window())
        box.setInformativeText("Its weights, checkpoints, curves and evaluations are deleted. Files exported elsewhere stay.")
        delete = box.addButton("Delete", QMessageBox.ButtonRole.DestructiveRole)
        keep = box.addButton("Keep", QMessageBox.ButtonRole.RejectRole)
        box.setDefaultButton(keep)
        box.exec()
        if box.clickedButton() is delete:
            self.delete(runs)

    def delete(self, runs: list[str]) -> None:
        """Delete runs; their files may be large, so that is done aside."""
        if self._source.run_id in runs:
            self._source.choose("")
        begun = [run for run in runs if self._source.get(run) is not None]

        def work() -> None:
            for run in begun:
                self._source.runs.delete(run)

        def failed(error: Exception) -> None:
            self._services.say(from_error(error))
            self.attempt(lambda: self._source.delete([run for run in runs if self._source.get(run) is None]))

        def done(_result: object) -> None:
            self.attempt(lambda: self._source.delete(runs))

        Op(self, work).success(done).failure(failed).start()

    def attempt(self, work: Callable[[], object]) -> bool:
        """Do something; say why when it cannot be done."""
        try:
            work()
        except UserError as error:
            self._services.say(from_error(error))
            return False
        return True

    # What happens

    def _run_changed(self, run: str) -> None:
        job = self._source.job(run)
        if job is None or job.state is not JobState.FAILED:
            if job is not None:
                self._told.discard(job.id)
            return
        if job.id not in self._told and job.error is not None:
            self._told.add(job.id)
            if self._seen(run):
                return
            again = [("Try again", lambda: self.do_with("resume", [run]))] if job.state.can_retry else []
            self._services.say(from_failed(job.error, again))


def free_name(wanted: str, taken: set[str]) -> str:
    """The wanted name, with a number when a run has it."""
    number, name = 2, wanted
    while name in taken:
        name, number = f"{wanted} {number}", number + 1
    return name
