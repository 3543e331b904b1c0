"""The Evaluate page: how good a run is, on rows it has not seen or on MMLU; every evaluation is kept."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QToolButton, QVBoxLayout, QWidget

from desktop.errors import UserError
from desktop.jobs.job import EvaluateJob
from desktop.jobs.rows import Row
from desktop.tuning.runs import Run
from desktop.ui import theme
from desktop.ui.notify import from_error, from_failed
from desktop.ui.panels import Services
from desktop.ui.tuning import evaluate_said as said
from desktop.ui.tuning.evaluate_progress import ProgressLine
from desktop.ui.tuning.evaluate_result import ResultView
from desktop.ui.tuning.evaluate_setup import EvaluateSetup
from desktop.ui.tuning.fields import Choice
from desktop.ui.tuning.open_run import OpenRun
from desktop.ui.watched import Watched
from desktop.ui.widgets.parts import line
from desktop.ui.widgets.quiet_page import QuietPage

WIDE = 900
"""Pixels from which the setup stands beside the result as a rule."""


class EvaluatePage(QWidget):
    """See the module's docstring."""

    def __init__(self, services: Services, source: OpenRun, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._services, self._source = services, source
        self._run_id = ""
        self._in_view = False
        # In a small window the setup is only there when asked for.
        self._open = {True: services.state.flag("tuning/evaluate_setup", True), False: False}
        self._reports: list[dict[str, Any]] = []
        self.setProperty("surface", "canvas")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.watched = Watched(services.bridge, self)
        sides = QHBoxLayout(self)
        sides.setContentsMargins(0, 0, 0, 0)
        sides.setSpacing(0)
        main = QVBoxLayout()
        main.setContentsMargins(theme.S4, theme.S3, theme.S4, theme.S3)
        main.setSpacing(theme.S2)
        head = QHBoxLayout()
        head.setSpacing(theme.S2)
        self.history = Choice("Evaluation")
        self.history.setToolTip("All evaluations of this run, the newest first")
        self.history.chosen.connect(lambda _value: self._show_report())
        self.history.setMaximumWidth(440)
        head.addWidget(self.history, 1)
        head.addStretch(0)
        self.new = QToolButton()
        self.new.setText("New evaluation")
        self.new.setCheckable(True)
        self.new.setProperty("kind", "segment")
        self.new.setProperty("place", "alone")
        self.new.setToolTip("Choose what the run is scored on")
        self.new.setAccessibleName("New evaluation")
        self.new.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.new.clicked.connect(self._toggle)
        head.addWidget(self.new)
        main.addLayout(head)
        self.progress = ProgressLine(self.watched)
        main.addWidget(self.progress)
        self._stack = QStackedWidget()
        self.quiet = QuietPage()
        self.result = ResultView(services.state)
        self._stack.addWidget(self.quiet)
        self._stack.addWidget(self.result)
        main.addWidget(self._stack, 1)
        sides.addLayout(main, 1)
        self._edge = line(vertical=True)
        self.setup = EvaluateSetup(services.state)
        self.setup.asked.connect(self.evaluate)
        self.setup.failed.connect(lambda error: services.say(from_error(error)))
        sides.addWidget(self._edge)
        sides.addWidget(self.setup)
        self.watched.changed.connect(self._show_setup)
        self.watched.done.connect(self._done)
        self.watched.failed.connect(lambda _row, failed: services.say(from_failed(failed)))
        source.run_changed.connect(self._news)
        source.removed.connect(lambda run: self.show_run(None) if run == self._run_id else None)
        self.show_run(None)

    # The panel's contract

    def show_run(self, run: str | None) -> None:
        """Show the evaluations of a run; None for none."""
        changed = (run or "") != self._run_id
        self._run_id = run or ""
        if changed or self.watched.row is None:
            self.watched.find(lambda job: isinstance(job, EvaluateJob) and job.model == self._run_id)
        self.refresh()

    def shown(self) -> None:
        """The page has come to the front."""
        self._in_view = True
        self.refresh()

    def hidden(self) -> None:
        """Another page is in front."""
        self._in_view = False

    # What the user does

    def evaluate(self, job: EvaluateJob) -> None:
        """Score the run."""
        try:
            self.watched.start(job)
        except UserError as error:
            self._services.say(from_error(error))

    @property
    def report(self) -> dict[str, Any] | None:
        """The evaluation that is shown."""
        number = self.history.currentIndex()
        return self._reports[number] if 0 <= number < len(self._reports) else None

    # What happens

    def refresh(self, newest: bool = False) -> None:
        """Read the evaluations again; ``newest`` shows the last one."""
        shown = None if newest or self.report is None else self.report["id"]
        self._reports = self._source.runs.evaluations(self._run_id) if self._run_id else []
        with QSignalBlocker(self.history):
            self.history.clear()
            for report in self._reports:
                self.history.addItem(said.entry(report), str(report["id"]))
            place = self.history.findData(str(shown)) if shown is not None else 0
            self.history.setCurrentIndex(max(0, place) if self._reports else -1)
        self.history.setVisible(bool(self._reports))
        if self.report is None or self.report["id"] != shown or newest:
            self._show_report()
        self._show_setup()

    def _news(self, run: str) -> None:
        if run == self._run_id and self._in_view:
            # They are large, and none comes while the run is trained.
            if not self._source.is_active(run) and len(self._source.runs.evaluations(run)) != len(self._reports):
                self.refresh()
            self._show_setup()

    def _done(self, row: Row) -> None:
        job = row.job
        if isinstance(job, EvaluateJob) and job.model == self._run_id:
            self.refresh(newest=True)
        if isinstance(job, EvaluateJob):
            self._source.tell(job.model)

    def _show_report(self) -> None:
        report = self.report
        if report is not None:
            self.result.show_report(report)
        self._stack.setCurrentIndex(1 if report is not None else 0)

    def _toggle(self, on: bool) -> None:
        self._open[self.width() >= WIDE] = on
        if self.width() >= WIDE:
            self._services.state.keep("tuning/evaluate_setup", on)
        self._show_setup()

    def _show_setup(self) -> None:
        run = self._source.get(self._run_id)
        reason = "An evaluation is being made" if self.watched.going else self._blocked(run)
        self.setup.show_run(run, reason)
        none = not self._reports
        self.new.setChecked(self._open[self.width() >= WIDE])
        for part in (self._edge, self.setup):
            part.setVisible((self.new.isChecked() or none) and run is not None)
        self.new.setVisible(not none)
        if run is None:
            self.quiet.say("verify", "No run is open", "Choose a finished run at the left to see how good it is.")
        elif self.watched.going:
            self.quiet.say("verify", "Being evaluated", "The result appears here, and is kept with the run.")
        elif reason:
            self.quiet.say("verify", "Nothing to evaluate yet", f"{reason}.")
        else:
            self.quiet.say("verify", "Not evaluated yet", "Score it on rows that it has not seen, beside the untuned base.")

    def _blocked(self, run: Run | None) -> str:
        """Why a run cannot be scored now."""
        if run is None:
            return "Choose a run first"
        if self._source.is_active(run.id):
            return "The run is still being trained"
        return "" if run.step else "The run has no weights: it ended before the first step"

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._show_setup()
