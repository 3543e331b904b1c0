"""What the window remembers between starts: sizes, folders, what is folded. Preferences are in desktop.settings.

Not in QSettings: its files may hold objects of Python as pickles, which run programs when they are read.
"""

from __future__ import annotations

import contextlib
import json
import math
from pathlib import Path
from typing import Any, ClassVar
from weakref import WeakValueDictionary

from PySide6.QtCore import QByteArray, QCoreApplication, QObject, QTimer

from desktop.errors import UserError
from desktop.malformed import MALFORMED
from desktop.paths import atomic_write, config_dir
from desktop.plain_files import read_plain

_MOST_BYTES = 16 << 20
_SOON_MS = 1000


class State(QObject):
    """Keeps small values in ``window.json``; a value that cannot be read is the default. What is kept is written soon."""

    def __init__(self, path: Path | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._kept = _Kept.at((path or config_dir() / "window.json").absolute())
        self._soon = QTimer(self, singleShot=True, interval=_SOON_MS)
        self._soon.timeout.connect(self.save)

    def text(self, key: str, default: str = "", choices: tuple[str, ...] = ()) -> str:
        """A text; the default when it is not one of ``choices``."""
        value = self._kept.values.get(key, default)
        return value if isinstance(value, str) and (not choices or value in choices) else default

    def number(self, key: str, default: float) -> float:
        """A number."""
        value = self._kept.values.get(key)
        return float(value) if isinstance(value, int | float) and abs(value) < 1e15 else default

    def flag(self, key: str, default: bool = False) -> bool:
        """Yes or no."""
        return self.text(key, "yes" if default else "no") == "yes"

    def bytes(self, key: str) -> QByteArray:
        """What ``saveGeometry`` gave."""
        return QByteArray.fromBase64(self.text(key).encode("ascii", "ignore"))

    def keep(self, key: str, value: str | float | bool | QByteArray) -> None:
        """Remember a value."""
        self._kept.keep(key, _plain(value))
        if QCoreApplication.instance() is not None and not self._soon.isActive():
            self._soon.start()

    def save(self) -> None:
        """Write now; where that cannot be done the next start has the defaults."""
        self._kept.save()


class _Kept:
    """The values of a file, the same for all who have it open here. What another process wrote meanwhile stays."""

    _open: ClassVar[WeakValueDictionary[Path, _Kept]] = WeakValueDictionary()

    def __init__(self, path: Path) -> None:
        self._path = path
        self._changed: dict[str, str | float] = {}
        self.values = _read(path)

    @classmethod
    def at(cls, path: Path) -> _Kept:
        found = cls._open.get(path)
        if found is None:
            found = cls._open[path] = cls(path)
        return found

    def keep(self, key: str, value: str | float) -> None:
        if self.values.get(key) != value:
            self.values[key] = self._changed[key] = value

    def save(self) -> None:
        if not self._changed:
            return
        together = _read(self._path) | self._changed
        with contextlib.suppress(UserError, OSError):
            with atomic_write(self._path, "w") as file:
                json.dump(together, file, indent=0)
            self._changed.clear()


def _plain(value: str | float | bool | QByteArray) -> str | float:
    if isinstance(value, QByteArray):
        return bytes(value.toBase64().data()).decode("ascii")
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, int | float) and math.isfinite(value) else str(value)


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(read_plain(path, _MOST_BYTES))
    except (OSError, UserError, *MALFORMED):
        return {}
    return found if isinstance(found, dict) else {}
