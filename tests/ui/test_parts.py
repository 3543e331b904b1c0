"""Toasts, actions, the bridge, background work, the library page, the first start."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QObject, QPoint, QRect, Qt, QThread
from PySide6.QtGui import QGuiApplication, QKeyEvent
from PySide6.QtWidgets import QAbstractButton, QApplication, QLabel, QMessageBox, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from desktop.jobs.events import Previewed, Progressed
from desktop.jobs.job import ListenJob
from desktop.jobs.rows import Owner, Row, Update
from desktop.jobs.states import State
from desktop.models.catalog import Commercial
from desktop.models.library import Library, Status
from desktop.ui.about import notice, packages
from desktop.ui.actions import Action, ActionBook
from desktop.ui.app import Parts
from desktop.ui.background import Op
from desktop.ui.bridge import QueueBridge
from desktop.ui.first_run import FirstRunDialog
from desktop.ui.library.page import LibraryPage
from desktop.ui.library.shelf import bytes_text
from desktop.ui.notify import Note, Severity, Toast, Toasts
from desktop.ui.widgets.elided import ElidedLabel
from tests.ui.conftest import Opener
from tests.video.networks import restorer


class FakeQueue:
    """A queue that says what the test wants, from a thread of its own."""

    def __init__(self) -> None:
        self.callback: Callable[[Update], None] = lambda update: None

    def subscribe(self, callback: Callable[[Update], None]) -> Callable[[], None]:
        self.callback = callback
        return lambda: None

    def say(self, count: int, pause: float = 0.0) -> None:
        def talk() -> None:
            for n in range(count):
                row = Row(1, ListenJob(source="a"), State.RUNNING, Owner.me(), fraction=n / count)
                self.callback(Update(row, Progressed(n / count) if n % 2 else Previewed("notes", {"n": n})))
                time.sleep(pause)

        thread = threading.Thread(target=talk)
        thread.start()
        thread.join()


def test_updates_are_gathered_and_no_event_is_lost(qapp: QApplication, qtbot: QtBot) -> None:
    queue = FakeQueue()
    bridge = QueueBridge(queue)  # type: ignore[arg-type]
    told: list[tuple[float, Row, QThread]] = []
    events: list[object] = []
    bridge.rows_changed.connect(lambda rows: told.append((time.monotonic(), rows[-1], QThread.currentThread())))
    bridge.heard.connect(lambda number, event: events.append(event))
    start = time.monotonic()
    queue.say(1000)
    for _ in range(5):
        queue.say(60, 0.002)
    qtbot.waitUntil(lambda: len(events) == 1300)
    qtbot.waitUntil(lambda: told[-1][1].fraction == 59 / 60)
    assert len(told) <= 2 + (time.monotonic() - start) / 0.1
    assert all(thread is qapp.thread() for _, _, thread in told)
    assert [event.data["n"] for event in events if isinstance(event, Previewed)][:500] == list(range(0, 1000, 2))


def test_background_work_comes_back_to_the_window(qapp: QApplication, qtbot: QtBot) -> None:
    parent = QObject()
    found: list[object] = []
    main = threading.get_ident()
    Op(parent, threading.get_ident).success(lambda ident: found.append((ident, threading.get_ident()))).start()
    qtbot.waitUntil(lambda: len(found) == 1)
    worker, here = found[0]  # type: ignore[misc]
    assert worker != main and here == main
    Op(parent, lambda: 1 / 0).failure(found.append).start()
    qtbot.waitUntil(lambda: len(found) == 2)
    assert isinstance(found[1], ZeroDivisionError)


def test_background_work_may_outlive_its_parent(qapp: QApplication, qtbot: QtBot) -> None:
    parent, gate = QObject(), threading.Event()
    Op(parent, lambda: gate.wait(5)).start()
    parent.deleteLater()
    qtbot.wait(20)
    gate.set()
    qtbot.wait(50)


def test_toasts_say_what_where_and_what_to_do(qtbot: QtBot) -> None:
    area = QWidget()
    qtbot.addWidget(area)
    area.resize(900, 600)
    area.show()
    toasts = Toasts(area)
    done: list[str] = []
    note = Note(
        Severity.ERROR, "It broke", "/a/very/long/path" * 20, "Mend it.", "line 1", [("Try again", lambda: done.append("x"))]
    )
    toast = toasts.show(note)
    assert toast.geometry().right() < area.width() and toast.geometry().bottom() < area.height()
    buttons = {button.text(): button for button in toast.findChildren(QPushButton)}
    buttons["Copy"].click()
    assert QGuiApplication.clipboard().text() == note.plain()
    height = toast.height()
    buttons["Details"].click()
    assert toast.height() > height + 100 and toast.geometry().bottom() < area.height()
    area.resize(500, 420)
    assert toast.geometry().bottom() < 420
    toasts.show(note)
    assert len(toasts.notes) == 1
    for n in range(5):
        toasts.show(Note(Severity.WARNING, f"Number {n}"))
    assert [n.text for n in toasts.notes] == ["Number 2", "Number 3", "Number 4"]
    toasts.clear()
    toasts.show(note).findChildren(QPushButton)[0].click()
    assert done == ["x"] and not toasts.notes


def whole_buttons(toast: Toast) -> list[str]:
    """Names of a toast's buttons; each has all the room that it asks for, and none lies on another or outside."""
    buttons = toast.findChildren(QAbstractButton)
    for button in buttons:
        place = QRect(button.mapTo(toast, QPoint(0, 0)), button.size())
        asked = button.sizeHint()
        assert button.width() >= asked.width() and button.height() >= asked.height(), button.accessibleName()
        assert toast.rect().contains(place), button.accessibleName()
        rest = [other for other in buttons if other is not button]
        assert not any(place.intersects(QRect(o.mapTo(toast, QPoint(0, 0)), o.size())) for o in rest), button.accessibleName()
    names = {button.text(): button.mapTo(toast, button.rect().center()).y() for button in buttons if button.text()}
    assert names["Details"] == names["Copy"], "they stand in one row"
    return list(names)


