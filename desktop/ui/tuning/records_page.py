"""The first step: the examples, as the model will see them."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QByteArray, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QStackedWidget, QVBoxLayout, QWidget

from desktop.errors import UserError
from desktop.ui import theme
from desktop.ui.icons import Button, IconLabel
from desktop.ui.notify import from_error
from desktop.ui.panels import Services
from desktop.ui.tuning.draft import Draft
from desktop.ui.tuning.mapping_bar import MappingBar
from desktop.ui.tuning.record_facts import RecordFacts, SplitFacts
from desktop.ui.tuning.record_side import RecordSide
from desktop.ui.tuning.record_table import RecordTable
from desktop.ui.tuning.seen import Found, Record
from desktop.ui.tuning.words import count
from desktop.ui.widgets.elided import ElidedLabel
from desktop.ui.widgets.failed_page import FailedPage
from desktop.ui.widgets.parts import label, line

LOW, HIGH = 148, 204
"""Height of the cards in a small window and in a large one."""
NARROW = 900
"""Below this width only what matters stands in the foot."""


class RecordsPage(QStackedWidget):
    """Signals:
    next_asked: to the recipe.
    open_asked: another file.
    """

    next_asked = Signal()
    open_asked = Signal()

    def __init__(self, services: Services, draft: Draft, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._services, self._draft = services, draft
        self._shown: Found | None = None
        self.setProperty("surface", "canvas")
        self.failed_page = FailedPage()
        self.failed_page.retry_asked.connect(draft.read_again)
        self.failed_page.open_asked.connect(self.open_asked)
        self._sheet = self._make_sheet()
        self._loading = self._make_loading()
        for page in (self._loading, self._sheet, self.failed_page):
            self.addWidget(page)
        draft.changed.connect(self.refresh)
        draft.opened.connect(self._opened)

    # Layout

    def _make_sheet(self) -> QWidget:
        page = QWidget()
        page.setProperty("surface", "canvas")
        page.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        whole = QVBoxLayout(page)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        self.mapping, self.table = MappingBar(), RecordTable()
        self.side = RecordSide(self._draft, self._services.state)
        self.facts, self.splits = RecordFacts(), SplitFacts()
        self.mapping.mapped.connect(self._map)
        self.table.mapped.connect(self._map)
        self.table.record_chosen.connect(lambda _row: self._show_record())
        self.table.widths_changed.connect(self._keep_widths)
        self.side.changed.connect(self._choose)
        self.side.base_asked.connect(self.next_asked)
        left = QVBoxLayout()
        left.setContentsMargins(0, 0, 0, 0)
        left.setSpacing(0)
        self._banner = self._make_banner()
        for part in (self.mapping, line(), self._banner, self.table):
            left.addWidget(part, 1 if part is self.table else 0)
        self._busy = QProgressBar(textVisible=False)
        self._busy.setRange(0, 0)
        self._busy.setAccessibleName("Reading the file")
        self._busy.setFixedHeight(2)
        policy = self._busy.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self._busy.setSizePolicy(policy)
        left.addWidget(self._busy)
        top = QHBoxLayout()
        top.setSpacing(0)
        top.addLayout(left, 1)
        top.addWidget(line(vertical=True))
        top.addWidget(self.side)
        whole.addLayout(top, 1)
        whole.addWidget(line())
        whole.addWidget(self.facts)
        whole.addWidget(line())
        whole.addWidget(self._make_foot())
        return page

    def _make_banner(self) -> QWidget:
        box = QWidget()
        row = QHBoxLayout(box)
        row.setContentsMargins(theme.S3, theme.S2, theme.S3, theme.S2)
        row.setSpacing(theme.S2)
        row.addWidget(IconLabel("error", "error"))
        self._problem = label(wrap=True)
        row.addWidget(self._problem, 1)
        again = Button("Read again", kind="link")
        again.clicked.connect(self._draft.read_again)
        row.addWidget(again)
        return box

    def _make_foot(self) -> QWidget:
        foot = QWidget()
        foot.setProperty("surface", "window")
        foot.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        foot.setFixedHeight(56)
        row = QHBoxLayout(foot)
        row.setContentsMargins(theme.S3, 0, theme.S4, 0)
        row.setSpacing(theme.S3)
        row.addWidget(self.splits, 1)
        self._first = label(size=theme.CAPTION, tone="secondary", tabular=True)
        row.addWidget(self._first)
        self.next = Button("Choose the recipe", kind="primary", icon_name="right")
        self.next.clicked.connect(lambda: self.next_asked.emit())
        row.addWidget(self.next)
        return foot

    def _make_loading(self) -> QWidget:
        page = QWidget()
        page.setProperty("surface", "canvas")
        page.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        column = QVBoxLayout(page)
        column.setSpacing(theme.S3)
        middle = Qt.AlignmentFlag.AlignHCenter
        self._name = ElidedLabel()
        self._name.setFont(theme.font(self._name, theme.SECTION, bold=True))
        self._name.setFixedWidth(420)
        self._name.setAlignment(middle)
        self._message = label(tone="secondary", tabular=True)
        self._bar = QProgressBar(textVisible=False)
        self._bar.setFixedWidth(360)
        self._bar.setAccessibleName("Reading the file")
        column.addStretch(2)
        stop = Button("Stop", icon_name="stop")
        stop.setToolTip("Close the file")
        stop.clicked.connect(self._draft.close)
        for part in (self._name, self._message, self._bar, stop):
            column.addWidget(part, 0, middle)
        column.addStretch(3)
        return page

    def resizeEvent(self, event: Any) -> None:
        super().resizeEvent(event)
        self.facts.setFixedHeight(LOW if self.height() < 640 else HIGH)
        self._first.setVisible(self.width() >= NARROW)

    # What the user does

    def _map(self, inputs: tuple[str, ...], output: str) -> None:
        try:
            self._draft.choose_columns(inputs, output)
        except UserError as error:
            self._services.say(from_error(error))

    def _choose(self, values: dict[str, Any]) -> None:
        try:
            self._draft.choose_records(**values)
        except UserError as error:
            self._services.say(from_error(error))
            self.side.refresh()

    def _keep_widths(self) -> None:
        self._services.state.keep("tuning/widths", self.table.widths())
        self._services.state.keep("tuning/widths_of", "\t".join(self.table.records.columns))

    # What is shown

    def _opened(self) -> None:
        self._shown = None
        self.refresh()

    def refresh(self) -> None:
        """Show the draft."""
        draft = self._draft
        if draft.records is None or draft.path is None:
            return
        if draft.found is None:
            self._show_loading()
            return
        self.setCurrentWidget(self._sheet)
        found = draft.found
        self.mapping.show_mapping(found.facts, draft.inputs, draft.output)
        known = self._services.state.text("tuning/widths_of") == "\t".join(found.columns)
        widths = self._services.state.bytes("tuning/widths") if known else QByteArray()
        self.table.show_records(found.columns, found.records, draft.inputs, draft.output, widths)
        if found is not self._shown:
            self.facts.show_found(found)
            self._shown = found
        self.splits.show_facts(found.facts, kept=draft.records.keep_duplicates)
        self.side.refresh()
        self._show_record()
        problem = draft.problem
        self._banner.setVisible(problem is not None)
        if problem is not None:
            self._problem.setText(f"{problem.message}. {problem.remedy}".strip())
        self._busy.setVisible(draft.looking)
        rows = found.facts.rows
        self._first.setText(f"First {len(found.records)} of {count(rows)} rows" if rows > len(found.records) else "")
        reason = draft.unready
        self.next.setEnabled(not reason)
        self.next.setToolTip(reason or "Choose the base model and how it is tuned (Ctrl+Return)")

    def _show_loading(self) -> None:
        draft = self._draft
        if draft.problem is not None:
            self.setCurrentWidget(self.failed_page)
            self.failed_page.say(draft.problem)
            return
        self.setCurrentWidget(self._loading)
        self._name.setText(draft.path.name if draft.path is not None else "")
        row = draft.reading
        self._message.setText((row.message if row is not None else "") or "Reading the file")
        fraction = row.fraction if row is not None else 0.0
        self._bar.setRange(0, 1000 if fraction > 0 else 0)
        self._bar.setValue(round(fraction * 1000))

    def _show_record(self) -> None:
        self.side.show_record(self._record())

    def _record(self) -> Record | None:
        records = self.table.records.records
        row = self.table.row
        return records[row] if 0 <= row < len(records) else None
