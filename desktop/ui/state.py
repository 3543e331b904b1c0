"""What the window remembers between starts: sizes, folders, what is folded. Preferences are in desktop.settings."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QByteArray, QObject, QSettings

from desktop.paths import config_dir


class State(QObject):
    """Keeps small values in ``window.ini``; a value that cannot be read is the default."""

    def __init__(self, path: Path | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._store = QSettings(str(path or config_dir() / "window.ini"), QSettings.Format.IniFormat, self)

    def text(self, key: str, default: str = "", choices: tuple[str, ...] = ()) -> str:
        """A text; the default when it is not one of ``choices``."""
        value = self._store.value(key, default)
        return value if isinstance(value, str) and (not choices or value in choices) else default

    def number(self, key: str, default: float) -> float:
        """A number."""
        try:
            return float(str(self._store.value(key, default)))
        except ValueError:
            return default

    def flag(self, key: str, default: bool = False) -> bool:
        """Yes or no."""
        return self.text(key, "yes" if default else "no") == "yes"

    def bytes(self, key: str) -> QByteArray:
        """What ``saveGeometry`` gave."""
        value = self._store.value(key)
        return value if isinstance(value, QByteArray) else QByteArray()

    def keep(self, key: str, value: str | float | bool | QByteArray) -> None:
        """Remember a value."""
        self._store.setValue(key, ("yes" if value else "no") if isinstance(value, bool) else value)

    def save(self) -> None:
        """Write now."""
        self._store.sync()