@pytest.mark.parametrize("width", [290, 400, 706, 1046])
def test_the_buttons_of_a_toast_are_whole_whatever_its_text(qtbot: QtBot, width: int) -> None:
    area = QWidget()
    qtbot.addWidget(area)
    area.resize(width, 598)
    area.show()
    toasts = Toasts(area)
    actions: list[tuple[str, Callable[[], None]]] = [("Try again", lambda: None), ("Open the library", lambda: None)]
    word = "one_word_that_is_much_wider_than_all_of_the_room_there_is_for_it_in_any_toast.opus"
    said = f"The weights of Pop2Piano are not on this computer, says /home/{word}"
    toast = toasts.show(Note(Severity.ERROR, said, f"/a/{word}", "Get them in the library.", "line 1", actions))
    assert whole_buttons(toast) == ["Try again", "Open the library", "Details", "Copy"]
    [text] = [label for label in toast.findChildren(QLabel) if label.accessibleName() == said]
    assert "…" in text.text() and text.toolTip() == said
    assert text.minimumSizeHint().width() <= text.width() and text.height() >= text.heightForWidth(text.width())


def test_a_toast_without_room_waits_and_the_one_being_read_stays(qtbot: QtBot) -> None:
    area = QWidget()
    qtbot.addWidget(area)
    area.resize(706, 598)
    area.show()
    toasts = Toasts(area)
    made = [toasts.show(Note(Severity.ERROR, f"Number {n}", "/a", "Mend it.", "x", [("Again", print)])) for n in range(3)]
    # Now they fill all of the height.
    area.resize(706, 598 - made[0].y())
    assert all(toast.isVisible() and toast.y() >= 0 for toast in made)
    {button.text(): button for button in made[0].findChildren(QPushButton)}["Details"].click()
    assert [toast.isVisible() for toast in made] == [True, False, False]
    assert made[0].y() >= 0 and len(toasts.notes) == 3
    made[0].dismiss()
    assert made[1].isVisible() and made[2].isVisible()


