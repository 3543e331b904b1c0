"""What lies below a folder, however deep and whatever it links to."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path


def files_below(folder: Path) -> Iterator[Path]:
    """The files in a folder and all below it, in no order, without hidden ones and what lies in hidden folders.

    Links to files are files; links to folders are not followed, so that there are no circles. Folders that may not be read, or
    whose path is longer than the system takes, are passed over. As deep as folders may be: nothing here calls itself.
    """
    waiting = [os.fspath(folder)]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                seen = [entry for entry in entries if not entry.name.startswith(".")]
        except OSError:
            continue
        for entry in seen:
            if entry.is_dir(follow_symlinks=False):
                waiting.append(entry.path)
            elif _is_file(entry):
                yield Path(entry.path)


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:
        # A link that leads to itself.
        return False
