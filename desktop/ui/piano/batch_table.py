"""The songs of a batch as a table: settings that can be changed at the left, results at the right."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QAbstractItemModel, QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHeaderView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from desktop.batch.table import SKIPPED, Line
from desktop.jobs.job import COMPOSERS, DIFFICULTIES, ENGINES, STYLES
from desktop.jobs.piano_choices import choice_in, field_of, name_of
from desktop.jobs.states import State as JobState
from desktop.piano.batch.songs import Entry
from desktop.ui import theme
from desktop.ui.piano.batch import Batch
from desktop.ui.piano.engine_box import ENGINES as ENGINE_WORDS
from desktop.ui.widgets.timecode import clock

AnyIndex = QModelIndex | QPersistentModelIndex
CHOICES: dict[str, tuple[str, ...]] = {
    "style": STYLES,
    "difficulty": DIFFICULTIES,
    "engine": ENGINES,
    "composer": tuple(map(str, COMPOSERS)),
}
ENGINE_NAMES = {value: name for value, name, _ in ENGINE_WORDS}


def _fact(line: Line | None, name: str, form: str) -> str:
    value = None if line is None else line.facts.get(name)
    return "" if value is None else format(value, form)


def _length(line: Line | None) -> str:
    seconds = None if line is None else line.facts.get("duration")
    return clock(seconds) if isinstance(seconds, float | int) else ""


def _style_setting(entry: Entry) -> str:
    """The setting in the column of styles: "style" or "composer", "" with an engine that needs the difficulty alone."""
    field = field_of(entry.engine)
    return "" if field == "difficulty" else field


@dataclass(frozen=True)
class Column:
    """A column: its head, its width, what stands in it, and which setting it changes."""

    head: str
    width: int
    text: Callable[[Entry, Line | None], str]
    setting: str = ""
    numeric: bool = False


COLUMNS = (
    Column("Song", 220, lambda entry, _: entry.source.name),
    Column("Engine", 84, lambda entry, _: ENGINE_NAMES[entry.engine], "engine"),
    Column("Style", 104, lambda entry, _: name_of(entry.engine, choice_in(entry)) if _style_setting(entry) else "–", "style"),
    Column("Difficulty", 88, lambda entry, _: entry.difficulty.capitalize(), "difficulty"),
    Column("State", 210, lambda _, line: _state(line)),
    Column("Tempo", 62, lambda _, line: _fact(line, "tempo", ".0f"), numeric=True),
    Column("Key", 76, lambda _, line: _fact(line, "key", "")),
    Column("Notes", 62, lambda _, line: _fact(line, "notes", ",d"), numeric=True),
    Column("Unplayable", 98, lambda _, line: _fact(line, "violations", "d"), numeric=True),
    Column("Length", 62, lambda _, line: _length(line), numeric=True),
    Column("Took", 62, lambda _, line: f"{line.seconds:.1f} s" if line and line.seconds else "", numeric=True),
)
STATE = next(number for number, column in enumerate(COLUMNS) if column.head == "State")


def _state(line: Line | None) -> str:
    if line is None:
        return ""
    words = {SKIPPED: "Done already", str(JobState.QUEUED): "Waiting", str(JobState.FAILED): line.problem or "Failed"}
    return words.get(line.state, line.state.capitalize())


class BatchModel(QAbstractTableModel):
    """A ``Batch`` for a table view."""

    def __init__(self, batch: Batch, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._batch = batch
        batch.listed.connect(self._listed)
        batch.lined.connect(self._lined)

    def _listed(self) -> None:
        self.beginResetModel()
        self.endResetModel()

    def _lined(self, places: list[int]) -> None:
        if places:
            self.dataChanged.emit(self.index(min(places), 0), self.index(max(places), len(COLUMNS) - 1))

    def rowCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008 (Qt's signature)
        return 0 if parent.isValid() else len(self._batch.entries)

    def columnCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008 (Qt's signature)
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return COLUMNS[section].head
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.TextAlignmentRole:
            return self._align(COLUMNS[section])
        return None

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        column, entry, line = COLUMNS[index.column()], self._batch.entries[index.row()], self._batch.lines[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            row = self._batch.rows.get(index.row()) if index.column() == STATE else None
            if row is not None and row.state is JobState.RUNNING:
                return f"{row.fraction:.0%} {row.message}"
            return column.text(entry, line)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return self._align(column)
        if role == Qt.ItemDataRole.ToolTipRole:
            if column.setting and not self.setting_of(index):
                return f"{ENGINE_NAMES[entry.engine]} needs the difficulty alone"
            if column.setting:
                return "Double-click to choose; what is chosen holds for all selected songs"
            return str(entry.source) if index.column() == 0 else column.text(entry, line)
        if role == Qt.ItemDataRole.ForegroundRole:
            return self._colour(index.column(), line)
        return None

    def _colour(self, column: int, line: Line | None) -> QColor | None:
        tokens = theme.tokens()
        if column == STATE and line is not None:
            tones = {str(JobState.DONE): tokens.good, str(JobState.FAILED): tokens.error}
            return QColor(tones.get(line.state, tokens.secondary))
        return None

    def _align(self, column: Column) -> Qt.AlignmentFlag:
        side = Qt.AlignmentFlag.AlignRight if column.numeric else Qt.AlignmentFlag.AlignLeft
        return side | Qt.AlignmentFlag.AlignVCenter

    def flags(self, index: AnyIndex) -> Qt.ItemFlag:
        plain = Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsEnabled
        if index.isValid() and self.setting_of(index) and not self._batch.running:
            return plain | Qt.ItemFlag.ItemIsEditable
        return plain

    def setting_of(self, index: AnyIndex) -> str:
        """The setting that a cell changes, "" for none."""
        setting = COLUMNS[index.column()].setting
        return _style_setting(self._batch.entries[index.row()]) if setting == "style" else setting

    def value_of(self, index: AnyIndex) -> str:
        """The setting's value."""
        return str(getattr(self._batch.entries[index.row()], self.setting_of(index)))


