"""An evaluation of labels: the confusion matrix, the most frequent mistakes, the labels, the rows."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QListWidget, QListWidgetItem, QStackedWidget, QVBoxLayout, QWidget

from desktop.ui import theme
from desktop.ui.icons import IconButton
from desktop.ui.state import State
from desktop.ui.tuning.evaluate_classes import ClassesTable
from desktop.ui.tuning.evaluate_rows_view import RowsView
from desktop.ui.tuning.evaluate_said import Report, mistaken
from desktop.ui.widgets.confusion_view import ConfusionView
from desktop.ui.widgets.elided import ElidedLabel
from desktop.ui.widgets.parts import Segments, label

VIEWS = (
    ("confusions", "Confusions", "Which label was answered where which was expected"),
    ("classes", "Labels", "Precision, recall and F1 of each label"),
    ("rows", "Rows", "Every row with its answer"),
)
WIDE = 620
"""Pixels from which the list of mistakes stands beside the matrix."""


class LabelsView(QWidget):
    """See the module's docstring."""

    rows_asked = Signal()

    def __init__(self, state: State, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._labels: list[str] = []
        self._wrong: list[tuple[int, int, int]] = []
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(theme.S2)
        top = QHBoxLayout()
        top.setSpacing(theme.S1)
        self.views = Segments("What is shown", VIEWS)
        self.views.setMaximumWidth(320)
        self.views.set_value(state.text("tuning/evaluate_view", "confusions", tuple(v for v, _, _ in VIEWS)))
        self.views.chosen.connect(self._choose)
        top.addWidget(self.views)
        self.told = ElidedLabel(mode=Qt.TextElideMode.ElideRight)
        self.told.setProperty("tone", "secondary")
        self.told.setFont(theme.font(self.told, theme.CAPTION, tabular=True))
        top.addSpacing(theme.S2)
        top.addWidget(self.told, 1)
        self.confusion = ConfusionView()
        self._zooms = []
        for icon, tip, work in (
            ("zoom-out", "Smaller cells (−)", lambda: self.confusion.zoom(0.8)),
            ("zoom-in", "Larger cells (+, or Ctrl and the wheel)", lambda: self.confusion.zoom(1.25)),
            ("fit", "Fit the matrix (0)", self.confusion.fit),
        ):
            button = IconButton(icon, tip)
            button.clicked.connect(lambda _on=False, do=work: do())
            self._zooms.append(button)
            top.addWidget(button)
        whole.addLayout(top)
        self._stack = QStackedWidget()
        whole.addWidget(self._stack, 1)
        matrix = QWidget()
        row = QHBoxLayout(matrix)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.S3)
        row.addWidget(self.confusion, 1)
        self._aside = QWidget()
        self._aside.setFixedWidth(232)
        column = QVBoxLayout(self._aside)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.S1)
        column.addWidget(label("Mistaken most often", size=theme.CAPTION, tone="secondary"))
        self.mistakes = QListWidget()
        self.mistakes.setAccessibleName("Mistakes made most often")
        self.mistakes.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.mistakes.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.mistakes.setUniformItemSizes(True)
        column.addWidget(self.mistakes, 1)
        row.addWidget(self._aside)
        self.classes = ClassesTable()
        self.rows = RowsView()
        for page in (matrix, self.classes, self.rows):
            self._stack.addWidget(page)
        self.confusion.chosen.connect(self._cell)
        self.mistakes.itemActivated.connect(self._mistake)
        self.mistakes.itemClicked.connect(self._mistake)
        self.classes.label_chosen.connect(lambda name: self._rows_of(name, None))
        self._show_view()

    def show_report(self, report: Report) -> None:
        """Show another evaluation."""
        confusion = report.get("confusion") or {}
        self._labels = [str(name) for name in confusion.get("labels") or []]
        self.confusion.show_confusion(self._labels, confusion.get("counts") or [])
        self.classes.show_classes(report.get("per_class") or [])
        self.rows.open(str(report.get("rows_file") or ""), by_label=True)
        self._wrong = mistaken(report)
        self.mistakes.clear()
        for expected, answer, count in self._wrong:
            text = f"{count}×  {self._labels[expected]}\n→  {self._labels[answer]}"
            item = QListWidgetItem(text, self.mistakes)
            item.setToolTip(self.confusion.describe(expected, answer))
        self._show_view()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._aside.setVisible(self.width() >= WIDE)

    def _choose(self, value: str) -> None:
        self._state.keep("tuning/evaluate_view", value)
        self._show_view()

    def _show_view(self) -> None:
        value = self.views.value
        self._stack.setCurrentIndex([name for name, _, _ in VIEWS].index(value))
        for button in self._zooms:
            button.setVisible(value == "confusions")
        hints = {
            "confusions": "A cell opens its rows",
            "classes": "A label opens its rows",
        }
        self.told.setText(hints.get(value, ""))

    def _cell(self, row: int, column: int) -> None:
        self._rows_of(self._labels[row], self._labels[column])

    def _mistake(self, item: QListWidgetItem) -> None:
        expected, answer, _ = self._wrong[self.mistakes.row(item)]
        self.confusion.select((expected, answer))
        self._cell(expected, answer)

    def _rows_of(self, expected: str, answer: str | None) -> None:
        self.views.set_value("rows")
        self._show_view()
        self.rows.show_pair(expected, answer)
