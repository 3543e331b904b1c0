"""The Run page: how training goes, live and afterwards."""

from __future__ import annotations

import time
from pathlib import Path

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QPlainTextEdit, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from desktop.errors import UserError
from desktop.jobs.rows import Row
from desktop.jobs.states import State
from desktop.ui import theme
from desktop.ui.notify import from_error
from desktop.ui.panels import Services
from desktop.ui.tuning.open_run import OpenRun
from desktop.ui.tuning.run_curve_bar import CurveBar
from desktop.ui.tuning.run_head import RunHead
from desktop.ui.tuning.run_reader import RunReader
from desktop.ui.tuning.run_samples import SamplesView
from desktop.ui.tuning.run_trouble import Trouble, trouble
from desktop.ui.tuning.words import counted, run_title
from desktop.ui.widgets.curve_plot import CurvePlot
from desktop.ui.widgets.parts import Segments
from desktop.ui.widgets.quiet_page import QuietPage

PERIOD_MS = 500
"""How often a running run is read while it is in view."""
WIDE = 860
"""Pixels from which samples stand beside the curves; below that one of them is shown at a time."""
CURVES = ("curves", "Curves", "Loss, scores on held-out rows, learning rate, speed, memory")
SIDES = (
    ("samples", "Samples", "What the model answers to the same held-out prompts, evaluation by evaluation"),
    ("log", "Log", "What the job reported"),
)


