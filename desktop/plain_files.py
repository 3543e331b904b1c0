"""Files that end, and what lists call them: either may be a device, a pipe, or nothing that a file can be called."""

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


def read_plain(path: Path, most: int = 64 << 20) -> bytes:
    """The content of a file of at most ``most`` bytes: cards, lists and configurations are far smaller.

    Raises:
        UserError: it is a device or a pipe, or larger.
        OSError: it cannot be read.
    """
    check_plain(path)
    if path.stat().st_size > most:
        raise UserError(f"The file is too large: more than {most >> 20} MB", path=path, remedy="Check that it is the right one.")
    return path.read_bytes()


def is_name(path: Path) -> bool:
    """Whether a path is text: names of files may be any bytes, but lists, tables and the queue hold text."""
    return str(path).isprintable() or str(path).encode("utf-8", "ignore").decode() == str(path)


def check_name(path: Path) -> None:
    """Raise UserError when a path is no text."""
    if not is_name(path):
        raise UserError("The name of this file is no text (UTF-8)", path=path, remedy="Rename the file.")


def named_in(list_file: Path, name: str) -> Path:
    """The file that a list calls ``name``: relative to the list's folder, or to a home where it begins with "~".

    Raises UserError when no file can be called so.
    """
    try:
        if "\0" in name:
            raise ValueError("it holds a zero")
        return list_file.absolute().parent / Path(name).expanduser()
    except (ValueError, RuntimeError) as error:
        raise UserError(f"The list names a file that cannot be: {name[:80]!r}: {error}", path=list_file) from error
