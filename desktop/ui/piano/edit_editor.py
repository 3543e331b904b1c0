"""What the user can do to the notes of the open song: each method is one step that can be undone."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace
from enum import StrEnum

import numpy as np
from PySide6.QtCore import QMimeData, QObject, Signal
from PySide6.QtGui import QGuiApplication

from desktop.errors import UserError
from desktop.piano.cover import LEFT, RIGHT, Cover, Notes
from desktop.piano.editing import choosing, clipboard, making, marking, moving
from desktop.piano.editing.edited import Edited, Ints
from desktop.piano.editing.moving import GRIDS, Edge
from desktop.ui.piano.song_state import SongState

FREE = "off"
"""The grid that does not hold notes."""
TOGETHER_S = 1.5
"""Steps of one kind that follow one another this fast are undone as one."""
FIRST_SPLIT = 60


class Tool(StrEnum):
    """What the left button does among the notes."""

    SELECT = "select"
    DRAW = "draw"


class Editor(QObject):
    """Works on the song's document and its selection.

    Attributes:
        tool: what the left button does.
        grid: the grid that notes are held by, a name of ``GRIDS`` or ``FREE``.
        strength, ends: how far quantising pulls (0..1), and whether it pulls ends too.
        split: lowest pitch of the right hand while the line between the hands is shown, else None.
        leeway: semitones within which the line leaves notes with their hand.
        lanes: names of the lanes that are open: "velocity", "pedal".

    Signals:
        changed: one of the attributes has changed.
    """

    changed = Signal()

    def __init__(self, song: SongState, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.song = song
        self.tool = Tool.SELECT
        self.grid = "1/16"
        self.strength, self.ends = 1.0, False
        self.split: int | None = None
        self.leeway = 0
        self.lanes: frozenset[str] = frozenset()
        self._last: tuple[str, float, Cover | None] = ("", 0.0, None)
        self._gesture = 0
        self._copied: bool | None = None
        QGuiApplication.clipboard().dataChanged.connect(self._forget_copied)

    # What is set

    def set(self, **values: object) -> None:
        """Set attributes."""
        if any(getattr(self, name) != value for name, value in values.items()):
            for name, value in values.items():
                setattr(self, name, value)
            self.changed.emit()

    def toggle_lane(self, name: str) -> None:
        """Open or fold a lane."""
        self.set(lanes=self.lanes ^ {name})

    def toggle_split(self) -> None:
        """Show the line between the hands, where it would part them now, or take it away."""
        self.set(split=None if self.split is not None else self._likely_split())

    @property
    def step(self) -> float:
        """Beats between the lines that hold notes, 0 when they are free."""
        return GRIDS.get(self.grid, 0.0)

    @property
    def blocked(self) -> str:
        """Why notes cannot be changed now, "" when they can."""
        return self.song.uneditable

    @property
    def unchosen(self) -> str:
        """Why chosen notes cannot be changed now, "" when they can."""
        return self.blocked or ("" if len(self.song.selection) else "Choose notes first")

    @property
    def notes(self) -> Notes:
        """The notes as they are."""
        assert self.song.cover is not None
        return self.song.cover.notes

    @property
    def first(self) -> float:
        """The earliest beat a note may begin at."""
        assert self.song.cover is not None
        return float(self.song.cover.grid.beats(0.0))

    # Choosing

    def choose(self, indices: Iterable[int]) -> None:
        """Choose these notes."""
        self.song.select(indices)

    def choose_all(self) -> None:
        """Choose every note; those of the loop when it is on a stretch and not all of them are chosen yet."""
        self.choose(range(len(self.notes)))

    def choose_hand(self, hand: int) -> None:
        """Choose the notes of a hand, among those chosen when there are some."""
        mine, chosen = choosing.of_hand(self.notes, hand), self.song.selection
        among = np.intersect1d(mine, chosen) if len(chosen) else mine
        self.choose(among if len(among) else mine)

    def choose_bars(self) -> None:
        """Choose the notes that begin in the bars of the selection, the loop or the playhead."""
        if (stretch := self.song.chosen_beats()) is not None:
            self.choose(choosing.in_stretch(self.notes, *stretch))

    # Moving

    def move(self, beats: float, semitones: int, chosen: Ints | None = None, *, merge: str = "") -> None:
        """Move notes (the chosen ones by default)."""
        which = self.song.selection if chosen is None else chosen
        edited = moving.move(self.notes, which, beats, semitones, first=self.first)
        self.apply(f"Move {counted(which)}", edited, merge or self._run("move"))

    def nudge(self, lines: int, *, fine: bool = False) -> None:
        """Move the chosen notes by lines of the grid, finer by a 64th of a beat."""
        self.move(lines * (1 / 64 if fine else self.step or 0.25), 0)

    def resize(self, beats: float, edge: Edge, chosen: Ints | None = None) -> None:
        """Move an end of notes."""
        which = self.song.selection if chosen is None else chosen
        edited = moving.resize(self.notes, which, beats, edge, first=self.first)
        self.apply(f"Resize {counted(which)}", edited, self._run("resize"))

    def set_length(self, beats: float) -> None:
        """Give the chosen notes a length."""
        self.apply(f"Length of {self._counted}", moving.set_length(self.notes, self.song.selection, beats), self._run("length"))

    def quantise(self) -> None:
        """Put the chosen notes on the grid."""
        step = self.step or GRIDS["1/16"]
        edited = moving.quantise(self.notes, self.song.selection, step, self.strength, ends=self.ends, first=self.first)
        self.apply(f"Quantise {self._counted}", edited)

    def transpose_in_key(self, steps: int) -> None:
        """Move the chosen notes by steps of the scale."""
        cover = self.song.cover
        assert cover is not None
        edited = moving.transpose_in_key(cover.notes, self.song.selection, steps, cover.key)
        self.apply(f"Transpose {self._counted} in {cover.key.name}", edited, self._run("transpose"))

    # Making and marking

    def draw(self, start: float, end: float, pitch: int) -> None:
        """Add a note, as loud as the chosen ones, in the hand whose notes are near it."""
        self.apply("Draw a note", making.draw(self.notes, start, end, pitch, self.usual_velocity(), self.hand_at(pitch, start)))

    def delete(self, chosen: Ints | None = None) -> None:
        """Delete notes (the chosen ones by default)."""
        which = self.song.selection if chosen is None else chosen
        self.apply(f"Delete {counted(which)}", making.delete(self.notes, which))

    def duplicate(self) -> None:
        """Repeat the chosen notes behind themselves."""
        self.apply(f"Duplicate {self._counted}", making.duplicate(self.notes, self.song.selection))

    def copy(self) -> None:
        """Put the chosen notes on the clipboard."""
        data = QMimeData()
        data.setData(clipboard.MIME, clipboard.pack(self.notes, self.song.selection))
        QGuiApplication.clipboard().setMimeData(data)

    def cut(self) -> None:
        """Copy, then delete."""
        self.copy()
        self.apply(f"Cut {self._counted}", making.delete(self.notes, self.song.selection))

    def paste(self) -> None:
        """Add the notes of the clipboard at the beat next to the playhead."""
        cover = self.song.cover
        assert cover is not None
        at = max(round(float(cover.grid.beats(self.song.second))), int(np.ceil(self.first)))
        try:
            edited = clipboard.paste(self.notes, _clipboard_bytes(), at)
        except UserError as error:
            self.song.document.trouble.emit(error)
            return
        self.apply(f"Paste {counted(edited.chosen)}", edited)

    @property
    def pasteable(self) -> str:
        """Why nothing can be pasted, "" when something can."""
        if self._copied is None:
            # Asking the system takes a round trip, and this is asked often.
            self._copied = bool(_clipboard_bytes())
        return self.blocked or ("" if self._copied else "Nothing is copied")

    def set_velocity(self, velocity: float) -> None:
        """Give the chosen notes one velocity."""
        edited = marking.set_velocity(self.notes, self.song.selection, velocity)
        self.apply(f"Velocity of {self._counted}", edited, self._run("velocity"))

    def scale_velocity(self, factor: float) -> None:
        """Make the chosen notes louder or softer, keeping their differences."""
        edited = marking.change_velocity(self.notes, self.song.selection, factor=factor)
        self.apply(f"Velocity of {self._counted}", edited, self._run("velocity"))

    def set_hand(self, hand: int) -> None:
        """Give the chosen notes to a hand."""
        name = "left" if hand == LEFT else "right"
        self.apply(f"{self._counted} to the {name} hand", marking.set_hand(self.notes, self.song.selection, hand))

    def swap_hands(self) -> None:
        """Give each of the chosen notes to the other hand."""
        self.apply(f"{self._counted} to the other hand", marking.swap_hands(self.notes, self.song.selection))

    def split_notes(self, line: int) -> Notes:
        """The notes with their hands parted by a line: in the bars of the selection or of the loop, else everywhere."""
        limited = len(self.song.selection) or self.song.loop is not None
        stretch = self.song.chosen_beats() if limited else None
        first, last = stretch or (-np.inf, np.inf)
        return marking.split_hands(self.notes, line, first, last, leeway=self.leeway)

    def split_at(self, line: int) -> None:
        """Part the hands by a line between the keys."""
        self.set(split=line)
        self.apply("Split the hands", Edited(self.split_notes(line), self.song.selection), self._run("split"))

    def set_pedals(self, text: str, pedals: Notes) -> None:
        """Change the sustain pedal."""
        cover = self.song.cover
        if cover is not None and not np.array_equal(pedals, cover.pedals):
            self.song.edit(text, replace(cover, pedals=pedals))

    # Inside

    def _forget_copied(self) -> None:
        self._copied = None

    def apply(self, text: str, edited: Edited, merge: str = "") -> None:
        """Make a change of notes the current state; one that changes nothing is no step."""
        cover = self.song.cover
        if cover is None or self.blocked:
            return
        if np.array_equal(edited.notes, cover.notes):
            self.song.select(edited.chosen)
            return
        self.song.edit(text, replace(cover, notes=edited.notes), merge, edited.chosen)
        self._last = (self._last[0], time.monotonic(), self.song.cover) if merge else ("", 0.0, None)

    def usual_velocity(self) -> int:
        """How loud a new note is."""
        notes, chosen = self.notes, self.song.selection
        among = notes["velocity"][chosen] if len(chosen) else notes["velocity"]
        return int(np.median(among)) if len(among) else 72

    def hand_at(self, pitch: int, beat: float) -> int:
        """The hand that a new note belongs to: that of the nearest notes."""
        if self.split is not None:
            return RIGHT if pitch >= self.split else LEFT
        notes = self.notes
        if not len(notes):
            return RIGHT if pitch >= FIRST_SPLIT else LEFT
        away = np.abs(notes["pitch"].astype(np.int64) - pitch) + 4.0 * np.abs(notes["start"] - beat)
        return int(notes["hand"][int(np.argmin(away))])

    def _likely_split(self) -> int:
        cover = self.song.cover
        if cover is None or not len(cover.notes):
            return FIRST_SPLIT
        lows = cover.notes["pitch"][cover.notes["hand"] == LEFT]
        highs = cover.notes["pitch"][cover.notes["hand"] == RIGHT]
        if not len(lows) or not len(highs):
            return FIRST_SPLIT
        return round(float(np.percentile(lows, 95) + np.percentile(highs, 5)) / 2)

    @property
    def _counted(self) -> str:
        return counted(self.song.selection)

    def _run(self, kind: str) -> str:
        """The name under which fast steps of one kind are joined."""
        name, when, cover = self._last
        kind_of = name.partition(" ")[0]
        if kind_of != kind or cover is not self.song.cover or time.monotonic() - when > TOGETHER_S:
            self._gesture += 1
            name = f"{kind} {self._gesture}"
        self._last = (name, when, cover)
        return name


def _clipboard_bytes() -> bytes:
    """What notes were copied, as bytes; none when something else was."""
    data = QGuiApplication.clipboard().mimeData()
    return bytes(data.data(clipboard.MIME).data()) if data is not None else b""


def counted(chosen: Ints) -> str:
    """Say "1 note" or "12 notes"."""
    return "1 note" if len(chosen) == 1 else f"{len(chosen)} notes"
