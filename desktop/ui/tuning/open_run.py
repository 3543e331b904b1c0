"""The runs as the Tuning panel sees them: which one is shown, and what can be done with it. No widgets here."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QObject, QTimer, Signal

from desktop.errors import UserError
from desktop.jobs.job import Recipe, Records, TuneJob
from desktop.jobs.rows import Row
from desktop.jobs.states import State
from desktop.tuning.runs import FINISH, Run, Runs, new_id
from desktop.ui.bridge import QueueBridge

TELL_MS = 500
"""News of a run's steps are told at most so often; news of its state at once."""


class OpenRun(QObject):
    """See the module's docstring.

    A run that waits in the queue, or that failed before it began, has a job but is not in ``runs`` yet.

    Attributes:
        runs: the history; read it in the window's thread.
        run_id: id of the run that is shown, "" for none.

    Signals:
        chosen: id of the run that is shown from now on, "" for none.
        run_changed: id of a run about which something is new: its state, its steps, its name, its evaluations.
        removed: id of a run that was deleted.
    """

    chosen = Signal(str)
    run_changed = Signal(str)
    removed = Signal(str)

    def __init__(self, bridge: QueueBridge, runs: Runs, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self.runs = runs
        self.run_id = ""
        self._jobs: dict[str, Row] = {}
        self._news: set[str] = set()
        self._left = False
        self._timer = QTimer(self, singleShot=True, interval=TELL_MS)
        self._timer.timeout.connect(self._tell)
        for row in bridge.queue.rows():
            if isinstance(row.job, TuneJob):
                self._jobs[row.job.run] = row
        bridge.rows_changed.connect(self._rows_changed)
        bridge.removed.connect(self._job_removed)

    # What there is

    @property
    def run(self) -> Run | None:
        """The run that is shown, as the history has it now; None when none is shown or it has not begun."""
        return self.get(self.run_id)

    def get(self, run: str) -> Run | None:
        """A run as the history has it now; None when it has not begun."""
        if not run:
            return None
        try:
            return self.runs.get(run)
        except UserError:
            return None

    def job(self, run: str) -> Row | None:
        """The newest job of a run, with its state and progress; None when the queue has forgotten it."""
        return self._jobs.get(run)

    def waiting(self) -> list[Row]:
        """Jobs of runs that have not begun, or failed before they began, newest first."""
        begun = {run.id for run in self.runs.all()}
        return sorted(
            (row for run, row in self._jobs.items() if run not in begun and row.state not in (State.DONE, State.CANCELLED)),
            key=lambda row: -row.id,
        )

    def is_active(self, run: str) -> bool:
        """Whether its job waits, runs or is paused."""
        row = self._jobs.get(run)
        if row is not None and not row.state.is_over:
            return True
        found = self.get(run)
        return found is not None and not found.is_over

    def active(self) -> Row | None:
        """The job that trains now, or else the one that waits longest; None when there is none."""
        rows = [row for row in self._jobs.values() if not row.state.is_over]
        return min(rows, key=lambda row: (not row.state.is_active, row.id), default=None)

    # What the user does

    def choose(self, run: str) -> None:
        """Show a run; "" for none."""
        if run != self.run_id:
            self.run_id = run
            self.chosen.emit(run)

    def start(self, records: Records, recipe: Recipe, name: str = "", *, resumed_from: str = "", device: str = "auto") -> str:
        """Queue a run and show it; returns its id. Raises UserError when it cannot be queued."""
        run = new_id()
        job = TuneJob(run=run, records=records, recipe=recipe, name=name, resumed_from=resumed_from, device=device)
        self._take(self._bridge.queue.row(self._bridge.submit(job)))
        self.choose(run)
        return run

    def stop(self, run: str) -> None:
        """End its job now; it can go on from its last checkpoint."""
        if (row := self._jobs.get(run)) is not None and not row.state.is_over:
            self._bridge.queue.cancel(row.id)

    def finish(self, run: str) -> None:
        """End training at the next step and keep the best weights so far."""
        self.runs.ask(run, FINISH)
        row = self._jobs.get(run)
        if row is not None and row.state is State.PAUSED:
            self._bridge.queue.resume(row.id)

    def pause(self, run: str) -> None:
        """Let it stand still."""
        if (row := self._jobs.get(run)) is not None:
            self._bridge.queue.pause(row.id)

    def resume(self, run: str) -> None:
        """Let a paused run go on, or one that was stopped from its last checkpoint.

        Raises:
            UserError: there is no such run, or it cannot be queued.
        """
        row = self._jobs.get(run)
        if row is not None and row.state is State.PAUSED:
            self._bridge.queue.resume(row.id)
        elif row is not None and row.state.can_retry:
            self._take(self._bridge.queue.row(self._bridge.queue.retry(row.id)))
        elif row is None or row.state.is_over:
            found = self.runs.get(run)
            job = TuneJob(run=run, records=found.records, recipe=found.recipe, name=found.name, resumed_from=found.resumed_from)
            self._take(self._bridge.queue.row(self._bridge.submit(job)))

    def rename(self, run: str, name: str) -> None:
        """Call a run something else."""
        self.runs.update(run, name=name)
        self.run_changed.emit(run)

    def annotate(self, run: str, note: str) -> None:
        """Keep the user's words about a run."""
        self.runs.update(run, note=note)
        self.run_changed.emit(run)

    def delete(self, runs: Sequence[str]) -> None:
        """Delete runs with all their files; raises UserError at the first that is running."""
        for run in runs:
            row = self._jobs.get(run)
            if self.get(run) is not None:
                self.runs.delete(run)
            if row is not None and row.state.is_over:
                self._bridge.queue.remove(row.id)
            self._jobs.pop(run, None)
            if run == self.run_id:
                self.choose("")
            self.removed.emit(run)

    def tell(self, run: str) -> None:
        """Something about a run is new that its job did not say (an evaluation was added)."""
        self.run_changed.emit(run)

    def leave(self) -> None:
        """The window closes."""
        if not self._left:
            self._left = True
            self._timer.stop()
            self._bridge.rows_changed.disconnect(self._rows_changed)
            self._bridge.removed.disconnect(self._job_removed)
            self.runs.close()

    # What happens

    def _rows_changed(self, rows: list[Row]) -> None:
        for row in rows:
            if isinstance(row.job, TuneJob):
                known = self._jobs.get(row.job.run)
                if known is None or row.id >= known.id:
                    self._take(row)

    def _take(self, row: Row) -> None:
        assert isinstance(row.job, TuneJob)
        run = row.job.run
        known = self._jobs.get(run)
        self._jobs[run] = row
        if known is None or known.state is not row.state or known.id != row.id:
            self._news.discard(run)
            self.run_changed.emit(run)
            return
        self._news.add(run)
        if not self._timer.isActive():
            self._timer.start()

    def _tell(self) -> None:
        news, self._news = self._news, set()
        for run in sorted(news):
            self.run_changed.emit(run)

    def _job_removed(self, number: int) -> None:
        for run, row in list(self._jobs.items()):
            if row.id == number:
                del self._jobs[run]
                self.run_changed.emit(run)
