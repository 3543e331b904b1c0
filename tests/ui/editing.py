"""Helpers of the tests that edit: a window for all of a module, the open cover, places of notes, drags."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPointF, Qt, QThreadPool
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from desktop.paths import data_dir
from desktop.piano.cover import NOTE, PEDAL, Cover, Grid, Key, Notes, sort_notes
from desktop.piano.project import save_project
from desktop.ui import app as application
from desktop.ui.app import Parts
from desktop.ui.piano.canvas import Canvas
from desktop.ui.piano.panel import PianoPanel
from tests.ui.conftest import close


@pytest.fixture(scope="module")
def kept_window(qapp: QApplication, machine_models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    """One window for a module's tests, on folders of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REPRISE_HOME", str(tmp_path_factory.mktemp("kept-home")))
        patch.setenv("REPRISE_MODELS", str(machine_models))
        made = application.build(qapp)
        made.window.resize(1440, 900)
        made.window.show()
        yield made
        close(made)


@pytest.fixture
def shared_window(kept_window: Parts, qtbot: QtBot) -> Iterator[Parts]:
    """The module's window, with nothing open afterwards."""
    kept_window.window.activateWindow()
    qtbot.waitActive(kept_window.window)
    kept_window.window.centralWidget().setFocus()
    yield kept_window
    panel_of(kept_window).song.close()
    QThreadPool.globalInstance().waitForDone()
    for path in (data_dir() / "unsaved").glob("*"):
        path.unlink()
    for toasts in kept_window.window._toasts.values():
        toasts.clear()


def small_cover() -> Cover:
    """Three bars: a chord of two hands on each beat, on whole beats of half a second."""
    rows = [(b, b + 0.5, p, 60 + p % 12, int(p < 60)) for b in range(12) for p in (48 + b % 3, 64 + b % 4, 72)]
    notes = sort_notes(np.array(rows, NOTE))
    grid = Grid(np.arange(17) * 0.5, 0, 4, 0.9)
    return Cover("Small", notes, np.array([(0, 2), (4, 6)], PEDAL), grid, (), Key(0, "major"), 8.0, {"style": "pop"})


def write_cover(path: Path) -> Path:
    save_project(small_cover(), path)
    return path


def panel_of(parts: Parts) -> PianoPanel:
    panel = parts.window.panel_of("piano")
    assert isinstance(panel, PianoPanel)
    return panel


def open_cover(parts: Parts, path: Path, qtbot: QtBot) -> PianoPanel:
    """Open a project and show six beats of it."""
    panel = panel_of(parts)
    parts.window.go("piano")
    parts.window.open_path(path)
    qtbot.waitUntil(lambda: panel.song.cover is not None)
    panel.canvas.timeline.show_range(0.0, 3.0)
    panel.canvas.roll.grab()
    return panel


def notes_of(panel: PianoPanel) -> Notes:
    assert panel.song.cover is not None
    return panel.song.cover.notes


def find(panel: PianoPanel, start: float, pitch: int) -> int:
    """Index of the note of a pitch that begins at a beat."""
    notes = notes_of(panel)
    hits = np.flatnonzero((np.abs(notes["start"] - start) < 1e-6) & (notes["pitch"] == pitch))
    assert len(hits) == 1, (start, pitch, notes[:12])
    return int(hits[0])


def centre(panel: PianoPanel, index: int) -> QPointF:
    return panel.canvas.roll.note_rect(index).center()


def place(canvas: Canvas, beat: float, pitch: int) -> QPointF:
    """Where in the roll a beat and a pitch are."""
    roll = canvas.roll
    assert canvas.song.grid is not None
    rows = roll.rows
    return QPointF(canvas.timeline.x(float(canvas.song.grid.seconds(beat))), rows.top + (rows.high - pitch + 0.5) * rows.row)


def drag(
    qtbot: QtBot,
    widget: QWidget,
    *places: QPointF,
    modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier,
    button: Qt.MouseButton = Qt.MouseButton.LeftButton,
    let_go: bool = True,
) -> None:
    """Press at the first place, move over the others, let go at the last one."""

    def send(kind: QEvent.Type, at: QPointF, held: Qt.MouseButton) -> None:
        which = Qt.MouseButton.NoButton if kind is QEvent.Type.MouseMove else button
        QApplication.sendEvent(widget, QMouseEvent(kind, at, widget.mapToGlobal(at), which, held, modifier))

    send(QEvent.Type.MouseButtonPress, places[0], button)
    middle = [places[0] + (places[1] - places[0]) * share for share in (0.3, 0.7)]
    for at in (*middle, *places[1:]):
        send(QEvent.Type.MouseMove, at, button)
    if let_go:
        send(QEvent.Type.MouseButtonRelease, places[-1], Qt.MouseButton.NoButton)


def click(qtbot: QtBot, widget: QWidget, at: QPointF, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    qtbot.mouseClick(widget, Qt.MouseButton.LeftButton, modifier, at.toPoint())


def in_lane(canvas: Canvas, beat: float, y: float) -> QPointF:
    assert canvas.song.grid is not None
    return QPointF(canvas.timeline.x(float(canvas.song.grid.seconds(beat))), y)
