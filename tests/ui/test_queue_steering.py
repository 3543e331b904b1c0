"""Steering the queue in the window: keys, reasons, filter, order, ways back, reports, what a guard holds."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from desktop.jobs.batches import BatchSpec
from desktop.jobs.events import Failed
from desktop.jobs.guards.rules import Guard
from desktop.jobs.job import RestoreJob
from desktop.jobs.rows import Owner
from desktop.jobs.states import State
from desktop.ui.app import Parts
from desktop.ui.queue.bar import FILTERS
from desktop.ui.queue.hold_strip import hold_text
from desktop.ui.queue.lines import Key, Line
from desktop.ui.queue.reports import write_report
from desktop.ui.queue_dock import QueueDock

OTHER = Owner(1, "")
"""A process that lives: what is its own is not run here."""


def clips(folder: Path, count: int) -> list[RestoreJob]:
    return [RestoreJob(source=str(folder / f"tape {n:03}.mpg"), output=str(folder / f"{n:03}.mkv")) for n in range(count)]


@pytest.fixture
def tapes(parts: Parts, tmp_path: Path) -> int:
    """A batch in the open queue: 30 failed for one reason, 2 for another, 3 wait; nothing begins."""
    parts.queue.hold("test", "the test looks on")
    store = parts.store
    batch = store.add_batch(BatchSpec(title="Tapes", kind="restore", output=str(tmp_path)), clips(tmp_path, 35), OTHER)
    for number in range(1, 33):
        store.claim(number, OTHER)
        why = "The tape is torn" if number <= 30 else "The tape is blank"
        store.move(number, State.FAILED, error=Failed(why, remedy="Splice it."))
    parts.window.dock.load()
    parts.window.dock.open()
    return batch


def keys(dock: QueueDock) -> list[Key]:
    found = (dock.view.lines.line(place) for place in range(len(dock.view.lines)))
    return [line.key for line in found if line is not None]


def line(dock: QueueDock, key: Key) -> Line:
    found = dock.view.lines.line(keys(dock).index(key))
    assert found is not None
    return found


def test_keys_open_a_batch_and_its_reasons_and_all_files_of_one_are_tried_again(parts: Parts, qtbot: QtBot, tapes: int) -> None:
    dock, view = parts.window.dock, parts.window.dock.view
    torn = ("group", "The tape is torn", tapes)
    qtbot.waitUntil(lambda: ("batch", "", tapes) in keys(dock), timeout=10_000)
    view.setFocus()
    QTest.keyClick(view, Qt.Key.Key_Home)
    QTest.keyClick(view, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: torn in keys(dock), timeout=10_000)
    assert len(keys(dock)) == 1 + 2 + 2 + 3, "the files of many failures are not shown before they are asked for"
    QTest.keyClick(view, Qt.Key.Key_Down)
    assert view.chosen is not None and view.chosen.key == torn
    QTest.keyClick(view, Qt.Key.Key_Right)
    qtbot.waitUntil(lambda: len(keys(dock)) == 8 + 30, timeout=10_000)
    QTest.keyClick(view, Qt.Key.Key_Left)
    qtbot.waitUntil(lambda: len(keys(dock)) == 8, timeout=10_000)
    view.asked.emit("retry", line(dock, torn))
    assert parts.store.batch(tapes).counts == {State.QUEUED: 33, State.FAILED: 2}
    qtbot.waitUntil(lambda: torn not in keys(dock), timeout=10_000)


def test_cancelled_and_removed_work_can_be_had_back(parts: Parts, qtbot: QtBot, tapes: int) -> None:
    dock, view = parts.window.dock, parts.window.dock.view
    single = parts.queue.submit(clips(Path("/nowhere"), 1)[0])
    key = ("job", "", single)
    qtbot.waitUntil(lambda: key in keys(dock), timeout=10_000)
    view.setFocus()
    view.choose(keys(dock).index(key))
    QTest.keyClick(view, Qt.Key.Key_Delete)
    qtbot.waitUntil(lambda: parts.store.row(single).state is State.CANCELLED, timeout=10_000)
    undo = dict(parts.window.notes()[-1].actions)["Undo"]
    undo()
    qtbot.waitUntil(lambda: parts.store.row(single).state is State.QUEUED, timeout=10_000)
    dock.steering.do_batch("cancel", parts.store.batch(tapes))
    qtbot.waitUntil(lambda: parts.store.batch(tapes).counts.get(State.CANCELLED) == 3, timeout=10_000)
    dict(parts.window.notes()[-1].actions)["Undo"]()
    assert parts.store.batch(tapes).counts == {State.QUEUED: 3, State.FAILED: 32}
    dock.steering.remove("Gone", jobs=[1, single])
    qtbot.waitUntil(lambda: key not in keys(dock), timeout=10_000)
    dock.steering.finish()
    assert parts.store.count() == 34


def test_the_list_is_narrowed_to_a_state_and_a_batch_is_found_by_its_name(parts: Parts, qtbot: QtBot, tapes: int) -> None:
    dock = parts.window.dock
    single = parts.store.add(clips(Path("/nowhere"), 1)[0], OTHER)
    for name, found in (
        ("Failed", [("batch", "", tapes)]),
        ("Done", []),
        ("Waiting", [("batch", "", tapes), ("job", "", single)]),
    ):
        dock.bar.filter.setCurrentIndex([text for text, _ in FILTERS].index(name))
        assert keys(dock) == found, name
    dock.bar.filter.setCurrentIndex(0)
    dock.search.setText("tapes")
    assert keys(dock) == [("batch", "", tapes)]
    dock.search.setText("torn")
    qtbot.waitUntil(lambda: len(keys(dock)) == 30, timeout=10_000)


def test_a_report_is_written_when_it_is_asked_for(parts: Parts, qtbot: QtBot, tapes: int, tmp_path: Path) -> None:
    write_report(parts.window.services, parts.store.batch(tapes), tmp_path / "what came.html", parts.window)
    page = tmp_path / "what came.html"
    qtbot.waitUntil(page.is_file, timeout=60_000)
    assert "The tape is torn" in page.read_text()
    assert len((tmp_path / "what came.csv").read_text().splitlines()) == 36


def test_what_a_guard_holds_is_said_and_goes_on_anyway(parts: Parts, qtbot: QtBot, tmp_path: Path) -> None:
    now = datetime.now()
    dock, strip = parts.window.dock, parts.window.dock.strip
    hours = f"{now - timedelta(hours=1):%H:%M}-{now + timedelta(hours=2):%H:%M}"
    parts.window.services.prefs.change(quiet_hours=hours)
    qtbot.waitUntil(lambda: bool(parts.queue.holds), timeout=20_000)
    number = parts.queue.submit(clips(tmp_path, 1)[0])
    qtbot.waitUntil(strip.isVisible, timeout=20_000)
    assert strip.accessibleName().startswith("Waiting: quiet hours, until") and dock.hold_reason
    assert parts.store.row(number).state is State.QUEUED
    strip.anyway.click()
    qtbot.waitUntil(lambda: parts.store.row(number).state is State.FAILED, timeout=60_000)
    qtbot.waitUntil(lambda: not strip.isVisible(), timeout=10_000)


def test_the_words_of_a_hold() -> None:
    disk: dict[str, str] = {Guard.DISK: "the disk of /tapes has 1.2 GB left, and 2.0 GB are to stay free"}
    assert hold_text(disk, is_begun=True) == (
        "Paused: the disk of /tapes has 1.2 GB left, and 2.0 GB are to stay free. Goes on by itself when there is space again."
    )
    assert hold_text({}, is_begun=True) == ""
