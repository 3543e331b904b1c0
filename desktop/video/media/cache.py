"""Arrays that a job hands to the window: files in the cache folder, the oldest of which go when there are too many."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from desktop.errors import UserError
from desktop.paths import cache_dir, make_folder

_FILES = 64
_BYTES = 1 << 30
_SPARE = 3
"""So many of the newest always stay, for the window may be about to open them."""


def keep(array: npt.NDArray[Any], *key: object) -> Path:
    """Write an array; the file is named after ``key``, so asking for the same again replaces it.

    Raises:
        UserError: the disk is full, ...
    """
    folder = make_folder(cache_dir() / "pictures")
    name = hashlib.sha256(repr(key).encode()).hexdigest()[:24]
    path, part = folder / f"{name}.npy", folder / f".{name}.{os.getpid()}.part"
    try:
        # No fsync: what is lost in a power cut is made again.
        with part.open("wb") as file:
            np.save(file, array, allow_pickle=False)
        part.replace(path)
    except OSError as error:
        with suppress(OSError):
            part.unlink()
        remedy = "Free some space."
        raise UserError(f"Pictures for showing could not be written: {error.strerror}", path=folder, remedy=remedy) from error
    _tidy(folder)
    return path


def _tidy(folder: Path) -> None:
    files = []
    for path in folder.iterdir():
        with suppress(OSError):
            stat = path.stat()
            files.append((stat.st_mtime_ns, stat.st_size, path))
    files.sort(reverse=True)
    total = 0
    for number, (_, size, path) in enumerate(files):
        total += size
        if number >= _SPARE and (number >= _FILES or total > _BYTES):
            with suppress(OSError):
                path.unlink()
