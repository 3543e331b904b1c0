"""The library as the window knows it: entries with their state, kept fresh off the window's thread."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Signal

from desktop.errors import UserError
from desktop.jobs.job import AdoptJob, InstallJob
from desktop.jobs.rows import Row
from desktop.models.catalog import Entry
from desktop.models.library import Library, Status
from desktop.ui.background import Op
from desktop.ui.bridge import QueueBridge


class Shelf(QObject):
    """Signals:
    changed: states or progress changed.
    failed: an exception, and the id of the model it is about.
    said: good news in words.
    """

    changed = Signal()
    failed = Signal(object, str)
    said = Signal(str)

    def __init__(self, library: Library, bridge: QueueBridge, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._library, self._bridge = library, bridge
        self.entries: list[Entry] = library.entries()
        self.states: dict[str, Status] = {}
        self.jobs: dict[str, Row] = {}
        self.busy: dict[str, str] = {}
        bridge.rows_changed.connect(self._rows_changed)

    @property
    def is_known(self) -> bool:
        """Whether the states have been looked up."""
        return bool(self.states)

    def missing(self, pack: str = "") -> list[Entry]:
        """Default models that are not here."""
        return [e for e in self.entries if e.default and self.states.get(e.id) is Status.MISSING and pack in ("", e.pack)]

    def refresh(self) -> None:
        """Look up all models and their states."""

        def look() -> tuple[list[Entry], dict[str, Status]]:
            entries = self._library.entries()
            return entries, {entry.id: self._library.status(entry.id) for entry in entries}

        Op(self, look).success(self._looked).failure(lambda error: self.failed.emit(error, "")).start()

    def install(self, model: str, folder: str = "") -> None:
        """Install from the catalog's sources, or from a file or folder that the user has."""
        try:
            number = self._bridge.submit(InstallJob(model=model, folder=folder), priority=1)
            self.jobs[model] = self._bridge.queue.row(number)
            self.changed.emit()
        except UserError as error:
            self.failed.emit(error, model)

    def adopt(self, path: Path) -> None:
        """Install a face restorer or language model of the user's own; it appears among the entries when that is done."""
        try:
            self._bridge.submit(AdoptJob(place=str(path)), priority=1)
        except UserError as error:
            self.failed.emit(error, "")

    def cancel(self, model: str) -> None:
        """Stop an installation; what has been fetched is kept for the next try."""
        if model in self.jobs:
            self._bridge.queue.cancel(self.jobs[model].id)

    def verify(self, model: str) -> None:
        """Hash the files."""
        self._work(model, "Verifying", lambda: self._library.verify(model), "is as it should be")

    def remove(self, model: str) -> None:
        """Delete the files."""
        self._work(model, "Removing", lambda: self._library.remove(model), "was removed")

    def match(self, path: Path) -> Entry | None:
        """The model that a file or folder belongs to, by the names of its files."""
        names = {path.name}
        if path.is_dir():
            names |= {child.name for child in path.iterdir()}
        return next((entry for entry in self.entries if any(file.name in names for file in entry.files)), None)

    def entry(self, model: str) -> Entry:
        """One model."""
        return next(entry for entry in self.entries if entry.id == model)

    def _work(self, model: str, word: str, work: object, done: str) -> None:
        self.busy[model] = word
        self.changed.emit()

        def finished(result: object) -> None:
            self.busy.pop(model, None)
            title = self.entry(model).title
            if result is Status.CORRUPT:
                remedy = f"{'Import' if self.entry(model).is_own else 'Install'} it again."
                self.failed.emit(UserError(f"{title} is damaged: {self._library.problem(model)}", remedy=remedy), model)
            elif result is Status.MISSING:
                self.failed.emit(UserError(f"{title} is not there", remedy="Install it."), model)
            else:
                self.said.emit(f"{title} {done}")
            self.refresh()

        def failed(error: Exception) -> None:
            self.busy.pop(model, None)
            self.failed.emit(error, model)
            self.refresh()

        Op(self, work).success(finished).failure(failed).start()  # type: ignore[arg-type]

    def _looked(self, found: tuple[list[Entry], dict[str, Status]]) -> None:
        self.entries, self.states = found
        self.changed.emit()

    def _rows_changed(self, rows: list[Row]) -> None:
        mine = {row.job.model: row for row in rows if isinstance(row.job, InstallJob)}
        self.jobs.update(mine)
        own = [row for row in rows if isinstance(row.job, AdoptJob) and row.state.is_over]
        for row in own:
            if row.result is not None:
                self.said.emit(f"{row.job.title.removeprefix('Import ')} was imported as {row.result['model']}")
            elif row.error is not None and not row.error.cancelled:
                self.failed.emit(UserError(row.error.message, path=row.error.path or None, remedy=row.error.remedy), "")
        if own or any(row.state.is_over for row in mine.values()):
            self.refresh()
        elif mine:
            self.changed.emit()


def bytes_text(size: int) -> str:
    """Bytes for people: "758 KB", "1.2 GB"."""
    value = float(size)
    for unit in ("B", "KB", "MB", "GB"):
        if value < 1000 or unit == "GB":
            return f"{value:.0f} {unit}" if value >= 10 or unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return ""
