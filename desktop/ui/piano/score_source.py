"""Where the score view's pages come from: the cache, or a job when the cover has changed. No widgets here."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from desktop.errors import UserError
from desktop.jobs.events import Failed
from desktop.jobs.job import PagesJob
from desktop.jobs.rows import Row
from desktop.jobs.states import State
from desktop.piano.cover import Cover
from desktop.ui.background import Op
from desktop.ui.bridge import QueueBridge, failure
from desktop.ui.piano.score_pages import PLACES, Engraving, folder_for, read_engraving
from desktop.ui.piano.song import Song

SETTLE_MS = 900
"""Notes must stand this long before they are engraved anew."""


class ScoreSource(QObject):
    """Has the open cover engraved.

    Attributes:
        problem: why there are no pages of the cover as it is now, or "".

    Signals:
        arrived: an Engraving of the cover as it is now.
        changed: something began, ended or went wrong.
    """

    arrived = Signal(object)
    changed = Signal()

    def __init__(self, song: Song, bridge: QueueBridge, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._song, self._bridge = song, bridge
        self._wanted: Cover | None = None
        self._had: Cover | None = None
        self._folder: Path | None = None
        self._job = 0
        self._turn = 0
        self._saving = False
        self.problem = ""
        self._settle = QTimer(self, singleShot=True, interval=SETTLE_MS)
        self._settle.timeout.connect(self.engrave)
        bridge.rows_changed.connect(self._rows_changed)
        song.document.trouble.connect(self._not_saved)

    @property
    def wanted(self) -> bool:
        """Whether there is a cover to engrave."""
        return self._wanted is not None

    @property
    def busy(self) -> bool:
        """Whether newer pages than the last ones are on their way."""
        return self._wanted is not self._had and not self.problem

    def want(self) -> None:
        """The cover may have changed: what is opened is engraved at once, what is edited when the hand rests."""
        cover = self._song.cover
        if cover is not None and cover is not self._wanted:
            self._wanted = cover
            self._settle.start(SETTLE_MS if self._had is not None else 0)
            self.changed.emit()

    def forget(self) -> None:
        """There is no cover any more."""
        self._settle.stop()
        self._cancel()
        self._turn += 1
        self._had, self._wanted, self._folder, self.problem = None, None, None, ""
        self.changed.emit()

    def engrave(self) -> None:
        """Look for the pages of the song as it is now, and have them made when they are not there."""
        self._cancel()
        self._turn += 1
        wanted, turn = self._song.cover, self._turn
        if wanted is None:
            return
        self._wanted, self.problem = wanted, ""

        def saved(project: Path) -> None:
            self._saving = False

            def look() -> tuple[Path, Engraving | None]:
                folder = folder_for(project)
                return folder, read_engraving(folder) if (folder / PLACES).is_file() else None

            def looked(found: tuple[Path, Engraving | None]) -> None:
                self._folder = found[0]
                if found[1] is not None:
                    self._arrived(found[1])
                else:
                    self._submit(project, found[0])

            Op(self, look).success(self._if_current(turn, looked)).failure(self._if_current(turn, self._broken)).start()

        self._saving = True
        self._song.with_project(saved)
        self.changed.emit()

    def _if_current(self, turn: int, function: Callable[[Any], None]) -> Callable[[Any], None]:
        """``function``, unless something else is wanted by then."""
        return lambda value: function(value) if turn == self._turn else None

    def _submit(self, project: Path, folder: Path) -> None:
        try:
            self._job = self._bridge.submit(PagesJob(cover=str(project), folder=str(folder)), priority=2)
        except UserError as error:
            self._broken(error)

    def _rows_changed(self, rows: list[Row]) -> None:
        for row in rows:
            if row.id != self._job or not row.state.is_over:
                continue
            self._job = 0
            if row.state is State.DONE and self._folder is not None:
                read = Op(self, partial(read_engraving, self._folder))
                turn = self._turn
                read.success(self._if_current(turn, self._arrived)).failure(self._if_current(turn, self._broken)).start()
            elif row.state is State.FAILED:
                self._broken(failure(row))
            else:
                self._broken(UserError("The engraving was cancelled"))

    def _arrived(self, engraving: Engraving) -> None:
        self._had, self.problem = self._wanted, ""
        self.arrived.emit(engraving)

    def _broken(self, error: Failed | Exception) -> None:
        if isinstance(error, (Failed, UserError)):
            self.problem = f"{error.message.rstrip('.')}. {error.remedy}".strip()
        else:
            self.problem = f"The score could not be engraved: {error}"
        self.changed.emit()

    def _not_saved(self, error: Exception) -> None:
        """What is to be engraved could not be written for the worker."""
        if self._saving:
            self._saving = False
            self._broken(error)

    def _cancel(self) -> None:
        if self._job:
            self._bridge.queue.cancel(self._job)
            self._job = 0
