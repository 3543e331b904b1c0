"""Runs side by side as a table: results, settings that differ, and, when unfolded, those that are the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QPainter, QPixmap
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from desktop.ui import theme
from desktop.ui.tuning.compare_said import Line
from desktop.ui.tuning.evaluate_classes import name_parts
from desktop.ui.widgets.curve_draw import run_colour

AnyIndex = QModelIndex | QPersistentModelIndex
NAMES = 190


class CompareModel(QAbstractTableModel):
    """A column for each run; a row with a title alone begins a part."""

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self.names: list[str] = []
        self.lines: list[Line] = []

    def show_runs(self, names: Sequence[str], parts: Sequence[tuple[str, Sequence[Line]]]) -> None:
        """Show other runs, or newer values of them; parts without lines are left out."""
        lines = [line for title, part in parts if part for line in (Line(title, ()), *part)]
        if list(names) == self.names and [line.title for line in lines] == [line.title for line in self.lines]:
            self.lines = lines
            self.dataChanged.emit(self.index(0, 0), self.index(len(lines) - 1, len(names)))
            return
        self.beginResetModel()
        self.names, self.lines = list(names), lines
        self.endResetModel()

    def rowCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008 (Qt's signature)
        return 0 if parent.isValid() else len(self.lines)

    def columnCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008 (Qt's signature)
        return 0 if parent.isValid() else 1 + len(self.names)

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        line, column = self.lines[index.row()], index.column()
        is_title, is_best = not line.values, column > 0 and line.best == column - 1
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            text = line.title if column == 0 else line.values[column - 1] if line.values else ""
            return text if role == Qt.ItemDataRole.DisplayRole or column else "\n".join(filter(None, (text, line.tip)))
        if role == Qt.ItemDataRole.FontRole and (is_title or is_best):
            return theme.font(self._widget, bold=True, tabular=True)
        if role == Qt.ItemDataRole.ForegroundRole and column == 0 and not is_title:
            return QBrush(QColor(theme.tokens().secondary))
        if role == Qt.ItemDataRole.ForegroundRole and is_best:
            return QBrush(QColor(theme.tokens().good))
        if role == Qt.ItemDataRole.AccessibleTextRole and is_best:
            return f"{line.values[column - 1]}, the best"
        return None

    def flags(self, index: AnyIndex) -> Qt.ItemFlag:
        is_title = not self.lines[index.row()].values
        return Qt.ItemFlag.NoItemFlags if is_title else Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable

    def headerData(self, section: int, way: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if way is not Qt.Orientation.Horizontal or not 0 < section <= len(self.names):
            return None
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return self.names[section - 1]
        return _chip(section - 1, self._widget.devicePixelRatioF()) if role == Qt.ItemDataRole.DecorationRole else None

    @property
    def _widget(self) -> QWidget:
        parent = self.parent()
        assert isinstance(parent, QWidget)
        return parent


def _chip(number: int, ratio: float) -> QPixmap:
    """The colour of a run's curves."""
    made = QPixmap(round(14 * ratio), round(14 * ratio))
    made.setDevicePixelRatio(ratio)
    made.fill(Qt.GlobalColor.transparent)
    painter = QPainter(made)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(run_colour(theme.tokens(), number))
    painter.drawRoundedRect(QRectF(1, 5, 12, 4), 2, 2)
    painter.end()
    return made


class CompareTable(QTableView):
    """The comparison; columns are as wide as there is room for."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Results and settings of the runs")
        self.lines = CompareModel(self)
        self.setModel(self.lines)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(26)
        name_parts(self)
        head = self.horizontalHeader()
        head.setHighlightSections(False)
        head.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        head.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        head.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        head.setMinimumSectionSize(120)
        self.lines.modelReset.connect(self._fit)

    def _fit(self) -> None:
        head = self.horizontalHeader()
        if head.count():
            head.setSectionResizeMode(0, QHeaderView.ResizeMode.Fixed)
            head.resizeSection(0, NAMES)
        self.clearSpans()
        for row, line in enumerate(self.lines.lines):
            if not line.values and self.lines.columnCount() > 1:
                self.setSpan(row, 0, 1, self.lines.columnCount())
