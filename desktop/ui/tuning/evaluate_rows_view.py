"""The rows of an evaluation as a table, and the one that is chosen in full."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt, QTimer
from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QSplitter,
    QTableView,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from desktop.tuning.runs import Sample
from desktop.ui import icons, theme
from desktop.ui.background import Op
from desktop.ui.icons import Button
from desktop.ui.tuning.evaluate_classes import name_parts
from desktop.ui.tuning.evaluate_rows import Filter, RowsFile, confidence, one_line
from desktop.ui.tuning.run_samples import SampleCard
from desktop.ui.tuning.words import counted
from desktop.ui.widgets.elided import ElidedLabel
from desktop.ui.widgets.parts import Segments, label

AnyIndex = QModelIndex | QPersistentModelIndex
COLUMNS = ("Line", "Input", "Expected", "Answer", "Sure")
SEARCH_MS = 250
KINDS = (
    ("all", "All", "All rows"),
    ("wrong", "Wrong", "Rows answered otherwise than expected"),
    ("right", "Right", "Rows answered as expected"),
)


class RowsModel(QAbstractTableModel):
    """The rows of a file that a filter lets through; each is read when it comes into view."""

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self.file: RowsFile | None = None
        self.numbers: np.ndarray = np.zeros(0, np.int64)

    def show_rows(self, file: RowsFile | None, numbers: np.ndarray) -> None:
        """Show these rows of a file."""
        self.beginResetModel()
        self.file, self.numbers = file, numbers
        self.endResetModel()

    def rowCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008 (Qt's signature)
        return 0 if parent.isValid() else len(self.numbers)

    def columnCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008 (Qt's signature)
        return 0 if parent.isValid() else len(COLUMNS)

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if self.file is None or not 0 <= index.row() < len(self.numbers):
            return None
        row = self.file.row(int(self.numbers[index.row()]))
        column = index.column()
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            text = (f"{row.line:,}", row.prompt, row.expected, row.answer, confidence(row.confidence))[column]
            return one_line(text) if role == Qt.ItemDataRole.DisplayRole else text[:2000] if column in (1, 2, 3) else None
        if role == Qt.ItemDataRole.DecorationRole and column == 3:
            right = self.file.is_right(row)
            tokens = theme.tokens()
            return icons.icon("done" if right else "close", tokens, tokens.good if right else tokens.left, 14)
        if role == Qt.ItemDataRole.TextAlignmentRole and column in (0, 4):
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        if role == Qt.ItemDataRole.ForegroundRole and column in (0, 4):
            return QColor(theme.tokens().secondary)
        if role == Qt.ItemDataRole.AccessibleTextRole and column == 3:
            return f"{row.answer}, {'right' if self.file.is_right(row) else 'wrong'}"
        return None

    def headerData(self, section: int, way: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if way is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return COLUMNS[section]
        if way is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.ToolTipRole and section == 4:
            return "How sure the model is of its answer, 0 to 1"
        return None


class RowsView(QWidget):
    """Filters over a table, the chosen row below it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._file: RowsFile | None = None
        self._opened = self._turn = 0
        self._pair: tuple[str | None, str | None] = (None, None)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(theme.S2)
        row = QHBoxLayout()
        row.setSpacing(theme.S2)
        self.kinds = Segments("Which rows", KINDS)
        self.kinds.set_value("wrong")
        self.kinds.setMaximumWidth(220)
        self.search = QLineEdit(placeholderText="Search")
        self.search.setAccessibleName("Search in the rows")
        self.search.setClearButtonEnabled(True)
        for button in self.search.findChildren(QToolButton):
            button.setAccessibleName("Clear the search")
        self.search.setMaximumWidth(200)
        self._count = label(size=theme.CAPTION, tone="secondary", tabular=True)
        row.addWidget(self.kinds)
        row.addWidget(self.search, 1)
        row.addStretch(1)
        row.addWidget(self._count)
        whole.addLayout(row)
        self._pair_bar = QWidget()
        pair = QHBoxLayout(self._pair_bar)
        pair.setContentsMargins(0, 0, 0, 0)
        pair.setSpacing(theme.S2)
        self.pair = ElidedLabel(mode=Qt.TextElideMode.ElideMiddle)
        self.pair.setFont(theme.font(self.pair, bold=True))
        every = Button("Show all", kind="link")
        every.setAccessibleName("Show the rows of all labels")
        every.clicked.connect(lambda: self.show_pair(None, None))
        pair.addWidget(self.pair, 1)
        pair.addWidget(every)
        whole.addWidget(self._pair_bar)
        self._pair_bar.hide()
        self.model = RowsModel(self)
        self.table = QTableView()
        self.table.setAccessibleName("Rows and their answers")
        self.table.setModel(self.model)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.table.setShowGrid(False)
        self.table.setWordWrap(False)
        self.table.setTabKeyNavigation(False)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(28)
        name_parts(self.table)
        head = self.table.horizontalHeader()
        head.setHighlightSections(False)
        head.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        for column, mode in enumerate(("fixed", "stretch", "part", "part", "fixed")):
            head.setSectionResizeMode(
                column, QHeaderView.ResizeMode.Stretch if mode == "stretch" else QHeaderView.ResizeMode.Interactive
            )
        self.detail = SampleCard()
        self.detail.hide()
        self.problem = label(tone="secondary", wrap=True)
        self.problem.hide()
        whole.addWidget(self.problem)
        body = QSplitter(Qt.Orientation.Vertical)
        body.setChildrenCollapsible(False)
        body.setHandleWidth(theme.S2)
        body.addWidget(self.table)
        body.addWidget(self.detail)
        body.setStretchFactor(0, 1)
        body.setStretchFactor(1, 0)
        body.setSizes([1000, 120])
        whole.addWidget(body, 1)
        self._soon = QTimer(self, singleShot=True, interval=SEARCH_MS)
        self._soon.timeout.connect(self._filter)
        self.search.textChanged.connect(lambda _text: self._soon.start())
        self.kinds.chosen.connect(lambda _value: self._filter())
        self.table.selectionModel().currentRowChanged.connect(lambda now, _before: self._show_row(now.row()))

    def open(self, path: str, *, by_label: bool) -> None:
        """Show the rows of a file; "" for none."""
        self._opened += 1
        turn = self._opened
        self._file = None
        self.show_pair(None, None)
        self.problem.hide()
        if path:

            def opened(file: RowsFile) -> None:
                if turn == self._opened:
                    self._file = file
                    self._filter()

            def failed(error: Exception) -> None:
                if turn == self._opened:
                    self.problem.setText(str(error))
                    self.problem.show()

            Op(self, lambda: RowsFile(Path(path), by_label=by_label)).success(opened).failure(failed).start()

    def show_pair(self, expected: str | None, answer: str | None) -> None:
        """Show only the rows where one label was expected and one was answered."""
        self._pair = (expected, answer)
        given = expected is not None or answer is not None
        self._pair_bar.setVisible(given)
        self.kinds.setVisible(not given)
        if given:
            words = f"{expected}, answered as {answer}" if expected != answer else f"{expected}, answered rightly"
            self.pair.setText(words if answer is not None else f"{expected}")
        self._filter()

    def _filter(self) -> None:
        """Look for the rows that are wanted, off the window's thread: searching reads all of the file."""
        self._turn += 1
        turn, file = self._turn, self._file
        if file is None:
            self.model.show_rows(None, np.zeros(0, np.int64))
            self._count.setText("")
            self.detail.hide()
            return
        given = self._pair != (None, None)
        right = None if given else {"right": True, "wrong": False}.get(self.kinds.value)
        wanted = Filter(right, *self._pair, self.search.text().strip())

        def found(numbers: np.ndarray) -> None:
            if turn == self._turn:
                self._show(file, numbers)

        Op(self, lambda: file.select(wanted)).success(found).start()

    def _show(self, file: RowsFile, numbers: np.ndarray) -> None:
        self.model.show_rows(file, numbers)
        self._count.setText(f"{len(numbers):,} of {counted(len(file), 'row')}")
        self.problem.setText("No row is like that.")
        self.problem.setVisible(not len(numbers))
        sure = any(file.row(int(number)).confidence is not None for number in numbers[:5])
        self.table.setColumnHidden(4, not sure)
        self._fit_columns()
        if len(numbers):
            self.table.selectRow(0)
        else:
            self.detail.hide()

    def _fit_columns(self) -> None:
        width = self.table.viewport().width()
        self.table.setColumnWidth(0, 64)
        self.table.setColumnWidth(4, 60)
        for column in (2, 3):
            self.table.setColumnWidth(column, max(90, round(width * 0.23)))

    def resizeEvent(self, event: object) -> None:
        self._fit_columns()

    def _show_row(self, place: int) -> None:
        if self._file is None or not 0 <= place < len(self.model.numbers):
            self.detail.hide()
            return
        row = self._file.row(int(self.model.numbers[place]))
        self.detail.show_sample(Sample(0, place, row.prompt, row.expected, row.answer))
        self.detail.show()
