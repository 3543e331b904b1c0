"""Folders for results: made when absent, checked before work is spent, gone again when the work fails."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from desktop.errors import UserError
from desktop.paths import make_folder


def open_folder(path: Path | str) -> Path:
    """The folder for results, made when absent; raises UserError when it cannot be made or written, before work is spent."""
    folder = make_folder(Path(path))
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UserError("There is no permission to write in this folder", path=folder, remedy="Choose another one.")
    return folder


@contextmanager
def results_folder(path: Path | str) -> Iterator[Path]:
    """``open_folder`` for a piece of work: folders that were made for it go again when it fails and left nothing in them."""
    absent = [folder for folder in (Path(path), *Path(path).parents) if not folder.exists()]
    try:
        yield open_folder(path)
    except BaseException:
        for folder in absent:
            with suppress(OSError):
                folder.rmdir()
        raise
