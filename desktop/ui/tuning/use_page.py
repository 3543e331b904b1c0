"""The Use page: ask a run, label files with it, export it."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from desktop.errors import UserError
from desktop.tuning.runs import Run
from desktop.ui import theme
from desktop.ui.panels import Services
from desktop.ui.tuning.open_run import OpenRun
from desktop.ui.tuning.use_columns import inputs_of
from desktop.ui.tuning.use_export import ExportPage
from desktop.ui.tuning.use_label import LabelPage
from desktop.ui.tuning.use_playground import Playground
from desktop.ui.widgets.parts import Segments
from desktop.ui.widgets.quiet_page import QuietPage

PARTS = (
    ("ask", "Playground", "Ask the run, beside its untuned base"),
    ("label", "Label files", "Add the run's answers to every row of one or many files"),
    ("export", "Export", "Write the run as ONNX files"),
)


class UsePage(QWidget):
    """See the module's docstring."""

    def __init__(self, services: Services, source: OpenRun, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._services, self._source = services, source
        self._run_id = ""
        self.setProperty("surface", "canvas")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(theme.S4, theme.S3, theme.S4, theme.S3)
        whole.setSpacing(theme.S3)
        head = QHBoxLayout()
        self.parts = Segments("Use the run", PARTS)
        self.parts.setMaximumWidth(420)
        self.parts.set_value(services.state.text("tuning/use_part", "ask", tuple(v for v, _, _ in PARTS)))
        self.parts.chosen.connect(self._choose)
        head.addWidget(self.parts, 1)
        head.addStretch(0)
        whole.addLayout(head)
        self._stack = QStackedWidget()
        self.playground, self.label, self.export = Playground(services), LabelPage(services), ExportPage(services)
        self.quiet = QuietPage()
        for page in (self.playground, self.label, self.export, self.quiet):
            self._stack.addWidget(page)
        whole.addWidget(self._stack, 1)
        source.run_changed.connect(lambda run: self.refresh() if run == self._run_id else None)
        source.removed.connect(lambda run: self.show_run(None) if run == self._run_id else None)
        self.show_run(None)

    # The panel's contract

    def show_run(self, run: str | None) -> None:
        """Use a run; None for none."""
        self._run_id = run or ""
        self.refresh()

    def shown(self) -> None:
        """The page has come to the front."""
        self.refresh()

    def hidden(self) -> None:
        """Another page is in front."""

    def leave(self) -> None:
        """The window closes."""
        self.playground.leave()
        self.label.leave()

    # What happens

    def refresh(self) -> None:
        """Show the run as it is now."""
        run = self._source.get(self._run_id)
        reason = self._blocked(run)
        columns: tuple[str, ...] = ()
        if run is not None:
            try:
                columns = inputs_of(run, self._source.runs.folder(run.id))
            except UserError:
                columns = run.records.inputs or ("text",)
        self.playground.show_run(run, columns, reason)
        self.label.show_run(run, columns, reason)
        self.export.show_run(run, reason)
        self.parts.setVisible(run is not None and not reason)
        if run is None:
            self.quiet.say(
                "play", "No run is open", "Choose a finished run at the left to ask it, label files with it or export it."
            )
        elif reason:
            self.quiet.say("play", "Nothing to use yet", f"{reason}.")
        if run is None or reason:
            self._stack.setCurrentWidget(self.quiet)
        else:
            self._stack.setCurrentIndex([value for value, _, _ in PARTS].index(self.parts.value))

    def _choose(self, value: str) -> None:
        self._services.state.keep("tuning/use_part", value)
        self.refresh()

    def _blocked(self, run: Run | None) -> str:
        """Why a run cannot be used now."""
        if run is None:
            return "Choose a run first"
        if run.best_step is None and (self._source.is_active(run.id) or not run.step):
            return "Training has kept no weights yet"
        return ""
