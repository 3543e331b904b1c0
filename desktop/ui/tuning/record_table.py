"""The records as a spreadsheet; its header says which columns the model reads and which one it answers."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QByteArray, QModelIndex, QPoint, QRectF, QSignalBlocker, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QMenu,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from desktop.ui import theme
from desktop.ui.tuning.run_row import AnyIndex
from desktop.ui.tuning.seen import Record
from desktop.ui.tuning.tints import answer_tint, prompt_tint

HEADER = 44
WIDEST, UNUSED, NARROWEST = 460, 180, 72
"""Widths of a column at first: at most, at most when it is not used, at least."""
SPLITS = {"train": "", "validation": "Validation", "test": "Test", "": "Left out"}
SHOWN_CHARS = 400


class RecordsModel(QAbstractTableModel):
    """Rows of the file, with their lines at the left."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.columns: list[str] = []
        self.records: Sequence[Record] = ()
        self.inputs: tuple[str, ...] = ()
        self.output = ""

    def show(self, columns: list[str], records: Sequence[Record], inputs: tuple[str, ...], output: str) -> None:
        """Show other rows, or columns that are used another way."""
        same = columns == self.columns and len(records) == len(self.records)
        if not same:
            self.beginResetModel()
        self.columns, self.records, self.inputs, self.output = columns, records, inputs, output
        if not same:
            self.endResetModel()
        elif records and columns:
            self.dataChanged.emit(self.index(0, 0), self.index(len(records) - 1, len(columns) - 1))
            self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, len(columns) - 1)

    def role_of(self, column: int) -> str:
        """What a column is: "Input", "Answer" or ""."""
        name = self.columns[column]
        return "Answer" if name == self.output else "Input" if name in self.inputs else ""

    def rowCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008 (Qt's signature)
        return 0 if parent.isValid() else len(self.records)

    def columnCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008 (Qt's signature)
        return 0 if parent.isValid() else len(self.columns)

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        text = self.records[index.row()].values.get(self.columns[index.column()], "")
        if role == Qt.ItemDataRole.DisplayRole:
            return text[:SHOWN_CHARS].replace("\n", " ⏎ ")
        if role == Qt.ItemDataRole.ToolTipRole:
            return text if len(text) < 2000 else f"{text[:2000]} …"
        if role == Qt.ItemDataRole.ForegroundRole:
            return None if self.role_of(index.column()) else QColor(theme.tokens().secondary)
        return None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation == Qt.Orientation.Horizontal:
            if role == Qt.ItemDataRole.DisplayRole and section < len(self.columns):
                return self.columns[section]
            if role == Qt.ItemDataRole.AccessibleTextRole:
                return f"{self.columns[section]}, {self.role_of(section) or 'not used'}"
            return None
        if section >= len(self.records):
            return None
        record = self.records[section]
        if role == Qt.ItemDataRole.DisplayRole:
            return f"{record.line:,}"
        if role == Qt.ItemDataRole.ToolTipRole:
            split = {"train": "used for training", "validation": "held out for validation", "test": "held out for the test"}
            return f"Line {record.line:,}: {split.get(record.split, 'left out')}"
        return None


class _Tinted(QStyledItemDelegate):
    """Cells in the colour of what their column is used for."""

    def __init__(self, model: RecordsModel, parent: QWidget) -> None:
        super().__init__(parent)
        self._records = model

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: AnyIndex) -> None:
        used, tokens = self._records.role_of(index.column()), theme.tokens()
        tint = {"Input": prompt_tint(tokens, 0.06), "Answer": answer_tint(tokens, 0.09)}.get(used)
        if tint is not None and not option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(option.rect, tint)
        super().paint(painter, option, index)


class _Header(QHeaderView):
    """Name of a column over what it is used for."""

    def __init__(self, model: RecordsModel, parent: QWidget) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self._records = model
        self.setSectionsClickable(True)
        self.setMinimumSectionSize(NARROWEST)
        self.setAccessibleName("Columns")
        self.setToolTip("Click a column to say what it is used for")

    def sizeHint(self) -> QSize:
        return QSize(super().sizeHint().width(), HEADER)

    def paintSection(self, painter: QPainter, rect: Any, section: int) -> None:
        if section >= len(self._records.columns):
            return
        tokens, used = theme.tokens(), self._records.role_of(section)
        painter.save()
        tint = {"Input": prompt_tint(tokens), "Answer": answer_tint(tokens)}.get(used, QColor(tokens.raised))
        painter.fillRect(rect, tint)
        painter.fillRect(QRectF(rect.left(), rect.bottom(), rect.width(), 1), QColor(tokens.hairline))
        painter.fillRect(QRectF(rect.right(), rect.top(), 1, rect.height()), QColor(tokens.hairline))
        area = QRectF(rect).adjusted(theme.S2, 5, -theme.S2, -5)
        painter.setFont(theme.font(self, theme.BODY, bold=bool(used)))
        painter.setPen(QColor(tokens.text if used else tokens.secondary))
        name = painter.fontMetrics().elidedText(self._records.columns[section], Qt.TextElideMode.ElideMiddle, int(area.width()))
        painter.drawText(area, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop, name)
        painter.setFont(theme.font(self, theme.CAPTION))
        colour = {"Input": tokens.right, "Answer": tokens.good}.get(used, tokens.secondary)
        painter.setPen(theme.mix(colour, tokens.text, 0.25))
        painter.drawText(area, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignBottom, used or "Not used")
        painter.restore()


class RecordTable(QTableView):
    """Signals:
    mapped: columns of the prompt and the column of the answer, as the user wants them.
    record_chosen: number of a row.
    widths_changed: the user has changed a column's width.
    """

    mapped = Signal(tuple, str)
    record_chosen = Signal(int)
    widths_changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._fitting = self._custom = False
        self._natural: list[int] = []
        self.records = RecordsModel(self)
        self.setModel(self.records)
        self.setAccessibleName("Records")
        self.setProperty("kind", "sheet")
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setCornerButtonEnabled(False)
        self._head = _Header(self.records, self)
        self.setHorizontalHeader(self._head)
        self._head.sectionClicked.connect(self._header_clicked)
        self._head.sectionResized.connect(lambda *_: self._resized())
        self._head.sectionHandleDoubleClicked.connect(self._fit_one)
        self.setItemDelegate(_Tinted(self.records, self))
        side = self.verticalHeader()
        side.setHighlightSections(False)
        side.setDefaultSectionSize(30)
        side.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        side.setDefaultAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        side.setAccessibleName("Lines")
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self._context)
        self.selectionModel().currentRowChanged.connect(lambda index, _old: self.record_chosen.emit(index.row()))

    def show_records(
        self, columns: list[str], records: Sequence[Record], inputs: tuple[str, ...], output: str, widths: QByteArray
    ) -> None:
        """Show rows; ``widths``: of the columns as they were left, empty to fit them to what is in them."""
        others = columns != self.records.columns
        mapped = (inputs, output) != (self.records.inputs, self.records.output)
        row = self.currentIndex().row()
        self.records.show(columns, records, inputs, output)
        if others:
            self._fit(widths)
        elif mapped and not self._custom:
            self._spread()
        if records and not self.currentIndex().isValid():
            with QSignalBlocker(self):
                self.setCurrentIndex(self.records.index(min(max(row, 0), len(records) - 1), 0))

    @property
    def row(self) -> int:
        """Number of the row that is chosen; -1 for none."""
        return self.currentIndex().row()

    def widths(self) -> QByteArray:
        """Of the columns, to be given back later."""
        return self._head.saveState()

    def menu_of(self, column: int) -> QMenu:
        """What a column can be used for."""
        name, used = self.records.columns[column], self.records.role_of(column)
        menu = QMenu(self)
        for what, text in (("Input", "The model reads it"), ("Answer", "It is the answer"), ("", "Not used")):
            action = menu.addAction(text)
            action.setCheckable(True)
            action.setChecked(used == what)
            action.triggered.connect(partial(self._use, name, what))
        return menu

    def _use(self, name: str, what: str, _on: bool = False) -> None:
        inputs = [other for other in self.records.columns if other in self.records.inputs and other != name]
        output = self.records.output if self.records.output != name else ""
        if what == "Input":
            inputs = [other for other in self.records.columns if other in (*inputs, name)]
        elif what == "Answer":
            output = name
        self.mapped.emit(tuple(inputs), output)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if not self._custom:
            self._spread()

    def _fit(self, widths: QByteArray) -> None:
        self._fitting = True
        self.resizeColumnsToContents()
        self._natural = [self.columnWidth(column) + theme.S2 for column in range(len(self.records.columns))]
        self._custom = not widths.isEmpty() and self._head.restoreState(widths)
        self._fitting = False
        if not self._custom:
            self._spread()

    def _spread(self) -> None:
        """Give the columns the room that there is: all they need, or the longest ones less."""
        if not self._natural:
            return
        room = self.viewport().width()
        used = [bool(self.records.role_of(column)) for column in range(len(self._natural))]
        # Columns that are not used stand back; the longest of the others share what is left.
        most = [WIDEST if mine else UNUSED for mine in used]
        sizes = shared([max(NARROWEST, min(top, size)) for top, size in zip(most, self._natural, strict=True)], room)
        if sum(sizes) < room:
            widest = max(range(len(sizes)), key=lambda column: (used[column], self._natural[column]))
            sizes[widest] += room - sum(sizes)
        self._fitting = True
        for column, size in enumerate(sizes):
            self.setColumnWidth(column, size)
        self._fitting = False

    def _fit_one(self, column: int) -> None:
        self.resizeColumnToContents(column)

    def _resized(self) -> None:
        if not self._fitting:
            self._custom = True
            self.widths_changed.emit()

    def _header_clicked(self, column: int) -> None:
        at = QPoint(self._head.sectionViewportPosition(column), self._head.height())
        self._popup(column, self._head.viewport().mapToGlobal(at))

    def _context(self, at: QPoint) -> None:
        index = self.indexAt(at)
        column = index.column() if index.isValid() else max(0, self.currentIndex().column())
        self._popup(column, self.viewport().mapToGlobal(at))

    def _popup(self, column: int, at: QPoint) -> None:
        if 0 <= column < len(self.records.columns):
            menu = self.menu_of(column)
            menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            menu.popup(at)


def shared(wanted: list[int], room: int, least: int = 120) -> list[int]:
    """Widths that fit into ``room`` if that can be: the widest are cut to one size, not below ``least``."""
    if sum(wanted) <= room:
        return list(wanted)
    bound = max(wanted)
    while bound > least and sum(min(size, bound) for size in wanted) > room:
        bound -= 4
    return [min(size, bound) for size in wanted]
