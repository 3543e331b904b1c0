"""The open cover as a document: every change is a new ``Cover`` on an undo stack, and unsaved work is kept in a sidecar."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtGui import QUndoCommand, QUndoStack

from desktop.errors import UserError
from desktop.piano.cover import Cover
from desktop.piano.project import save_project
from desktop.ui.background import Op
from desktop.ui.piano.edit_sidecar import Sidecar, Unsaved

AUTOSAVE_MS = 2000
"""Unsaved changes are on disk this soon after they were made."""
STEPS = 400
"""Changes that can be undone."""
Ints = npt.NDArray[np.int64]
NOTHING: Ints = np.zeros(0, np.int64)
State = tuple[Cover, Ints]
log = logging.getLogger(__name__)


class Document(QObject):
    """See the module's docstring.

    Attributes:
        cover: the current state, None while nothing is open.
        stack: what can be undone; clean where the state is that of the file.
        selection: indices of chosen notes in ``cover.notes``, rising.
        opened: what the user opened (song, project, MIDI file): the name under which unsaved work is found again.
        home: the project that saving writes to, None while it was never saved by the user.

    Signals:
        changed: another cover is the current one.
        selection_changed: other notes are chosen.
        saved_changed: it has, or no longer has, changes that are not saved.
        trouble: an Exception: changes could not be kept or saved.
        saved: the path that was written.
    """

    changed = Signal()
    selection_changed = Signal()
    saved_changed = Signal()
    trouble = Signal(object)
    saved = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.stack = QUndoStack(self)
        self.stack.setUndoLimit(STEPS)
        self.stack.cleanChanged.connect(lambda _clean: self.saved_changed.emit())
        self._timer = QTimer(self, singleShot=True, interval=AUTOSAVE_MS)
        self._timer.timeout.connect(self.keep)
        self.stack.indexChanged.connect(lambda _index: self._announce())
        self._turn = 0
        self._before: Ints | None = None
        self._forget()

    def _forget(self) -> None:
        self.cover: Cover | None = None
        self.selection: Ints = NOTHING
        self.opened: Path | None = None
        self.home: Path | None = None
        self._file: tuple[Cover, Path] | None = None
        self._sidecar: Sidecar | None = None
        self._recovered: Unsaved | None = None

    # What it is

    @property
    def unsaved(self) -> bool:
        """Whether there are changes that the file does not have."""
        return self.cover is not None and not self.stack.isClean()

    @property
    def touched(self) -> bool:
        """Whether the user has changed anything since it was opened."""
        return self.stack.count() > 0 or self.unsaved

    @property
    def file(self) -> Path | None:
        """The last file that held a state of it, though not always the current one."""
        return self._file[1] if self._file else None

    @property
    def current_file(self) -> Path | None:
        """A file that holds the current state, None when it is only in memory."""
        return self._file[1] if self._file and self._file[0] is self.cover else None

    @property
    def sidecar(self) -> Path | None:
        """Where unsaved changes are kept."""
        return self._sidecar.path if self._sidecar else None

    # Opening and closing

    def start(self, cover: Cover, opened: Path, file: Path | None = None, home: Path | None = None) -> None:
        """Begin with a cover that ``file`` holds; what was undoable is forgotten."""
        if opened != self.opened:
            self._sidecar = Sidecar(opened)
        self.opened, self.home = opened, home
        self._file = (cover, file) if file else None
        self.cover, self.selection = cover, NOTHING
        self.stack.clear()
        if self._timer.isActive():
            self._timer.stop()
            self.keep()
        self.changed.emit()
        self.selection_changed.emit()

    def recover(self, unsaved: Unsaved, opened: Path) -> None:
        """Take unsaved work over; its file goes once the work is kept anew."""
        if self.cover is None:
            self.start(unsaved.cover, opened)
            self.stack.resetClean()
        else:
            self.edit("Recover unsaved changes", unsaved.cover)
        self._recovered = unsaved
        self.keep()

    def close(self) -> None:
        """Let go of the document; unsaved work stays in its sidecar."""
        self._timer.stop()
        self.keep()
        self._forget()
        self.stack.clear()

    def leave(self) -> None:
        """The window closes: as ``close``, with the unsaved work on disk when this returns."""
        self._timer.stop()
        if self.cover is not None and self._sidecar is not None:
            try:
                if self.unsaved:
                    self._sidecar.write(self.cover, self._next())
                else:
                    self._sidecar.remove(self._next())
            except (UserError, OSError):
                log.exception("unsaved changes could not be kept")
        self._forget()
        self.stack.clear()

    # Changing

    def edit(self, text: str, cover: Cover, merge: str = "", selection: Iterable[int] | None = None) -> None:
        """Make ``cover`` the current state, as a step that can be undone.

        Args:
            text: what the menu calls it after "Undo".
            merge: steps in a row with the same name are undone as one; "" for none.
            selection: notes that are chosen afterwards; by default those chosen before when they are still the same notes.
        """
        if self.cover is None:
            return
        chosen = _followed(self.cover, cover, self.selection) if selection is None else _indices(selection, len(cover.notes))
        self.stack.push(_Step(self, text, merge, (self.cover, self.selection), (cover, chosen)))

    def adopt(self, cover: Cover, file: Path, text: str) -> None:
        """A job has made a new cover and written it to ``file``: a step that can be undone."""
        self._file = (cover, file)
        self.edit(text, cover, selection=())

    def select(self, indices: Iterable[int]) -> None:
        """Choose notes."""
        chosen = _indices(indices, len(self.cover.notes) if self.cover is not None else 0)
        if not np.array_equal(chosen, self.selection):
            self.selection = chosen
            self.selection_changed.emit()

    def put(self, state: State) -> None:
        """Take a state from the stack (called by its steps, while the stack is at work; it is told when that is done)."""
        if self._before is None:
            self._before = self.selection
        self.cover, self.selection = state

    def _announce(self) -> None:
        before, self._before = self._before, None
        if before is None:
            return
        if not self._timer.isActive():
            # Not started anew by each change: who goes on changing is saved meanwhile.
            self._timer.start()
        self.changed.emit()
        if not np.array_equal(before, self.selection):
            self.selection_changed.emit()

    # On disk

    def keep(self) -> None:
        """Write the unsaved state to the sidecar, or remove that when all is saved; off this thread."""
        sidecar, cover, turn, old = self._sidecar, self.cover, self._next(), self._recovered
        if sidecar is None or cover is None:
            return
        unsaved, self._recovered = self.unsaved, None

        def work() -> None:
            if unsaved:
                sidecar.write(cover, turn)
            else:
                sidecar.remove(turn)
            if old is not None:
                old.discard()

        Op(self, work).failure(self.trouble.emit).start()

    def save(self, path: Path) -> None:
        """Write the current state to a project of the user, off this thread; ``saved`` or ``trouble`` tells."""
        cover, opened = self.cover, self.opened
        if cover is None:
            return

        def done(_: object) -> None:
            if self.opened != opened:
                return
            self.home = path
            self._file = (cover, path)
            if self.cover is cover:
                self.stack.setClean()
            if path != opened:
                self._rename(path)
            self._timer.stop()
            self.keep()
            self.saved_changed.emit()
            self.saved.emit(path)

        Op(self, lambda: save_project(cover, path)).success(done).failure(self.trouble.emit).start()

    def _rename(self, path: Path) -> None:
        """Go on as the project that was saved: unsaved work belongs to it from now on."""
        old, turn = self._sidecar, self._next()
        self.opened, self._sidecar = path, Sidecar(path)
        if old is not None:
            Op(self, lambda: old.remove(turn)).start()

    def _next(self) -> int:
        self._turn += 1
        return self._turn


class _Step(QUndoCommand):
    """From one state to another."""

    def __init__(self, document: Document, text: str, merge: str, before: State, after: State) -> None:
        super().__init__(text)
        self._document, self._merge = document, merge
        self._before, self._after = before, after

    def id(self) -> int:
        return 1 if self._merge else -1

    def mergeWith(self, other: QUndoCommand) -> bool:
        if not isinstance(other, _Step) or other._merge != self._merge:
            return False
        self._after = other._after
        self.setText(other.text())
        return True

    def undo(self) -> None:
        self._document.put(self._before)

    def redo(self) -> None:
        self._document.put(self._after)


def _indices(indices: Iterable[int], count: int) -> Ints:
    """Rising indices of existing notes."""
    found = np.unique(np.asarray(indices if isinstance(indices, np.ndarray) else list(indices), np.int64))
    return found[(found >= 0) & (found < count)]


def _followed(before: Cover, after: Cover, selection: Ints) -> Ints:
    """The selection in ``after``, when its notes are those of ``before`` (moved in time at most); else nothing."""
    same = len(before.notes) == len(after.notes) and np.array_equal(before.notes["pitch"], after.notes["pitch"])
    return selection if same else NOTHING
