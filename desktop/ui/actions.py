"""Actions are data: one list from which shortcuts, menus and the list of shortcuts are made."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QAction, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QMenu, QWidget

MENUS = ("File", "Edit", "Play", "View", "Piano", "Video", "Tuning", "Help")
"""Menus in their order; an action names one of them."""


@dataclass(frozen=True)
class Action:
    """Something the user can do.

    Attributes:
        id: dotted name, "play.toggle".
        text: what the menu says.
        run: what happens.
        keys: shortcuts, the first one is shown.
        menu: one of ``MENUS``.
        blocked: why it cannot be done now, "" when it can.
        checked: for actions that are on or off.
        soft: the keys belong to the focused widget when it can use them (Space on a button, arrows on a slider).
    """

    id: str
    text: str
    run: Callable[[], None]
    keys: tuple[str, ...] = ()
    menu: str = "File"
    blocked: Callable[[], str] = lambda: ""
    checked: Callable[[], bool] | None = None
    soft: bool = False

    @property
    def native_keys(self) -> str:
        """The shortcuts as the system writes them."""
        return " or ".join(QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText) for key in self.keys)


class ActionBook(QObject):
    """All actions of a window, as QActions of it.

    Those of a panel have their keys, and are in the menu, while it is in front; so two panels may use the same keys.
    """

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self._made: dict[str, tuple[Action, QAction]] = {}
        self._scopes: dict[str, str] = {}
        self._front = ""

    def add(self, actions: Iterable[Action], scope: str = "") -> None:
        """Register actions, of a panel when ``scope`` names it; an id or shortcut that is taken raises ValueError."""
        for action in actions:
            rivals = (other for other, _ in self._made.values() if not scope or self._scopes[other.id] in ("", scope))
            taken = {key for other in rivals for key in other.keys}
            if action.id in self._made or taken & set(action.keys) or action.menu not in MENUS:
                raise ValueError(f"action {action.id}: name or shortcut is taken, or there is no menu {action.menu}")
            made = QAction(f"{action.text}\t{action.native_keys}" if action.soft else action.text, self._window)
            made.setObjectName(action.id)
            if not action.soft:
                made.setShortcuts([QKeySequence(key) for key in action.keys])
            made.setShortcutContext(Qt.ShortcutContext.WindowShortcut)
            made.setCheckable(action.checked is not None)
            made.triggered.connect(lambda _on=False, what=action: self._trigger(what))
            self._window.addAction(made)
            self._made[action.id] = (action, made)
            self._scopes[action.id] = scope
        self.refresh()

    def show_scope(self, scope: str) -> None:
        """Another panel is in front."""
        self._front = scope
        self.refresh()

    def is_at_hand(self, name: str) -> bool:
        """Whether an action belongs to the window or to the panel in front."""
        return self._scopes[name] in ("", self._front)

    def __getitem__(self, name: str) -> QAction:
        return self._made[name][1]

    def all(self) -> list[Action]:
        """Every action in the order of registration."""
        return [action for action, _ in self._made.values()]

    def refresh(self) -> None:
        """Enable what can be done now; a tooltip says why the rest cannot."""
        for action, made in self._made.values():
            if not self.is_at_hand(action.id):
                made.setVisible(False)
                made.setEnabled(False)
                continue
            made.setVisible(True)
            reason = action.blocked()
            # An action without focus on it must stay reachable: its reason is said when it is tried.
            made.setEnabled(not reason)
            made.setToolTip(reason or action.text)
            if action.checked is not None:
                made.setChecked(action.checked())

    def menu(self, parent: QWidget) -> QMenu:
        """One menu with a submenu for each of ``MENUS``."""
        whole = QMenu(parent)
        parts: list[QMenu] = []
        for name in MENUS:
            mine = [made for action, made in self._made.values() if action.menu == name]
            if mine:
                parts.append(whole.addMenu(name))
                parts[-1].addActions(mine)

        def about_to_show() -> None:
            self.refresh()
            for part in parts:
                part.menuAction().setVisible(any(action.isVisible() for action in part.actions()))

        whole.aboutToShow.connect(about_to_show)
        return whole

    def press(self, event: QKeyEvent) -> bool:
        """Do what a key that no widget wanted stands for."""
        pressed = QKeySequence(event.keyCombination())
        for action, made in self._made.values():
            if action.soft and made.isEnabled() and any(QKeySequence(key) == pressed for key in action.keys):
                self._trigger(action)
                return True
        return False

    def shortcuts(self) -> list[tuple[str, str, str]]:
        """(menu, text, shortcut as the system writes it) of all actions at hand that have one."""
        return [
            (a.menu, a.text.replace("…", ""), a.native_keys)
            for a in sorted(self.all(), key=lambda a: MENUS.index(a.menu))
            if a.keys and self.is_at_hand(a.id)
        ]

    def _trigger(self, action: Action) -> None:
        if not action.blocked():
            action.run()
        self.refresh()