class _Chooser(QStyledItemDelegate):
    """A list of the valid values in a cell; the choice holds for all selected songs."""

    def __init__(self, table: BatchTable, batch: Batch) -> None:
        super().__init__(table)
        self._table, self._batch = table, batch

    def createEditor(self, parent: QWidget, option: QStyleOptionViewItem, index: AnyIndex) -> QWidget:
        editor = QComboBox(parent)
        setting = self._table.shown.setting_of(index)
        for value in CHOICES[setting]:
            editor.addItem(ENGINE_NAMES.get(value, value.capitalize()), value)
        editor.setAccessibleName(COLUMNS[index.column()].head)
        editor.activated.connect(lambda _n: self._commit(editor))
        return editor

    def initStyleOption(self, option: QStyleOptionViewItem, index: AnyIndex) -> None:
        super().initStyleOption(option, index)
        if index.column() == 0:
            # The ends of file names tell more than their middles.
            option.textElideMode = Qt.TextElideMode.ElideMiddle

    def _commit(self, editor: QWidget) -> None:
        self.commitData.emit(editor)
        self.closeEditor.emit(editor, QStyledItemDelegate.EndEditHint.NoHint)

    def setEditorData(self, editor: QWidget, index: AnyIndex) -> None:
        if isinstance(editor, QComboBox):
            editor.setCurrentIndex(max(0, editor.findData(self._table.shown.value_of(index))))

    def setModelData(self, editor: QWidget, model: QAbstractItemModel, index: AnyIndex) -> None:
        if isinstance(editor, QComboBox):
            setting, value = self._table.shown.setting_of(index), editor.currentData()
            rows = {index.row(), *self._table.chosen()}
            self._batch.set(sorted(rows), **{setting: int(value) if setting == "composer" else value})


class BatchTable(QTableView):
    """The table."""

    def __init__(self, batch: Batch, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.shown = BatchModel(batch, self)
        self.setModel(self.shown)
        self.setProperty("kind", "sheet")
        self.setAccessibleName("Songs of the batch")
        self.setItemDelegate(_Chooser(self, batch))
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setEditTriggers(QAbstractItemView.EditTrigger.DoubleClicked | QAbstractItemView.EditTrigger.EditKeyPressed)
        self.setAlternatingRowColors(False)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(32)
        head = self.horizontalHeader()
        head.setAccessibleName("Columns of the batch")
        self.verticalHeader().setAccessibleName("Songs")
        head.setHighlightSections(False)
        head.setMinimumSectionSize(48)
        for number, column in enumerate(COLUMNS):
            self.setColumnWidth(number, column.width)
        for number in (0, STATE):
            head.setSectionResizeMode(number, QHeaderView.ResizeMode.Stretch)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)

    def chosen(self) -> list[int]:
        """Rows that are selected."""
        return sorted({index.row() for index in self.selectionModel().selectedRows()})
