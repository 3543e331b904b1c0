"""What a run is to be scored on, and how."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCheckBox, QFileDialog, QHBoxLayout, QLineEdit, QScrollArea, QVBoxLayout, QWidget

from desktop.errors import UserError
from desktop.jobs.job import EvaluateJob
from desktop.jobs.tuning_jobs import EXPORT_PRECISIONS
from desktop.tuning.runs import Run
from desktop.ui import theme
from desktop.ui.icons import Button
from desktop.ui.state import State
from desktop.ui.tuning.fields import Choice, FileField, Whole, captioned
from desktop.ui.widgets.elided import ElidedLabel
from desktop.ui.widgets.parts import Section, Segments, label

WIDTH = 268
WHERE = (
    ("split", "Held-out", "Rows of the run's own file that it was not trained on"),
    ("file", "File", "Another file with the same columns"),
    ("mmlu", "MMLU", "Multiple-choice questions of 57 subjects, from a folder with 'dev' and 'test'"),
)
PRECISION_WORDS = {"fp32": "fp32, exact", "fp16": "fp16, half the size", "int8": "int8, a quarter"}


@dataclass(frozen=True)
class Place:
    """Where questions or rows come from: ``value`` is a file or folder for all but "split"."""

    kind: str
    value: str = ""


class FolderField(QWidget):
    """A folder. Signals: chosen: its path."""

    chosen = Signal(str)

    def __init__(self, name: str, empty: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name, self._empty = name, empty
        self.value = ""
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.S1)
        self._words = ElidedLabel(empty)
        browse = Button("Choose…")
        browse.setAccessibleName(f"Choose the {name.lower()}")
        browse.clicked.connect(self._ask)
        row.addWidget(self._words, 1)
        row.addWidget(browse)

    def set_value(self, path: str) -> None:
        """Show a folder."""
        self.value = path
        self._words.setText(Path(path).name if path else self._empty)
        self._words.setToolTip(path)

    def _ask(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, self._name, self.value or str(Path.home()))
        if chosen:
            self.set_value(chosen)
            self.chosen.emit(chosen)


class EvaluateSetup(QWidget):
    """Signals:
    asked: the job to be done.
    failed: why it cannot be (an exception).
    """

    asked = Signal(object)
    failed = Signal(object)

    def __init__(self, state: State, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._run: Run | None = None
        self._reason = ""
        self.setFixedWidth(WIDTH)
        self.setProperty("surface", "window")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        scroll = QScrollArea(widgetResizable=True)
        scroll.setAccessibleName("New evaluation")
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        inner = QWidget()
        inner.setProperty("surface", "plain")
        scroll.setWidget(inner)
        whole.addWidget(scroll, 1)
        column = QVBoxLayout(inner)
        column.setContentsMargins(theme.S4, theme.S3, theme.S4, theme.S3)
        column.setSpacing(theme.S3)
        column.addWidget(label("New evaluation", bold=True))
        self.where = Segments("Score it on", WHERE)
        self.where.set_value(state.text("tuning/evaluate_where", "split", tuple(v for v, _, _ in WHERE)))
        self.where.chosen.connect(self._choose_where)
        column.addWidget(self.where)
        self.split = Choice("Rows", (("test", "Test rows"), ("validation", "Validation rows"), ("train", "Training rows")))
        self.split.set_value("test")
        self.file = FileField("File to score on", "No file chosen")
        self.file.set_value(_existing(state.text("tuning/evaluate_file")))
        self.file.chosen.connect(self._choose_file)
        self.mmlu = FolderField("Folder of MMLU", "No folder chosen")
        self.mmlu.set_value(_existing(state.text("tuning/evaluate_mmlu")))
        self.mmlu.chosen.connect(self._choose_mmlu)
        self.shots = Whole(0, 5)
        self.shots.set_value(5)
        self.limit = Whole(0, 10_000_000, step=100, word="All")
        self.outside = QLineEdit(placeholderText="for example: oos")
        self._boxes = {
            "split": captioned("Rows", self.split, "Of the run's file, as it was divided when the run began"),
            "file": captioned("File", self.file),
            "mmlu": captioned("Folder", self.mmlu, "With the folders 'dev' and 'test' of CSV files, one for each subject"),
            "shots": captioned("Worked examples before each question", self.shots, "Fewer where the model's window is too short"),
            "limit": captioned("At most", self.limit, "So many rows or questions, chosen at random but always the same"),
            "outside": captioned(
                "Labels that mean “none of these”",
                self.outside,
                "With commas between them; declining is the right answer to them",
            ),
        }
        for box in self._boxes.values():
            column.addWidget(box)
        self.baseline = QCheckBox("Score the untuned base too")
        self.baseline.setToolTip("To see what tuning gained; takes about as long again")
        self.baseline.setChecked(state.flag("tuning/evaluate_baseline", True))
        self.baseline.toggled.connect(lambda on: state.keep("tuning/evaluate_baseline", on))
        column.addWidget(self.baseline)
        more = Section("More", folds=True, folded=state.flag("tuning/evaluate_more_folded", True))
        more.folded.connect(lambda on: state.keep("tuning/evaluate_more_folded", on))
        self.weights = Choice("Weights", (("best", "Best on validation"), ("last", "Last step")))
        self.weights.set_value("best")
        self.precision = Choice("Precision", tuple((name, PRECISION_WORDS[name]) for name in EXPORT_PRECISIONS))
        self.precision.set_value("fp32")
        more.body.addWidget(captioned("Weights", self.weights))
        more.body.addWidget(captioned("Precision", self.precision, "Of the exported weights that answer"))
        column.addWidget(more)
        column.addStretch(1)
        foot = QVBoxLayout()
        foot.setContentsMargins(theme.S4, theme.S2, theme.S4, theme.S3)
        self.go = Button("Evaluate", kind="primary")
        self.go.clicked.connect(self._ask)
        foot.addWidget(self.go)
        whole.addLayout(foot)
        self._show()

    def show_run(self, run: Run | None, blocked: str) -> None:
        """Score this run; ``blocked``: why that cannot be now, "" when it can."""
        self._run, self._reason = run, blocked
        self._show()

    @property
    def blocked(self) -> str:
        """Why nothing can be scored now."""
        if self._reason:
            return self._reason
        kind = self.where.value
        if kind == "file" and not self.file.value:
            return "Choose a file to score on"
        if kind == "mmlu" and not self.mmlu.value:
            return "Choose a folder of MMLU"
        if kind == "mmlu" and self._run is not None and self._run.method == "head":
            return "A classifier gives labels, so MMLU says nothing about it"
        return ""

    def job(self) -> EvaluateJob:
        """The job as it is chosen; raises UserError when it cannot be."""
        assert self._run is not None
        kind = self.where.value
        outside = tuple(word.strip() for word in self.outside.text().split(",") if word.strip()) if kind != "mmlu" else ()
        return EvaluateJob(
            model=self._run.id, source=self.file.value if kind == "file" else "", split=str(self.split.currentData() or "test"),
            mmlu=self.mmlu.value if kind == "mmlu" else "", shots=self.shots.value(), limit=self.limit.value(),
            baseline=self.baseline.isChecked(), weights=str(self.weights.currentData()),
            precision=str(self.precision.currentData()), outside=outside,
        )  # fmt: skip

    def take_file(self, path: str) -> None:
        """Score on a file."""
        self.where.set_value("file")
        self._choose_file(path)
        self._choose_where("file")

    def _choose_where(self, value: str) -> None:
        self._state.keep("tuning/evaluate_where", value)
        self._show()

    def _choose_file(self, path: str) -> None:
        self.file.set_value(path)
        self._state.keep("tuning/evaluate_file", path)
        self._show()

    def _choose_mmlu(self, path: str) -> None:
        self._state.keep("tuning/evaluate_mmlu", path)
        self._show()

    def _show(self) -> None:
        kind = self.where.value
        gives_labels = self._run is not None and self._run.method in ("head", "full")
        shown = {"split": kind == "split", "file": kind == "file", "mmlu": kind == "mmlu", "shots": kind == "mmlu", "limit": True}
        shown["outside"] = kind != "mmlu" and gives_labels
        for name, box in self._boxes.items():
            box.setVisible(shown[name])
        reason = self.blocked
        self.go.setEnabled(not reason)
        self.go.setToolTip(reason or "Score the run; it waits when something else is being done")

    def _ask(self) -> None:
        try:
            self.asked.emit(self.job())
        except UserError as error:
            self.failed.emit(error)


def _existing(path: str) -> str:
    return path if path and Path(path).exists() else ""
