"""The open cover as a document: undo, saving, and nothing lost by a crash, a full disk or closing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QThreadPool
from pytestqt.qtbot import QtBot

from desktop.errors import UserError
from desktop.paths import data_dir
from desktop.piano.cover import Cover
from desktop.piano.project import load_project, save_project
from desktop.ui.app import Parts
from desktop.ui.main_window import MainWindow
from desktop.ui.notify import Note
from desktop.ui.piano.document import Document
from desktop.ui.piano.edit_sidecar import find_unsaved
from tests.e2e.media import tune, write_wav
from tests.ui import editing
from tests.ui.conftest import Opener, close
from tests.ui.editing import find, notes_of, open_cover, panel_of, small_cover, write_cover

kept_window, shared_window = editing.kept_window, editing.shared_window


def higher(cover: Cover, by: int = 1) -> Cover:
    notes = cover.notes.copy()
    notes["pitch"] += by
    return replace(cover, notes=notes)


@pytest.fixture
def parts(shared_window: Parts) -> Parts:
    return shared_window


def sidecars() -> list[Path]:
    return sorted((data_dir() / "unsaved").glob("*.reprise"))


def settled(qtbot: QtBot) -> None:
    """Let what runs off the window's thread end, and its answers arrive."""
    # An answer may begin more of it.
    for _ in range(3):
        QThreadPool.globalInstance().waitForDone()
        qtbot.wait(10)


def note_of(window: MainWindow, part: str) -> Note:
    return next(note for note in window.notes() if part in note.text)


def press(note: Note, text: str) -> None:
    next(run for name, run in note.actions if name == text)()


def test_steps_merge_by_name_and_carry_the_selection(qtbot: QtBot, home: Path, tmp_path: Path) -> None:
    document = Document()
    told: list[tuple[int, bool]] = []
    document.changed.connect(lambda: told.append((document.stack.count(), document.unsaved)))
    first = small_cover()
    document.edit("Nothing is open", first)
    document.start(first, tmp_path / "a.reprise", tmp_path / "a.reprise")
    document.select([3, 1, 3, 999, -1])
    assert document.selection.tolist() == [1, 3] and not document.unsaved
    for by in (1, 2, 3):
        document.edit("Higher", higher(first, by), "drag 1")
    document.edit("Higher", higher(first, 4), "drag 2")
    assert document.stack.count() == 2 and document.selection.tolist() == []
    document.stack.undo()
    assert int(document.cover.notes["pitch"][0]) == int(first.notes["pitch"][0]) + 3  # type: ignore[union-attr]
    document.stack.undo()
    assert document.cover is first and document.selection.tolist() == [1, 3] and document.current_file is not None
    assert told == [(0, False), (1, True), (1, True), (1, True), (2, True), (2, True), (2, False)]
    # What only moves in time keeps what is chosen.
    document.edit("Stretch", replace(first, duration=9.0))
    assert document.selection.tolist() == [1, 3]
    document.close()
    settled(qtbot)


def test_saving_is_asked_for_and_until_then_the_file_stays(parts: Parts, tmp_path: Path, qtbot: QtBot) -> None:
    path = write_cover(tmp_path / "mine.reprise")
    before = path.read_bytes()
    panel = open_cover(parts, path, qtbot)
    song, window = panel.song, parts.window
    assert window.windowTitle() == "mine.reprise – Reprise"
    given: list[Path] = []
    song.with_project(given.append)
    assert given == [path]
    panel.canvas.editor.choose([0])
    panel.canvas.editor.move(0, 2)
    assert window.windowTitle() == "mine.reprise – edited – Reprise"
    song.with_project(given.append)
    qtbot.waitUntil(lambda: len(given) == 2)
    assert given[1] != path and given[1].stem == "mine" and path.read_bytes() == before
    assert np.array_equal(load_project(given[1]).notes, notes_of(panel))
    qtbot.waitUntil(lambda: len(sidecars()) == 1)
    window.book["file.save"].trigger()
    qtbot.waitUntil(lambda: not song.document.unsaved)
    settled(qtbot)
    assert np.array_equal(load_project(path).notes, notes_of(panel)) and not sidecars()
    assert window.windowTitle() == "mine.reprise – Reprise" and note_of(window, "Saved mine.reprise")
    song.document.stack.undo()
    assert song.document.unsaved


def test_a_song_is_saved_as_a_project_and_goes_on_as_that(parts: Parts, tmp_path: Path, qtbot: QtBot) -> None:
    panel = open_cover(parts, Path("resources/demo/six-oclock-ferry.mid").absolute(), qtbot)
    panel.canvas.editor.choose([0])
    panel.canvas.editor.delete()
    target = tmp_path / "ferry.reprise"
    panel.song.save(target)
    qtbot.waitUntil(lambda: panel.song.path == target)
    settled(qtbot)
    assert parts.window.windowTitle() == "ferry.reprise – Reprise" and not sidecars()
    assert len(load_project(target).notes) == len(notes_of(panel)) and panel.song.document.home == target


