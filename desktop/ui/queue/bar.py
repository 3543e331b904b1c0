"""The queue's own line: what runs, and, while it is open, search, filter, what happens at the end."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QActionGroup, QKeySequence, QShortcut
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLineEdit, QMenu, QProgressBar, QToolButton, QWidget

from desktop.jobs.guards.after import Action
from desktop.jobs.rows import Row
from desktop.jobs.states import State
from desktop.ui import theme
from desktop.ui.icons import Button, IconButton, IconLabel
from desktop.ui.prefs import Prefs
from desktop.ui.topbar import remaining
from desktop.ui.widgets.elided import ElidedLabel
from desktop.ui.widgets.parts import label

HEIGHT = 44
FILTERS: tuple[tuple[str, tuple[State, ...]], ...] = (
    ("All", ()),
    ("Under way", (State.RUNNING, State.PAUSED)),
    ("Waiting", (State.QUEUED,)),
    ("Failed", (State.FAILED, State.INTERRUPTED)),
    ("Done", (State.DONE,)),
    ("Cancelled", (State.CANCELLED,)),
)
ENDS = {
    Action.NOTHING: "Do nothing",
    Action.NOTIFY: "Show a notification",
    Action.SLEEP: "Let the computer sleep",
    Action.SHUT_DOWN: "Shut the computer down",
    Action.COMMAND: "Run a command",
}


class QueueBar(QWidget):
    """Signals:
    toggled: the queue is to be opened or closed.
    searched: words. filtered: states that are to be shown, () for all. cleared: what is over is to go.
    failed_asked: what failed is to be shown.
    """

    toggled = Signal()
    searched = Signal(str)
    filtered = Signal(tuple)
    cleared = Signal()
    failed_asked = Signal()

    def __init__(self, prefs: Prefs, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._prefs = prefs
        self._is_open = self._is_busy = False
        self.setFixedHeight(HEIGHT)
        row = QHBoxLayout(self)
        row.setContentsMargins(theme.S4, 0, theme.S2, 0)
        row.setSpacing(theme.S2)
        self._mark = IconLabel("queue")
        self._text = ElidedLabel(mode=Qt.TextElideMode.ElideMiddle)
        self._failed = Button("", kind="link")
        self._failed.setToolTip("Show what failed or was interrupted")
        self._failed.clicked.connect(lambda: self.failed_asked.emit())
        self._bar = QProgressBar(maximum=1000, textVisible=False)
        self._bar.setFixedWidth(120)
        self._bar.setAccessibleName("Progress of the running job")
        self._left = label(tone="secondary", tabular=True)
        self.search = QLineEdit(placeholderText="Search")
        self.search.setAccessibleName("Search jobs and batches")
        self.search.setFixedWidth(176)
        self.search.textChanged.connect(lambda text: self.searched.emit(text.strip()))
        escape = QShortcut(QKeySequence(Qt.Key.Key_Escape), self.search, context=Qt.ShortcutContext.WidgetShortcut)
        escape.activated.connect(self.search.clear)
        self.filter = QComboBox()
        self.filter.setAccessibleName("Which jobs are shown")
        self.filter.setToolTip("Which jobs are shown")
        self.filter.setFixedWidth(112)
        for text, states in FILTERS:
            self.filter.addItem(text, states)
        self.filter.currentIndexChanged.connect(lambda place: self.filtered.emit(FILTERS[place][1]))
        self._end = self._make_end()
        self.clear = Button("Clear finished", kind="link")
        self.clear.setToolTip("Remove what is over from the list; what was made stays where it is")
        self.clear.clicked.connect(lambda: self.cleared.emit())
        self._arrow = IconButton("up", "Open the queue (Ctrl+J)")
        self._arrow.clicked.connect(lambda: self.toggled.emit())
        row.addWidget(self._mark)
        row.addWidget(self._text)
        row.addWidget(self._failed)
        row.addStretch(1)
        row.addWidget(self._bar)
        row.addWidget(self._left)
        self._more: tuple[QWidget, ...] = (self._end, self.clear, self.filter, self.search)
        for tool in (*self._more, self._arrow):
            row.addWidget(tool)

    def open_up(self, on: bool) -> None:
        """Show what only an open queue needs."""
        self._is_open = on
        for part in self._more:
            part.setVisible(on)
        self._show_busy(self._is_busy)
        self._arrow.set_icon("down" if on else "up", "Close the queue (Ctrl+J)" if on else "Open the queue (Ctrl+J)")

    def show_running(self, first: Row, others: int) -> None:
        """Say what runs, and how many others there are."""
        self._text.setText(f"{first.job.title}  ·  {others:,} more" if others else first.job.title)
        self._bar.setValue(round(first.fraction * 1000))
        self._left.setText(remaining(first.remaining_s))
        self._show_busy(True)
        self._mark.show_icon("queue", "accent")

    def show_failed(self, count: int) -> None:
        """Say how many jobs failed."""
        self._failed.setText(f"{count:,} to look at")
        self._failed.setVisible(count > 0)

    def show_states(self, states: tuple[State, ...]) -> None:
        """Choose a filter."""
        self.filter.setCurrentIndex([chosen for _, chosen in FILTERS].index(states))

    def show_idle(self, words: str) -> None:
        """Say that nothing runs."""
        self._text.setText(words)
        self._show_busy(False)
        self._mark.show_icon("queue", "secondary")

    def _show_busy(self, on: bool) -> None:
        """Show the bar of what runs; in an open queue its row has one."""
        self._is_busy = on
        self._bar.setVisible(on and not self._is_open)
        self._left.setVisible(on and not self._is_open)

    def _make_end(self) -> QToolButton:
        button = QToolButton()
        button.setToolTip("What happens when all is done")
        button.setFixedHeight(30)
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        button.setProperty("kind", "choice")
        menu = QMenu(button)
        group = QActionGroup(menu)
        for action, text in ENDS.items():
            entry = menu.addAction(text)
            entry.setCheckable(True)
            entry.setObjectName(action)
            entry.triggered.connect(lambda _on=False, a=action: self._prefs.change(when_done=str(a)))
            group.addAction(entry)
        button.setMenu(menu)
        self._prefs.changed.connect(lambda names: self._show_end() if names & {"when_done", "done_command"} else None)
        self._end_menu, self._end_button = menu, button
        self._show_end()
        return button

    def _show_end(self) -> None:
        chosen = Action(self._prefs.now.when_done)
        for entry in self._end_menu.actions():
            entry.setChecked(entry.objectName() == chosen)
        # A command must be written first, in the preferences.
        self._end_menu.actions()[-1].setEnabled(bool(self._prefs.now.done_command))
        words = ENDS[chosen].lower()
        self._end_button.setText("When done" if chosen is Action.NOTHING else f"Then: {words}")
        self._end_button.setAccessibleName(f"When all is done: {words}")
