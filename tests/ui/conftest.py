"""The real window, without a display, with a queue and folders of its own."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from desktop.ui import app as application
from desktop.ui.app import Parts

Opener = Callable[[], Parts]


@pytest.fixture
def open_window(qapp: QApplication, qtbot: QtBot, home_with_models: Path) -> Iterator[Opener]:
    """Opens windows on the same user folders, as starts of the program do; closes what is left open."""
    made: list[Parts] = []

    def open_() -> Parts:
        parts = application.build(qapp)
        made.append(parts)
        parts.window.resize(1440, 900)
        parts.window.show()
        qtbot.waitExposed(parts.window)
        return parts

    yield open_
    for parts in made:
        close(parts)


@pytest.fixture
def parts(open_window: Opener) -> Parts:
    """A window that was just opened."""
    return open_window()


def close(parts: Parts) -> None:
    """Close a window and all behind it, without questions."""
    if getattr(parts, "closed", False):
        return
    parts.closed = True  # type: ignore[attr-defined]
    for row in parts.queue.rows():
        if not row.state.is_over:
            parts.queue.cancel(row.id)
    parts.window.asks_before_closing = False
    parts.window.close()
    parts.window.deleteLater()
    parts.close()
