"""The pianist's day in the window: edits that are undone and saved, takes, the three views, a score and a video of it."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import av
import numpy as np
from PySide6.QtCore import QPoint, Qt
from pytestqt.qtbot import QtBot

from desktop.piano.project import load_project
from desktop.ui.app import Parts
from desktop.ui.piano.exporting import VideoChoices
from desktop.ui.piano.panel import PianoPanel
from tests.e2e.media import tune, write_wav

PATIENCE = 90_000


def finished(panel: PianoPanel) -> bool:
    song = panel.song
    assert song.error is None, song.error
    return song.cover is not None and song.covering is None and song.sound is not None and not song.rendering


def do(panel: PianoPanel, action: str) -> None:
    found = next(one for one in panel.actions_of() if one.id == action)
    assert not found.blocked(), f"{action}: {found.blocked()}"
    found.run()


def test_a_cover_is_edited_seen_as_a_score_and_made_into_a_video(parts: Parts, qtbot: QtBot, tmp_path: Path) -> None:
    window = parts.window
    panel = window.panel_of("piano")
    assert isinstance(panel, PianoPanel)
    song, canvas = panel.song, panel.canvas
    window.open_path(write_wav(tmp_path / "a little song.wav", tune(12.0)))
    qtbot.waitUntil(lambda: finished(panel), timeout=PATIENCE)
    assert song.cover is not None
    made = song.cover.notes.copy()

    # A note is drawn with the mouse, the chosen ones are moved by keys; every step can be taken back.
    canvas.fit()
    do(panel, "edit.draw")
    roll = canvas.roll
    free = next(pitch for pitch in range(roll.low, roll.high) if pitch not in made["pitch"])
    at = QPoint(
        roll.width() // 2,
        round(roll.note_rect(0).y() + (int(roll.data.notes["pitch"][0]) - free + 0.5) * roll.note_rect(0).height()),
    )
    qtbot.mousePress(roll, Qt.MouseButton.LeftButton, pos=at)
    qtbot.mouseMove(roll, at + QPoint(40, 0))
    qtbot.mouseRelease(roll, Qt.MouseButton.LeftButton, pos=at + QPoint(40, 0))
    assert len(song.cover.notes) == len(made) + 1 and free in song.cover.notes["pitch"]
    assert song.cover.notes["pitch"][song.selection].tolist() == [free]
    do(panel, "edit.draw")
    do(panel, "edit.all")
    do(panel, "edit.octave_up")
    do(panel, "edit.hand")
    assert window.topbar.title.text().endswith("edited")
    for _ in range(3):
        do(panel, "edit.undo")
    assert np.array_equal(song.cover.notes, made)
    do(panel, "edit.redo")

    # Two bars are auditioned by all styles; one is used, and it can be undone too.
    canvas.show_view("takes")
    first = song.cover.grid.downbeat + song.cover.grid.meter
    stretch = (float(first), float(first + 2 * song.cover.grid.meter))
    panel.bars.audition("sketch", "medium", stretch)
    qtbot.waitUntil(lambda: len(panel.bars.found) == 6 and not panel.bars.running, timeout=PATIENCE)
    assert all(take.audio is not None and take.audio.stat().st_size > 44_100 for take in panel.bars.found.values())
    before = song.cover
    qtbot.mouseDClick(panel.takes_view.cards["stride"], Qt.MouseButton.LeftButton)
    inside = (song.cover.notes["start"] >= stretch[0]) & (song.cover.notes["start"] < stretch[1])
    assert np.count_nonzero(inside) == len(panel.bars.found["stride"].notes)
    outside = before.notes[(before.notes["start"] < stretch[0] - 4) | (before.notes["start"] >= stretch[1])]
    assert set(map(tuple, outside.tolist())) <= set(map(tuple, song.cover.notes.tolist()))
    assert "Stride" in song.document.stack.undoText()

    # One bar is written again by a key.
    canvas.seek(float(song.cover.grid.seconds(stretch[0] + 0.1)))
    do(panel, "piano.take")
    qtbot.waitUntil(lambda: "Take in Pop" in song.document.stack.undoText(), timeout=PATIENCE)

    # The other views show it, and follow.
    for view in ("score", "falling", "roll"):
        canvas.show_view(view)
        canvas.seek(3.0)
    edited = song.cover

    # It is saved, written as a score and as a video, and opens again as it was.
    project = tmp_path / "edited.reprise"
    song.save(project)
    qtbot.waitUntil(lambda: not song.document.unsaved)
    assert np.array_equal(load_project(project).notes, edited.notes)
    score, video = tmp_path / "out.musicxml", tmp_path / "out.mp4"
    panel.export_to(score, "musicxml")
    panel.exports.write(video, "mp4", VideoChoices(size="320x180", fps=24, caption="A little song"))
    qtbot.waitUntil(lambda: score.exists() and video.exists(), timeout=PATIENCE)
    assert len(ET.parse(score).getroot().findall(".//note/pitch")) >= len(edited.notes)
    with av.open(str(video)) as container:
        shown = container.streams.video[0]
        assert (shown.width, shown.height) == (320, 180) and len(container.streams.audio) == 1
    window.open_path(project)
    qtbot.waitUntil(lambda: finished(panel), timeout=PATIENCE)
    assert song.cover is not None and np.array_equal(song.cover.notes, edited.notes) and not song.document.unsaved
