"""A clip in the real window: real worker processes, real queue, real files."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from desktop.jobs.job import RestoreJob
from desktop.jobs.states import State
from desktop.ui import app as application
from desktop.ui.app import Parts
from desktop.ui.video.kept import frames_kept
from desktop.ui.video.panel import VideoPanel
from desktop.ui.video.shown import After
from desktop.ui.widgets.compare_view import Mode
from tests.e2e.clips import make_clip

PATIENCE = 90_000


@pytest.fixture
def panel(parts: Parts) -> VideoPanel:
    panel = parts.window.panel_of("video")
    assert isinstance(panel, VideoPanel)
    return panel


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return make_clip(tmp_path / "holiday.mp4")


def number(panel: VideoPanel) -> int:
    """Which of the drawn pictures is shown, by the length of its bar."""
    before = panel.clip.shown.before
    assert before is not None
    row = before.array()[8, :, 0].astype(int)
    return round(float((row > 225).sum()) / 2)


def test_a_clip_is_seen_restored_and_compared(parts: Parts, panel: VideoPanel, clip: Path, tmp_path: Path, qtbot: QtBot) -> None:
    window, open_clip = parts.window, panel.clip
    shown, look = open_clip.shown, open_clip.look
    content = clip.read_bytes()
    window.go("library")
    window.open_path(clip)
    assert window.panel is panel and panel.canvas.isVisible()
    qtbot.waitUntil(lambda: shown.frame is not None and shown.kind is After.PREVIEW, timeout=PATIENCE)
    assert shown.preview is not None and not shown.preview.marks
    assert panel.canvas.metrics.faces.text() == "No face found in this frame"
    qtbot.waitUntil(lambda: bool(look.info) and not look.filming and len(look.thumbs) > 5, timeout=PATIENCE)
    assert look.size == (176, 144) and look.duration == pytest.approx(3.0, abs=0.1) and look.rate == pytest.approx(25)
    assert window.topbar.facts.text() == "0:03  ·  176 × 144  ·  25 fps"
    assert panel.inspector.details["Scan"].value == "progressive"
    qtbot.waitUntil(lambda: panel.inspector.estimate.text().startswith("Takes about"))

    # Frame by frame, exactly.
    view = panel.canvas.view
    assert number(panel) == 0
    for n in range(1, 4):
        qtbot.keyClick(view, Qt.Key.Key_Right)
        qtbot.waitUntil(lambda n=n: shown.frame is not None and number(panel) == n)
    qtbot.keyClick(view, Qt.Key.Key_Left)
    qtbot.waitUntil(lambda: shown.frame is not None and number(panel) == 2)
    qtbot.keyClick(view, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    qtbot.waitUntil(lambda: shown.frame is not None and number(panel) == 27)
    assert panel.canvas.transport.time.text() == "0:00:01.02"
    strip = panel.canvas.strip
    qtbot.mouseClick(strip, Qt.MouseButton.LeftButton, pos=QPoint(round(strip.place(2.0)), 40))
    assert shown.before is not None, "a thumbnail at once"
    qtbot.waitUntil(lambda: shown.frame is not None and abs(number(panel) - 50) <= 1)

    # Other choices: the shown frame follows at once.
    qtbot.waitUntil(lambda: shown.kind is After.PREVIEW and not shown.rendering, timeout=PATIENCE)
    for value in range(50, 90, 4):
        panel.inspector.fidelity.setValue(value)
    panel.inspector.scale._buttons["2"].click()
    qtbot.waitUntil(lambda: shown.after is not None and shown.after.width == 352, timeout=PATIENCE)
    # Looking at frames leaves no history.
    qtbot.waitUntil(
        lambda: not [row for row in parts.queue.rows() if not isinstance(row.job, RestoreJob) and row.state.is_over],
    )

    # A part of it, restored.
    open_clip.seek(1.0)
    qtbot.waitUntil(lambda: shown.frame is not None)
    qtbot.keyClick(view, Qt.Key.Key_I)
    open_clip.seek(1.36)
    qtbot.waitUntil(lambda: shown.frame is not None)
    qtbot.keyClick(view, Qt.Key.Key_O)
    assert open_clip.part == (pytest.approx(1.0), pytest.approx(1.4))
    assert panel.inspector.output.name.text() == "holiday-restored.mp4"
    panel.inspector.run.click()
    assert open_clip.running is not None and panel.inspector.stop.isVisible() and open_clip.following
    qtbot.waitUntil(lambda: open_clip.running is None, timeout=PATIENCE)
    item = open_clip.item
    assert item is not None and item.row is not None and item.row.state is State.DONE, item.row
    result = tmp_path / "holiday-restored.mp4"
    assert result.is_file() and clip.read_bytes() == content
    qtbot.waitUntil(lambda: shown.kind is After.RESULT)
    open_clip.seek(1.2)
    qtbot.waitUntil(lambda: shown.frame is not None and shown.kind is After.RESULT and number(panel) == 30)
    assert shown.after is not None and shown.after.width == 352
    beside = round(float((shown.after.array()[16, :, 0].astype(int) > 225).sum()) / 4)
    assert beside == 30, "the same frame of both files"
    assert panel.canvas.strip.done == [(pytest.approx(1.0), pytest.approx(1.4))]

    # Played, both files in step.
    pairs: list[tuple[float, float | None]] = []
    open_clip.playback.shown.connect(lambda a, b: pairs.append((a.time, b and b.time)))

    def play() -> None:
        open_clip.seek(1.0)
        qtbot.keyClick(view, Qt.Key.Key_Space)
        assert open_clip.playback.playing
        qtbot.waitUntil(lambda: not open_clip.playback.playing)

    # On a busy computer pictures are left out.
    for _ in range(3):
        play()
        if len(pairs) >= 3:
            break
    assert len(pairs) >= 3 and all(b is not None and abs(a - b) < 0.03 for a, b in pairs)
    assert open_clip.shown.time == pytest.approx(1.36, abs=0.09)

    # Never over a file that is there.
    assert panel.inspector.output.name.text() == "holiday-restored 2.mp4"

    # The result, opened by itself, is offered with its source.
    window.open_path(result)
    note = next(n for n in window.notes() if "was made of holiday.mp4" in n.text)
    note.actions[0][1]()
    qtbot.waitUntil(lambda: shown.kind is After.RESULT, timeout=PATIENCE)
    assert open_clip.path == clip and open_clip.names[1] == result.name


def test_the_view_is_worked_by_keys(parts: Parts, panel: VideoPanel, clip: Path, qtbot: QtBot) -> None:
    window, view = parts.window, panel.canvas.view
    window.go("video")
    window.open_path(clip)
    qtbot.waitUntil(lambda: panel.clip.shown.kind is After.PREVIEW, timeout=PATIENCE)
    for key, mode in (("S", Mode.SIDE), ("S", Mode.SPLIT), ("D", Mode.DIFFERENCE), ("W", Mode.SPLIT)):
        qtbot.keyClick(view, key)
        assert view.mode is mode
    qtbot.keyClick(view, Qt.Key.Key_2)
    assert view.viewport.zoom == pytest.approx(2.0)
    qtbot.keyClick(view, Qt.Key.Key_1)
    assert view.viewport.zoom == pytest.approx(1.0) and panel.canvas.bar.zoom.text() == "100%"
    qtbot.keyClick(view, Qt.Key.Key_F)
    assert view.viewport.fitted
    qtbot.keyPress(view, Qt.Key.Key_X)
    assert view.flipped
    qtbot.keyRelease(view, Qt.Key.Key_X)
    assert not view.flipped
    qtbot.keyClick(view, Qt.Key.Key_T)
    assert not view.show_marks and not panel.canvas.bar.faces.isChecked()
    view.full_asked.emit()
    assert panel.alone and not window.rail.isVisible() and not panel.inspector.isVisible() and window.isFullScreen()
    qtbot.keyClick(view, Qt.Key.Key_Escape)
    assert not panel.alone and window.rail.isVisible() and panel.inspector.isVisible() and not window.isFullScreen()


def test_files_go_where_they_belong(parts: Parts, panel: VideoPanel, clip: Path, tmp_path: Path, qtbot: QtBot) -> None:
    window = parts.window
    window.go("piano")
    assert window._taker(clip) == "piano", "the panel in front takes a video's sound"
    window.go("library")
    assert window._taker(clip) == "video" and window._taker(tmp_path / "song.mp3") == "piano"
    window.go("piano")
    folder = tmp_path / "box"
    folder.mkdir()
    clips = [Path(shutil.copy(clip, folder / name)) for name in ("a.mp4", "b.mkv", "c.mov")]
    window.drop([folder])
    assert window.panel is panel
    assert {item.path for item in panel.clips.items} == set(clips)
    assert panel.list.isVisible() and panel.list.list.count() == 3
    qtbot.waitUntil(lambda: all(item.thumb is not None for item in panel.clips.items), timeout=PATIENCE)
    first, second, third = panel.clips.items
    panel.list.list.setCurrentRow(1)
    assert panel.clip.item is second
    panel.inspector.steadiness._buttons["high"].click()
    panel.list.list.setCurrentRow(2)
    assert third.choices.options.steadiness == "low" and second.choices.options.steadiness == "high", "each has its own"
    panel.run_all()
    qtbot.waitUntil(lambda: all(item.row is not None for item in panel.clips.items))
    jobs = [row.job for row in parts.queue.rows() if isinstance(row.job, RestoreJob)]
    assert sorted((Path(job.source).name, job.options.steadiness) for job in jobs) == [
        ("a.mp4", "low"), ("b.mkv", "high"), ("c.mov", "low")
    ]  # fmt: skip
    assert len(parts.store.batches()) == 1 and not panel.list.all.isEnabled(), "all are one batch"
    panel.list.row(first).buttons["cancel"].click()
    qtbot.waitUntil(lambda: all(item.running is None for item in panel.clips.items), timeout=PATIENCE)
    assert second.result is not None and third.result is not None
    qtbot.waitUntil(lambda: panel.list.row(second)._state.text() == "Restored")


def test_two_clips_dropped_together_can_be_compared(
    parts: Parts, panel: VideoPanel, clip: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    window = parts.window
    window.go("video")
    other = make_clip(tmp_path / "other.mp4", 60, sound=False)
    window.drop([clip, other])
    note = next(n for n in window.notes() if n.text == "Two clips are open")
    note.actions[0][1]()
    qtbot.waitUntil(lambda: panel.clip.shown.kind is After.RESULT, timeout=PATIENCE)
    assert panel.clip.names == ("holiday.mp4", "other.mp4")
    shown = panel.clip.shown
    assert shown.before is not None and shown.after is not None
    away = np.abs(shown.before.array().astype(int) - shown.after.array().astype(int))
    assert away.mean() < 4


def test_a_file_that_is_no_clip_is_explained(parts: Parts, panel: VideoPanel, tmp_path: Path, qtbot: QtBot) -> None:
    text = tmp_path / "not a clip.mp4"
    text.write_text("This is text.")
    parts.window.go("video")
    parts.window.open_path(text)
    qtbot.waitUntil(lambda: panel.clip.error is not None and panel.failed_page.isVisible(), timeout=PATIENCE)
    assert panel.clip.error is not None and panel.clip.error.path == str(text)
    assert not panel.inspector.isVisible() and panel.failed_page._remedy.text()
    good = make_clip(tmp_path / "good.mp4", 10)
    parts.window.open_path(good)
    qtbot.waitUntil(lambda: panel.clip.shown.frame is not None, timeout=PATIENCE)
    assert panel.canvas.isVisible() and panel.list.isVisible()


def test_an_interrupted_clip_goes_on_at_the_next_start(
    qapp: QApplication, qtbot: QtBot, home_with_models: Path, tmp_path: Path
) -> None:
    clip = make_clip(tmp_path / "long.mp4", 250, sound=False)
    first = application.build(qapp)
    first.window.show()
    panel = first.window.panel_of("video")
    assert isinstance(panel, VideoPanel)
    first.window.go("video")
    first.window.open_path(clip)
    panel.inspector.scale._buttons["2"].click()
    panel.run()
    item = panel.clip.item
    assert item is not None
    # Held at some place, so that it is not done before the window is closed.
    qtbot.waitUntil(lambda: item.row is not None and frames_kept(item.row.id) > 0, timeout=PATIENCE)
    assert item.row is not None
    first.queue.pause(item.row.id)
    qtbot.waitUntil(lambda: item.row is not None and item.row.state is State.PAUSED, timeout=PATIENCE)
    first.window.asks_before_closing = False
    first.window.close()
    first.close()
    first.window.deleteLater()
    second = application.build(qapp)
    try:
        second.window.show()
        second.window.dock.load()
        note = next(n for n in second.window.notes() if "interrupted" in n.text)
        assert note.actions[0][0] == "Go on"
        again = second.window.panel_of("video")
        assert isinstance(again, VideoPanel)
        second.window.go("video")
        second.window.open_path(clip)
        found = again.clip.item
        assert found is not None
        qtbot.waitUntil(lambda: found.words.startswith("Interrupted: goes on at 0:"), timeout=PATIENCE)
        qtbot.waitUntil(lambda: again.inspector.run.text() == "Go on")
        again.inspector.run.click()
        qtbot.waitUntil(lambda: found.row is not None and found.row.state is State.DONE, timeout=PATIENCE)
        assert found.row is not None and found.row.result is not None and found.row.result["resumed"]
        assert found.row.result["frames"] == 250
    finally:
        second.window.asks_before_closing = False
        second.window.close()
        second.window.deleteLater()
        second.close()
