"""New files of a folder, once nobody writes to them any more."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

from desktop.batch.sources import Source

STILL_S = 2.0
"""A file whose size and time stayed equal for so long is complete."""


class Watcher:
    """Looks through a folder when asked and tells which files are new and complete; each once, and again when it has changed.

    Args:
        known: files that need not be told.
        still_s: seconds without a change after which a file counts as complete.
    """

    def __init__(self, known: Iterable[Path] = (), *, still_s: float = STILL_S) -> None:
        self._still_s = still_s
        self._told: dict[Path, tuple[int, int]] = {}
        self._seen: dict[Path, tuple[tuple[int, int], float]] = {}
        for path in known:
            if stamp := _stamp(path):
                self._told[path] = stamp

    def ready(self, files: Iterable[Source], now: float | None = None) -> list[Source]:
        """Those of ``files`` that have come or changed since and stand still; ``now`` is the monotonic clock's time."""
        moment = time.monotonic() if now is None else now
        found = []
        for source in files:
            stamp = _stamp(source.path)
            if stamp is None or self._told.get(source.path) == stamp:
                continue
            before, since = self._seen.get(source.path, (None, moment))
            if before != stamp:
                self._seen[source.path] = (stamp, moment)
            elif moment - since >= self._still_s and stamp[0] > 0:
                self._told[source.path] = stamp
                del self._seen[source.path]
                found.append(source)
        return found


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        facts = path.stat()
    except OSError:
        return None
    return facts.st_size, facts.st_mtime_ns