CRASHING = """
import sys
from pathlib import Path
from PySide6.QtCore import QTimer
from desktop.ui import app as application
app = application.application()
parts = application.build(app)
parts.window.show()
parts.window.open_path(Path(sys.argv[1]))
song = parts.window.panel_of("piano").song
editor = parts.window.panel_of("piano").canvas.editor

def edit():
    if song.cover is None:
        QTimer.singleShot(50, edit)
        return
    editor.choose([0, 1, 2])
    editor.move(0, 5)
    print("edited", flush=True)

edit()
app.exec()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL on Windows")
def test_a_killed_process_loses_seconds_at_most(open_window: Opener, tmp_path: Path, qtbot: QtBot) -> None:
    path = write_cover(tmp_path / "mine.reprise")
    child = subprocess.Popen(
        [sys.executable, "-c", CRASHING, str(path)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ},
        stderr=subprocess.DEVNULL,
    )
    try:
        assert child.stdout is not None and child.stdout.readline() == "edited\n"
        qtbot.waitUntil(lambda: len(sidecars()) == 1)
        # A window beside the one that still lives does not take its work for lost.
        parts = open_window()
        panel = open_cover(parts, path, qtbot)
        settled(qtbot)
        assert not [note for note in parts.window.notes() if "not saved" in note.text]
    finally:
        child.send_signal(signal.SIGKILL)
        child.communicate()
    assert len(sidecars()) == 1
    panel.song.close()
    panel = open_cover(parts, path, qtbot)
    qtbot.waitUntil(lambda: any("not saved" in note.text for note in parts.window.notes()))
    note = note_of(parts.window, "not saved")
    assert [text for text, _ in note.actions] == ["Recover", "Discard"]
    assert np.array_equal(notes_of(panel), small_cover().notes)
    press(note, "Recover")
    assert not np.array_equal(notes_of(panel), small_cover().notes) and panel.song.document.unsaved
    settled(qtbot)
    (kept,) = sidecars()
    assert f"-{os.getpid()}-" in kept.name and np.array_equal(load_project(kept).notes, notes_of(panel))
    panel.song.document.stack.undo()
    assert np.array_equal(notes_of(panel), small_cover().notes)


def test_closing_and_opening_another_file_lose_nothing(open_window: Opener, tmp_path: Path, qtbot: QtBot) -> None:
    one, two = write_cover(tmp_path / "one.reprise"), write_cover(tmp_path / "two.reprise")
    parts = open_window()
    panel = open_cover(parts, one, qtbot)
    panel.canvas.editor.choose([find(panel, 1, 65)])
    panel.canvas.editor.delete()
    panel.song.close()
    panel = open_cover(parts, two, qtbot)
    panel.canvas.editor.choose([find(panel, 1, 65)])
    panel.canvas.editor.move(0, 1)
    close(parts)
    assert len(sidecars()) == 2
    parts = open_window()
    panel = open_cover(parts, one, qtbot)
    qtbot.waitUntil(lambda: any("not saved" in note.text for note in parts.window.notes()))
    press(note_of(parts.window, "not saved"), "Recover")
    assert len(notes_of(panel)) == len(small_cover().notes) - 1
    panel.song.save(one)
    qtbot.waitUntil(lambda: not panel.song.document.unsaved)
    panel.song.close()
    panel = open_cover(parts, two, qtbot)
    qtbot.waitUntil(lambda: any("not saved" in note.text and note.path == str(two) for note in parts.window.notes()))
    press(next(note for note in parts.window.notes() if note.path == str(two) and "not saved" in note.text), "Discard")
    settled(qtbot)
    assert not sidecars() and np.array_equal(notes_of(panel), small_cover().notes)


def test_work_on_a_song_is_offered_before_its_cover_is_made(parts: Parts, tmp_path: Path, qtbot: QtBot) -> None:
    song_file = write_wav(tmp_path / "song.wav", tune(6.0))
    lost = Document()
    lost.start(small_cover(), song_file)
    lost.edit("Higher", higher(small_cover(), 3))
    lost.leave()
    song = panel_of(parts).song
    parts.window.open_path(song_file)
    qtbot.waitUntil(lambda: any("not saved" in note.text for note in parts.window.notes()))
    assert song.cover is None and song.covering is not None and song.uneditable
    press(note_of(parts.window, "not saved"), "Recover")
    assert np.array_equal(notes_of(panel_of(parts)), higher(small_cover(), 3).notes)
    qtbot.waitUntil(lambda: song.covering is None)
    assert song.document.unsaved and not song.uneditable and parts.window.windowTitle().startswith("song.wav – edited")


def test_who_goes_on_changing_is_saved_meanwhile(home: Path, tmp_path: Path, qtbot: QtBot) -> None:
    document = Document()
    document._timer.setInterval(150)
    document.start(small_cover(), tmp_path / "a.reprise")
    for by in range(1, 9):
        document.edit("Higher", higher(small_cover(), by))
        qtbot.wait(50)
    settled(qtbot)
    assert len(sidecars()) == 1
    document.stack.setClean()
    document.leave()
    assert not sidecars()


def test_the_newest_of_several_is_offered_first(home: Path, tmp_path: Path, qtbot: QtBot) -> None:
    path = write_cover(tmp_path / "mine.reprise")
    for by in (1, 2):
        lost = Document()
        lost.start(small_cover(), path)
        lost.edit("Higher", higher(small_cover(), by))
        lost.leave()
        os.utime(max(sidecars(), key=lambda file: file.stat().st_mtime), (by * 1e9, by * 1e9))
    for by in (2, 1):
        found = find_unsaved(path, small_cover())
        assert found is not None and np.array_equal(found.cover.notes, higher(small_cover(), by).notes)
        found.discard()
    assert find_unsaved(path) is None


@contextmanager
def full_disk(size: int = 100) -> Iterator[None]:
    """No file may grow beyond ``size`` bytes."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)


