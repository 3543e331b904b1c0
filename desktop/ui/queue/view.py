"""The list itself: as many row widgets as fit, moved along while it scrolls, whatever the number of jobs."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QAbstractButton, QAbstractScrollArea, QWidget

from desktop.ui import theme
from desktop.ui.queue.batch_row import BatchRow, GroupRow
from desktop.ui.queue.lines import Line, Lines
from desktop.ui.queue_row import QueueRow

HEIGHT = 40
Key = tuple[str, int | str, int]


class QueueView(QAbstractScrollArea):
    """Shows ``Lines``. A line keeps its widget while it is in sight, so that the focus stays with its job.

    Signals:
        asked: what and the number of a job.
        batch_asked: what, the number of a batch, and the jobs that are meant (None for all).
    """

    asked = Signal(str, int)
    batch_asked = Signal(str, int, object)

    def __init__(self, lines: Lines, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.lines = lines
        self._shown: dict[Key, QWidget] = {}
        self._spare: dict[str, list[QWidget]] = {"job": [], "batch": [], "group": []}
        self._filled: dict[QWidget, Line] = {}
        self._order: list[Key] = []
        self.setAccessibleName("Jobs")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.viewport().setAutoFillBackground(False)
        self.verticalScrollBar().setSingleStep(HEIGHT // 2)

    @property
    def jobs(self) -> dict[int, QueueRow]:
        """The rows of jobs that are in sight, by number."""
        return {key[2]: row for key, row in self._shown.items() if isinstance(row, QueueRow)}

    @property
    def batches(self) -> dict[int, BatchRow]:
        """The rows of batches that are in sight, by number."""
        return {key[2]: row for key, row in self._shown.items() if isinstance(row, BatchRow)}

    def relay(self) -> None:
        """Show the lines as they are now."""
        room = self.viewport().height()
        bar = self.verticalScrollBar()
        bar.setPageStep(room)
        bar.setRange(0, max(0, len(self.lines) * HEIGHT + 2 * theme.S1 - room))
        if not self.isVisible():
            return
        top = bar.value() - theme.S1
        first, last = max(0, top // HEIGHT), min(len(self.lines), -(-(top + room) // HEIGHT))
        places = {line.key: (n, line) for n in range(first, last) if (line := self.lines.line(n)) is not None}
        for key in self._shown.keys() - places.keys():
            self._put_aside(key)
        width = self.viewport().width() - 2 * theme.S2
        for key, (n, line) in places.items():
            widget = self._shown.get(key) or self._take(line)
            self._shown[key] = widget
            widget.setGeometry(theme.S2, n * HEIGHT - top, width, HEIGHT)
            before = self._filled.get(widget)
            if before is None or not _is_same(before, line):
                _fill(widget, line)
                self._filled[widget] = line
            widget.show()
        if (order := list(places)) != self._order:
            self._order = order
            self._order_tabs()

    def scrollContentsBy(self, dx: int, dy: int) -> None:
        self.relay()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.relay()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.relay()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        bar = self.verticalScrollBar()
        ends = {Qt.Key.Key_Home: bar.minimum(), Qt.Key.Key_End: bar.maximum()}
        if event.key() in ends:
            bar.setValue(ends[Qt.Key(event.key())])
        else:
            super().keyPressEvent(event)

    def _take(self, line: Line) -> QWidget:
        kind = line.key[0]
        if self._spare[kind]:
            return self._spare[kind].pop()
        made: QWidget
        if line.row is not None:
            made = QueueRow(line.row)
            made.asked.connect(self.asked)
        elif line.group is not None:
            made = GroupRow()
            made.asked.connect(self.batch_asked)
        else:
            assert line.batch is not None
            made = BatchRow(line.batch)
            made.asked.connect(lambda what, number: self.batch_asked.emit(what, number, None))
        made.setParent(self.viewport())
        return made

    def _put_aside(self, key: Key) -> None:
        widget = self._shown.pop(key)
        focus = self.window().focusWidget()
        if focus is not None and widget.isAncestorOf(focus):
            self.setFocus()
        widget.hide()
        self._spare[str(key[0])].append(widget)

    def _order_tabs(self) -> None:
        before: QWidget = self
        for key in self._order:
            for button in self._shown[key].findChildren(QAbstractButton):
                QWidget.setTabOrder(before, button)
                before = button


def _is_same(one: Line, other: Line) -> bool:
    parts = ((one.row, other.row), (one.batch, other.batch), (one.group, other.group))
    return one.is_open == other.is_open and all(mine is its for mine, its in parts)


def _fill(widget: QWidget, line: Line) -> None:
    if isinstance(widget, QueueRow) and line.row is not None:
        widget.show_row(line.row)
        widget.indent(line.depth)
    elif isinstance(widget, GroupRow) and line.group is not None and line.batch is not None:
        widget.show_group(line.group, line.batch)
    elif isinstance(widget, BatchRow) and line.batch is not None:
        widget.show_batch(line.batch, line.is_open)
