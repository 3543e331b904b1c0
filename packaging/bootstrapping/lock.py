"""One bootstrap at a time: an operating-system lock, which dies with its process."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bootstrapping.trouble import Trouble, say


@contextmanager
def only_one(path: Path) -> Iterator[None]:
    """Hold the lock file ``path``, waiting for whoever has it."""
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise Trouble(
            f"Cannot write into {path.parent}: {error.strerror}", "Move the project to a folder of your own."
        ) from error
    try:
        if not _take(handle):
            say("Another bootstrap is installing here; waiting for it to finish ...")
            while not _take(handle):
                time.sleep(0.3)
        yield
    finally:
        os.close(handle)


def _take(handle: int) -> bool:
    """Try to lock an open file; whether it worked."""
    try:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined, unused-ignore]
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
