"""New files of a folder join a batch that a panel started."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from desktop.batch.outlook import sort_out
from desktop.batch.plan import make_folders
from desktop.batch.sources import Source
from desktop.batch.watch import Watcher
from desktop.ui.background import Op
from desktop.ui.batches.ask import Plan
from desktop.ui.panels import Services

WATCH_MS = 1500


class FolderWatch(QObject):
    """New files of a folder join a batch.

    Signals:
        joined: their jobs. failed: the folder cannot be looked through (told once), or they cannot be queued.
    """

    joined = Signal(list)
    failed = Signal(object)

    def __init__(self, services: Services, number: int, plan: Plan, known: Sequence[Path], parent: QObject) -> None:
        super().__init__(parent)
        self._services, self._number, self._plan = services, number, plan
        self._watcher = Watcher(known)
        self._said = False
        self._timer = QTimer(self, singleShot=True, interval=WATCH_MS)
        self._timer.timeout.connect(self._look)
        self._timer.start()

    def close(self) -> None:
        """Look no more."""
        self._timer.stop()
        self.deleteLater()

    def _look(self) -> None:
        plan, watcher, number = self._plan, self._watcher, self._number
        store, queue = self._services.store, self._services.bridge.queue

        def look() -> list[Any]:
            jobs = {Path(job.source): job for job in plan()}
            fresh = [jobs[source.path] for source in watcher.ready(Source(path) for path in jobs)]
            waiting = sort_out(store, fresh)[1]
            if waiting:
                make_folders(waiting)
                queue.extend_batch(number, waiting)
            return waiting

        def looked(fresh: list[Any]) -> None:
            self._said = False
            if fresh:
                self.joined.emit(fresh)
            self._timer.start()

        def broken(error: Exception) -> None:
            if not self._said:
                self.failed.emit(error)
            self._said = True
            self._timer.start()

        Op(self, look).success(looked).failure(broken).start()
