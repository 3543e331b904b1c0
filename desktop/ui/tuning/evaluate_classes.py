"""The labels of an evaluation: precision, recall, F1 and rows of each, in any order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, QRect, QSortFilterProxyModel, Qt, Signal
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QStyledItemDelegate, QStyleOptionViewItem, QTableView, QWidget

from desktop.ui import theme

AnyIndex = QModelIndex | QPersistentModelIndex
COLUMNS = (
    ("label", "Label", ""),
    ("count", "Rows", "Rows that have the label"),
    ("precision", "Precision", "Of the rows answered so, how many have the label"),
    ("recall", "Recall", "Of the rows that have the label, how many were answered so"),
    ("f1", "F1", "Harmonic mean of precision and recall"),
)
SORTED = Qt.ItemDataRole.UserRole + 1


class ClassesModel(QAbstractTableModel):
    """A row for each label."""

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self.classes: list[Mapping[str, Any]] = []

    def show_classes(self, classes: Sequence[Mapping[str, Any]]) -> None:
        """Show other labels."""
        self.beginResetModel()
        self.classes = list(classes)
        self.endResetModel()

    def rowCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008 (Qt's signature)
        return 0 if parent.isValid() else len(self.classes)

    def columnCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008 (Qt's signature)
        return 0 if parent.isValid() else len(COLUMNS)

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        name = COLUMNS[index.column()][0]
        value = self.classes[index.row()].get(name, "" if name == "label" else 0)
        if role == SORTED:
            return str(value).casefold() if name == "label" else float(value)
        if role == Qt.ItemDataRole.DisplayRole:
            return str(value) if name == "label" else f"{int(value):,}" if name == "count" else f"{100 * float(value):.1f} %"
        if role == Qt.ItemDataRole.ToolTipRole and name == "label":
            return str(value)
        if role == Qt.ItemDataRole.TextAlignmentRole and name != "label":
            return int(Qt.AlignmentFlag.AlignCenter)
        return None

    def headerData(self, section: int, way: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if way is not Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            # The arrow of the order stands at the right.
            side = Qt.AlignmentFlag.AlignHCenter if section else Qt.AlignmentFlag.AlignLeft
            return int(side | Qt.AlignmentFlag.AlignVCenter)
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return COLUMNS[section][1 if role == Qt.ItemDataRole.DisplayRole else 2]
        return None


class _Shares(QStyledItemDelegate):
    """A soft bar behind a share, so that the weak ones are seen without reading."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: AnyIndex) -> None:
        share = float(index.data(SORTED) or 0.0)
        rect: QRect = option.rect.adjusted(6, 5, -4, -5)
        tokens = theme.tokens()
        painter.fillRect(rect.adjusted(round((1 - share) * rect.width()), 0, 0, 0), theme.mix(tokens.raised, tokens.accent, 0.16))
        super().paint(painter, option, index)


class ClassesTable(QTableView):
    """Signals:
    label_chosen: the label of a row that was double-clicked, or on which Enter was pressed.
    """

    label_chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Scores of each label")
        self.classes = ClassesModel(self)
        self._sorted = QSortFilterProxyModel(self)
        self._sorted.setSourceModel(self.classes)
        self._sorted.setSortRole(SORTED)
        self.setModel(self._sorted)
        self.setSortingEnabled(True)
        self.sortByColumn(4, Qt.SortOrder.AscendingOrder)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(28)
        name_parts(self)
        head = self.horizontalHeader()
        head.setHighlightSections(False)
        head.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        head.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for column in range(1, len(COLUMNS)):
            self.setColumnWidth(column, 76 if column == 1 else 92)
        for column in (2, 3, 4):
            self.setItemDelegateForColumn(column, _Shares(self))
        self.activated.connect(self._activated)

    def show_classes(self, classes: Sequence[Mapping[str, Any]]) -> None:
        """Show other labels."""
        self.classes.show_classes(classes)

    def _activated(self, index: QModelIndex) -> None:
        self.label_chosen.emit(str(self._sorted.index(index.row(), 0).data()))


def name_parts(table: QTableView) -> None:
    """Give a table's headers accessible names."""
    table.horizontalHeader().setAccessibleName(f"Columns: {table.accessibleName()}")
    table.verticalHeader().setAccessibleName(f"Row numbers: {table.accessibleName()}")
