"""Files that end: what a user or a list names may be a device or a pipe."""

from __future__ import annotations

import stat
from pathlib import Path

from desktop.errors import UserError


def check_plain(path: Path | str) -> None:
    """Raise UserError when ``path`` is a device, a pipe or a socket: reading such may wait, or go on, for ever.

    Files, folders and what is not there (or not to be seen) pass: their readers have better words for them.
    """
    try:
        mode = Path(path).stat().st_mode
    except (OSError, ValueError):
        return
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise UserError("This is a device or a pipe, not a file", path=path, remedy="Copy its content to a file first.")
