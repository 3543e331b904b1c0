"""Notes are chosen, moved, drawn and marked in the roll and its lanes, by mouse and keys."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt, Signal
from PySide6.QtGui import QContextMenuEvent
from PySide6.QtWidgets import QApplication, QMenu, QWidget
from pytestqt.qtbot import QtBot

from desktop.piano.cover import Notes
from desktop.ui.app import Parts
from desktop.ui.piano.edit_box import EditBox
from desktop.ui.piano.edit_editor import Tool
from desktop.ui.piano.edit_split import line_y
from desktop.ui.piano.panel import PianoPanel
from desktop.ui.widgets.roll_data import from_cover
from tests.ui import editing
from tests.ui.conftest import Opener
from tests.ui.editing import centre, click, drag, find, in_lane, notes_of, open_cover, place, small_cover, write_cover

kept_window, shared_window = editing.kept_window, editing.shared_window

Mod, Key = Qt.KeyboardModifier, Qt.Key


@pytest.fixture
def parts(shared_window: Parts) -> Parts:
    return shared_window


@pytest.fixture
def panel(parts: Parts, tmp_path: Path, qtbot: QtBot) -> PianoPanel:
    panel = open_cover(parts, write_cover(tmp_path / "small.reprise"), qtbot)
    panel.canvas.editor.set(tool=Tool.SELECT, split=None, lanes=frozenset(), grid="1/16")
    return panel


def chosen(panel: PianoPanel) -> list[tuple[float, int]]:
    notes = notes_of(panel)[panel.song.selection]
    return [(float(n["start"]), int(n["pitch"])) for n in notes]


def undone(panel: PianoPanel, before: Notes) -> bool:
    """Whether one undo gives back what was there."""
    panel.song.document.stack.undo()
    return np.array_equal(notes_of(panel), before)


def test_clicks_and_bands_choose(panel: PianoPanel, qtbot: QtBot) -> None:
    canvas, roll = panel.canvas, panel.canvas.roll
    click(qtbot, roll, centre(panel, find(panel, 1, 65)))
    assert chosen(panel) == [(1, 65)]
    click(qtbot, roll, centre(panel, find(panel, 2, 72)), Mod.ShiftModifier)
    assert chosen(panel) == [(1, 65), (2, 72)]
    click(qtbot, roll, centre(panel, find(panel, 1, 65)), Mod.ControlModifier)
    assert chosen(panel) == [(2, 72)]
    at = centre(panel, find(panel, 3, 72)).toPoint()
    qtbot.mouseDClick(roll, Qt.MouseButton.LeftButton, pos=at)
    assert chosen(panel) == [(3, 48), (3, 67), (3, 72)]
    drag(qtbot, roll, place(canvas, 0.8, 69), place(canvas, 2.7, 60))
    assert chosen(panel) == [(1, 65), (2, 66)]
    drag(qtbot, roll, place(canvas, 2.8, 74), place(canvas, 3.2, 70), modifier=Mod.ShiftModifier)
    assert chosen(panel) == [(1, 65), (2, 66), (3, 72)]
    click(qtbot, roll, place(canvas, 2.75, 80))
    assert chosen(panel) == [] and canvas.second == pytest.approx(1.375, abs=0.02)
    assert not panel.song.document.stack.count()


def test_a_drag_moves_on_the_grid_and_is_one_step(panel: PianoPanel, qtbot: QtBot) -> None:
    canvas, roll, before = panel.canvas, panel.canvas.roll, notes_of(panel).copy()
    start = centre(panel, find(panel, 1, 65))
    away = place(canvas, 1.6, 70) - place(canvas, 1.0, 65)
    drag(qtbot, roll, start, start + away * 3, start + away)
    assert chosen(panel) == [(1.5, 70)] and panel.song.document.stack.count() == 1
    assert undone(panel, before) and chosen(panel) == [(1, 65)]
    drag(qtbot, roll, start, start + away, modifier=Mod.AltModifier)
    assert chosen(panel)[0][0] == pytest.approx(1.6, abs=0.01)
    assert undone(panel, before)
    panel.canvas.editor.choose(())
    drag(qtbot, roll, start, start + away, modifier=Mod.ControlModifier)
    assert chosen(panel)[0][0] == pytest.approx(1.6, abs=0.01)
    assert undone(panel, before)
    panel.canvas.editor.choose([find(panel, 1, 65)])
    # Straight down: a note off the grid stays where it is.
    panel.canvas.editor.nudge(1, fine=True)
    off = chosen(panel)[0][0]
    at = centre(panel, int(panel.song.selection[0]))
    drag(qtbot, roll, at, at + QPointF(0, 40))
    assert chosen(panel)[0][0] == off and chosen(panel)[0][1] < 65


def test_escape_gives_a_drag_up_and_while_it_lasts_the_notes_are_seen_moving(panel: PianoPanel, qtbot: QtBot) -> None:
    canvas, roll, before = panel.canvas, panel.canvas.roll, notes_of(panel).copy()
    start = centre(panel, find(panel, 1, 65))
    still = roll.grab().toImage()
    drag(qtbot, roll, start, start + QPointF(120, -60), let_go=False)
    assert roll.grab().toImage() != still and np.array_equal(notes_of(panel), before)
    qtbot.keyClick(roll, Key.Key_Escape)
    qtbot.mouseRelease(roll, Qt.MouseButton.LeftButton, pos=start.toPoint())
    assert np.array_equal(notes_of(panel), before) and not panel.song.document.stack.count()
    canvas.editor.choose(())
    roll.hover(QPointF(-1, -1))
    assert roll.grab().toImage() == still


def test_ends_are_dragged(panel: PianoPanel, qtbot: QtBot) -> None:
    canvas, roll, before = panel.canvas, panel.canvas.roll, notes_of(panel).copy()
    rect = roll.note_rect(find(panel, 1, 65))
    beat = place(canvas, 2, 65).x() - place(canvas, 1, 65).x()
    end, start = QPointF(rect.right() - 2, rect.center().y()), QPointF(rect.left() + 2, rect.center().y())
    drag(qtbot, roll, end, end + QPointF(beat * 0.27, 0))
    assert notes_of(panel)[find(panel, 1, 65)]["end"] == 1.75
    assert undone(panel, before)
    drag(qtbot, roll, start, start + QPointF(-beat * 0.25, 0))
    assert notes_of(panel)[find(panel, 0.75, 65)]["end"] == 1.5
    assert undone(panel, before)


def test_notes_are_drawn_and_deleted(parts: Parts, panel: PianoPanel, qtbot: QtBot) -> None:
    canvas, roll, before = panel.canvas, panel.canvas.roll, notes_of(panel).copy()
    qtbot.keyClick(parts.window, Key.Key_B)
    drag(qtbot, roll, place(canvas, 1.55, 80), place(canvas, 2.2, 80))
    assert chosen(panel) == [(1.5, 80)] and notes_of(panel)[find(panel, 1.5, 80)]["end"] == 2.25
    assert notes_of(panel)[find(panel, 1.5, 80)]["hand"] == 0
    qtbot.mouseClick(roll, Qt.MouseButton.RightButton, pos=centre(panel, find(panel, 1.5, 80)).toPoint())
    assert np.array_equal(notes_of(panel), before)
    click(qtbot, roll, place(canvas, 2.6, 40))
    assert notes_of(panel)[find(panel, 2.5, 40)]["end"] == 2.75 and notes_of(panel)[find(panel, 2.5, 40)]["hand"] == 1
    qtbot.keyClick(parts.window, Key.Key_Delete)
    assert np.array_equal(notes_of(panel), before)
    assert panel.song.document.stack.count() == 4


def test_keys_change_the_chosen_notes(parts: Parts, panel: PianoPanel, qtbot: QtBot) -> None:
    window, before = parts.window, notes_of(panel).copy()
    panel.canvas.seek(1.0)
    qtbot.keyClick(window, Key.Key_Right)
    assert panel.canvas.second == pytest.approx(1.5) and not panel.song.document.stack.count()
    panel.canvas.editor.choose([find(panel, 1, 65)])
    for key in (Key.Key_Right, Key.Key_Right, Key.Key_Up):
        qtbot.keyClick(window, key)
    assert chosen(panel) == [(1.5, 66)] and panel.song.document.stack.count() == 1
    qtbot.keyClick(window, Key.Key_Down, Mod.ShiftModifier)
    qtbot.keyClick(window, Key.Key_Right, Mod.ShiftModifier)
    assert chosen(panel) == [(1.5 + 1 / 64, 54)]
    qtbot.keyClick(window, Key.Key_Q)
    assert chosen(panel) == [(1.5, 54)]
    qtbot.keyClick(window, Key.Key_H)
    assert notes_of(panel)["hand"][panel.song.selection].tolist() == [1]
    qtbot.keyClick(window, Key.Key_Up, Mod.AltModifier)
    assert chosen(panel) == [(1.5, 56)]
    qtbot.keyClick(window, Key.Key_D, Mod.ControlModifier)
    assert chosen(panel) == [(2.5, 56)]
    qtbot.keyClick(window, Key.Key_Escape)
    assert chosen(panel) == []
    while panel.song.document.stack.canUndo():
        qtbot.keyClick(window, Key.Key_Z, Mod.ControlModifier)
    assert np.array_equal(notes_of(panel), before) and panel.canvas.second == pytest.approx(1.5)
    qtbot.keyClick(window, Key.Key_Y, Mod.ControlModifier)
    assert not np.array_equal(notes_of(panel), before)


def test_the_menu_over_a_note(panel: PianoPanel, qtbot: QtBot) -> None:
    roll, at = panel.canvas.roll, centre(panel, find(panel, 1, 65)).toPoint()
    QApplication.sendEvent(roll, QContextMenuEvent(QContextMenuEvent.Reason.Mouse, at, roll.mapToGlobal(at)))
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu) and chosen(panel) == [(1, 65)]
    entries = {action.text().split("\t")[0]: action for action in menu.actions()}
    assert entries["Delete"].isEnabled() and set(entries) >= {"Cut", "Paste", "Quantise", "To the left hand", "Choose all"}
    entries["To the left hand"].trigger()
    menu.close()
    assert notes_of(panel)["hand"][find(panel, 1, 65)] == 1
    assert panel.song.document.stack.undoText() == "1 note to the left hand"


def test_velocity_lane(parts: Parts, panel: PianoPanel, qtbot: QtBot) -> None:
    canvas, lane = panel.canvas, panel.canvas.lanes["velocity"]
    assert not lane.isVisible()
    qtbot.keyClick(parts.window, Key.Key_V)
    qtbot.waitUntil(lane.isVisible)
    note = find(panel, 1, 65)
    at = in_lane(canvas, 1, lane._y(float(notes_of(panel)["velocity"][note])))  # type: ignore[attr-defined]
    panel.canvas.editor.choose([note, find(panel, 2, 66)])
    drag(qtbot, lane, at + QPointF(1, 0), at + QPointF(1, -12))
    after = notes_of(panel)["velocity"][panel.song.selection].astype(int)
    rise = after - [65, 66]
    assert rise[0] == rise[1] and rise[0] in range(15, 25) and panel.song.document.stack.count() == 1
    # A line over the chosen notes.
    canvas.editor.choose([find(panel, 1, 65), find(panel, 2, 66), find(panel, 3, 67)])
    bottom, top = float(lane._y(20)), float(lane._y(120))  # type: ignore[attr-defined]
    drag(qtbot, lane, in_lane(canvas, 0.9, bottom), in_lane(canvas, 3.1, top))
    drawn = notes_of(panel)["velocity"][panel.song.selection].tolist()
    assert drawn == pytest.approx([25, 70, 115], abs=3)
    assert notes_of(panel)["velocity"][find(panel, 2, 72)] == 60


def test_pedal_lane(parts: Parts, panel: PianoPanel, qtbot: QtBot) -> None:
    canvas, lane = panel.canvas, panel.canvas.lanes["pedal"]
    canvas.editor.toggle_lane("pedal")
    qtbot.waitUntil(lane.isVisible)

    def spans() -> list[tuple[float, float]]:
        assert panel.song.cover is not None
        return panel.song.cover.pedals.tolist()

    drag(qtbot, lane, in_lane(canvas, 2, 18), in_lane(canvas, 3.02, 18))
    assert spans() == [(0, 3), (4, 6)]
    drag(qtbot, lane, in_lane(canvas, 3.5, 18), in_lane(canvas, 4.5, 18))
    assert spans() == [(0, 3), (3.5, 4.5), (4.5, 6)]
    qtbot.mouseClick(lane, Qt.MouseButton.RightButton, pos=in_lane(canvas, 1, 18).toPoint())
    assert spans() == [(3.5, 4.5), (4.5, 6)]
    for _ in range(3):
        panel.song.document.stack.undo()
    assert spans() == [(0, 2), (4, 6)]


def test_the_line_between_the_hands(parts: Parts, panel: PianoPanel, qtbot: QtBot) -> None:
    canvas, roll = panel.canvas, panel.canvas.roll
    qtbot.keyClick(parts.window, Key.Key_S)
    assert canvas.editor.split is not None and 51 <= canvas.editor.split <= 66
    canvas.set_loop((0.0, 1.9), True)
    x, row = place(canvas, 1.8, 60).x(), roll.rows.row
    start = QPointF(x, line_y(roll, canvas.editor.split))
    target = QPointF(x, line_y(roll, 72) + row * 0.2)
    drag(qtbot, roll, start, target)
    assert canvas.editor.split == 72
    notes = notes_of(panel)
    early = notes["start"] < 4
    assert np.array_equal(notes["hand"][early] == 1, notes["pitch"][early] < 72)
    assert np.array_equal(notes["hand"][~early], small_cover().notes["hand"][~early])
    assert undone(panel, small_cover().notes)


def test_the_box_in_the_inspector(panel: PianoPanel, qtbot: QtBot) -> None:
    box = EditBox(panel.canvas.editor)
    qtbot.addWidget(box)
    assert not box._choice.isVisibleTo(box) and "Click notes" in box.said.text()
    panel.canvas.editor.choose([find(panel, 1, 65), find(panel, 2, 66)])
    assert box.said.text() == "2 notes · F4 to F♯4 · right hand" and box.velocity.text() == "mixed"
    assert box.length.currentText() == "1/8"
    box.velocity.setValue(90)
    box.length.setCurrentIndex(box.length.findText("1/4"))
    box.length.activated.emit(box.length.currentIndex())
    assert notes_of(panel)[panel.song.selection].tolist() == [(1, 2, 65, 90, 0), (2, 3, 66, 90, 0)]
    assert box.velocity.value() == 90 and panel.song.document.stack.count() == 2


def test_the_ghost_of_an_earlier_take_is_behind_the_notes(panel: PianoPanel) -> None:
    roll = panel.canvas.roll
    before = roll.grab().toImage()
    ghost = small_cover()
    ghost.notes["pitch"] += 2
    roll.set_ghost(from_cover(ghost))
    shown = roll.grab().toImage()
    at = centre(panel, find(panel, 1, 65)).toPoint()
    higher = at - QPointF(0, 2 * roll.rows.row).toPoint()
    assert shown.pixelColor(at) == before.pixelColor(at) and shown.pixelColor(higher) != before.pixelColor(higher)
    roll.set_ghost(None)
    assert roll.grab().toImage() == before


def test_notes_are_pasted_in_another_window(panel: PianoPanel, open_window: Opener, tmp_path: Path, qtbot: QtBot) -> None:
    panel.canvas.editor.choose([find(panel, 1, 65), find(panel, 2, 66)])
    panel.canvas.editor.cut()
    assert len(notes_of(panel)) == len(small_cover().notes) - 2
    other = open_cover(open_window(), write_cover(tmp_path / "other.reprise"), qtbot)
    other.canvas.seek(2.55)
    other.canvas.editor.paste()
    assert chosen(other) == [(5, 65), (6, 66)]
    QApplication.clipboard().setText("words")
    assert other.canvas.editor.pasteable
    other.canvas.editor.paste()
    # They took the place of those that were there, and words are nothing to paste.
    assert len(notes_of(other)) == len(small_cover().notes)


class Plain(QWidget):
    """A view that writes down what it is told."""

    seek = Signal(float)

    def __init__(self) -> None:
        super().__init__()
        self.told: list[object] = []

    def show_song(self) -> None:
        self.told.append("song")

    def set_playhead(self, second: float | None) -> None:
        self.told.append(second)

    def set_active(self, on: bool) -> None:
        self.told.append(on)


def test_other_views_of_the_cover(panel: PianoPanel) -> None:
    canvas, view = panel.canvas, Plain()
    canvas.add_view("plain", "Plain", view)
    canvas.seek(0.5)
    assert not view.told
    canvas.show_view("plain")
    assert view.told == [True, "song", 0.5] and view.isVisible() and not canvas.roll.isVisible()
    assert canvas.bar.views is not None and canvas.bar.views.value == "plain" and not canvas.bar.tool.isVisible()
    view.seek.emit(1.5)
    canvas.editor.choose([0])
    canvas.editor.move(0, 1)
    assert canvas.second == 1.5 and view.told[3:] == [1.5, "song", 1.5]
    canvas.show_view("roll")
    assert view.told[-1] is False and canvas.roll.playhead == 1.5 and canvas.bar.tool.isVisible()
    assert canvas.view == "roll"


def test_hands_and_bars_are_chosen(panel: PianoPanel) -> None:
    editor = panel.canvas.editor
    editor.choose_hand(1)
    assert set(notes_of(panel)["pitch"][panel.song.selection].tolist()) == {48, 49, 50}
    editor.choose([find(panel, 5, 65)])
    editor.choose_bars()
    assert sorted({start for start, _ in chosen(panel)}) == [4, 5, 6, 7] and len(chosen(panel)) == 12
    editor.choose_hand(0)
    assert len(chosen(panel)) == 8
