"""Opening the window, without going through the commands' machinery."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from desktop.errors import UserError


def has_display() -> bool:
    """Whether a window can be shown: always on Windows and macOS; where an X or Wayland server is named elsewhere."""
    if sys.platform in ("win32", "darwin"):
        return True
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"))


def open_window(files: Sequence[str] = ()) -> int:
    """Open the window, on ``files`` if there are any; returns its exit code when it is closed.

    Raises:
        UserError: there is no display, or Qt cannot be loaded.
    """
    if not has_display():
        raise UserError(
            "There is no display to open the window on",
            remedy="Start it from a desktop session, or use a command: `reprise cover SONG -o DIR`; `reprise --help` lists all.",
        )
    try:
        from desktop.ui.app import main
    except ImportError as error:
        raise UserError(
            f"The window cannot be loaded: {error}", remedy="`reprise doctor` names what is missing and how to install it."
        ) from error
    return main(list(files))
