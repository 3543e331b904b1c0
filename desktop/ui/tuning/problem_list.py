"""Rows with something wrong: line, reason, how it begins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, Qt
from PySide6.QtGui import QColor, QGuiApplication, QKeyEvent, QKeySequence, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from desktop.tuning.records.facts import Problem, Severity
from desktop.ui import theme
from desktop.ui.tuning.run_row import AnyIndex

ROOMY = 300
"""Width from which the text has room beside the reason."""
COLUMNS = ("Line", "Reason", "Text")


class ProblemsModel(QAbstractTableModel):
    """The problems of a file."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.problems: Sequence[Problem] = ()

    def show(self, problems: Sequence[Problem]) -> None:
        """Show others."""
        if problems != self.problems:
            self.beginResetModel()
            self.problems = problems
            self.endResetModel()

    def rowCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008 (Qt's signature)
        return 0 if parent.isValid() else len(self.problems)

    def columnCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008 (Qt's signature)
        return 0 if parent.isValid() else len(COLUMNS)

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        problem = self.problems[index.row()]
        where = f"{problem.file}: {problem.line:,}" if problem.file else f"{problem.line:,}"
        if role == Qt.ItemDataRole.DisplayRole:
            return (where, problem.reason, problem.text.replace("\n", " ⏎ "))[index.column()]
        if role == Qt.ItemDataRole.ToolTipRole:
            kept = "left out" if problem.severity is Severity.BAD else "kept as far as it can be read"
            return f"Line {where}: {problem.reason} ({kept})\n{problem.text}"
        if role == Qt.ItemDataRole.ForegroundRole:
            tokens = theme.tokens()
            return QColor((tokens.secondary, tokens.text, tokens.secondary)[index.column()])
        return None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return COLUMNS[section]
        return None


class ProblemList(QTableView):
    """The problems; the chosen ones can be copied."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.problems = ProblemsModel(self)
        self.setModel(self.problems)
        self.problems.modelReset.connect(self._share)
        self.setProperty("kind", "plain")
        self.setAccessibleName("Rows with problems")
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setTabKeyNavigation(False)
        self.setWordWrap(False)
        self.setShowGrid(False)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.verticalHeader().hide()
        self.verticalHeader().setAccessibleName("Rows")
        self.verticalHeader().setDefaultSectionSize(22)
        head = self.horizontalHeader()
        head.setAccessibleName("Line, reason and text")
        head.setSectionResizeMode(0, QHeaderView.ResizeMode.ResizeToContents)
        head.setSectionResizeMode(1, QHeaderView.ResizeMode.Fixed)
        head.setSectionResizeMode(2, QHeaderView.ResizeMode.Stretch)
        head.hide()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._share()

    def _share(self) -> None:
        # The reason is what matters; what is left shows how the row begins.
        wanted = self.sizeHintForColumn(1)
        room = self.viewport().width()
        self.setColumnHidden(2, room < ROOMY)
        self.setColumnWidth(1, max(80, min(wanted, round(room * 0.6))) if room >= ROOMY else room - self.columnWidth(0))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy):
            rows = sorted({index.row() for index in self.selectedIndexes()})
            lines = ["\t".join(str(self.problems.index(row, column).data()) for column in range(3)) for row in rows]
            QGuiApplication.clipboard().setText("\n".join(lines))
            return
        super().keyPressEvent(event)
