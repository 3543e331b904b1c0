"""The open song as everything in the panel sees it: what there is of it, its document, and what is chosen in it. No jobs here."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject, Signal

from desktop.errors import UserError
from desktop.jobs.events import Failed
from desktop.jobs.rows import Row
from desktop.piano.cover import Cover, Grid
from desktop.piano.editing.bars import bars_of, same_beats
from desktop.ui.background import Op
from desktop.ui.mixer import Pcm
from desktop.ui.piano import files
from desktop.ui.piano.document import Document, Ints
from desktop.ui.piano.edit_sidecar import Unsaved, find_unsaved, write_state
from desktop.ui.piano.growth import Growth
from desktop.ui.widgets.roll_data import RollData, empty


class Task(StrEnum):
    """What a job of the open song is for."""

    LISTEN = "listen"
    COVER = "cover"
    RENDER = "render"


@dataclass(frozen=True)
class Options:
    """How to cover; ``style`` is for Sketch, ``composer`` for Pop2Piano; ``beats``: "auto", "x2", "half", "shift" or a file."""

    style: str = "pop"
    difficulty: str = "medium"
    engine: str = "sketch"
    beats: str = "auto"
    device: str = "auto"
    composer: int = 1


class SongState(QObject):
    """See the module's docstring.

    Attributes:
        source: the song's file, None for a cover without one.
        document: the finished cover as the user edits it.
        loop, second: range that is repeated, or None, and the place of the playhead, in seconds; the canvas keeps them.
        roll: what the piano roll shows: the finished notes, or those made so far.
        peaks, duration: of the original.
        result: what the cover's job reported (tempo, key, seconds, device, ...).

    Signals:
        replaced: another song, or none, is open.
        notes_changed: ``roll`` has changed.
        sound_changed: waveform or playable sound has changed.
        status_changed: something began, went on or ended.
        failed: a job did not end well: Failed, its number, its Task.
        warned: something about the song that the user should know; said once a song.
        selection_changed: other notes are chosen.
        unsaved_found: Unsaved work on what is open, left by an earlier run.
    """

    replaced = Signal()
    notes_changed = Signal()
    sound_changed = Signal()
    status_changed = Signal()
    failed = Signal(object, int, object)
    warned = Signal(str)
    selection_changed = Signal()
    unsaved_found = Signal(object)

    def __init__(self, options: Options, soundfont: str = "", parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.options, self.soundfont = options, soundfont
        self._turn = 0
        self.document = Document(self)
        self.document.saved_changed.connect(self.status_changed)
        self.document.selection_changed.connect(self.selection_changed)
        self._forget()

    def _forget(self) -> None:
        self._turn += 1
        self.path: Path | None = None
        self.source: Path | None = None
        self.roll: RollData = empty()
        self.peaks: npt.NDArray[np.float32] = np.zeros((0, 2), np.float32)
        self.duration = 0.0
        self.original: Pcm | None = None
        self.sound: Pcm | None = None
        self.result: dict[str, Any] = {}
        self.error: Failed | None = None
        self.jobs: dict[Task, Row] = {}
        self._told: set[str] = set()
        self._growth = Growth()
        self._shows_growth = False
        self._made_on: Grid | None = None
        self._rendering: Path | None = None
        self._unheard: Row | None = None
        self.loop: tuple[float, float] | None = None
        self.second = 0.0

    # What it is now

    @property
    def is_open(self) -> bool:
        """Whether there is anything."""
        return self.path is not None

    @property
    def is_grown(self) -> bool:
        """Whether the notes shown belong to the choices made (else they are those of an earlier run)."""
        return not self.covering or self._growth.count > 0 or not self._shows_growth

    @property
    def covering(self) -> Row | None:
        """The job that makes the cover now."""
        row = self.jobs.get(Task.COVER)
        return row if row is not None and not row.state.is_over else None

    @property
    def rendering(self) -> bool:
        """Whether the cover's sound is being made."""
        row = self.jobs.get(Task.RENDER)
        return row is not None and not row.state.is_over

    @property
    def cover(self) -> Cover | None:
        """The finished cover as it is now."""
        return self.document.cover

    @property
    def project(self) -> Path | None:
        """The last ``.reprise`` file of the cover; it may lack what was changed since (see ``with_project``)."""
        return self.document.file

    @property
    def selection(self) -> Ints:
        """Indices of the chosen notes in ``cover.notes``, rising."""
        return self.document.selection

    @property
    def uneditable(self) -> str:
        """Why notes cannot be changed now, "" when they can."""
        if self.cover is None:
            return "There is no cover yet" if self.is_open else "Open a song first"
        return "" if len(self.roll.notes) == len(self.cover.notes) and not self._shows_growth else "The cover is being made"

    @property
    def title(self) -> str:
        """File name of what is open, and whether it has changes that are not saved."""
        name = self.path.name if self.path else ""
        return f"{name} – edited" if self.document.unsaved else name

    @property
    def grid(self) -> Grid | None:
        """Beats as far as they are known."""
        return self.roll.grid

    # Its document

    def edit(self, text: str, cover: Cover, merge: str = "", selection: Iterable[int] | None = None) -> None:
        """Change the cover as a step that can be undone; see ``Document.edit``."""
        self.document.edit(text, cover, merge, selection)

    def select(self, indices: Iterable[int]) -> None:
        """Choose notes by their indices."""
        self.document.select(indices)

    def chosen_beats(self) -> tuple[float, float] | None:
        """Beats of whole bars that a change is meant for: those of the chosen notes, else of the loop, else of the playhead."""
        cover, grid = self.cover, self.grid
        if grid is None:
            return None
        if cover is not None and len(self.selection):
            starts = cover.notes["start"][self.selection]
            return bars_of(grid, float(starts.min()), float(starts.max()))
        if self.loop is not None:
            first, last = grid.beats(list(self.loop)).tolist()
            return bars_of(grid, first, last, until=True)
        at = float(grid.beats(self.second))
        return bars_of(grid, at, at)

    def with_project(self, then: Callable[[Path], None]) -> None:
        """Call ``then`` with a ``.reprise`` file of the current state, written off the window's thread if there is none yet."""
        cover = self.cover
        if cover is None:
            return
        if (path := self.document.current_file) is not None:
            then(path)
            return
        stem = (self.document.file or self.path or Path("cover")).stem
        self._apart(lambda: write_state(cover, stem), then, self.document.trouble.emit)

    def look_for_unsaved(self) -> None:
        """Look for unsaved work of an earlier run; ``unsaved_found`` tells."""
        opened, document = self.path, self.document
        if opened is None:
            return
        current, own = document.cover, document.sidecar

        def tell(unsaved: Unsaved | None) -> None:
            if unsaved is not None:
                self.unsaved_found.emit(unsaved)

        self._apart(lambda: find_unsaved(opened, current, own), tell, document.trouble.emit)

    def save(self, path: Path) -> None:
        """Save to a project of the user, and go on as that project; ``document.saved`` or ``.trouble`` tells."""
        self.document.save(path)

    # Inside

    def _foreign_grid(self) -> bool:
        """Whether the cover came from a file with beats of its own, which a new run must keep."""
        return self.path is not None and self.path.suffix.lower() == files.PROJECT

    def _regridded(self) -> bool:
        """Whether the user has changed the beats since the cover was made on them."""
        cover, made = self.cover, self._made_on
        return cover is not None and made is not None and not same_beats(cover.grid, made)

    def _apart(
        self, work: Callable[[], Any], then: Callable[[Any], None], trouble: Callable[[Exception], None] | None = None
    ) -> None:
        """Do work off the window's thread; its answer is dropped when another song has been opened meanwhile."""
        turn = self._turn

        def success(result: Any) -> None:
            if turn == self._turn:
                then(result)

        def failed(error: Exception) -> None:
            if turn == self._turn:
                (trouble or self._broken)(error)

        Op(self, work).success(success).failure(failed).start()

    def _broken(self, error: Exception) -> None:
        if isinstance(error, UserError):
            failed = Failed(error.message, error.path, error.remedy)
        else:
            failed = Failed(f"The file could not be opened: {error}", str(self.path or ""), "Try another file.", repr(error))
        self.error = failed
        self.status_changed.emit()
        self.failed.emit(failed, 0, Task.COVER)
