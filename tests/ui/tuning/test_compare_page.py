"""Comparing runs: curves over one another, what differs, which is best."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from desktop.tuning.runs import RunState
from desktop.ui.tuning import compare_said as said
from desktop.ui.tuning.compare_page import MOST, ComparePage
from tests.ui.tuning.conftest import Desk
from tests.ui.tuning.history import labels_report, make_run, points
from tests.ui.tuning.test_run_page import cut, nameless


@pytest.fixture
def page(desk: Desk, qtbot: QtBot) -> Iterator[ComparePage]:
    made = ComparePage(desk.services, desk.source)
    made.resize(1000, 700)
    made.show()
    made.shown()
    qtbot.waitExposed(made)
    yield made
    made.close()
    made.deleteLater()


def cells(page: ComparePage) -> dict[str, list[str]]:
    model = page.table.lines
    columns = range(1, model.columnCount())
    return {model.index(row, 0).data(): [model.index(row, c).data() for c in columns] for row in range(model.rowCount())}


def test_results_and_what_differs_of_two_runs(desk: Desk, page: ComparePage, tmp_path: Path, qtbot: QtBot) -> None:
    first = make_run(desk.runs, "First", steps=60, learning_rate=2e-4)
    second = make_run(desk.runs, "Second", steps=120, learning_rate=1e-3, lora_rank=16, note="Better?")
    desk.runs.add_evaluation(first.id, {**labels_report(tmp_path, 4, 40), "headline": {"name": "accuracy", "value": 0.8}})
    desk.runs.add_evaluation(second.id, {**labels_report(tmp_path, 4, 40), "headline": {"name": "accuracy", "value": 0.9}})
    page.show_runs([first.id, second.id])
    qtbot.waitUntil(lambda: all(reader.is_read for reader in page.readers))
    assert [len(run) for run in page.plot.scene.runs] == [60, 120] and page.plot.scene.view.end == 120
    table = cells(page)
    assert table["Learning rate"] == ["2e-4", "0.001"] and table["LoRA rank"] == ["8", "16"] and table["Note"] == ["", "Better?"]
    assert "Batch" not in table and "Seed" not in table
    assert table["Accuracy, held-out test rows"] == ["80.0 %", "90.0 %"]
    row = list(table).index("Accuracy, held-out test rows")
    assert page.table.lines.data(page.table.lines.index(row, 2), Qt.ItemDataRole.AccessibleTextRole) == "90.0 %, the best"
    page.fold.click()
    assert cells(page)["Batch"] == ["8", "8"] and cells(page)["Epochs"] == ["3", "3"], "as settled, not as asked"
    assert not cut(page) and not nameless(page)


def test_a_run_that_goes_on_grows_beside_the_others(desk: Desk, page: ComparePage, qtbot: QtBot) -> None:
    done = make_run(desk.runs, "Done", steps=60)
    running = make_run(desk.runs, "Running", steps=120, done=30, state=RunState.RUNNING)
    page.show_runs([done.id, running.id])
    qtbot.waitUntil(lambda: all(reader.is_read for reader in page.readers))
    desk.runs.add_points(running.id, points(50, 30))
    desk.runs.update(running.id, step=50)
    qtbot.waitUntil(lambda: len(page.plot.scene.runs[1]) == 50)
    qtbot.waitUntil(lambda: cells(page)["Steps"] == ["60 of 60", "50 of 120"])
    desk.runs.update(running.id, state=RunState.STOPPED)
    desk.source.delete([running.id])
    assert [run.name for run in page.plot.scene.runs] == ["Done"]


def test_none_some_unknown_and_too_many(desk: Desk, page: ComparePage, qtbot: QtBot) -> None:
    assert page.quiet.isVisible()
    runs = [make_run(desk.runs, f"Run {k}", steps=12) for k in range(MOST + 2)]
    page.show_runs(["0123456789", *(run.id for run in runs)])
    qtbot.waitUntil(lambda: all(reader.is_read for reader in page.readers))
    assert len(page.plot.scene.runs) == MOST and not page.grab().isNull()
    page.show_run(runs[0].id)
    assert not page.fold.isVisible()
    page.show_run(None)
    assert page.quiet.isVisible()


@pytest.mark.parametrize(
    ("values", "rising", "best"),
    [
        ([1.0, 2.0], True, 1),
        ([1.0, 2.0], False, 0),
        ([1.0, 1.0], True, -1),
        ([None, 2.0], True, -1),
        ([float("nan"), 2.0, 3.0], False, 1),
    ],
)
def test_the_best_is_marked_only_where_there_is_one(values: list[float | None], rising: bool, best: int) -> None:
    assert said.best_of(values, rising=rising) == best
