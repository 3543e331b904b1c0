"""Short work off the window's thread: reading, copying, hashing files. Long work is a job."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, QThreadPool, Signal

log = logging.getLogger(__name__)


class Op(QObject):
    """``Op(parent, work).success(f).failure(g).start()``: ``work()`` runs in a thread, ``f(result)`` or ``g(error)`` in its own.

    ``work`` returns data and touches no widget. When the parent goes, the answer is dropped.
    """

    _done = Signal(object, object)

    def __init__(self, parent: QObject, work: Callable[[], Any]) -> None:
        super().__init__(parent)
        self._work = work
        self._success: Callable[[Any], None] | None = None
        self._failure: Callable[[Exception], None] | None = None
        # The receiver lives in the window's thread, so the answer is queued to it.
        self._done.connect(self._deliver)

    def success(self, function: Callable[[Any], None]) -> Op:
        """What to do with the result."""
        self._success = function
        return self

    def failure(self, function: Callable[[Exception], None]) -> Op:
        """What to do with the exception."""
        self._failure = function
        return self

    def start(self) -> Op:
        """Begin."""
        QThreadPool.globalInstance().start(self._run)
        return self

    def _run(self) -> None:
        result: Any = None
        error: Exception | None = None
        try:
            result = self._work()
        except Exception as caught:  # handed to the window, whatever it is
            error = caught
        try:
            self._done.emit(result, error)
        except RuntimeError:
            log.debug("nobody waits for this any more")

    def _deliver(self, result: Any, error: Exception | None) -> None:
        if error is None:
            if self._success is not None:
                self._success(result)
        elif self._failure is not None:
            self._failure(error)
        else:
            log.error("work in the background failed", exc_info=error)
        self.deleteLater()
