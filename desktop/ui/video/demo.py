"""The clip to try: installed like a model when it is first wanted."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Signal

from desktop.errors import UserError
from desktop.models.library import Library, Status
from desktop.ui.background import Op
from desktop.ui.library.shelf import Shelf, bytes_text
from desktop.ui.notify import Note, Severity, from_error
from desktop.ui.video import files

MODEL = "video-demo"


class Demo(QObject):
    """Signals:
    ready: the clip's file.
    said: a Note.
    """

    ready = Signal(object)
    said = Signal(object)

    def __init__(self, shelf: Shelf, library: Library, parent: QObject) -> None:
        super().__init__(parent)
        self._shelf, self._library = shelf, library
        self._wanted = False
        shelf.changed.connect(self._changed)

    def ask(self, *, offline: bool) -> None:
        """Open the clip; install it before when it is not here."""
        Op(self, lambda: self._library.status(MODEL)).success(lambda status: self._go(status, offline)).failure(
            lambda error: self.said.emit(from_error(error))
        ).start()

    def _go(self, status: Status, offline: bool) -> None:
        if status in (Status.INSTALLED, Status.BUNDLED):
            self._open()
            return
        entry = self._shelf.entry(MODEL)
        if offline and entry.download:
            self.said.emit(
                Note(
                    Severity.WARNING,
                    "The demo clip is not installed",
                    remedy="Reprise works offline. Switch that off in the library, or drop a clip of your own.",
                )
            )
            return
        self._wanted = True
        size = f" ({bytes_text(entry.download)})" if entry.download else ""
        self.said.emit(Note(Severity.INFO, f"Fetching the demo clip{size}", remedy="It opens by itself when it is here."))
        self._shelf.install(MODEL)

    def _changed(self) -> None:
        job = self._shelf.jobs.get(MODEL)
        if not self._wanted or job is None or not job.state.is_over:
            return
        if self._shelf.states.get(MODEL) in (Status.INSTALLED, Status.BUNDLED):
            self._wanted = False
            self._open()
        elif job.error is not None:
            self._wanted = False
            error = job.error
            again = [("Try again", lambda: self.ask(offline=False))]
            self.said.emit(Note(Severity.ERROR, error.message, error.path, error.remedy, error.details, again))

    def _open(self) -> None:
        Op(self, lambda: clip_in(self._library)).success(self.ready.emit).failure(
            lambda error: self.said.emit(from_error(error))
        ).start()


def clip_in(library: Library) -> Path:
    """The installed demo clip; raises UserError when it is not there."""
    folder = library.folder(MODEL)
    names = [file.name for file in library.entry(MODEL).files if files.is_video(Path(file.name))]
    # Of a pair, the clip as it was found, not the one it was made of.
    names.sort(key=lambda name: "pristine" in name)
    if not names:
        raise UserError("The demo clip is missing", path=folder, remedy="Install it again.")
    return folder / names[0]
