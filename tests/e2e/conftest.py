"""The real window, with its queue and worker."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from desktop.ui import app as application
from desktop.ui.app import Parts


@pytest.fixture
def parts(qapp: QApplication, qtbot: QtBot, home_with_models: Path) -> Iterator[Parts]:
    made = application.build(qapp)
    made.window.resize(1440, 900)
    made.window.show()
    yield made
    made.window.asks_before_closing = False
    made.window.close()
    made.window.deleteLater()
    made.close()
    assert not [child for child in psutil.Process().children(recursive=True) if "--worker" in child.cmdline()]
