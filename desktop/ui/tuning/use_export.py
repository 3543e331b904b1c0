"""Export: a run as checked ONNX files that stand for themselves."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from desktop.errors import UserError
from desktop.jobs.job import ExportJob
from desktop.jobs.rows import Row
from desktop.tuning.runs import Run
from desktop.ui import theme
from desktop.ui.files import show_in_folder
from desktop.ui.icons import Button, IconLabel
from desktop.ui.notify import Note, Severity, from_error, from_failed
from desktop.ui.panels import Services
from desktop.ui.tuning.evaluate_progress import ProgressLine
from desktop.ui.tuning.fields import Choice, captioned
from desktop.ui.tuning.use_said import checks, sizes
from desktop.ui.tuning.words import run_title
from desktop.ui.watched import Watched
from desktop.ui.widgets.elided import ElidedLabel
from desktop.ui.widgets.parts import Segments, clear, label, scrolled_column

PRECISIONS = (
    ("fp32", "fp32", "As it was trained: the largest files, the same answers"),
    ("fp16", "fp16", "Half the size; for graphics cards"),
    ("int8", "int8", "A quarter of the size and faster on processors; how much it costs is measured"),
)
TERMS = {
    "yes": "commercial use is allowed",
    "no": "commercial use is not allowed",
    "unclear": "whether commercial use is allowed is unclear",
}
COLUMN = 640


class ExportPage(QWidget):
    """See the module's docstring."""

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._services = services
        self._run: Run | None = None
        self._blocked = ""
        self.folder = self.written = ""
        self.watched = Watched(services.bridge, self)
        column = scrolled_column(self, "Export", COLUMN)
        column.setSpacing(theme.S3)
        self.precision = Segments("Precision", PRECISIONS)
        self.precision.set_value(services.state.text("tuning/export_precision", "fp32", tuple(v for v, _, _ in PRECISIONS)))
        self.precision.chosen.connect(self._choose)
        column.addWidget(captioned("Precision", self.precision))
        self._told = label(size=theme.CAPTION, tone="secondary", wrap=True)
        column.addWidget(self._told)
        self.weights = Choice("Weights", (("best", "Best on validation"), ("last", "Last step")))
        self.weights.set_value("best")
        column.addWidget(captioned("Weights", self.weights))
        place = QWidget()
        row = QHBoxLayout(place)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.S2)
        self.target = ElidedLabel("–")
        change = Button("Change…")
        change.setAccessibleName("Change the folder")
        change.clicked.connect(self._ask_folder)
        row.addWidget(self.target, 1)
        row.addWidget(change)
        column.addWidget(captioned("Folder", place, "A new folder with graphs, tokenizer, labels and how prompts are made"))
        self.licence = label(size=theme.CAPTION, tone="secondary", wrap=True)
        column.addWidget(self.licence)
        foot = QHBoxLayout()
        foot.setSpacing(theme.S2)
        self.go = Button("Export", kind="primary", icon_name="export")
        self.go.clicked.connect(self.start)
        foot.addWidget(self.go)
        foot.addStretch(1)
        column.addLayout(foot)
        self.progress = ProgressLine(self.watched)
        column.addWidget(self.progress)
        self._result = QWidget()
        result = QVBoxLayout(self._result)
        result.setContentsMargins(0, theme.S2, 0, 0)
        result.setSpacing(theme.S2)
        head = QHBoxLayout()
        head.setSpacing(theme.S2)
        self._verdict = label(bold=True, wrap=True)
        head.addWidget(IconLabel("verify", "good"), 0, Qt.AlignmentFlag.AlignTop)
        head.addWidget(self._verdict, 1)
        self.reveal = Button("Show in folder", icon_name="folder")
        self.reveal.clicked.connect(lambda: show_in_folder(Path(self.written)))
        head.addWidget(self.reveal)
        result.addLayout(head)
        self._tables = QHBoxLayout()
        self._tables.setSpacing(2 * theme.S6)
        self._sizes, self._checks = QGridLayout(), QGridLayout()
        for grid in (self._sizes, self._checks):
            grid.setHorizontalSpacing(theme.S4)
            grid.setVerticalSpacing(theme.S1)
            grid.setColumnStretch(0, 1)
            part = QVBoxLayout()
            part.addLayout(grid)
            part.addStretch(1)
            self._tables.addLayout(part, 1)
        result.addLayout(self._tables)
        column.addWidget(self._result)
        column.addStretch(1)
        self.watched.changed.connect(self._show)
        self.watched.done.connect(self._done)
        self.watched.failed.connect(lambda _row, failed: services.say(from_failed(failed, [("Try again", self.start)])))
        self._result.hide()
        self._show()

    def show_run(self, run: Run | None, blocked: str) -> None:
        """Export this run; ``blocked``: why it cannot be, "" when it can."""
        changed = (run.id if run else "") != (self._run.id if self._run else "")
        self._run, self._blocked = run, blocked
        if changed:
            self._result.hide()
            self.watched.find(lambda job: isinstance(job, ExportJob) and run is not None and job.model == run.id)
            self.folder = self._suggested()
        self._show_licence()
        self._show()

    def start(self) -> None:
        """Begin."""
        if self._run is None or not self.go.isEnabled():
            return
        try:
            job = ExportJob(
                model=self._run.id, output=self.folder, precision=self.precision.value, weights=str(self.weights.currentData())
            )
            self.watched.start(job)
            self._result.hide()
        except UserError as error:
            self._services.say(from_error(error))

    def _suggested(self) -> str:
        if self._run is None:
            return ""
        parent = Path(self._services.state.text("tuning/export_folder", str(Path.home())))
        parent = parent if parent.is_dir() else Path.home()
        name = "".join(letter if letter.isalnum() or letter in " -_." else "-" for letter in run_title(self._run)).strip(" .")
        return str(_free(parent / f"{name or 'model'}-{self.precision.value}"))

    def _choose(self, value: str) -> None:
        self._services.state.keep("tuning/export_precision", value)
        self.folder = self._suggested()
        self._show()

    def _ask_folder(self) -> None:
        parent = str(Path(self.folder).parent) if self.folder else str(Path.home())
        chosen = QFileDialog.getExistingDirectory(self, "Export into a new folder here", parent)
        if chosen:
            self._services.state.keep("tuning/export_folder", chosen)
            self.folder = self._suggested()
            self._show()

    def _show_licence(self) -> None:
        name = self._run.recipe.base if self._run is not None else ""
        entry = next((entry for entry in self._services.library.entries() if entry.id == name), None)
        if entry is not None:
            terms = TERMS.get(entry.licence.commercial, TERMS["unclear"])
            words = f"{entry.title}: {entry.licence.spdx.removeprefix('LicenseRef-')}; {terms}."
        else:
            words = "The base's own licence holds for the tuned weights, too."
        self.licence.setText(f"{words} The examples that it was tuned on may add terms of their own." if name else "")

    def _show(self) -> None:
        reason = "It is being exported" if self.watched.going else self._blocked
        self.go.setEnabled(not reason)
        self.go.setToolTip(reason or "Write the files, and compare them with the original before they are kept")
        self.target.setText(self.folder or "–")
        self._told.setText(next((tip for value, _, tip in PRECISIONS if value == self.precision.value), ""))

    def _done(self, row: Row) -> None:
        result = row.result or {}
        self.written = str((result.get("files") or {}).get("folder") or self.folder)
        self._verdict.setText(
            f"Written and checked against the original: {Path(self.written).name}, {result.get('precision', '')}"
        )
        for grid, title, rows in ((self._sizes, "Files", sizes(result)), (self._checks, "Checked", checks(result))):
            clear(grid)
            grid.addWidget(label(title, size=theme.CAPTION, tone="secondary"), 0, 0)
            for number, (name, value) in enumerate(rows, 1):
                grid.addWidget(ElidedLabel(name), number, 0)
                grid.addWidget(label(value, tabular=True), number, 1, Qt.AlignmentFlag.AlignRight)
        self._result.show()
        self.folder = self._suggested()
        self._show()
        actions = [("Show in folder", lambda: show_in_folder(Path(self.written)))]
        self._services.say(Note(Severity.GOOD, f"Exported {Path(self.written).name}", self.written, actions=actions))


def _free(path: Path) -> Path:
    """The path, or the first with a number that is not there yet."""
    return next(
        one
        for number in range(1, 10_000)
        if not (one := path if number == 1 else path.with_name(f"{path.name}-{number}")).exists()
    )
