"""The beats of the open cover: dragged, inserted, removed, tapped, counted otherwise; each a step that can be undone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from pytestqt.qtbot import QtBot

from desktop.piano.cover import Grid
from desktop.piano.project import save_project
from desktop.ui.app import Parts
from desktop.ui.mixer import Pcm
from desktop.ui.piano.beats_actions import actions
from desktop.ui.piano.beats_box import BeatsBox
from desktop.ui.piano.panel import PianoPanel
from desktop.ui.widgets.waveform import RULER
from tests.ui import editing
from tests.ui.editing import click, drag, in_lane, open_cover, small_cover

kept_window, shared_window = editing.kept_window, editing.shared_window
RULE = RULER / 2


@pytest.fixture
def panel(shared_window: Parts, qtbot: QtBot, tmp_path: Path) -> PianoPanel:
    cover = small_cover()
    save_project(replace(cover, found=cover.grid), path := tmp_path / "small.reprise")
    return open_cover(shared_window, path, qtbot)


def grid_of(panel: PianoPanel) -> Grid:
    assert panel.song.cover is not None
    return panel.song.cover.grid


def heard(panel: PianoPanel) -> np.ndarray:
    assert panel.song.cover is not None
    return panel.song.cover.note_seconds()[0]


def pull(
    panel: PianoPanel, qtbot: QtBot, beat: float, by: float, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier
) -> None:
    """Drag a beat in the ruler by seconds."""
    at = in_lane(panel.canvas, beat, RULE)
    drag(qtbot, panel.canvas.waveform, at, at + QPointF(by * panel.canvas.timeline.scale, 3), modifier=modifier)


def test_a_beat_is_dragged_in_one_step_and_its_notes_follow(panel: PianoPanel, qtbot: QtBot) -> None:
    stack, before, notes = panel.song.document.stack, grid_of(panel), heard(panel)
    waveform = panel.canvas.waveform
    at = in_lane(panel.canvas, 3, RULE)
    drag(qtbot, waveform, at, at + QPointF(30, 0), let_go=False)
    there = pytest.approx(1.5 + 30 / panel.canvas.timeline.scale, abs=0.01)
    qtbot.waitUntil(lambda: bool(grid_of(panel).times[3] == there))
    drag(qtbot, waveform, at, at + QPointF(40, 0))
    moved = grid_of(panel)
    by = 40 / panel.canvas.timeline.scale
    assert moved.times[3] == pytest.approx(1.5 + by, abs=0.02)
    assert np.delete(moved.times, 3) == pytest.approx(np.delete(before.times, 3))
    on_it = notes == before.times[3]
    assert heard(panel)[on_it] == pytest.approx(moved.times[3]) and heard(panel)[~on_it] == pytest.approx(notes[~on_it])
    assert panel.canvas.waveform.grid is moved
    while stack.canUndo():
        stack.undo()
    assert np.array_equal(grid_of(panel).times, before.times)
    count = stack.count()
    stack.redo()
    assert count <= 2 and stack.undoText() == "Move a beat"


def test_with_shift_the_neighbours_give_way_and_none_is_passed(panel: PianoPanel, qtbot: QtBot) -> None:
    pull(panel, qtbot, 4, 0.2, Qt.KeyboardModifier.ShiftModifier)
    gaps = np.diff(grid_of(panel).times)
    assert np.all(np.diff(np.r_[gaps[:4]]) <= 1e-9) or gaps[3] > 0.5
    assert grid_of(panel).times[5] > 2.5 and grid_of(panel).times[3] > 1.5
    panel.song.document.stack.undo()
    pull(panel, qtbot, 4, 0.9)
    assert grid_of(panel).times[4] == pytest.approx(2.4) and grid_of(panel).times[5] == pytest.approx(2.5)


def test_a_click_on_a_beat_moves_the_playhead_and_a_drag_below_the_ruler_draws_a_loop(panel: PianoPanel, qtbot: QtBot) -> None:
    click(qtbot, panel.canvas.waveform, in_lane(panel.canvas, 2, RULE) + QPointF(2, 0))
    assert panel.canvas.second == pytest.approx(1.0) and not panel.song.document.stack.canUndo()
    drag(qtbot, panel.canvas.waveform, in_lane(panel.canvas, 2, 60), in_lane(panel.canvas, 4, 60))
    assert panel.canvas.loop == pytest.approx((1.0, 2.0), abs=0.02) and not panel.song.document.stack.canUndo()


def test_downbeat_insert_and_remove(panel: PianoPanel, qtbot: QtBot) -> None:
    waveform, stack = panel.canvas.waveform, panel.song.document.stack
    click(qtbot, waveform, in_lane(panel.canvas, 2, 60), Qt.KeyboardModifier.AltModifier)
    assert grid_of(panel).downbeat == 2 and stack.undoText() == "A bar starts here"
    notes = heard(panel)
    qtbot.mouseDClick(waveform, Qt.MouseButton.LeftButton, pos=in_lane(panel.canvas, 3.5, RULE).toPoint())
    assert len(grid_of(panel).times) == 18 and grid_of(panel).times[4] == pytest.approx(1.75, abs=0.01)
    assert heard(panel) == pytest.approx(notes, abs=1e-5)
    menu = panel.canvas.beats.menu(1.75, waveform.nearest(1.75))
    next(action for action in menu.actions() if action.text() == "Remove this beat").trigger()
    assert len(grid_of(panel).times) == 17 and heard(panel) == pytest.approx(notes, abs=1e-5)
    assert "Bar 1, beat 2" in waveform.hint(in_lane(panel.canvas, 3, RULE)) and "120.0 BPM" in waveform.hint(
        in_lane(panel.canvas, 3, RULE)
    )
    panel.canvas.fit()
    panel.canvas.timeline.set_duration(900.0)
    panel.canvas.timeline.fit()
    assert "Zoom in" in waveform.hint(in_lane(panel.canvas, 3, RULE)) and waveform.beat_at(in_lane(panel.canvas, 3, RULE)) is None


def test_tapping_along(panel: PianoPanel, qtbot: QtBot) -> None:
    desk, song, player = panel.canvas.beats, panel.song, panel.player
    assert desk.tap_blocked
    song.original = Pcm(np.zeros((8 * 44100, 2), np.int16), 44100)
    panel.canvas.show_sound()
    player.seek(1.0)
    assert player.play() and not desk.tap_blocked
    qtbot.waitUntil(lambda: player.heard > 1.2)
    before = player.heard
    qtbot.keyClick(panel.canvas.roll, Qt.Key.Key_T)
    assert before - 0.05 <= desk.taps.seconds[0] <= player.heard and panel.canvas.waveform.taps == desk.taps.seconds
    qtbot.keyClick(panel.canvas.waveform, Qt.Key.Key_Escape)
    assert not desk.taps.seconds and not song.document.stack.canUndo()
    # Off the beat: the grid moves by a half, the notes stay.
    notes = heard(panel)
    for k in range(6):
        desk.taps.add(2.25 + 0.5 * k + 0.015 * (-1) ** k)
    assert desk.taps.tempo == pytest.approx(120, abs=3)
    qtbot.keyClick(panel.canvas.waveform, Qt.Key.Key_Return)
    assert grid_of(panel).times[2] % 0.5 == pytest.approx(0.25, abs=0.01) and heard(panel) == pytest.approx(notes, abs=1e-5)
    assert song.document.stack.undoText() == "Beats as tapped (6 taps)" and desk.arranged_elsewhere
    # Playing that stops takes what there is.
    for k in range(5):
        desk.taps.add(1.0 + 0.25 * k)
    player.pause()
    assert not desk.taps.seconds and grid_of(panel).tempo == pytest.approx(240, rel=0.02)


def test_the_box_corrects_and_says_what_follows(panel: PianoPanel, qtbot: QtBot) -> None:
    box = BeatsBox(panel.song, panel.canvas.beats)
    qtbot.addWidget(box)
    box.resize(256, box.sizeHint().height())
    assert box.minimumSizeHint().width() <= 256
    assert not box.buttons["auto"].isEnabled() and "as they were found" in box.buttons["auto"].toolTip()
    notes = heard(panel)
    box.buttons["x2"].click()
    assert box.facts["Tempo"].value == "240 BPM" and heard(panel) == pytest.approx(notes, abs=1e-5)
    assert not box.hint.isHidden() and box.buttons["auto"].isEnabled()
    box.meter.setCurrentIndex(box.meter.findData(3))
    box.meter.activated.emit(box.meter.currentIndex())
    assert grid_of(panel).meter == 3
    box.buttons["auto"].click()
    assert box.facts["Tempo"].value == "120 BPM" and box.hint.isHidden() and box.meter.currentData() == 4
    pull(panel, qtbot, 3, 0.1)
    assert box.hint.isHidden()
    box.buttons["steady"].click()
    assert "BPM" in box.note.text() and not box.note.isHidden() and np.ptp(np.diff(grid_of(panel).times)) < 1e-9
    panel.song.document.stack.undo()
    assert box.note.isHidden()
    for _ in range(4):
        box.buttons["half"].click()
    assert len(grid_of(panel).times) >= 4


def test_practice_controls_reach_the_player(panel: PianoPanel, qtbot: QtBot) -> None:
    transport, player = panel.canvas.transport, panel.player
    found = {a.id: a for a in actions(panel.canvas.beats, transport, lambda: "", lambda: panel.canvas.second)}
    found["play.slower"].run()
    assert player.speed == 0.95 and transport.speed.text() == "95 %"
    transport.speed.presets[50].click()
    assert player.speed == 0.5 and transport.speed.slider.value() == 50
    found["play.metronome"].run()
    transport.metronome.volume_slider.setValue(30)
    found["play.count_in"].run()
    clicks = player.metronome
    assert clicks.on and clicks.volume == pytest.approx(0.3) and player.count_in and clicks.grid is grid_of(panel)
    panel.song.correct("x2")
    assert clicks.grid is grid_of(panel)
    found["play.full_speed"].run()
    found["play.metronome"].run()
    found["play.count_in"].run()
    assert player.speed == 1.0 and not clicks.on and not player.count_in


def test_a_cover_runs_before_its_sound_is_made(panel: PianoPanel, qtbot: QtBot) -> None:
    song, player = panel.song, panel.player
    song.sound = None
    panel.canvas.show_sound()
    assert player.mixer.length == round(song.duration * player.mixer.rate) and not panel.canvas.transport.reason
    panel.canvas.transport.play.click()
    qtbot.waitUntil(lambda: panel.canvas.second > 0.1)
    panel.canvas.transport.play.click()
    assert not player.playing and song.second == pytest.approx(player.position)
