"""A run's curves, scores and samples, read from the history bit by bit as they come. No widgets here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QObject, Signal

from desktop.tuning.runs import Run, Runs, RunState, Sample, Score
from desktop.ui.background import Op
from desktop.ui.tuning.words import run_title
from desktop.ui.widgets.curve_run import RunCurves


@dataclass(frozen=True)
class _Read:
    points: dict[str, Any]
    scores: list[Score]
    samples: list[Sample]


class RunReader(QObject):
    """See the module's docstring.

    Attributes:
        run: as the history had it last; None for none.
        curves: its points and scores so far.
        samples: answers to fixed prompts, by step and number.
        is_read: what was there when it was opened has been read.

    Signals:
        changed: there is more of it, or it was read anew.
    """

    changed = Signal()

    def __init__(self, runs: Runs, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._runs = runs
        self.run: Run | None = None
        self.curves = RunCurves("", "")
        self.samples: list[Sample] = []
        self.is_read = False
        self._turn = 0

    def open(self, run: Run | None, number: int = 0) -> None:
        """Read another run; ``number`` chooses its colour where several are shown."""
        self.run = run
        self.curves = RunCurves(run.id if run else "", run_title(run) if run else "", number)
        self.samples, self.is_read = [], False
        self._turn += 1
        if run is None:
            self.changed.emit()
            return
        turn, name = self._turn, run.id
        # 100,000 points take a noticeable time to come from the database.
        Op(self, lambda: self._all(name)).success(lambda read: self._take(turn, read)).start()

    def poll(self, run: Run) -> None:
        """Read what is new; ``run`` is the same run as the history has it now."""
        before, self.run = self.run, run
        if not self.is_read or before is None:
            return
        self.curves.name = run_title(run)
        went_on = run.state is RunState.RUNNING and before.state not in (RunState.RUNNING, RunState.PAUSED)
        if went_on or run.step < self.curves.last_step:
            # What came after its last checkpoint is forgotten and comes again.
            self.open(run, self.curves.number)
            return
        points = self._runs.points(run.id, self.curves.last_step)
        scores = self._runs.scores(run.id)
        self.curves.extend(points)
        newest = max((score.step for score in scores), default=-1)
        if newest != max((sample.step for sample in self.samples), default=-1):
            self.samples = self._runs.samples(run.id)
        self._show_scores(scores)
        self.changed.emit()

    def _all(self, run: str) -> _Read:
        return _Read(self._runs.points(run), self._runs.scores(run), self._runs.samples(run))

    def _take(self, turn: int, read: _Read) -> None:
        if turn != self._turn or self.run is None:
            return
        self.curves.extend(read.points)
        self.samples = read.samples
        self.is_read = True
        self._show_scores(read.scores)
        self.changed.emit()

    def _show_scores(self, scores: list[Score]) -> None:
        assert self.run is not None
        self.curves.set_scores(scores)
        self.curves.best_step, self.curves.best_name = self.run.best_step, self.run.best_name