def test_good_news_goes_away_by_itself(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("desktop.ui.notify.STAYS_MS", 50)
    area = QWidget()
    qtbot.addWidget(area)
    area.show()
    toasts = Toasts(area)
    toasts.show(Note(Severity.GOOD, "Done"))
    toasts.show(Note(Severity.ERROR, "Broken"))
    qtbot.waitUntil(lambda: len(toasts.notes) == 1)
    assert toasts.notes[0].severity is Severity.ERROR


def test_actions_say_why_not(qtbot: QtBot) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    book = ActionBook(window)
    reason, done = ["Open a song first"], []
    book.add([Action("a.b", "Do", lambda: done.append(1), ("Ctrl+B",), "File", lambda: reason[0])])
    assert not book["a.b"].isEnabled() and book["a.b"].toolTip() == "Open a song first"
    reason[0] = ""
    book.refresh()
    book["a.b"].trigger()
    assert done == [1]
    for bad in (Action("a.b", "x", print), Action("c", "x", print, ("Ctrl+B",)), Action("d", "x", print, menu="Odd")):
        with pytest.raises(ValueError, match="taken"):
            book.add([bad])
    assert book.shortcuts() == [("File", "Do", book["a.b"].shortcut().toString())]


def test_long_names_are_cut_in_the_middle_and_whole_in_the_tooltip(qtbot: QtBot) -> None:
    label = ElidedLabel("a very long name of a song that nobody would type by hand (live, remastered).flac")
    qtbot.addWidget(label)
    label.resize(200, 20)
    label.show()
    assert "…" in label.shown_text() and label.shown_text().endswith(".flac")
    assert label.toolTip() == label.text()
    label.setText("short")
    assert label.shown_text() == "short" and label.toolTip() == ""


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 B"), (999, "999 B"), (1500, "1.5 KB"), (758279, "758 KB"), (4_200_000_000, "4.2 GB")]
)
def test_sizes_for_people(size: int, text: str) -> None:
    assert bytes_text(size) == text


def test_the_licences_of_what_is_installed(qapp: QApplication) -> None:
    found = {name.lower(): licence for name, _, licence in packages()}
    assert "LGPL" in found["pyside6"]
    assert {"numpy", "msgspec", "av", "mido"} <= found.keys()
    assert all(licence and len(licence) < 200 for licence in found.values())


@pytest.fixture
def page(parts: Parts, qtbot: QtBot) -> LibraryPage:
    parts.window.go("library")
    page = parts.window.panel
    assert isinstance(page, LibraryPage)
    qtbot.waitUntil(lambda: page.shelf.is_known)
    return page


def test_the_library_shows_and_verifies(parts: Parts, page: LibraryPage, qtbot: QtBot) -> None:
    shelf = page.shelf
    assert shelf.states["timgm6mb"] in (Status.INSTALLED, Status.BUNDLED)
    card = page._cards["timgm6mb"]
    assert card._buttons["verify"].isVisible() and not card._install.isVisible()
    card._buttons["verify"].click()
    qtbot.waitUntil(lambda: any("as it should be" in note.text for note in parts.window.notes()))


def test_offline_blocks_installing_with_a_reason(parts: Parts, page: LibraryPage, qtbot: QtBot) -> None:
    shelf = page.shelf
    missing = next((entry.id for entry in shelf.entries if entry.download), None)
    assert missing is not None
    shelf.states[missing] = Status.MISSING
    page._offline.setChecked(True)
    assert parts.window.services.prefs.now.offline
    card = page._cards[missing]
    assert not card._install.isEnabled() and "offline" in card._install.toolTip()
    assert card._buttons["import"].isVisible()
    page._offline.setChecked(False)
    assert card._install.isEnabled()


def test_dropped_files_find_their_model(parts: Parts, page: LibraryPage, tmp_path: Path, qtbot: QtBot) -> None:
    odd = tmp_path / "odd.sf2"
    odd.write_bytes(b"x")
    parts.window.drop([odd])
    assert "no model" in parts.window.notes()[-1].text
    wrong = tmp_path / "nmp.onnx"
    wrong.write_bytes(b"not the model")
    entry = page.shelf.match(wrong)
    assert entry is not None and entry.id == "basic-pitch"
    monkey = Library(tmp_path / "models")
    assert monkey.status("basic-pitch") is Status.MISSING


