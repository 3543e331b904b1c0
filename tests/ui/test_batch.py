"""A batch in the window: put together, made, told."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox
from pytestqt.qtbot import QtBot

from desktop.paths import resources
from desktop.ui.app import Parts
from desktop.ui.piano.batch_table import COLUMNS, STATE
from desktop.ui.piano.panel import PianoPanel

SONG = next((resources() / "demo").glob("*.opus"))


def texts(panel: PianoPanel, column: int) -> list[str]:
    model = panel.batch_page.table.shown
    return [model.data(model.index(row, column)) for row in range(model.rowCount())]


@pytest.fixture
def panel(parts: Parts) -> PianoPanel:
    parts.window.go("piano")
    assert isinstance(parts.window.panel, PianoPanel)
    return parts.window.panel


def test_a_batch_is_put_together_and_made(
    parts: Parts, panel: PianoPanel, qtbot: QtBot, tmp_path: Path, installed: Callable[[str], Path]
) -> None:
    installed("basic-pitch")
    songs = tmp_path / "songs"
    songs.mkdir()
    shutil.copy(SONG, songs / "one.opus")
    (songs / "two.mp3").write_text("not a song")
    with qtbot.waitSignal(panel.batch.listed):
        parts.window.drop([songs])
    page = panel.batch_page
    assert panel._pages.currentWidget() is page and texts(panel, 0) == ["one.opus", "two.mp3"]
    page.batch.choose(output=str(tmp_path / "out"))
    page.template.setText("{nothing}")
    qtbot.waitUntil(lambda: not page.start.isEnabled() and "{nothing}" in page.start.toolTip())
    page.template.setText("{number} {title}")
    page.table.selectAll()
    style = next(n for n, column in enumerate(COLUMNS) if column.setting == "style")
    page.table.edit(page.table.shown.index(0, style))
    chooser = page.table.findChild(QComboBox)
    assert chooser is not None
    chooser.setCurrentIndex(chooser.findData("ballad"))
    chooser.activated.emit(chooser.currentIndex())
    assert texts(panel, style) == ["Ballad", "Ballad"], "a choice holds for all selected songs"
    page.table.clearSelection()
    for state, batches in (("Done", 1), ("Done already", 2)):
        with qtbot.waitSignal(panel.batch.ended):
            qtbot.mouseClick(page.start, Qt.MouseButton.LeftButton)
        assert texts(panel, STATE)[0] == state and "not a sound" in texts(panel, STATE)[1]
        assert len(parts.store.batches()) == batches, "songs are queued as one"
        assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
            "1 one.mid",
            "1 one.reprise",
            "covers.csv",
            "covers.html",
            "covers.json",
        ]
        qtbot.waitUntil(lambda: page.outlook.again.isEnabled() and page.outlook.done.text() == "1 of 2 is done already")
    told = json.loads((tmp_path / "out" / "covers.json").read_text(encoding="utf-8"))
    with (tmp_path / "out" / "covers.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["state"] for row in rows] == [one["state"] for one in told] == ["skipped", "failed"]
    assert rows[0]["key"] == told[0]["key"] == "D major" and int(rows[0]["notes"]) == told[0]["notes"] > 100
    stamp = (tmp_path / "out" / "1 one.mid").stat().st_mtime_ns
    qtbot.mouseClick(page.outlook.again, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: page.outlook.done.text() == "1 of 2 is made again")
    with qtbot.waitSignal(panel.batch.ended):
        qtbot.mouseClick(page.start, Qt.MouseButton.LeftButton)
    assert (tmp_path / "out" / "1 one.mid").stat().st_mtime_ns > stamp and texts(panel, STATE)[0] == "Done"
    page.left.emit()
    assert panel._pages.currentWidget() is panel.start


def test_lists_and_folders_are_for_the_batch(panel: PianoPanel, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "list.csv").write_text("song,style\na.mp3,pop\n")
    (tmp_path / "records.csv").write_text("text,label\na,b\n")
    (tmp_path / "tape.m3u8").write_text("a.mp3\n")
    takes = {path.name: panel.takes(path) for path in tmp_path.iterdir()}
    assert takes == {"empty": False, "list.csv": True, "records.csv": False, "tape.m3u8": True}
