"""The Video panel with a clip open: names, keys, nothing clipped, what is blocked and why."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible
from PySide6.QtWidgets import QAbstractScrollArea, QApplication, QProgressBar, QScrollBar, QToolButton
from pytestqt.qtbot import QtBot

from desktop.errors import UserError
from desktop.models.library import Status
from desktop.ui.app import Parts
from desktop.ui.video.panel import VideoPanel
from desktop.ui.video.shown import After
from tests.e2e.clips import make_clip
from tests.ui.test_window import clipped, group, widgets


@pytest.fixture
def panel(parts: Parts, tmp_path: Path, qtbot: QtBot) -> VideoPanel:
    """The panel with two clips, of which the first is shown restored."""
    window = parts.window
    window.go("video")
    made = window.panel
    assert isinstance(made, VideoPanel)
    first = make_clip(tmp_path / "a clip with a long name, from the box in the attic, tape 12 of 40.mp4", 20, sound=False)
    window.drop([first, make_clip(tmp_path / "b.mp4", 20, sound=False)])
    qtbot.waitUntil(lambda: made.clip.shown.kind is After.PREVIEW and bool(made.clip.look.info))
    return made


def test_names_tooltips_and_room(parts: Parts, panel: VideoPanel, qtbot: QtBot) -> None:
    window = parts.window
    panel.inspector._state.keep("video/more_folded", False)
    nameless = [w for w in widgets(window) if not QAccessible.queryAccessibleInterface(w).text(QAccessible.Text.Name)]
    assert not [f"{type(w).__name__} in {type(w.parent()).__name__}" for w in nameless]
    bare = [
        b for b in panel.findChildren(QToolButton) if not b.text() and not b.toolTip() and not b.objectName().startswith("qt_")
    ]
    assert not bare
    for size in ((1100, 700), (1440, 900)):
        for choice in ("light", "dark"):
            window.services.prefs.change(theme=choice)
            window.resize(*size)
            qtbot.wait(60)
            qtbot.waitUntil(lambda size=size: (window.width(), window.height()) == size)
            for part in (panel, window.topbar):
                qtbot.waitUntil(lambda part=part: not clipped(part))
            assert panel.canvas.view.width() >= 0.4 * window.width(), "the picture is larger than the controls"


def test_the_tab_key_reaches_everything(parts: Parts, panel: VideoPanel, qtbot: QtBot) -> None:
    window = parts.window
    window.setFocus()
    reached = {}
    for _ in range(200):
        qtbot.keyClick(window.focusWidget() or window, Qt.Key.Key_Tab)
        widget = QApplication.focusWidget()
        if widget in reached:
            break
        reached[widget] = True
    skipped = (QProgressBar, QScrollBar)
    usable = [
        w for w in widgets(window)
        if w.isVisible() and w.isEnabled() and not isinstance(w, skipped)
        and (not isinstance(w, QAbstractScrollArea) or w is panel.list.list)
    ]  # fmt: skip
    missed = [w.accessibleName() or w.text() for w in usable if not ({w, *group(w)} & reached.keys())]  # type: ignore[attr-defined]
    assert not missed


def test_a_model_that_is_not_here_blocks_with_a_reason_and_is_not_fetched(parts: Parts, panel: VideoPanel, qtbot: QtBot) -> None:
    missing = next(
        (
            e.id
            for e in panel.shelf.entries
            if e.task in ("face-restorer", "upscaler") and panel.shelf.states[e.id] is Status.MISSING
        ),
        "",
    )
    if not missing:
        pytest.skip("every model is installed here")
    entry = panel.shelf.entry(missing)
    field = "restorer" if entry.task == "face-restorer" else "background"
    choices = panel.clip.choices
    panel.clip.choose(replace(choices, options=msgspec.structs.replace(choices.options, **{field: missing})))
    reason = f"{entry.title} is not installed"
    assert panel.inspector.blocked == reason
    assert not panel.inspector.run.isEnabled() and panel.inspector.run.toolTip() == reason
    assert parts.window.book["video.run"].toolTip() == reason
    box = panel.inspector.restorer if field == "restorer" else panel.inspector.background
    assert box.install.isVisible() and box.install.text().startswith("Install")
    qtbot.wait(1200)
    qtbot.waitUntil(lambda: panel.clip.shown.frame is not None and not panel.clip.shown.rendering)
    assert panel.clip.look._inspect.asked is None, "estimating would fetch the model"
    panel.clip.choose(choices)
    assert panel.inspector.blocked == "" and panel.inspector.run.isEnabled()


def test_a_result_is_not_written_onto_the_clip_or_silently_onto_another_file(
    parts: Parts, panel: VideoPanel, tmp_path: Path, qtbot: QtBot
) -> None:
    item = panel.clip.item
    assert item is not None
    panel.choose_place(item.path)
    assert "cannot replace the clip" in parts.window.notes()[-1].text
    assert not item.choices.output
    other = tmp_path / "other.mkv"
    panel.choose_place(other)
    assert panel.clips.target(item) == other and panel.inspector.output.name.text() == "other.mkv"
    other.write_bytes(b"mine")
    assert panel.clips.target(item) != other, "a file has appeared there since"
    panel.choose_place(other)
    assert panel.clips.target(item) == other, "the dialog has asked"


def test_a_queue_that_cannot_be_written_is_explained(parts: Parts, panel: VideoPanel, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> int:
        raise UserError("The queue could not be written: the disk is full", remedy="Free some space.")

    monkeypatch.setattr(parts.bridge, "submit", refuse)
    panel.run()
    assert "disk is full" in parts.window.notes()[-1].text and panel.clip.running is None


def test_volume_and_choices_are_kept(parts: Parts, panel: VideoPanel) -> None:
    panel.canvas.transport.volume.setValue(20)
    panel.mute()
    assert panel.canvas.transport.volume.value() == 0
    panel.mute()
    assert panel.canvas.transport.volume.value() == 20
    panel.inspector.fidelity.setValue(77)
    panel.close_panel()
    state = parts.window.services.state
    assert state.number("video/volume", 0) == 20 and '"fidelity": 0.77' in state.text("video/last")