def test_a_restorer_of_ones_own_is_dropped_listed_and_removed(
    open_window: Opener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    monkeypatch.setenv("REPRISE_MODELS", str(tmp_path / "models"))
    parts = open_window()
    parts.window.go("library")
    page = parts.window.panel
    assert isinstance(page, LibraryPage)
    qtbot.waitUntil(lambda: page.shelf.is_known)
    count = len(page._cards)
    parts.window.drop([restorer(tmp_path / "My net.onnx")])
    qtbot.waitUntil(lambda: "my-net" in page._cards)
    card = page._cards["my-net"]
    qtbot.waitUntil(card.isVisible)
    assert len(page._cards) == count + 1 and not card._install.isVisible()
    assert card.entry.licence.commercial is Commercial.UNCLEAR
    last = [entry.id for entry in page.shelf.entries if not entry.is_own][-1]
    assert page._column.indexOf(card) == page._column.indexOf(page._cards[last]) + 1
    page.shelf.remove("my-net")
    qtbot.waitUntil(lambda: "my-net" not in page._cards)
    (tmp_path / "bad.onnx").write_bytes(b"not a model")
    parts.window.drop([tmp_path / "bad.onnx"])
    qtbot.waitUntil(lambda: any("not an ONNX file" in note.text for note in parts.window.notes()))
    assert len(page._cards) == count


def test_removing_asks_first(parts: Parts, page: LibraryPage, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(QMessageBox, "exec", lambda box: asked.append(box.text()))
    monkeypatch.setattr(QMessageBox, "clickedButton", lambda box: None)
    page._do("remove", "basic-pitch")
    assert asked == ["Remove Basic Pitch?"]


def test_the_first_start_lists_what_is_fetched(parts: Parts, page: LibraryPage, qtbot: QtBot) -> None:
    shelf = page.shelf
    wanted = [entry for entry in shelf.entries if entry.pack == "piano" and entry.default and entry.download]
    for entry in wanted:
        shelf.states[entry.id] = Status.MISSING
    dialog = FirstRunDialog(shelf, "piano", parts.window)
    dialog.open()
    words = " ".join(label.text() for label in dialog.findChildren(type(dialog._problem)))
    for entry in wanted:
        assert entry.title in words and entry.licence.spdx in words and bytes_text(entry.download) in words
    chosen: list[bool] = []
    dialog.offline_chosen.connect(lambda: chosen.append(True))
    dialog._offline.click()
    assert chosen == [True] and not dialog.isVisible()


def test_about_names_whose_portraits_the_face_restorer_learned_from() -> None:
    text = notice()
    assert "Face Research Lab London Set" in text and "Young Adult White Faces with Manipulated Versions" in text
    assert text.count("CC BY 4.0") >= 1


def test_two_panels_may_use_the_same_key_and_the_one_in_front_has_it(qapp: QApplication) -> None:
    window = QWidget()
    book = ActionBook(window)
    done: list[str] = []
    book.add([Action("w.quit", "Quit", lambda: done.append("quit"), ("Ctrl+Q",), "File")])
    book.add([Action("a.do", "Do", lambda: done.append("a"), ("Space",), "Play", soft=True)], "a")
    book.add([Action("b.do", "Do", lambda: done.append("b"), ("Space",), "Play", soft=True)], "b")
    with pytest.raises(ValueError, match="taken"):
        book.add([Action("b.more", "More", lambda: None, ("Space",), "Play")], "b")
    with pytest.raises(ValueError, match="taken"):
        book.add([Action("b.quit", "Quit", lambda: None, ("Ctrl+Q",), "Play")], "b")
    space = QKeyEvent(QKeyEvent.Type.KeyPress, Qt.Key.Key_Space, Qt.KeyboardModifier.NoModifier)
    assert not book.press(space)
    for front in ("a", "b"):
        book.show_scope(front)
        assert book.press(space)
        assert [text for _, text, _ in book.shortcuts()] == ["Quit", "Do"]
    assert done == ["a", "b"]
    assert book["b.do"].isVisible() and not book["a.do"].isVisible()
