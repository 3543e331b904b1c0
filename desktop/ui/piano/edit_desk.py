"""Saving, and what the user is told and asked about it."""

from __future__ import annotations

import time
from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog, QWidget

from desktop.ui.notify import Note, Severity, from_error
from desktop.ui.panels import Services
from desktop.ui.piano import files
from desktop.ui.piano.edit_sidecar import Unsaved
from desktop.ui.piano.song import Song


class Desk(QObject):
    """Saves the song's document, asks where to, and offers unsaved work of an earlier run."""

    def __init__(self, song: Song, services: Services, parent: QWidget) -> None:
        super().__init__(parent)
        self._song, self._services, self._window = song, services, parent
        song.unsaved_found.connect(self._offer)
        song.document.trouble.connect(self._trouble)
        song.document.saved.connect(self._saved)

    def save(self) -> None:
        """Save to the project that is open; ask where to when there is none yet."""
        home = self._song.document.home
        if home is not None:
            self._song.save(home)
        else:
            self.save_as()

    def save_as(self) -> None:
        """Ask where to, and go on as that project."""
        song, state = self._song, self._services.state
        opened = song.document.home or song.path or Path.home() / "cover"
        folder = Path(state.text("piano/saved", str(opened.parent)))
        suggested = (folder if folder.is_dir() else opened.parent) / f"{opened.stem}{files.PROJECT}"
        chosen, _ = QFileDialog.getSaveFileName(self._window, "Save the cover", str(suggested), f"Covers (*{files.PROJECT})")
        if chosen:
            path = Path(chosen)
            state.keep("piano/saved", str(path.parent))
            song.save(path if path.suffix.lower() == files.PROJECT else path.with_name(f"{path.name}{files.PROJECT}"))

    def _saved(self, path: Path) -> None:
        self._services.prefs.add_recent(path)
        self._services.say(Note(Severity.GOOD, f"Saved {path.name}", str(path)))
        self._services.refresh()

    def _trouble(self, error: Exception) -> None:
        note = from_error(error)
        actions = [("Save as…", self.save_as)] if self._song.document.unsaved else []
        self._services.say(Note(note.severity, note.text, note.path, note.remedy, note.details, actions))

    def _offer(self, unsaved: Unsaved) -> None:
        song = self._song

        def discard() -> None:
            unsaved.discard()
            # There may be work of a still earlier run.
            song.look_for_unsaved()

        when = time.strftime("%H:%M" if time.time() - unsaved.when < 43_200 else "%d %B, %H:%M", time.localtime(unsaved.when))
        self._services.say(
            Note(
                Severity.WARNING,
                f"There are changes from {when} that were not saved",
                str(song.path or ""),
                "Recover them, or go on without them.",
                actions=[("Recover", lambda: song.recover(unsaved)), ("Discard", discard)],
            )
        )