class RunPage(QWidget):
    """See the module's docstring.

    Signals:
        evaluate_asked: the user wants to score the run.
    """

    evaluate_asked = Signal()

    def __init__(self, services: Services, source: OpenRun, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._services, self._source = services, source
        self._run_id = ""
        self._in_view = False
        self._logged: list[str] = []
        self.setProperty("surface", "canvas")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.reader = RunReader(source.runs, self)
        self._timer = QTimer(self, interval=PERIOD_MS)
        self._timer.timeout.connect(self._poll)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(theme.S4, theme.S3, theme.S4, theme.S3)
        whole.setSpacing(theme.S2)
        self.head = RunHead()
        self.head.asked.connect(self._do)
        self.trouble = Trouble()
        whole.addWidget(self.head)
        whole.addWidget(self.trouble)
        self._pages = QStackedWidget()
        whole.addWidget(self._pages, 1)
        self.quiet = QuietPage()
        self._pages.addWidget(self.quiet)
        self._pages.addWidget(self._make_body())
        self._arrange()
        self.reader.changed.connect(self._show_more)
        source.run_changed.connect(self._news)
        source.removed.connect(lambda run: self.show_run(None) if run == self._run_id else None)
        self.show_run(None)

    # The panel's contract

    def show_run(self, run: str | None) -> None:
        """Show a run by its id, whether it has begun or waits; None for none."""
        if run and run == self._run_id:
            self._look()
            return
        self._run_id = run or ""
        self.reader.open(self._source.get(self._run_id))
        self.plot.set_runs([self.reader.curves])
        self.log.clear()
        self._logged = []
        self._look()

    def shown(self) -> None:
        """The page has come to the front."""
        self._in_view = True
        self._look()

    def hidden(self) -> None:
        """Another page is in front."""
        self._in_view = False
        self._timer.stop()

    @property
    def is_polling(self) -> bool:
        """Whether the history is being read again and again."""
        return self._timer.isActive()

    # Parts

    def _make_body(self) -> QWidget:
        page = QWidget()
        whole = QVBoxLayout(page)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(theme.S2)
        self.tabs = Segments("What is shown", (CURVES, *SIDES))
        self.tabs.set_value("curves")
        self.tabs.setMaximumWidth(320)
        whole.addWidget(self.tabs)
        self.body = QSplitter(Qt.Orientation.Horizontal)
        self.body.setChildrenCollapsible(False)
        self.body.setHandleWidth(theme.S4)
        whole.addWidget(self.body, 1)
        self._curves = QWidget()
        left = QVBoxLayout(self._curves)
        left.setContentsMargins(0, 0, 0, 0)
        left.setSpacing(theme.S1)
        self.plot = CurvePlot("Curves of the run")
        self.bar = CurveBar(self._services, self.plot, self._file_name)
        left.addWidget(self.bar)
        left.addWidget(self.plot, 1)
        self.body.addWidget(self._curves)
        self._side = QWidget()
        right = QVBoxLayout(self._side)
        right.setContentsMargins(0, 0, 0, 0)
        right.setSpacing(theme.S2)
        self.sides = Segments("Beside the curves", SIDES)
        self.sides.set_value(self._services.state.text("tuning/run_side", "samples", ("samples", "log")))
        self.sides.setMaximumWidth(220)
        right.addWidget(self.sides)
        self.samples = SamplesView()
        self.log = QPlainTextEdit(readOnly=True)
        self.log.setAccessibleName("Log of the run")
        self.log.setFont(theme.font(self.log, theme.CAPTION, tabular=True))
        self.log.setMaximumBlockCount(1000)
        self._stack = QStackedWidget()
        self._stack.addWidget(self.samples)
        self._stack.addWidget(self.log)
        right.addWidget(self._stack, 1)
        self.sides.chosen.connect(self._choose_side)
        self.tabs.chosen.connect(self._choose_tab)
        self._stack.setCurrentIndex(0 if self.sides.value == "samples" else 1)
        self.body.addWidget(self._side)
        self.body.setStretchFactor(0, 1)
        self.body.setStretchFactor(1, 0)
        self.body.setSizes([680, 340])
        return page

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    def _arrange(self) -> None:
        wide = self.width() >= WIDE
        self.tabs.setVisible(not wide)
        self.sides.setVisible(wide)
        self._curves.setVisible(wide or self.tabs.value == "curves")
        self._side.setVisible(wide or self.tabs.value != "curves")

    # What happens

    def _news(self, run: str) -> None:
        if run == self._run_id and run:
            self._look()

    def _look(self) -> None:
        """Show the run as it is now, and poll while it goes on and is in view."""
        run, row = self._source.get(self._run_id), self._source.job(self._run_id) if self._run_id else None
        if run is not None and self.reader.run is None:
            self.reader.open(run)
            self.plot.set_runs([self.reader.curves])
        elif run is not None:
            self.reader.poll(run)
        going = self._source.is_active(self._run_id) and self._in_view
        if going != self._timer.isActive():
            self._timer.start() if going else self._timer.stop()
        self._show_state(row)

    def _poll(self) -> None:
        if not self.isVisible():
            return
        self._look()

    def _show_more(self) -> None:
        if self.plot.scene.runs != [self.reader.curves]:
            self.plot.set_runs([self.reader.curves])
        self.plot.refresh()
        self.bar.refresh()
        self._show_state(self._source.job(self._run_id) if self._run_id else None)

    def _show_state(self, row: Row | None) -> None:
        run = self.reader.run
        self.head.setVisible(bool(self._run_id))
        self.head.show_run(run, row, self.reader.curves)
        self.trouble.say(trouble(run, row))
        drawn = len(self.reader.curves) > 0 or bool(self.reader.curves.scores)
        self._pages.setCurrentIndex(1 if drawn else 0)
        if not drawn:
            self.quiet.say(*self._nothing_yet(row))
        waiting = "Answers to held-out prompts appear at the first evaluation."
        none = (
            waiting
            if row is not None and not row.state.is_over
            else "This run has no samples: a classifier gives labels, or none were asked for."
        )
        self.samples.show_samples(self.reader.samples, none)
        if self.sides.value == "log":
            self._show_log(row)

    def _nothing_yet(self, row: Row | None) -> tuple[str, str, str]:
        """Icon, sentence and detail while there are no points."""
        if not self._run_id:
            return "wave", "No run is open", "Start one from the Recipe page, or choose one at the left."
        if row is not None and row.state is State.QUEUED:
            return "waiting", "Waiting for its turn", self._ahead(row)
        if row is not None and row.state is State.PAUSED:
            return "pause", "Paused", row.message
        if row is not None and row.state.is_active:
            return "wave", row.message or "Starting", "The curves begin with the first step."
        if self.reader.run is not None and not self.reader.is_read:
            return "wave", "Reading the curves…", ""
        return "wave", "This run has no steps", "It ended before the first one."

    def _ahead(self, row: Row) -> str:
        """What the run waits for."""
        ahead = [
            other
            for other in self._services.bridge.queue.rows()
            if other.id != row.id and not other.state.is_over and (other.state.is_active or other.id < row.id)
        ]
        if not ahead:
            return "It begins in a moment."
        first = next((other for other in ahead if other.state.is_active), ahead[0])
        more = f", and {counted(len(ahead) - 1, 'more job')} after it" if len(ahead) > 1 else ""
        return f"“{first.job.title}” is being done now{more}. Runs on one device take turns."

    def _show_log(self, row: Row | None) -> None:
        lines = []
        if row is not None:
            for at, event in self._services.store.logs(row.id):
                mark = "" if event.level == "info" else f"{event.level}: "
                lines.append(f"{time.strftime('%H:%M:%S', time.localtime(at))}  {mark}{event.text}")
        lines = lines or ["Nothing was logged." if row is not None else "The log went with the job's entry in the queue."]
        if lines == self._logged:
            return
        if self._logged and lines[: len(self._logged)] == self._logged:
            for line in lines[len(self._logged) :]:
                self.log.appendPlainText(line)
        else:
            self.log.setPlainText("\n".join(lines))
        self._logged = lines

    def _choose_tab(self, value: str) -> None:
        if value != "curves":
            self.sides.set_value(value)
            self._choose_side(value)
        self._arrange()

    def _choose_side(self, value: str) -> None:
        self._services.state.keep("tuning/run_side", value)
        self._stack.setCurrentIndex(0 if value == "samples" else 1)
        self._look()

    def _do(self, what: str) -> None:
        """A button of the head."""
        source = self._source
        work = {"resume": source.resume, "pause": source.pause, "finish": source.finish, "cancel": source.stop}
        try:
            if what in work:
                work[what](self._run_id)
            else:
                self.evaluate_asked.emit()
        except UserError as error:
            self._services.say(from_error(error))

    def _file_name(self) -> str:
        run = self.reader.run
        name = run_title(run) if run is not None else "run"
        return "".join(letter if letter.isalnum() or letter in " -_." else "-" for letter in Path(name).name).strip() or "run"
