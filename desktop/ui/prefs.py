"""The user's settings while the window runs: changed here, saved soon after, announced to whoever shows them."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from desktop import settings
from desktop.errors import UserError
from desktop.settings import Settings

SAVE_AFTER_MS = 400
log = logging.getLogger(__name__)


class Prefs(QObject):
    """Holds ``desktop.settings.Settings``.

    Signals:
        changed: names of the settings that changed.
        failed: the UserError that saving raised.
    """

    changed = Signal(set)
    failed = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.warnings: list[str] = []
        self.now: Settings = settings.load(warn=self.warnings.append)
        for text in self.warnings:
            log.warning("%s", text)
        self._timer = QTimer(self, singleShot=True, interval=SAVE_AFTER_MS)
        self._timer.timeout.connect(self.save)

    def change(self, **values: Any) -> None:
        """Change settings; raises UsageError for a value that will not do."""
        new = replace(self.now, **values)
        names = {name for name in values if getattr(new, name) != getattr(self.now, name)}
        if names:
            self.now = new
            self._timer.start()
            self.changed.emit(names)

    def add_recent(self, path: Path) -> None:
        """Move a file to the front of the recent ones."""
        self.change(recent=self.now.with_recent(path).recent)

    def recent(self) -> list[Path]:
        """Files opened before, newest first; those that are gone or cannot be read are left out."""
        return [path for path in map(Path, self.now.recent) if _readable(path)]

    def save(self) -> None:
        """Write them now."""
        self._timer.stop()
        try:
            settings.save(self.now)
        except UserError as error:
            self.failed.emit(error)

    def flush(self) -> None:
        """Write what waits to be written."""
        if self._timer.isActive():
            self.save()


def _readable(path: Path) -> bool:
    try:
        with path.open("rb"):
            return True
    except OSError:
        return False
