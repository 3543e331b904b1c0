"""Editing with many notes: how long a picture takes while notes are dragged and scrolled, and how long opening takes.

    python tests/benchmarks/editing.py

50,000 notes over eight minutes, 5,000 of them dragged; each on the real widgets, painted into memory as Qt's raster painter
does on a screen. Not part of the test run.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QMouseEvent, QPixmap
from PySide6.QtWidgets import QApplication

from desktop.piano.cover import NOTE, PEDAL, Cover, Grid, Key
from desktop.piano.editing import moving
from desktop.piano.editing.edited import settle
from desktop.piano.project import load_project, save_project
from desktop.ui.app import application
from desktop.ui.piano.edit_editor import Editor
from desktop.ui.piano.edit_tools import Tools
from desktop.ui.piano.lanes_velocity import VelocityLane
from desktop.ui.piano.song_state import Options, SongState
from desktop.ui.widgets.piano_roll import PianoRoll
from desktop.ui.widgets.roll_data import from_cover
from desktop.ui.widgets.timeline import Timeline

SIZE = (1400, 600)
FRAME_MS = 16.0


def cover(count: int, seconds: float = 480.0) -> Cover:
    """Notes that keep the rules, two a pixel row at most."""
    rng = np.random.default_rng(1)
    notes = np.zeros(count, NOTE)
    beats = seconds * 2
    notes["start"] = rng.uniform(0, beats - 2, count)
    notes["end"] = notes["start"] + rng.choice([0.25, 0.5, 1.0], count)
    notes["pitch"] = rng.integers(24, 105, count)
    notes["velocity"] = rng.integers(20, 120, count)
    notes["hand"] = notes["pitch"] < 60
    grid = Grid(np.arange(int(beats) + 1) * 0.5)
    return Cover("Many", settle(notes, range(count)).notes, np.zeros(0, PEDAL), grid, (), Key(0, "major"), seconds)


def line(what: str, values: list[float], unit: str, target: float | None = None) -> None:
    """Print the median and the worst of some timings."""
    middle = statistics.median(values)
    aim = "" if target is None else f"(target {target:g} {unit}: {'met' if middle <= target else 'MISSED'})"
    print(f"{what:<58} {middle:8.2f} {unit:<3} worst {max(values):8.2f}  {aim}".rstrip(), flush=True)


def timed(work: Callable[[], object], count: int = 30) -> list[float]:
    """Milliseconds of processor time of each call."""
    found = []
    for _ in range(count):
        began = time.process_time()
        work()
        found.append((time.process_time() - began) * 1000)
    return found


class Desk:
    """A roll and a velocity lane with an editor on a song that is open."""

    def __init__(self, made: Cover) -> None:
        self.song = SongState(Options())
        self.line = Timeline()
        self.roll = PianoRoll(self.line)
        self.editor = Editor(self.song)
        self.tools = Tools(self.roll, self.editor)
        self.lane = VelocityLane(self.line, self.editor)
        for part in (self.roll, self.lane):
            part.resize(*SIZE)
            part.show()
        self.song.document.changed.connect(self.show)
        self.song.document.start(made, Path("many.reprise").absolute())
        self.line.set_duration(480.0)
        self.picture = QPixmap(*SIZE)

    def show(self) -> None:
        """What the canvas does when notes have changed."""
        assert self.song.cover is not None
        self.song.roll = from_cover(self.song.cover)
        self.song.notes_changed.emit()
        self.roll.set_data(self.song.roll)
        self.lane.show_song()

    def paint(self) -> None:
        self.roll.render(self.picture)

    def mouse(self, kind: QEvent.Type, at: QPointF) -> None:
        held = Qt.MouseButton.NoButton if kind is QEvent.Type.MouseButtonRelease else Qt.MouseButton.LeftButton
        none = Qt.KeyboardModifier.NoModifier
        event = QMouseEvent(kind, at, self.roll.mapToGlobal(at), Qt.MouseButton.LeftButton, held, none)
        QApplication.sendEvent(self.roll, event)


def dragging(desk: Desk, name: str) -> None:
    """Drag the chosen notes that are in view."""
    desk.paint()
    shown = desk.roll.data.visible_among(desk.song.selection, desk.line.start, desk.line.end)
    at = desk.roll.note_rect(int(shown[len(shown) // 2])).center()
    desk.mouse(QEvent.Type.MouseButtonPress, at)
    steps = iter(range(1, 1000))

    def frame() -> None:
        number = next(steps)
        desk.mouse(QEvent.Type.MouseMove, at + QPointF(6 + number * 2, number % 9 * 4))
        desk.paint()

    first = timed(frame, 1)
    line(f"{name}: a picture while dragging ({len(shown)} in view)", timed(frame), "ms", FRAME_MS)
    line(f"{name}: the first picture of the drag", first, "ms")
    began = time.process_time()
    desk.mouse(QEvent.Type.MouseButtonRelease, at + QPointF(80, 20))
    desk.paint()
    line(f"{name}: letting go (one step, shown)", [(time.process_time() - began) * 1000], "ms")
    line(
        f"{name}: undo, shown",
        timed(lambda: (desk.song.document.stack.undo(), desk.paint(), desk.song.document.stack.redo()), 3),
        "ms",
    )
    desk.song.document.stack.undo()


def painting(count: int, chosen: int) -> None:
    """Drags and scrolls of many notes."""
    desk = Desk(cover(count))
    assert desk.song.cover is not None
    have = len(desk.song.cover.notes)
    print(f"{have} notes, {chosen} of them chosen, {SIZE[0]}×{SIZE[1]}")
    middle = have // 2
    desk.editor.choose(range(middle - chosen // 2, middle + chosen // 2))
    around = float(desk.roll.data.start[middle])
    for name, seconds in (("10 s in view", 10.0), ("60 s in view", 60.0), ("all in view", 480.0)):
        desk.line.show_range(max(0.0, around - seconds / 2), around + seconds / 2)
        dragging(desk, name)

        def scroll() -> None:
            desk.line.pan(24)
            desk.paint()

        if seconds < 480:
            line(f"{name}: a picture while scrolling", timed(scroll, 60), "ms", FRAME_MS)
        desk.line.show_range(max(0.0, around - seconds / 2), around + seconds / 2)
        line(f"{name}: a picture of the velocity lane", timed(lambda: desk.lane.render(desk.picture), 10), "ms", FRAME_MS)
    notes, which = desk.song.cover.notes, desk.song.selection
    line("moving the notes (no picture)", timed(lambda: moving.move(notes, which, 0.25, 1), 10), "ms")
    line("choosing all by a rubber band", timed(lambda: desk.editor.choose(range(have)), 1), "ms")


def opening(count: int) -> None:
    """From the file to the roll's picture."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "many.reprise"
        save_project(cover(count, 240.0), path)

        def open_() -> None:
            desk = Desk(load_project(path))
            desk.paint()

        open_()
        line(f"opening {count} notes: file to picture", [t / 1000 for t in timed(open_, 7)], "s", 0.5)
        found = load_project(path)
        line(f"saving {count} notes", timed(lambda: save_project(found, path), 7), "ms")


def main() -> int:
    """Print the report."""
    with tempfile.TemporaryDirectory() as home:
        os.environ["REPRISE_HOME"] = home
        made = application()
        opening(10_000)
        painting(50_000, 5_000)
        made.processEvents()
    return 0


if __name__ == "__main__":
    sys.exit(main())
