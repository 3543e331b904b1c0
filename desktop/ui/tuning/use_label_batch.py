"""Labelling many files at once: what there is to do, how far it is, and what came of each file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt, QUrl, Signal
from PySide6.QtGui import QColor, QDesktopServices
from PySide6.QtWidgets import QAbstractItemView, QHBoxLayout, QHeaderView, QTableView, QVBoxLayout, QWidget

from desktop.batch.plan import plan_labels
from desktop.batch.sources import Source
from desktop.batch.table import SKIPPED, Line, line_of
from desktop.jobs.job import LabelJob
from desktop.jobs.rows import Row
from desktop.jobs.states import State
from desktop.ui import theme
from desktop.ui.batches.ask import Ask
from desktop.ui.batches.batching import Batching
from desktop.ui.batches.options import BatchChoices
from desktop.ui.batches.outlook_line import OutlookLine
from desktop.ui.icons import Button
from desktop.ui.notify import Note, Severity, from_error
from desktop.ui.panels import Services
from desktop.ui.queue.batch_row import totals

AnyIndex = QModelIndex | QPersistentModelIndex
HEADS = ("File", "State", "Rows", "Labelled", "Unsure", "Not read")
_NUMBERS = ("rows", "labelled", "declined", "bad")
_STATE = 1


@dataclass(frozen=True)
class Wish:
    """What is to be labelled, and how.

    Attributes:
        given: files and folders as the user named them. sources: the files.
        pattern: how; its source and output stand for none. output: folder of the results, "" for beside each file.
        template: names of the results.
    """

    given: Sequence[Path]
    sources: Sequence[Source]
    pattern: LabelJob
    output: str = ""
    template: str = ""


class FilesModel(QAbstractTableModel):
    """The files and what came of them."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.sources: list[Source] = []
        self.lines: dict[str, Line] = {}
        self.going: dict[str, str] = {}
        self._places: dict[str, int] = {}

    def show_sources(self, sources: Sequence[Source]) -> None:
        """Show other files."""
        self.beginResetModel()
        self.sources, self.lines, self.going = list(sources), {}, {}
        self._places = {str(source.path): place for place, source in enumerate(self.sources)}
        self.endResetModel()

    def show_lines(self, lines: Sequence[Line], going: dict[str, str] | None = None) -> None:
        """Where files stand; ``going`` says so of those that are being labelled."""
        places = []
        for line in lines:
            if (place := self._places.get(line.source)) is not None:
                self.lines[line.source] = line
                places.append(place)
        self.going = going or {}
        if places:
            self.dataChanged.emit(self.index(min(places), 0), self.index(max(places), len(HEADS) - 1))

    def rowCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008 (Qt's signature)
        return 0 if parent.isValid() else len(self.sources)

    def columnCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008 (Qt's signature)
        return 0 if parent.isValid() else len(HEADS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return HEADS[section]
        return _align(section) if orientation == Qt.Orientation.Horizontal and role == _ALIGN else None

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        source, column = self.sources[index.row()], index.column()
        line = self.lines.get(str(source.path))
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(source, line, column)
        if role == _ALIGN:
            return _align(column)
        if role == Qt.ItemDataRole.ToolTipRole:
            return str(source.path) if column == 0 else self._text(source, line, column)
        if role == Qt.ItemDataRole.ForegroundRole and column == _STATE and line is not None:
            tokens = theme.tokens()
            tones = {str(State.DONE): tokens.good, str(State.FAILED): tokens.error}
            return QColor(tones.get(line.state, tokens.secondary))
        return None

    def _text(self, source: Source, line: Line | None, column: int) -> str:
        if column == 0:
            return str(source.inside / source.path.name)
        if line is None:
            return ""
        if column == _STATE:
            words = {SKIPPED: "Done already", str(State.QUEUED): "Waiting", str(State.FAILED): line.problem or "Failed"}
            return self.going.get(line.source) or words.get(line.state, line.state.capitalize())
        value = line.facts.get(_NUMBERS[column - 2])
        return f"{value:,}" if isinstance(value, int) else ""


_ALIGN = Qt.ItemDataRole.TextAlignmentRole


def _align(column: int) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignRight if column > _STATE else Qt.AlignmentFlag.AlignLeft
    return side | Qt.AlignmentFlag.AlignVCenter


class LabelBatch(QWidget):
    """See the module's docstring.

    Signals:
        changed: it began, or is over.
    """

    changed = Signal()

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._services = services
        self._wish: Wish | None = None
        self.batching = Batching(services, self)
        self.choices = BatchChoices(services.state, "tuning", timed=False, parent=self)
        self.choices.chosen.connect(self._look)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(theme.S2)
        head = QHBoxLayout()
        head.setSpacing(theme.S2)
        self.outlook = OutlookLine(self.batching)
        self.stop = Button("Stop", icon_name="stop")
        self.stop.setToolTip("Cancel what waits and stop what is being labelled; what is done is kept")
        self.stop.clicked.connect(lambda _on=False: self.batching.stop())
        self.report = Button("Open the report", icon_name="table")
        self.report.clicked.connect(lambda _on=False: self.open_report())
        head.addWidget(self.outlook, 1)
        head.addWidget(self.report, 0, Qt.AlignmentFlag.AlignTop)
        head.addWidget(self.stop, 0, Qt.AlignmentFlag.AlignTop)
        whole.addLayout(head)
        self.model = FilesModel(self)
        self.table = QTableView()
        self.table.setModel(self.model)
        self.table.setProperty("kind", "sheet")
        self.table.setAccessibleName("Files to label")
        self.table.setShowGrid(False)
        self.table.setWordWrap(False)
        self.table.setTabKeyNavigation(False)
        self.table.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(32)
        self.table.verticalHeader().setAccessibleName("Files")
        columns = self.table.horizontalHeader()
        columns.setAccessibleName("What is known of each file")
        columns.setHighlightSections(False)
        for number in range(len(HEADS)):
            self.table.setColumnWidth(number, 76)
        for number in (0, _STATE):
            columns.setSectionResizeMode(number, QHeaderView.ResizeMode.Stretch)
        whole.addWidget(self.table, 1)
        batching = self.batching
        batching.looked.connect(self._looked)
        batching.started.connect(self._started)
        batching.rows.connect(self._take)
        batching.ended.connect(self._ended)
        batching.failed.connect(lambda error: services.say(from_error(error)))
        for signal in (batching.changed, batching.looked, batching.started):
            signal.connect(self.refresh)
        self.refresh()

    @property
    def blocked(self) -> str:
        """Why it cannot be started now."""
        outlook = self.batching.outlook
        if self.batching.running:
            return "Files are being labelled"
        if self.batching.problem:
            return self.batching.problem
        return "All files are labelled already" if outlook is not None and outlook.jobs and not outlook.waiting else ""

    def show_wish(self, wish: Wish | None) -> None:
        """Look over what would be labelled now; None for nothing."""
        if wish == self._wish or self.batching.running:
            return
        if [one.path for one in self.model.sources] != [one.path for one in (wish.sources if wish is not None else ())]:
            self.model.show_sources(wish.sources if wish is not None else ())
        self._wish = wish
        self._look()

    def start(self) -> None:
        """Label all that is not labelled already."""
        if self._wish is not None and not self.blocked:
            self.batching.start(self._ask(self._wish))

    def open_report(self) -> None:
        """Show the report in the browser."""
        if self.batching.report is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self.batching.report)))

    def leave(self) -> None:
        """The window closes."""
        self.batching.leave()

    def refresh(self) -> None:
        """Show the batch as it is."""
        running, report = self.batching.running, self.batching.report
        for number, name in enumerate(_NUMBERS, _STATE + 1):
            # A column of zeros would only take the names' room.
            seldom = name in ("declined", "bad")
            self.table.setColumnHidden(number, seldom and not any(one.facts.get(name) for one in self.model.lines.values()))
        self.stop.setVisible(running)
        self.report.setVisible(report is not None)
        self.report.setToolTip(str(report or ""))
        self.changed.emit()

    # What happens

    def _ask(self, wish: Wish) -> Ask:
        def plan() -> list[LabelJob]:
            return plan_labels(wish.sources, wish.pattern, wish.output, wish.template)

        return Ask("label", wish.given, plan, wish.output, self.choices.order_now, self.choices.failing_now)

    def _look(self) -> None:
        if not self.batching.running:
            self.batching.prepare(self._ask(self._wish) if self._wish is not None else None)

    def _looked(self) -> None:
        outlook = self.batching.outlook
        if outlook is not None and not self.batching.running:
            lines = self.model.lines
            for source in [source for source, line in lines.items() if line.state == SKIPPED and source not in outlook.skipped]:
                lines[source] = Line(source, "")
            # What was made just now says more than that it is there.
            fresh = [line for source, line in outlook.skipped.items() if source not in lines or not lines[source].job]
            self.model.show_lines(fresh)

    def _started(self) -> None:
        outlook = self.batching.outlook
        assert outlook is not None
        waiting = [Line(job.source, str(State.QUEUED)) for job in outlook.waiting if isinstance(job, LabelJob)]
        self.model.show_lines([*outlook.skipped.values(), *waiting])

    def _take(self, rows: list[Row]) -> None:
        running = [row for row in rows if row.state is State.RUNNING]
        going = {str(getattr(row.job, "source", "")): f"{row.fraction:.0%}  {row.message}" for row in running}
        self.model.show_lines([line_of(row) for row in rows], going)

    def _ended(self) -> None:
        batch = self.batching.batch
        if batch is not None:
            failed = batch.counts.get(State.FAILED, 0)
            actions = [("Open the report", self.open_report)] if self.batching.report is not None else []
            severity = Severity.WARNING if failed else Severity.GOOD
            self._services.say(Note(severity, f"The batch is over: {totals(batch)}", batch.spec.output, actions=actions))
        self._look()
        self.refresh()
