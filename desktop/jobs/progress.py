"""The only way out of a run: domain code reports here and never knows who listens."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from desktop.jobs.events import AnyEvent, Logged, Measured, Previewed, Produced, Progressed


class Cancelled(Exception):
    """The user asked the job to end."""


class Progress:
    """Reports events; this base class drops them, which is what a plain function call wants.

    Subclasses override ``emit``, ``checkpoint`` and ``scratch``.
    """

    def emit(self, event: AnyEvent) -> None:
        """Send one event to whoever listens."""

    def checkpoint(self) -> None:
        """Raise Cancelled when the user has cancelled; block while the job is paused. Call it in every long loop."""

    def will_stop(self) -> bool:
        """Whether the next checkpoint would block or raise: the moment to save what a pause or an end should not cost."""
        return False

    def scratch(self) -> Path:
        """Folder for unfinished work; a resumable job finds its own again after a restart. Removed when it is of no more use."""
        folder = self.__dict__.get("_scratch")
        if folder is None:
            folder = self.__dict__["_scratch"] = tempfile.mkdtemp(prefix="reprise-")
            weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        return Path(folder)

    def at(self, fraction: float, message: str = "") -> None:
        """Say how far the work is (0..1); also a checkpoint."""
        self.checkpoint()
        self.emit(Progressed(min(1.0, max(0.0, fraction)), message))

    def preview(self, kind: str, data: Mapping[str, Any]) -> None:
        """Show part of the result."""
        self.emit(Previewed(kind, dict(data)))

    def metric(self, name: str, value: float, step: int | None = None) -> None:
        """Report a number."""
        self.emit(Measured(name, float(value), step))

    def artifact(self, kind: str, path: Path | str, title: str = "") -> None:
        """Announce a finished file."""
        self.emit(Produced(kind, str(path), title))

    def log(self, text: str, level: str = "info") -> None:
        """Add a line to the job's log."""
        self.emit(Logged(level, text))

    def part(self, start: float, end: float) -> Progress:
        """A progress whose 0..1 is ``start``..``end`` of this one."""
        return _Part(self, start, end)


class _Part(Progress):
    def __init__(self, whole: Progress, start: float, end: float) -> None:
        self._whole, self._start, self._end = whole, start, end

    def emit(self, event: AnyEvent) -> None:
        if isinstance(event, Progressed):
            event = Progressed(self._start + (self._end - self._start) * event.fraction, event.message)
        self._whole.emit(event)

    def checkpoint(self) -> None:
        self._whole.checkpoint()

    def will_stop(self) -> bool:
        return self._whole.will_stop()

    def scratch(self) -> Path:
        return self._whole.scratch()
