"""An evaluation: the number that counts, what it is compared with, and the view that belongs to its kind."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from desktop.ui import theme
from desktop.ui.state import State
from desktop.ui.tuning import evaluate_said as said
from desktop.ui.tuning.evaluate_labels import LabelsView
from desktop.ui.tuning.evaluate_rows_view import RowsView
from desktop.ui.widgets.bar_chart import BarChart
from desktop.ui.widgets.elided import ElidedLabel
from desktop.ui.widgets.parts import Fact, clear, label, restyle

HUGE = 34
"""Font size in pixels of the number that counts."""


class Headline(QWidget):
    """The number, its interval, the baseline, and the numbers beside it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        whole = QHBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(theme.S6)
        left = QGridLayout()
        left.setVerticalSpacing(0)
        left.setHorizontalSpacing(theme.S2)
        self.value = label(size=HUGE, bold=True, tabular=True)
        self.name = label(size=theme.SECTION)
        self.interval = label(size=theme.CAPTION, tone="secondary", tabular=True)
        left.addWidget(self.value, 0, 0, 2, 1)
        left.addWidget(self.name, 0, 1, Qt.AlignmentFlag.AlignBottom)
        left.addWidget(self.interval, 1, 1, Qt.AlignmentFlag.AlignTop)
        whole.addLayout(left)
        self.baseline = QWidget()
        column = QVBoxLayout(self.baseline)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addStretch(1)
        self._base = ElidedLabel(mode=Qt.TextElideMode.ElideMiddle)
        self._base.setFont(theme.font(self._base, theme.CAPTION, tabular=True))
        self._base.setProperty("tone", "secondary")
        self.gain = label(bold=True, tabular=True)
        column.addWidget(self._base)
        column.addWidget(self.gain)
        column.addStretch(1)
        whole.addWidget(self.baseline, 1)

    def show_report(self, report: said.Report) -> None:
        """Show another evaluation."""
        value, name, interval = said.headline(report)
        self.value.setText(value)
        self.name.setText(name)
        self.interval.setText(interval)
        base, gain, better = said.against(report)
        self.baseline.setVisible(bool(base))
        self._base.setText(f"{said.baseline_name(report)} {base}")
        self.gain.setText(gain)
        restyle(self.gain, tone="good" if better else "warning")
        self.setAccessibleName(
            ", ".join(filter(None, (f"{name} {value}", interval, f"{self._base.text()}, {gain}" if base else "")))
        )


class FactsRow(QWidget):
    """Captions over values in a row that breaks where it must."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(theme.S6)
        self._grid.setVerticalSpacing(theme.S1)
        self.facts: dict[str, Fact] = {}

    def show_facts(self, facts: dict[str, tuple[str, str]]) -> None:
        """Show these: caption -> (value, tooltip)."""
        if list(facts) != list(self.facts):
            clear(self._grid)
            self.facts = {caption: Fact(caption) for caption in facts}
            for number, fact in enumerate(self.facts.values()):
                self._grid.addWidget(fact, number // 5, number % 5)
            for column in range(6):
                self._grid.setColumnStretch(column, 1 if column == 5 else 0)
        for caption, (value, tip) in facts.items():
            self.facts[caption].say(value, tip=tip)
        self.setVisible(bool(facts))


class ResultView(QWidget):
    """See the module's docstring."""

    def __init__(self, state: State, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(theme.S2)
        self.headline = Headline()
        self.facts, self.outside = FactsRow(), FactsRow()
        self.warnings = label(size=theme.CAPTION, tone="warning", wrap=True)
        for part in (self.headline, self.facts, self.outside, self.warnings):
            whole.addWidget(part)
        self._stack = QStackedWidget()
        self.labels = LabelsView(state)
        self.rows = RowsView()
        self.subjects = BarChart("Share of right answers in each subject")
        for page in (self.labels, self.rows, self.subjects):
            self._stack.addWidget(page)
        whole.addSpacing(theme.S1)
        whole.addWidget(self._stack, 1)

    def show_report(self, report: said.Report) -> None:
        """Show another evaluation."""
        self.headline.show_report(report)
        self.facts.show_facts(said.facts(report))
        self.outside.show_facts(said.outside(report))
        warnings = [str(text) for text in report.get("warnings") or ()]
        self.warnings.setText(" ".join(f"{text}." if not text.endswith(".") else text for text in warnings))
        self.warnings.setVisible(bool(warnings))
        kind = report.get("kind")
        if kind == "labels":
            self.labels.show_report(report)
        elif kind == "mmlu":
            self.subjects.show_bars(said.subject_bars(report), said.references(report))
        else:
            self.rows.open(str(report.get("rows_file") or ""), by_label=False)
        self._stack.setCurrentIndex({"labels": 0, "mmlu": 2}.get(str(kind), 1))
