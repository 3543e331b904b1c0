"""Engines in the window: what each lets one choose, Songbook's takes, what is heeded, the pickup, and the table of a batch."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QToolButton
from pytestqt.qtbot import QtBot

from desktop.jobs.piano_choices import name_of
from desktop.piano.project import save_project
from desktop.ui.app import Parts
from desktop.ui.notify import Note, Severity, Toast
from desktop.ui.piano.batch_table import COLUMNS
from desktop.ui.piano.panel import PianoPanel
from desktop.ui.piano.takes import Take
from tests.e2e.media import tune, write_wav
from tests.ui.editing import small_cover

PATIENCE = 90_000


@pytest.fixture
def panel(parts: Parts) -> PianoPanel:
    parts.window.go("piano")
    assert isinstance(parts.window.panel, PianoPanel)
    return parts.window.panel


def finished(panel: PianoPanel, engine: str) -> bool:
    song = panel.song
    assert song.error is None, song.error
    made = song.cover is not None and song.cover.info["engine"] == engine
    return made and song.covering is None and song.sound is not None and not song.rendering


def segments(panel: PianoPanel) -> list[QToolButton]:
    return panel.inspector.engine.engine.findChildren(QToolButton)


def test_songbook_is_chosen_and_its_difficulties_are_compared(
    parts: Parts, panel: PianoPanel, qtbot: QtBot, tmp_path: Path
) -> None:
    parts.window.resize(1100, 700)
    song, box = panel.song, panel.inspector.engine
    parts.window.open_path(write_wav(tmp_path / "a song.wav", tune(12.0)))
    qtbot.waitUntil(lambda: finished(panel, "sketch"), timeout=PATIENCE)
    assert [button.text() for button in segments(panel)] == ["Sketch", "Songbook", "Pop2Piano"]
    assert box.styles.isVisible() and not box.plain.isVisible() and not box.composers.isVisible()

    qtbot.mouseClick(segments(panel)[1], Qt.MouseButton.LeftButton)
    assert box.plain.isVisible() and "difficulty" in box.plain.text()
    assert not box.styles.isVisible() and not box.composers.isVisible()
    qtbot.waitUntil(lambda: finished(panel, "songbook"), timeout=PATIENCE)
    assert song.project is not None and song.project.stem == "a song (songbook, medium)"
    for button in segments(panel):
        button.setChecked(True)
        button.ensurePolished()
        bold = button.fontMetrics().horizontalAdvance(button.text())
        assert button.width() >= bold + 4, "no name of an engine is cut"
    box.refresh("")
    assert box.plain.height() >= box.plain.heightForWidth(box.plain.width())

    panel.canvas.show_view("takes")
    view = panel.takes_view
    view.engine.set_value("songbook")
    view.engine.chosen.emit("songbook")
    assert [card.text() for card in view.cards.values()] == ["Easy", "Medium", "Full"]
    assert song.cover is not None
    first = float(song.cover.grid.downbeat + song.cover.grid.meter)
    panel.bars.audition("songbook", "medium", (first, first + song.cover.grid.meter))
    qtbot.waitUntil(lambda: len(panel.bars.found) == 3 and not panel.bars.running, timeout=PATIENCE)
    qtbot.mouseDClick(view.cards["easy"], Qt.MouseButton.LeftButton)
    assert song.document.stack.undoText().endswith("Easy take by Songbook")
    [noted] = song.cover.info["takes"]
    assert (noted["engine"], noted["choice"], noted["first"]) == ("songbook", "easy", first)

    # Some bars are written anew with the difficulty that is chosen now.
    panel.canvas.seek(float(song.cover.grid.seconds(first + 0.1)))
    panel.take_again()
    qtbot.waitUntil(lambda: song.document.stack.undoText().endswith("Medium take by Songbook"), timeout=PATIENCE)


def test_only_what_the_engine_heeds_covers_the_song_anew(
    parts: Parts, panel: PianoPanel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    song, prefs = panel.song, parts.window.services.prefs
    song.source = tmp_path / "a song.wav"
    # Whether a run was asked for is all that matters here.
    monkeypatch.setattr(song, "run", lambda: None)
    song._settle.setInterval(60_000)

    def runs() -> bool:
        waits = song._settle.isActive()
        song._settle.stop()
        return waits

    styles = {"songbook": "rock", "pop2piano": "ballad"}
    for engine, style in styles.items():
        song.choose(engine=engine)
        assert runs()
        prefs.change(style=style)
        assert not runs(), f"{engine} has no style"
        assert song.options.style == style == prefs.now.style
        prefs.change(difficulty={"songbook": "full", "pop2piano": "easy"}[engine])
        assert runs()
        panel.inspector.composer_chosen.emit(song.options.composer + 1)
        assert runs() == (engine == "pop2piano")
    song.choose(engine="sketch")
    assert runs() and song.options.style == "ballad"
    prefs.change(style="stride")
    assert runs() and song.options.style == "stride"
    song.source = None


def test_the_place_before_the_first_bar_is_the_pickup(parts: Parts, panel: PianoPanel, qtbot: QtBot, tmp_path: Path) -> None:
    cover = small_cover()
    path = tmp_path / "with a pickup.reprise"
    save_project(replace(cover, grid=replace(cover.grid, downbeat=3)), path)
    parts.window.open_path(path)
    qtbot.waitUntil(lambda: panel.song.cover is not None)
    panel.canvas.show_view("takes")
    said = panel.takes_view._bars
    # Half a second a beat: three beats of pickup, then bars of two seconds.
    for second, words in ((0.0, "Pickup"), (1.4, "Pickup"), (1.6, "Bar 1"), (3.6, "Bar 2")):
        panel.canvas.seek(second)
        assert said.text() == words
    for loop, words in (((0.1, 1.2), "Pickup"), ((0.1, 3.0), "Pickup and bar 1"), ((0.1, 5.0), "Pickup and bars 1 to 2")):
        panel.canvas.set_loop(loop, True)
        panel.takes_view.refresh()
        assert said.text() == words
    panel.bars.stretch, panel.bars.found = (-1.0, 3.0), {"pop": Take("sketch", "pop", -1.0, 3.0, cover.notes[:2], ())}
    panel.bars.changed.emit()
    assert panel.takes_view._message.text() == "Auditions of the pickup"


def test_a_batch_by_songbook_has_no_style(panel: PianoPanel, qtbot: QtBot, tmp_path: Path) -> None:
    songs = [write_wav(tmp_path / f"{name}.wav", tune(1.0)) for name in ("one", "three", "two")]
    with qtbot.waitSignal(panel.batch.listed):
        panel.open_all(songs)
    for row, engine in enumerate(("sketch", "songbook", "pop2piano")):
        panel.batch.set([row], engine=engine)
    model = panel.batch_page.table.shown
    places = {column.setting: number for number, column in enumerate(COLUMNS) if column.setting}
    cells = [model.index(row, places["style"]) for row in range(3)]
    assert [model.data(cell) for cell in cells] == ["Pop", "–", name_of("pop2piano", "1")]
    assert [model.setting_of(cell) for cell in cells] == ["style", "", "composer"]
    assert [bool(model.flags(cell) & Qt.ItemFlag.ItemIsEditable) for cell in cells] == [True, False, True]
    assert model.data(cells[1], Qt.ItemDataRole.ToolTipRole) == "Songbook needs the difficulty alone"
    assert model.setting_of(model.index(1, places["difficulty"])) == "difficulty"


def test_a_message_leaves_the_transport_free(parts: Parts, panel: PianoPanel, qtbot: QtBot, tmp_path: Path) -> None:
    save_project(small_cover(), tmp_path / "a cover.reprise")
    parts.window.open_path(tmp_path / "a cover.reprise")
    qtbot.waitUntil(lambda: panel.song.cover is not None, timeout=PATIENCE)
    parts.window.services.say(Note(Severity.ERROR, "It went wrong", remedy="Mend it."))
    [toast] = [toast for toast in parts.window.findChildren(Toast) if toast.isVisible()]
    transport = panel.canvas.transport
    assert transport.isVisible()
    assert toast.mapToGlobal(toast.rect().bottomLeft()).y() < transport.mapToGlobal(transport.rect().topLeft()).y()