def test_on_a_full_disk_the_file_and_the_work_stay(home: Path, tmp_path: Path, qtbot: QtBot) -> None:
    path = write_cover(tmp_path / "mine.reprise")
    before, document, first = path.read_bytes(), Document(), small_cover()
    document.start(first, path, path, path)
    document.edit("Higher", higher(first))
    said: list[Exception] = []
    document.trouble.connect(said.append)
    with full_disk():
        document.save(path)
        document.keep()
        settled(qtbot)
    assert len(said) == 2 and all(isinstance(error, UserError) and error.remedy for error in said)
    assert path.read_bytes() == before and document.unsaved and not sidecars()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["mine.reprise"]
    document.save(path)
    settled(qtbot)
    assert not document.unsaved and np.array_equal(load_project(path).notes, higher(first).notes)


def test_what_cannot_be_saved_is_said(parts: Parts, tmp_path: Path, qtbot: QtBot) -> None:
    panel = open_cover(parts, write_cover(tmp_path / "mine.reprise"), qtbot)
    panel.canvas.editor.choose([0])
    panel.canvas.editor.move(0, 2)
    panel.song.save(tmp_path / "gone" / "there.reprise")
    qtbot.waitUntil(lambda: any("could not be written" in note.text for note in parts.window.notes()))
    note = note_of(parts.window, "could not be written")
    assert note.path.endswith("there.reprise") and note.remedy and [text for text, _ in note.actions] == ["Save as…"]
    assert panel.song.document.unsaved and panel.song.path == tmp_path / "mine.reprise"


def test_a_new_cover_of_an_edited_song_is_a_step_back(parts: Parts, tmp_path: Path, qtbot: QtBot) -> None:
    panel = open_cover(parts, Path("resources/demo/six-oclock-ferry.mid").absolute(), qtbot)
    song = panel.song
    made = tmp_path / "made.reprise"
    new = higher(notes_cover(song.cover), 1)
    save_project(new, made)
    song._take(new, made)
    assert song.cover is new and not song.document.stack.count(), "nothing was edited, so there is nothing to go back to"
    panel.canvas.editor.choose([0])
    panel.canvas.editor.delete()
    mine = notes_of(panel).copy()
    newer = replace(higher(new), info={**new.info, "style": "chorale"})
    song._take(newer, made)
    assert song.cover is newer and song.document.current_file == made and song.options.style == "chorale"
    assert song.document.stack.undoText() == "New cover (chorale, )"
    song.document.stack.undo()
    assert np.array_equal(notes_of(panel), mine)


def notes_cover(cover: Cover | None) -> Cover:
    assert cover is not None
    return replace(cover, info={**cover.info, "style": "pop"})


@pytest.mark.slow
def test_the_sound_follows_an_edit_while_the_old_one_is_heard(parts: Parts, tmp_path: Path, qtbot: QtBot) -> None:
    panel = open_cover(parts, write_cover(tmp_path / "mine.reprise"), qtbot)
    song = panel.song
    qtbot.waitUntil(lambda: song.sound is not None)
    old = song.sound
    panel.canvas.editor.choose_all()
    panel.canvas.editor.move(0, 1)
    panel.canvas.editor.move(0, 1)
    assert song.sound is old
    qtbot.waitUntil(lambda: song.rendering)
    assert song.sound is old
    qtbot.waitUntil(lambda: song.sound is not old)
    assert song.sound is not None
    song.document.stack.undo()
    qtbot.waitUntil(lambda: song.sound is not None and old is not None and np.array_equal(song.sound.frames, old.frames))


def test_the_bars_that_are_meant(parts: Parts, tmp_path: Path, qtbot: QtBot) -> None:
    panel = open_cover(parts, write_cover(tmp_path / "mine.reprise"), qtbot)
    song, canvas = panel.song, panel.canvas
    canvas.seek(2.6)
    assert song.chosen_beats() == (4, 8)
    canvas.set_loop((0.1, 2.0), True)
    assert song.chosen_beats() == (0, 4)
    song.select([find(panel, 5, 65), find(panel, 8, 64)])
    assert song.chosen_beats() == (4, 12)
    assert panel_of(parts) is panel
