"""The window: bar at the top, rail at the left, the panel in front, the queue below."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from itertools import pairwise
from pathlib import Path

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDragLeaveEvent, QDropEvent, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QMainWindow, QMessageBox, QStackedWidget, QVBoxLayout, QWidget

from desktop.jobs.store import Store
from desktop.models.library import Library
from desktop.ui.actions import Action, ActionBook
from desktop.ui.bridge import QueueBridge
from desktop.ui.icons import app_icon
from desktop.ui.notify import Note, Severity, Toasts, from_error
from desktop.ui.panels import PANELS, Panel, PanelKind, Services
from desktop.ui.prefs import Prefs
from desktop.ui.queue_dock import QueueDock
from desktop.ui.rail import Rail
from desktop.ui.state import State
from desktop.ui.theme import Themer
from desktop.ui.topbar import TopBar
from desktop.ui.widgets.parts import line
from desktop.ui.widgets.veil import Veil


class MainWindow(QMainWindow):
    """Puts the parts together; what they do is in their own modules.

    Args:
        kinds: the panels, in their order.

    Attributes:
        asks_before_closing: whether closing while jobs run needs a confirmation.
    """

    def __init__(
        self,
        bridge: QueueBridge,
        store: Store,
        library: Library,
        prefs: Prefs,
        state: State,
        themer: Themer,
        kinds: tuple[PanelKind, ...] = PANELS,
    ) -> None:
        super().__init__()
        self.setObjectName("main")
        self.asks_before_closing = True
        self.setWindowTitle("Reprise")
        self.setWindowIcon(app_icon())
        self.setMinimumSize(1000, 640)
        self.setAcceptDrops(True)
        self.services = Services(bridge, store, library, prefs, state, themer, self.say, self.open_path, self.go, self.refresh)
        self._kinds = {kind.id: kind for kind in sorted(kinds, key=lambda kind: kind.at_end)}
        self._panels: dict[str, Panel] = {}
        self._toasts: dict[str, Toasts] = {}
        self._was_full = False
        self.book = ActionBook(self)
        self.topbar, self.rail = TopBar(), Rail(tuple(self._kinds.values()))
        self._stack = QStackedWidget()
        self._veil = Veil("Drop to open", self._stack)
        self.dock = QueueDock(self.services)
        self._lay_out()
        self.book.add(self._actions())
        self._connect()
        prefs.failed.connect(lambda error: self.say(from_error(error)))
        self._restore()
        self.go(state.text("window/panel", "piano", tuple(self._kinds)))

    def _lay_out(self) -> None:
        body = QWidget()
        self.setCentralWidget(body)
        # Takes the focus from buttons and fields when something else is clicked, so that keys are shortcuts again.
        body.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        body.setFocus()
        whole = QVBoxLayout(body)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addWidget(self.topbar)
        self._edges = [line(), line(vertical=True), line()]
        whole.addWidget(self._edges[0])
        middle = QHBoxLayout()
        middle.setSpacing(0)
        whole.addLayout(middle, 1)
        middle.addWidget(self.rail)
        middle.addWidget(self._edges[1])
        right = QVBoxLayout()
        right.setSpacing(0)
        middle.addLayout(right, 1)
        right.addWidget(self._stack, 1)
        right.addWidget(self._edges[2])
        right.addWidget(self.dock)

    def _connect(self) -> None:
        self.topbar.open_asked.connect(self.book["file.open"].trigger)
        self.topbar.run_asked.connect(lambda: self.book[self.panel.heading().run].trigger())
        self.topbar.cancel_asked.connect(self._cancel)
        self.topbar.menu.setMenu(self.book.menu(self.topbar.menu))
        self.rail.chosen.connect(self.go)
        self.dock.holds_changed.connect(self._panel_changed)

    def _actions(self) -> list[Action]:
        go = [
            Action(f"go.{kind.id}", kind.title, partial(self.go, kind.id), (f"Ctrl+{n}",), "View")
            for n, kind in enumerate(self._kinds.values(), 1)
        ]
        return [
            Action("file.open", "Open…", self._ask_open, ("Ctrl+O",), "File"),
            Action("file.quit", "Quit", self._quit, ("Ctrl+Q",), "File"),
            *go,
            Action("view.queue", "Queue", self.dock.summon, ("Ctrl+J",), "View", checked=lambda: self.dock.is_open),
            Action("view.queue-size", "Larger or smaller queue", self.dock.turn, ("Ctrl+Shift+J",), "View"),
            Action("view.theme", "Light or dark", self._flip_theme, ("Ctrl+Shift+T",), "View"),
            Action("view.full", "Full screen", self._toggle_full, ("F11",), "View", checked=self.isFullScreen),
            Action("help.menu", "Menu", self.topbar.menu.showMenu, ("F10",), "Help"),
            Action("help.shortcuts", "Keyboard shortcuts", self._show_shortcuts, ("F1", "Ctrl+/"), "Help"),
            Action("help.logs", "Open the log folder", self._show_logs, ("Ctrl+Shift+L",), "Help"),
            Action("help.about", "About Reprise", self._show_about, ("Ctrl+F1",), "Help"),
        ]

    # Panels

    @property
    def panel(self) -> Panel:
        """The panel in front."""
        panel = self._stack.currentWidget()
        assert isinstance(panel, Panel)
        return panel

    def panel_of(self, name: str) -> Panel:
        """A panel, made when it is first asked for."""
        if name not in self._panels:
            panel = self._panels[name] = self._kinds[name].make(self.services)
            panel.setObjectName(name)
            self._stack.addWidget(panel)
            self.book.add(panel.actions_of(), name)
            self.topbar.menu.setMenu(self.book.menu(self.topbar.menu))
            self._toasts[name] = Toasts(panel.toast_area())
            self._order_tabs(panel)
            panel.changed.connect(self._panel_changed)
            panel.alone_asked.connect(self._show_alone)
        return self._panels[name]

    def _order_tabs(self, panel: Panel) -> None:
        """The queue comes after the panel, also after one that was made later."""

        def stops(part: QWidget) -> list[QWidget]:
            mine = [child for child in part.findChildren(QWidget) if child.window() is self]
            return [child for child in mine if child.focusPolicy() & Qt.FocusPolicy.TabFocus]

        for one, other in pairwise([*stops(panel)[-1:], *stops(self.dock)]):
            self.setTabOrder(one, other)

    def go(self, name: str) -> None:
        """Bring a panel to the front."""
        panel = self.panel_of(name)
        self._stack.setCurrentWidget(panel)
        self.rail.show_chosen(name)
        self.book.show_scope(name)
        self.services.state.keep("window/panel", name)
        panel.shown()
        self._panel_changed()

    def open_path(self, path: Path) -> None:
        """Open a file in the panel that takes it."""
        path = path.absolute()
        name = self._taker(path)
        if not name:
            what = "This is a folder" if path.is_dir() else f"Reprise cannot open {path.suffix or 'this kind of'} files"
            self.say(
                Note(Severity.ERROR, what, str(path), "Open a song, a video, a file of examples, a MIDI file or a saved cover.")
            )
            return
        self.go(name)
        self.services.prefs.add_recent(path)
        self._panels[name].open(path)

    def _taker(self, path: Path) -> str:
        """The panel that opens a file: the one in front if it can, else the one whose kind of file it is, else any."""
        if self.panel.takes(path):
            return self.panel.objectName()
        if not path.suffix and not path.is_dir():
            return ""
        own = [n for n, kind in self._kinds.items() if path.suffix.lower() in kind.own]
        return next((n for n in dict.fromkeys([*own, *self._kinds]) if self.panel_of(n).takes(path)), "")

    def say(self, note: Note) -> None:
        """Show a message over the panel in front."""
        name = next(n for n, panel in self._panels.items() if panel is self.panel)
        self._toasts[name].show(note)

    def refresh(self) -> None:
        """Look again at which actions can be done."""
        self._panel_changed()

    def notes(self) -> list[Note]:
        """The messages that are shown now."""
        return [note for toasts in self._toasts.values() for note in toasts.notes]

    def _panel_changed(self) -> None:
        heading = self.panel.heading()
        self.book.refresh()
        action = self.book[heading.run] if heading.run else None
        tip = f"{action.toolTip()} ({action.shortcut().toString()})" if action is not None else ""
        self.topbar.show_heading(heading, tip, action is not None and action.isEnabled(), self.dock.hold_reason)
        self.setWindowTitle(f"{heading.title} – Reprise" if heading.title else "Reprise")

    def _cancel(self) -> None:
        row = self.panel.heading().running
        if row is not None:
            self.services.bridge.queue.cancel(row.id)

    # Files

    def _ask_open(self) -> None:
        if not self.panel.can_ask:
            self.go(next(iter(self._kinds)))
        self.panel.ask_open()

    def _quit(self) -> None:
        self.close()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()
            self._drag_over(True)

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        self._drag_over(False)

    def _drag_over(self, on: bool) -> None:
        # A panel with a drop area of its own lights that up.
        own = self.panel.drag_over(on)
        self._veil.lift(on and not own)

    def dropEvent(self, event: QDropEvent) -> None:
        self._drag_over(False)
        paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        event.acceptProposedAction()
        self.drop(paths)

    def drop(self, paths: Iterable[Path]) -> None:
        """Open what was dropped, in the panel in front or whichever takes the first of it."""
        given = list(paths)
        if not given:
            return
        first, *others = given
        rest = [path for path in others if self.panel.takes(path)]
        if self.panel.takes(first):
            self.services.prefs.add_recent(first)
            self.panel.open_all([first, *rest])
        else:
            self.open_path(first)
            self.panel.queue(rest)

    # Dialogs

    def _show_shortcuts(self) -> None:
        from desktop.ui.dialogs import ShortcutsDialog

        ShortcutsDialog(self.book.shortcuts(), self).open()

    def _show_about(self) -> None:
        from desktop.ui.about import AboutDialog

        AboutDialog(self).open()

    def _show_logs(self) -> None:
        from PySide6.QtCore import QUrl
        from PySide6.QtGui import QDesktopServices

        from desktop.paths import log_dir

        QDesktopServices.openUrl(QUrl.fromLocalFile(str(log_dir())))

    def _flip_theme(self) -> None:
        from desktop.ui import theme

        self.services.prefs.change(theme="light" if theme.tokens().dark else "dark")

    def _show_alone(self, on: bool) -> None:
        """Leave the screen to the panel in front, or give the rest of the window its place back."""
        for part in (self.topbar, self.rail, self.dock, *self._edges):
            part.setVisible(not on)
        full, state = Qt.WindowState.WindowFullScreen, self.windowState()
        if on:
            self._was_full = bool(state & full)
        self.setWindowState(state | full if on or self._was_full else state & ~full)

    def _toggle_full(self) -> None:
        self.setWindowState(self.windowState() ^ Qt.WindowState.WindowFullScreen)

    # Keys and the end

    def keyPressEvent(self, event: QKeyEvent) -> None:
        # Only keys that the focused widget has no use for arrive here.
        if not self.book.press(event):
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.dock.fit()

    def closeEvent(self, event: QCloseEvent) -> None:
        waiting = self.dock.own_jobs()
        if waiting and self.asks_before_closing and not self._confirm_close(len(waiting)):
            event.ignore()
            return
        state = self.services.state
        state.keep("window/geometry", self.saveGeometry())
        for panel in self._panels.values():
            panel.close_panel()
        self.dock.close_dock()
        self.services.prefs.flush()
        state.save()
        event.accept()

    def _confirm_close(self, count: int) -> bool:
        what = "A job is" if count == 1 else f"{count} jobs are"
        box = QMessageBox(QMessageBox.Icon.Question, "Close Reprise?", f"{what} not finished.", parent=self)
        box.setInformativeText("Running jobs end and can be tried again at the next start; waiting jobs stay in the queue.")
        leave = box.addButton("Close", QMessageBox.ButtonRole.AcceptRole)
        stay = box.addButton("Keep working", QMessageBox.ButtonRole.RejectRole)
        box.setDefaultButton(stay)
        box.exec()
        return box.clickedButton() is leave

    def _restore(self) -> None:
        geometry = self.services.state.bytes("window/geometry")
        if geometry.isEmpty() or not self.restoreGeometry(geometry):
            screen = self.screen().availableGeometry()
            self.resize(min(1440, screen.width() - 40), min(900, screen.height() - 60))

    def after_shown(self, work: Iterable[Callable[[], object]]) -> None:
        """Do what is not needed for the first picture of the window, one thing at a time."""
        for delay, task in enumerate(work):
            QTimer.singleShot(50 + 30 * delay, self, task)
