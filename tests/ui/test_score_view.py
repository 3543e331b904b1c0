"""The score view: engraves the open cover, follows the playhead, seeks where it is clicked, keeps up with edits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from desktop.jobs.job import PagesJob
from desktop.jobs.progress import Progress
from desktop.jobs.queue import Queue
from desktop.jobs.store import Store
from desktop.piano.project import save_project
from desktop.piano.score.job import run_pages
from desktop.ui import theme
from desktop.ui.bridge import QueueBridge
from desktop.ui.piano.score_pages import PLACES, folder_for, read_engraving
from desktop.ui.piano.score_view import ScoreView, paper
from desktop.ui.piano.song import Options, Song
from tests.piano.score.covers import arranged, cover


@pytest.fixture
def services(home_with_models: Path, qapp: QApplication) -> Iterator[Any]:
    store = Store()
    queue = Queue(store, workers=1)
    bridge = QueueBridge(queue)
    yield SimpleNamespace(bridge=bridge, say=lambda note: None)
    bridge.close()
    queue.close()
    store.close()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    path = tmp_path / "song.reprise"
    save_project(arranged("arpeggio", 24), path)
    return path


@pytest.fixture
def view(services: Any, qtbot: QtBot) -> Iterator[ScoreView]:
    song = Song(services.bridge, Options())
    made = ScoreView(song, services)
    qtbot.addWidget(made)
    made.resize(1000, 700)
    made.show()
    made.set_active(True)
    song.notes_changed.connect(made.show_song)
    yield made
    song.close()
    song.leave()


def in_cache(project: Path) -> None:
    """Engrave as the job does, without a worker."""
    run_pages(PagesJob(cover=str(project), folder=str(folder_for(project))), Progress())


def opened(view: ScoreView, project: Path, qtbot: QtBot) -> ScoreView:
    in_cache(project)
    view._song.open(project)
    qtbot.waitUntil(lambda: view.engraving is not None and not view.source.busy)
    qtbot.waitUntil(lambda: 0 in view._drawn)
    return view


def test_a_worker_engraves_what_is_open_and_what_is_edited(view: ScoreView, project: Path, qtbot: QtBot) -> None:
    assert view._quiet.text.text() == "No score yet"
    view._song.open(project)
    qtbot.waitUntil(lambda: view._quiet.text.text() == "Engraving the score…")
    qtbot.waitUntil(lambda: view.engraving is not None)
    assert (folder_for(project) / PLACES).is_file()
    qtbot.waitUntil(lambda: 0 in view._drawn)
    image = view.grab().toImage()
    page = view.page_rect(0).toRect()
    ratio = image.devicePixelRatio()
    colours = [
        image.pixelColor(round(x * ratio), round(y * ratio))
        for x in range(page.left(), page.right(), 7)
        for y in range(60, 690, 7)
    ]
    white = sum(colour == QColor(paper(theme.tokens())) for colour in colours)
    assert white > 0.75 * len(colours)
    assert any(colour.lightness() < 60 for colour in colours)
    # An edit is engraved anew; the old pages stay until then.
    before = view.engraving
    song = view._song
    now = song.cover
    assert now is not None
    song.document.edit("Delete", replace(now, notes=now.notes[: len(now.notes) // 2]))
    assert view.source.busy and view.engraving is before
    qtbot.waitUntil(lambda: view.engraving is not before)
    assert not view.source.busy and view.engraving is not None and before is not None
    assert len(view.engraving.bars) < len(before.bars)
    # And back: those pages are there already.
    song.document.stack.undo()
    qtbot.waitUntil(lambda: view.engraving is not None and len(view.engraving.bars) == len(before.bars))


def test_it_follows_the_playhead_and_clicks_seek(view: ScoreView, project: Path, qtbot: QtBot) -> None:
    opened(view, project, qtbot)
    engraving = view.engraving
    assert engraving is not None
    xs = []
    bar = engraving.bars[2]
    for second in np.linspace(bar.start, bar.end - 0.01, 9):
        view.set_playhead(float(second))
        x = view.cursor_x()
        assert x is not None and view.bar_rect(2).left() - 1 <= x <= view.bar_rect(2).right() + 1
        xs.append(x)
    assert xs == sorted(xs) and xs[-1] > xs[0]
    view.set_playhead(engraving.bars[-1].start + 0.1)
    qtbot.waitUntil(lambda: view._glide.state() == view._glide.State.Stopped)
    shown = view.bar_rect(len(engraving.bars) - 1)
    assert view.viewport().rect().top() <= shown.top() and shown.bottom() <= view.viewport().height()
    view.set_playhead(None)
    assert view.cursor_x() is None
    check_clicks(view, qtbot)
    check_zoom(view, qtbot)


def check_clicks(view: ScoreView, qtbot: QtBot) -> None:
    engraving = view.engraving
    assert engraving is not None
    heard: list[float] = []
    view.seek.connect(heard.append)
    for zoom in (1.0, 1.6):
        view.zoom(zoom)
        # Scrolled into view first: a click outside of the viewport is none.
        view.verticalScrollBar().setValue(0)
        view.horizontalScrollBar().setValue(0)
        area = view.bar_rect(1)
        qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=area.center().toPoint())
        assert engraving.bars[1].start <= heard[-1] < engraving.bars[1].end
    for second in np.linspace(engraving.bars[0].start, engraving.bars[-1].end - 0.05, 40):
        number = engraving.bar_at(float(second))
        point = QPointF(engraving.x_at(float(second), number), engraving.bars[number].area.center().y())
        found = engraving.second_at(engraving.bars[number].page, point)
        assert found is not None and engraving.bar_at(found + 1e-3) == number and abs(found - second) < 0.35


def test_hidden_and_broken_pages(view: ScoreView, project: Path, qtbot: QtBot) -> None:
    in_cache(project)
    view.set_active(False)
    view._song.open(project)
    qtbot.waitUntil(lambda: view._song.cover is not None)
    qtbot.wait(100)
    assert view.engraving is None and not view.source.busy
    view.set_active(True)
    qtbot.waitUntil(lambda: view.engraving is not None)
    view._song.close()
    view.show_song()
    assert view.engraving is None and view._quiet.text.text() == "No score yet"
    # Pages that were damaged are said to be, and can be made again.
    folder = folder_for(project)
    (folder / PLACES).write_text('{"version": 1}')
    view._song.open(project)
    qtbot.waitUntil(lambda: bool(view.source.problem))
    assert not view.source.busy and "cannot be read" in view._quiet.detail.text() and view._again.isVisibleTo(view)
    in_cache(project)
    view._again.click()
    qtbot.waitUntil(lambda: view.engraving is not None)
    assert not view.source.problem


def check_zoom(view: ScoreView, qtbot: QtBot) -> None:
    view.zoom(100.0)
    engraving = view.engraving
    assert engraving is not None
    for bar in (2, 0, 1):
        view.set_playhead(engraving.bars[bar].start + 0.01)
        x = view.cursor_x()
        assert x is not None and 0 <= x <= view.viewport().width()
    assert view.zoom_factor == 3.0 and view.horizontalScrollBar().maximum() > 0
    view.zoom(0.0001)
    assert view.zoom_factor == 0.4
    view.fit()
    assert view.zoom_factor == 1.0
    view.grab()
    size = view.page_rect(0).size().toSize() * view.devicePixelRatioF()
    qtbot.waitUntil(lambda: abs(view._drawn.get(0, (0, 0))[0] - size.width()) <= 1)


def test_places_of_an_empty_cover(tmp_path: Path, home: Path) -> None:
    path = tmp_path / "empty.reprise"
    save_project(cover([], beats=8), path)
    in_cache(path)
    engraving = read_engraving(folder_for(path))
    assert engraving.bar_at(1.0) == 0 and len(engraving.svgs) == 1
    assert engraving.second_at(0, engraving.bars[0].area.center()) is not None
