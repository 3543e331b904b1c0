"""Long steps before a choice can be made: pairs of a repository's commits, a base model of the hub."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from PySide6.QtCore import QObject, Signal

from desktop.jobs.events import Failed
from desktop.jobs.job import CommitsJob, EstimateJob, Recipe, Records
from desktop.jobs.rows import Row
from desktop.ui.asks import Newest
from desktop.ui.bridge import QueueBridge
from desktop.ui.tuning.files import commits_file


class PairMaker(QObject):
    """Makes a file of examples of a repository's commits.

    Signals:
        changed: began, ended or came further.
        made: the file, and the job's result.
        failed: Failed.
    """

    changed = Signal()
    made = Signal(Path, dict)
    failed = Signal(object)

    def __init__(self, bridge: QueueBridge, parent: QObject) -> None:
        super().__init__(parent)
        self.row: Row | None = None
        self._asked = Newest(bridge, 2, self)
        self._asked.progressed.connect(self._progressed)
        self._asked.answered.connect(self._answered)
        self._asked.failed.connect(self._failed)

    def make(self, repository: Path) -> None:
        """Begin."""
        self._asked.ask(CommitsJob(repository=str(repository), output=str(commits_file(repository))))

    def stop(self) -> None:
        """Make none."""
        self._asked.drop()
        self.row = None
        self.changed.emit()

    def leave(self) -> None:
        """The window closes."""
        self._asked.leave()

    def _progressed(self, row: Row) -> None:
        self.row = row
        self.changed.emit()

    def _answered(self, job: CommitsJob, result: dict[str, Any]) -> None:
        self.row = None
        self.changed.emit()
        self.made.emit(Path(str((result.get("files") or {}).get("pairs") or job.output)), result)

    def _failed(self, _job: CommitsJob, failed: Failed) -> None:
        self.row = None
        self.changed.emit()
        self.failed.emit(failed)


class BaseFetcher(QObject):
    """Fetches a base model of the hub by its name: whatever needs a base fetches it, and the estimate is what is needed next.

    Signals:
        changed: began, ended or came further.
        made: name of the base, which is in the library now.
        failed: Failed.
    """

    changed = Signal()
    made = Signal(str)
    failed = Signal(object)

    def __init__(self, bridge: QueueBridge, parent: QObject) -> None:
        super().__init__(parent)
        self.row: Row | None = None
        self.name = ""
        # It takes minutes, so it waits its turn rather than hold up what the user looks at.
        self._asked = Newest(bridge, 0, self)
        self._asked.progressed.connect(self._progressed)
        self._asked.answered.connect(self._answered)
        self._asked.failed.connect(self._failed)

    def fetch(self, name: str, records: Records) -> None:
        """Begin."""
        self.name = name
        self._asked.ask(EstimateJob(records=records, recipe=Recipe(base=name)))
        self.changed.emit()

    def stop(self) -> None:
        """Fetch nothing; what has come is kept for the next try."""
        self._asked.drop()
        self._end()

    def leave(self) -> None:
        """The window closes."""
        self._asked.leave()

    def _end(self) -> None:
        self.row, self.name = None, ""
        self.changed.emit()

    def _progressed(self, row: Row) -> None:
        self.row = row
        self.changed.emit()

    def _answered(self, job: EstimateJob, result: dict[str, Any]) -> None:
        self._end()
        recipe = result.get("recipe")
        found = recipe.get("base") if isinstance(recipe, dict) else None
        self.made.emit(str(found or job.recipe.base))

    def _failed(self, _job: EstimateJob, failed: Failed) -> None:
        self._end()
        self.failed.emit(failed)


def left_out_text(result: dict[str, Any]) -> str:
    """Why commits are not among the pairs, the most frequent reasons first."""
    reasons = msgspec.convert(result.get("left_out") or {}, dict[str, int], strict=False)
    ranked = sorted(reasons.items(), key=lambda item: -item[1])
    return ", ".join(f"{number:,} {reason}" for reason, number in ranked[:4] if number)
