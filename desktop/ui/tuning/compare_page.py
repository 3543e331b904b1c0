"""The Compare page: curves of several runs over one another, what differs in their settings, what came of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QHBoxLayout, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from desktop.tuning.runs import Run
from desktop.ui import theme
from desktop.ui.icons import Button
from desktop.ui.panels import Services
from desktop.ui.tuning import compare_said as said
from desktop.ui.tuning.compare_table import CompareTable
from desktop.ui.tuning.open_run import OpenRun
from desktop.ui.tuning.run_curve_bar import CurveBar
from desktop.ui.tuning.run_reader import RunReader
from desktop.ui.tuning.run_said import recent
from desktop.ui.tuning.words import run_title
from desktop.ui.widgets.curve_plot import CurvePlot
from desktop.ui.widgets.parts import label
from desktop.ui.widgets.quiet_page import QuietPage

PERIOD_MS = 1000
MOST = 8
"""Runs compared at a time: as many as have colours of their own."""


class ComparePage(QWidget):
    """See the module's docstring."""

    def __init__(self, services: Services, source: OpenRun, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._services, self._source = services, source
        self._ids: list[str] = []
        self._in_view = False
        self._same = False
        self._reports: dict[str, Mapping[str, Any] | None] = {}
        self.readers: list[RunReader] = []
        self.setProperty("surface", "canvas")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._timer = QTimer(self, interval=PERIOD_MS)
        self._timer.timeout.connect(self._poll)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(theme.S4, theme.S3, theme.S4, theme.S3)
        whole.setSpacing(theme.S2)
        self._title = label(size=theme.SECTION, bold=True)
        whole.addWidget(self._title)
        self._stack = QStackedWidget()
        self.quiet = QuietPage()
        self.quiet.say("side", "Nothing to compare", "Choose two or more runs at the left (hold Ctrl or Shift).")
        self._stack.addWidget(self.quiet)
        body = QSplitter(Qt.Orientation.Vertical)
        body.setChildrenCollapsible(False)
        body.setHandleWidth(theme.S3)
        curves = QWidget()
        top = QVBoxLayout(curves)
        top.setContentsMargins(0, 0, 0, 0)
        top.setSpacing(theme.S1)
        self.plot = CurvePlot("Curves of the runs that are compared")
        self.bar = CurveBar(services, self.plot, lambda: "comparison")
        top.addWidget(self.bar)
        top.addWidget(self.plot, 1)
        body.addWidget(curves)
        tables = QWidget()
        low = QVBoxLayout(tables)
        low.setContentsMargins(0, 0, 0, 0)
        low.setSpacing(theme.S1)
        self.table = CompareTable()
        low.addWidget(self.table, 1)
        foot = QHBoxLayout()
        self.fold = Button("", kind="link")
        self.fold.clicked.connect(self._toggle)
        foot.addWidget(self.fold)
        foot.addStretch(1)
        low.addLayout(foot)
        body.addWidget(tables)
        body.setSizes([420, 260])
        self._stack.addWidget(body)
        whole.addWidget(self._stack, 1)
        source.run_changed.connect(self._news)
        source.removed.connect(lambda run: self.show_runs([one for one in self._ids if one != run]) if run in self._ids else None)
        self.show_runs([])

    # The panel's contract

    def show_run(self, run: str | None) -> None:
        """Show one run alone."""
        self.show_runs([run] if run else [])

    def show_runs(self, runs: Sequence[str]) -> None:
        """Compare runs by their ids, the first ``MOST`` of them; those that have not begun are left out."""
        found = [run for name in runs if (run := self._source.get(name)) is not None][:MOST]
        if [run.id for run in found] == self._ids and found:
            self._look()
            return
        self._ids = [run.id for run in found]
        self._read_reports()
        for reader in self.readers:
            reader.deleteLater()
        self.readers = []
        for number, run in enumerate(found):
            reader = RunReader(self._source.runs, self)
            reader.open(run, number)
            reader.changed.connect(self._show_more)
            self.readers.append(reader)
        self.plot.set_runs([reader.curves for reader in self.readers])
        self._show_more()
        self._watch()

    def shown(self) -> None:
        """The page has come to the front."""
        self._in_view = True
        self._read_reports()
        self._look()

    def hidden(self) -> None:
        """Another page is in front."""
        self._in_view = False
        self._timer.stop()

    # What happens

    def _news(self, run: str) -> None:
        if run in self._ids and self._in_view:
            if not self._source.is_active(run):
                self._read_reports()
            self._look()

    def _read_reports(self) -> None:
        """The newest evaluation of each run; they are large, and come seldom."""
        self._reports = {run: next(iter(self._source.runs.evaluations(run)), None) for run in self._ids}

    def _poll(self) -> None:
        if self.isVisible():
            self._look()

    def _look(self) -> None:
        for reader in self.readers:
            run = self._source.get(reader.curves.id)
            if run is not None and (run != reader.run or not run.is_over):
                reader.poll(run)
        self._show_more()
        self._watch()

    def _watch(self) -> None:
        going = self._in_view and any(self._source.is_active(run) for run in self._ids)
        if going != self._timer.isActive():
            self._timer.start() if going else self._timer.stop()

    def _show_more(self) -> None:
        curves = [reader.curves for reader in self.readers]
        if self.plot.scene.runs != curves:
            # A run that went on is read anew.
            self.plot.set_runs(curves)
        self.plot.refresh()
        self.bar.refresh()
        runs = [reader.run for reader in self.readers if reader.run is not None]
        self._title.setText(f"{len(runs)} runs compared" if len(runs) != 1 else run_title(runs[0]))
        self._title.setVisible(bool(runs))
        self._stack.setCurrentIndex(1 if runs else 0)
        if runs:
            self._show_table(runs)

    def _show_table(self, runs: Sequence[Run]) -> None:
        reports = [self._reports.get(run.id) for run in runs]
        losses = [recent(reader.curves, "smooth" if reader.curves.span > 1 else "loss", 1) for reader in self.readers]
        differing, same = said.settings(runs)
        parts = [("Results", said.results(runs, losses, reports)), ("Settings that differ", differing)]
        if self._same:
            parts.append(("The same in all", same))
        self.table.lines.show_runs([run_title(run) for run in runs], parts)
        self.fold.setText("Hide settings that are the same" if self._same else f"Show {len(same)} settings that are the same")
        self.fold.setVisible(bool(same) and len(runs) > 1)

    def _toggle(self) -> None:
        self._same = not self._same
        self._show_more()
