"""The menu over the notes."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMenu, QWidget

from desktop.piano.cover import LEFT, RIGHT
from desktop.ui.piano.edit_editor import Editor


def note_menu(editor: Editor, parent: QWidget) -> QMenu:
    """What can be done with the chosen notes; the menu goes when it closes."""
    menu = QMenu(parent)
    menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    unchosen = editor.unchosen
    entries: list[tuple[str, str, Callable[[], None], str] | None] = [
        ("Cut", "Ctrl+X", editor.cut, unchosen),
        ("Copy", "Ctrl+C", editor.copy, unchosen),
        ("Paste", "Ctrl+V", editor.paste, editor.pasteable),
        ("Duplicate", "Ctrl+D", editor.duplicate, unchosen),
        ("Delete", "Del", editor.delete, unchosen),
        None,
        ("Quantise", "Q", editor.quantise, unchosen),
        ("An octave up", "Shift+Up", lambda: editor.move(0, 12), unchosen),
        ("An octave down", "Shift+Down", lambda: editor.move(0, -12), unchosen),
        None,
        ("To the right hand", "", lambda: editor.set_hand(RIGHT), unchosen),
        ("To the left hand", "", lambda: editor.set_hand(LEFT), unchosen),
        ("To the other hand", "H", editor.swap_hands, unchosen),
        None,
        ("Choose the right hand's notes", "", lambda: editor.choose_hand(RIGHT), editor.blocked),
        ("Choose the left hand's notes", "", lambda: editor.choose_hand(LEFT), editor.blocked),
        ("Choose whole bars", "Ctrl+Shift+A", editor.choose_bars, editor.blocked),
        ("Choose all", "Ctrl+A", editor.choose_all, editor.blocked),
    ]
    for entry in entries:
        if entry is None:
            menu.addSeparator()
            continue
        text, key, run, reason = entry
        action = menu.addAction(f"{text}\t{key}" if key else text)
        action.triggered.connect(lambda _on=False, what=run: what())
        action.setEnabled(not reason)
    return menu
