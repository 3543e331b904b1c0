"""Batches in the window's queue: one row that opens to its files, failures by reason, thousands of jobs."""

from __future__ import annotations

from pathlib import Path

from pytestqt.qtbot import QtBot

from desktop.jobs.batches import BatchSpec
from desktop.jobs.job import RestoreJob
from desktop.jobs.rows import Owner
from desktop.ui.app import Parts
from desktop.ui.queue.batch_row import GroupRow


def jobs(folder: Path, count: int) -> list[RestoreJob]:
    """Restorations of clips that do not exist."""
    return [RestoreJob(source=str(folder / f"tape {n:05}.mpg"), output=str(folder / f"out {n:05}.mkv")) for n in range(count)]


def ask(parts: Parts, what: str, batch: int) -> None:
    """Ask something of a batch that is in the list."""
    lines = parts.window.dock.view.lines
    found = (lines.line(place) for place in range(len(lines)))
    parts.window.dock.view.asked.emit(what, next(line for line in found if line and line.key == ("batch", "", batch)))


def test_a_batch_is_one_row_that_opens_to_reasons_and_files(parts: Parts, qtbot: QtBot, tmp_path: Path) -> None:
    dock = parts.window.dock
    dock.load()
    dock.open()
    number = parts.queue.submit_batch(BatchSpec(title="Tapes of 1994", kind="restore"), jobs(tmp_path, 3))
    qtbot.waitUntil(lambda: number in dock.view.batches, timeout=10_000)
    qtbot.waitUntil(lambda: parts.queue.batch(number).is_over, timeout=60_000)
    assert not dock.view.jobs, "the files of a closed batch have no rows"
    ask(parts, "open", number)
    qtbot.waitUntil(lambda: len(dock.view.jobs) == 3, timeout=10_000)
    reasons = [row for row in dock.view.findChildren(GroupRow) if row.isVisible()]
    assert [row.accessibleName() for row in reasons] == ["3 failed: The file cannot be read: No such file or directory"]
    ask(parts, "remove", number)
    qtbot.waitUntil(lambda: not dock.view.batches and not dock.view.jobs, timeout=10_000)
    assert len(parts.store.batches()) == 1, "it can be had back for a while"
    parts.window.notes()[-1].actions[0][1]()
    qtbot.waitUntil(lambda: number in dock.view.batches, timeout=10_000)
    ask(parts, "remove", number)
    dock.steering.finish()
    assert parts.store.batches() == []


def test_thousands_of_jobs_need_few_widgets_and_can_be_searched(parts: Parts, qtbot: QtBot, tmp_path: Path) -> None:
    # Of another process that lives, so that nothing of it is run here.
    parts.store.add_batch(BatchSpec(title="All tapes", kind="restore"), jobs(tmp_path, 3000), Owner(1, ""))
    dock = parts.window.dock
    dock.load()
    dock.open()
    dock.search.setText("tape 02999")
    qtbot.waitUntil(lambda: len(dock.view.jobs) == 1, timeout=10_000)
    dock.search.clear()
    qtbot.waitUntil(lambda: len(dock.view.batches) == 1, timeout=10_000)
    number = next(iter(dock.view.batches))
    ask(parts, "open", number)
    qtbot.waitUntil(lambda: len(dock.view.lines) > 3000, timeout=10_000)
    bar = dock.view.verticalScrollBar()
    bar.setValue(bar.maximum())
    qtbot.waitUntil(lambda: any(row.accessibleName().startswith("tape 0") for row in dock.view.jobs.values()), timeout=10_000)
    assert len(dock.view.jobs) < 20
    # Nobody has to cancel them one by one.
    parts.store.delete_batch(number)
