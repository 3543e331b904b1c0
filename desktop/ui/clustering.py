"""The window's queue on a cluster: opened, changed and left as the preferences say; what it tells, as notes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from desktop.errors import UserError
from desktop.jobs.cluster.open import executors
from desktop.jobs.queue import Queue
from desktop.ui.notify import Note, Severity, from_error
from desktop.ui.prefs import Prefs

if TYPE_CHECKING:
    from desktop.jobs.cluster.executor import ClusterExecutor

WISHES = {"cluster_address", "cluster_key"}


class Clustering(QObject):
    """Lets the queue use a cluster from ``start`` until ``close``. One that cannot be reached is tried again and again.

    Signals:
        told: what happened to the connection, in the window's thread.
    """

    told = Signal(str)

    def __init__(self, queue: Queue, prefs: Prefs) -> None:
        super().__init__()
        self._queue, self._prefs = queue, prefs
        self._say: Callable[[Note], None] | None = None
        self._cluster: ClusterExecutor | None = None
        self.told.connect(self._tell)
        prefs.changed.connect(self._changed)

    @property
    def state(self) -> str:
        """How the cluster is, in a sentence; "" where there is none."""
        if self._cluster is None:
            return ""
        if self._cluster.problem:
            return f"{self._cluster.problem}. It is tried again every few seconds."
        slots = self._cluster.slots
        if not slots:
            return "Connected; no computer takes part yet." if self._cluster.is_connected else "Connecting…"
        return f"Connected; {slots} {'job' if slots == 1 else 'jobs'} at a time there."

    @property
    def is_well(self) -> bool:
        """Whether jobs can go there."""
        return self._cluster is not None and self._cluster.slots > 0

    @property
    def is_lost(self) -> bool:
        """Whether there is one that cannot be reached."""
        return self._cluster is not None and bool(self._cluster.problem)

    def start(self, say: Callable[[Note], None]) -> None:
        """Connect, where the preferences name a cluster; ``say`` shows what becomes of it."""
        self._say = say
        if self._prefs.now.cluster_address:
            self._use()

    def close(self) -> None:
        """Tell nothing more."""
        self._say = None

    def _changed(self, names: set[str]) -> None:
        if self._say is not None and names & WISHES:
            self._use()

    def _use(self) -> None:
        now = self._prefs.now
        wanted = {"workers": now.workers, "threads": now.threads, "say": self.told.emit}
        try:
            found = executors(now.cluster_address, now.cluster_key, **wanted)  # type: ignore[arg-type]
        except UserError as error:
            if self._say is not None:
                self._say(from_error(error))
            found = executors("", **wanted)  # type: ignore[arg-type]
        self._cluster = found[0] if len(found) > 1 else None  # type: ignore[assignment]
        self._queue.use(found)

    def _tell(self, text: str) -> None:
        if self._say is not None:
            self._say(Note(Severity.WARNING if self.is_lost else Severity.GOOD, text))
