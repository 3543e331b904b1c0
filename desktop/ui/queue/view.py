"""The list itself: as many row widgets as fit, moved along while it scrolls, whatever the number of jobs."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QFocusEvent, QKeyEvent, QMouseEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QAbstractButton, QAbstractScrollArea, QFrame, QMenu, QWidget

from desktop.ui import theme
from desktop.ui.icons import icon
from desktop.ui.queue import offers
from desktop.ui.queue.batch_row import BatchRow, GroupRow
from desktop.ui.queue.lines import Key, Line, Lines
from desktop.ui.queue_row import QueueRow

HEIGHT = 40
_NEAR = 200
"""Lines that the chosen one is looked for in when the list has changed."""

AnyRow = QueueRow | BatchRow | GroupRow


class QueueView(QAbstractScrollArea):
    """Shows ``Lines``. A line keeps its widget while it is in sight, so that the focus stays with its job.

    One line is the chosen one, which the keys are about: arrows, Home, End and Page move, Return opens, Right and Left show and
    hide files, Delete cancels or removes, the menu key opens the menu.

    Signals:
        asked: what (the name of an offer) and the Line that is meant.
    """

    asked = Signal(str, object)

    def __init__(self, lines: Lines, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.lines = lines
        self._shown: dict[Key, AnyRow] = {}
        self._spare: dict[str, list[AnyRow]] = {"job": [], "batch": [], "group": []}
        self._filled: dict[QWidget, Line] = {}
        self._order: list[Key] = []
        self._place: int = 0
        self._key: Key = ("", "", 0)
        self._mark = QFrame(self.viewport())
        self._mark.setProperty("mark", "row")
        self._mark.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
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

    @property
    def chosen(self) -> Line | None:
        """The line that the keys are about."""
        line = self.lines.line(self._place)
        return line if line is not None and line.key == self._key else None

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
                widget.show_line(line)
                self._filled[widget] = line
            widget.show()
        if (order := list(places)) != self._order:
            self._order = order
            self._order_tabs()
        self._show_mark(places)

    def choose(self, place: int) -> None:
        """Let the keys be about another line, and bring it into sight."""
        place = max(0, min(place, len(self.lines) - 1))
        line = self.lines.line(place)
        if line is None:
            return
        self._place, self._key = place, line.key
        bar, top = self.verticalScrollBar(), place * HEIGHT + theme.S1
        bar.setValue(min(max(bar.value(), top + HEIGHT + theme.S1 - self.viewport().height()), top - theme.S1))
        self.relay()
        row = self._shown.get(line.key)
        self.setAccessibleDescription(row.accessibleName() if row is not None else "")

    def open_menu(self, line: Line, at: QPoint) -> None:
        """Show what can be done with a line."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        part = None
        for offer in offers.of_line(line):
            if part not in (None, offer.part):
                menu.addSeparator()
            part = offer.part
            action = menu.addAction(icon(offer.icon, theme.tokens()), offer.text)
            action.setObjectName(offer.what)
            action.triggered.connect(partial(self._ask, offer.what, line))
        menu.popup(at)

    def scrollContentsBy(self, dx: int, dy: int) -> None:
        self.relay()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.relay()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.relay()

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        if self.chosen is None:
            self.choose(self._place)
        self._show_mark(None)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self._show_mark(None)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, line = event.key(), self.chosen
        page = max(1, self.viewport().height() // HEIGHT - 1)
        moves = {
            Qt.Key.Key_Up: self._place - 1,
            Qt.Key.Key_Down: self._place + 1,
            Qt.Key.Key_PageUp: self._place - page,
            Qt.Key.Key_PageDown: self._place + page,
            Qt.Key.Key_Home: 0,
            Qt.Key.Key_End: len(self.lines) - 1,
        }
        if key in moves:
            self.choose(moves[Qt.Key(key)])
        elif line is not None and (what := _meant(key, line)):
            self.asked.emit(what, line)
        else:
            super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.choose(self._place_at(event.position().toPoint()))

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        line = self.lines.line(self._place_at(event.position().toPoint()))
        if line is not None and event.button() is Qt.MouseButton.LeftButton:
            self.asked.emit(_opening(line), line)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        is_key = event.reason() is QContextMenuEvent.Reason.Keyboard
        if not is_key:
            self.choose(self._place_at(self.viewport().mapFromGlobal(event.globalPos())))
        line = self.chosen
        row = self._shown.get(line.key) if line is not None else None
        if line is not None and row is not None:
            self.open_menu(line, row.mapToGlobal(QPoint(4 * theme.S6, HEIGHT - theme.S2)) if is_key else event.globalPos())

    def _place_at(self, point: QPoint) -> int:
        place = (point.y() + self.verticalScrollBar().value() - theme.S1) // HEIGHT
        return place if place < len(self.lines) else -1

    def _ask(self, what: str, line: Line, _on: bool = False) -> None:
        self.asked.emit(what, line)

    def _pressed(self, row: AnyRow, what: str) -> None:
        line = self._filled[row]
        if what == "menu":
            self.open_menu(line, row.mapToGlobal(QPoint(row.width() - theme.S6, HEIGHT - theme.S2)))
        else:
            self.asked.emit(what, line)

    def _take(self, line: Line) -> AnyRow:
        kind = line.key[0]
        if self._spare[kind]:
            return self._spare[kind].pop()
        made: AnyRow = QueueRow(line.row) if line.row is not None else GroupRow() if line.group is not None else BatchRow()
        made.asked.connect(partial(self._pressed, made))
        made.setParent(self.viewport())
        return made

    def _put_aside(self, key: Key) -> None:
        widget = self._shown.pop(key)
        focus = self.window().focusWidget()
        if focus is not None and widget.isAncestorOf(focus):
            self.setFocus()
        widget.hide()
        self._spare[str(key[0])].append(widget)

    def _show_mark(self, places: dict[Key, tuple[int, Line]] | None) -> None:
        """Put the mark behind the chosen line; after a change of the list the line may be elsewhere."""
        if places is not None and self.chosen is None and self._key[0]:
            near = (self._place + step * side for step in range(_NEAR) for side in (1, -1))
            found = next((n for n in near if (line := self.lines.line(n)) is not None and line.key == self._key), None)
            if found is not None:
                self._place = found
            elif (line := self.lines.line(min(self._place, len(self.lines) - 1))) is not None:
                self._place, self._key = min(self._place, len(self.lines) - 1), line.key
        row = self._shown.get(self._key)
        self._mark.setVisible(row is not None and self.hasFocus())
        if row is not None:
            self._mark.setGeometry(row.geometry().adjusted(-theme.S1, 0, theme.S1, 0))
            self._mark.lower()

    def _order_tabs(self) -> None:
        before: QWidget = self
        for key in self._order:
            for button in self._shown[key].findChildren(QAbstractButton):
                QWidget.setTabOrder(before, button)
                before = button


def _opening(line: Line) -> str:
    """What opening a line means: its files, its result, or what it says."""
    names = [offer.what for offer in offers.of_line(line)]
    return next((what for what in ("open", "result", "details") if what in names), "")


def _meant(key: int, line: Line) -> str:
    """What a key asks for; "" for nothing."""
    if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
        return _opening(line)
    names = [offer.what for offer in offers.of_line(line)]
    if key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
        return next((what for what in ("cancel", "remove") if what in names), "")
    turns = Qt.Key.Key_Left if line.is_open else Qt.Key.Key_Right
    return "open" if "open" in names and key == turns else ""


def _is_same(one: Line, other: Line) -> bool:
    parts = ((one.row, other.row), (one.batch, other.batch), (one.group, other.group))
    return (one.is_open, one.depth) == (other.is_open, other.depth) and all(mine is its for mine, its in parts)
