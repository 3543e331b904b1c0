"""The report of a batch that a panel started."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any

from PySide6.QtCore import QObject, Signal

from desktop.batch.keeping import Kept
from desktop.jobs.store import Store
from desktop.ui.background import Op

REPORT_S = 5.0
_SHARE = 20
"""Keeping the report takes at most a twentieth of the time."""
_ALL = 10_000_000
_AT_ONCE = 4


class ReportKeeper(QObject):
    """Table and report of a batch, written while it runs and at its end; all of it in threads, one writing at a time.

    Signals:
        failed: they could not be written (an Exception).
    """

    failed = Signal(object)

    def __init__(self, store: Store, kept: Kept, number: int | None, parent: QObject) -> None:
        super().__init__(parent)
        self._store, self._kept, self._number = store, kept, number
        self._next = monotonic() + REPORT_S
        self._busy = False
        self._ends: Callable[[], None] | None = None
        self.is_over = False

    def expect(self, jobs: Sequence[Any]) -> None:
        """More files."""
        self._kept.expect(jobs)

    def later(self) -> None:
        """Something has changed."""
        self.is_over = False
        if monotonic() >= self._next:
            self._write()

    def finish(self, told: Callable[[], None]) -> None:
        """Write the last state, then call ``told``."""
        self.is_over = True
        self._ends = told
        self._write()

    def _write(self) -> None:
        if self._busy:
            return
        self._busy = True
        last, store, kept, number = self._ends is not None, self._store, self._kept, self._number
        began = monotonic()

        def write() -> None:
            if number is not None:
                kept.load(store.page(batch=number, newest_first=False, limit=_ALL))
            if last:
                kept.close()
            else:
                kept.write(_AT_ONCE)

        def over(error: Exception | None = None) -> None:
            self._busy = False
            self._next = monotonic() + max(REPORT_S, _SHARE * (monotonic() - began))
            if error is not None:
                self.failed.emit(error)
            if last and self._ends is not None:
                told, self._ends = self._ends, None
                told()
            elif self._ends is not None:
                self._write()

        Op(self, write).success(lambda _none: over()).failure(over).start()
