"""The Evaluate page over real reports: numbers, matrix, rows, subjects, and the job that is asked for."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from desktop.errors import UserError
from desktop.jobs.job import EvaluateJob
from desktop.jobs.states import State
from desktop.ui.tuning import evaluate_said as said
from desktop.ui.tuning.evaluate_page import EvaluatePage
from desktop.ui.tuning.evaluate_rows import Filter, RowsFile
from desktop.ui.widgets.bar_chart import BarChart
from desktop.ui.widgets.confusion_view import ConfusionView
from tests.ui.tuning.conftest import Desk
from tests.ui.tuning.history import labels_report, make_run, mmlu_report, names, text_report
from tests.ui.tuning.test_run_page import cut, nameless


@pytest.fixture
def page(desk: Desk, qtbot: QtBot) -> Iterator[EvaluatePage]:
    made = EvaluatePage(desk.services, desk.source)
    made.resize(1110, 740)
    made.show()
    made.shown()
    qtbot.waitExposed(made)
    yield made
    made.close()
    made.deleteLater()


def test_labels_headline_matrix_and_the_rows_behind_a_cell(desk: Desk, page: EvaluatePage, tmp_path: Path, qtbot: QtBot) -> None:
    run = make_run(desk.runs, labels=True, steps=24)
    report = labels_report(tmp_path, 12, 400)
    desk.runs.add_evaluation(run.id, report)
    page.show_run(run.id)
    result, labels = page.result, page.result.labels
    assert result.headline.value.text() == said.share(report["accuracy"]) and result.headline.gain.text().startswith("+")
    assert result.facts.facts["Macro-F1"].value == said.share(report["macro_f1"])
    rows = labels.rows
    qtbot.waitUntil(lambda: rows.model.rowCount() > 0)
    wrong = 400 - int(np.trace(np.array(report["confusion"]["counts"])))
    assert rows.model.rowCount() == wrong, "the mistakes come first"
    expected, answer, count = said.mistaken(report)[0]
    place = labels.confusion.rect_of(expected, answer).center().toPoint()
    qtbot.mouseClick(labels.confusion.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert labels.views.value == "rows"
    qtbot.waitUntil(lambda: rows.model.rowCount() == count)
    shown = report["confusion"]["labels"]
    assert rows.pair.text() == f"{shown[expected]}, answered as {shown[answer]}"
    assert rows.model.index(0, 2).data() == shown[expected] and rows.detail.answer.text() == shown[answer]
    rows.show_pair(None, None)
    rows.kinds.set_value("all")
    rows.search.setText("case 399")
    qtbot.waitUntil(lambda: rows.model.rowCount() == 1)
    assert rows.model.index(0, 0).data() == "401"


def test_labels_are_sorted_by_any_number(desk: Desk, page: EvaluatePage, tmp_path: Path) -> None:
    run = make_run(desk.runs, labels=True, steps=24)
    report = labels_report(tmp_path, 12, 400, outside=True)
    desk.runs.add_evaluation(run.id, report)
    page.show_run(run.id)
    table = page.result.labels.classes
    f1 = [float(table.model().index(row, 4).data().rstrip(" %")) for row in range(table.model().rowCount())]
    assert f1 == sorted(f1), "the weakest come first"
    table.sortByColumn(1, Qt.SortOrder.DescendingOrder)
    counts = [int(table.model().index(row, 1).data()) for row in range(table.model().rowCount())]
    assert counts == sorted(counts, reverse=True)
    outside = page.result.outside.facts
    assert outside["Out of scope found"].value == said.share(report["outside"]["recall"]) and outside["Threshold"].value == "0.42"


def test_texts_and_mmlu_have_their_own_views(desk: Desk, page: EvaluatePage, tmp_path: Path, qtbot: QtBot) -> None:
    run = make_run(desk.runs, steps=24)
    desk.runs.add_evaluation(run.id, mmlu_report())
    desk.runs.add_evaluation(run.id, text_report(tmp_path))
    page.show_run(run.id)
    assert [page.history.itemText(k).split("  ·  ")[1] for k in range(2)] == [
        "held out commits.jsonl, 200 of them",
        "MMLU, 5 examples each, 2,000 of them",
    ]
    assert page.result.headline.name.text() == "ROUGE-L" and "validation rows" in page.result.warnings.text()
    assert "Exact match" in page.result.facts.facts
    qtbot.waitUntil(lambda: page.result.rows.model.rowCount() > 0)
    page.history.setCurrentIndex(1)
    page.history.activated.emit(1)
    bars = page.result.subjects.bars
    assert len(bars) == 58 and bars[0].strong and bars[0].low is not None
    values = [bar.value for bar in bars[1:]]
    assert values == sorted(values, reverse=True) and {"High school european history"} & {bar.name for bar in bars}
    references = {one.name: one.value for one in said.references(mmlu_report())}
    assert references["Random"] == 0.25 and references["Flan-T5 XXL (11B)"] == pytest.approx(0.545)


def test_what_is_chosen_becomes_a_job_that_is_followed(desk: Desk, page: EvaluatePage, tmp_path: Path, qtbot: QtBot) -> None:
    run = make_run(desk.runs, labels=True, steps=24)
    page.show_run(run.id)
    assert page.quiet.text.text() == "Not evaluated yet" and page.setup.isVisible()
    setup = page.setup
    setup.where.set_value("mmlu")
    setup.where.chosen.emit("mmlu")
    assert not setup.go.isEnabled() and "folder of MMLU" in setup.go.toolTip()
    setup.take_file(str(tmp_path / "test.csv"))
    setup.limit.setValue(500)
    setup.outside.setText("oos, chit-chat")
    setup.go.click()
    row = page.watched.row
    assert row is not None and row.job == EvaluateJob(
        model=run.id, source=str(tmp_path / "test.csv"), limit=500, baseline=True, outside=("oos", "chit-chat")
    )
    assert page.progress.isVisible() and "Waiting" in page.progress.message.text() and not setup.go.isEnabled()
    desk.elsewhere.claim(row.id, row.owner)
    desk.runs.add_evaluation(run.id, labels_report(tmp_path, 5, 60))
    desk.elsewhere.move(row.id, State.DONE, result={})
    qtbot.waitUntil(lambda: not page.watched.going)
    qtbot.waitUntil(lambda: page.report is not None and page.history.count() == 1 and not page.progress.isVisible())


def test_a_run_that_trains_or_has_no_weights_is_not_scored(desk: Desk, page: EvaluatePage) -> None:
    from desktop.tuning.runs import RunState

    page.show_run(make_run(desk.runs, steps=24, done=12, state=RunState.RUNNING).id)
    assert page.setup.go.toolTip() == "The run is still being trained" and not page.setup.go.isEnabled()
    page.show_run(make_run(desk.runs, steps=24, done=0, state=RunState.FAILED, error="no").id)
    assert "no weights" in page.setup.go.toolTip()
    page.show_run(None)
    assert page.quiet.text.text() == "No run is open" and not page.setup.isVisible()


def test_rows_that_are_gone_or_broken_are_explained(desk: Desk, page: EvaluatePage, tmp_path: Path, qtbot: QtBot) -> None:
    run = make_run(desk.runs, labels=True, steps=24)
    report = labels_report(tmp_path, 5, 60)
    Path(report["rows_file"]).unlink()
    desk.runs.add_evaluation(run.id, report)
    page.show_run(run.id)
    rows = page.result.labels.rows
    qtbot.waitUntil(lambda: "not there any more" in rows.problem.text())
    broken = tmp_path / "broken.jsonl"
    broken.write_text('{"line": 1, "prompt": "a"')
    with pytest.raises(UserError, match="cannot be read"):
        RowsFile(broken, by_label=True)


def test_rows_are_found_without_keeping_them(tmp_path: Path) -> None:
    report = labels_report(tmp_path, 20, 2000)
    file = RowsFile(Path(report["rows_file"]), by_label=True)
    assert len(file) == 2000 and file.right == int(np.trace(np.array(report["confusion"]["counts"])))
    for expected, answer, count in said.mistaken(report)[:5]:
        labels = report["confusion"]["labels"]
        found = file.select(Filter(expected=labels[expected], answer=labels[answer]))
        assert len(found) == count and all(file.row(n).answer == labels[answer] for n in found.tolist())
    assert len(file.select(Filter(right=False))) == 2000 - file.right
    assert len(file.select(Filter(text="CASE 1999"))) == 1 and not len(file.select(Filter(expected="nobody")))
    for number in range(2000):
        file.row(number)
    assert len(file._kept) <= 512


def test_a_matrix_of_150_labels_is_read_by_keys_and_zoomed(qapp: QApplication, qtbot: QtBot) -> None:
    view = ConfusionView()
    view.resize(500, 420)
    counts = np.eye(150, dtype=np.int64) * 20
    counts[3, 140] = 5
    view.show_confusion(names(150), counts)
    view.show()
    qtbot.waitExposed(view)
    assert view.cell == 3.0 and view.verticalScrollBar().maximum() > 0, "cells stay large enough to be hit"
    assert not view.grab().isNull()
    chosen: list[tuple[int, int]] = []
    view.chosen.connect(lambda row, column: chosen.append((row, column)))
    view.setFocus()
    view.select((3, 139))
    qtbot.keyClick(view, Qt.Key.Key_Right)
    assert (
        view.current == (3, 140)
        and "answered as" in view.accessibleDescription()
        and "5 of 25 (20 %)" in view.accessibleDescription()
    )
    qtbot.keyClick(view, Qt.Key.Key_Return)
    assert chosen == [(3, 140)]
    for _ in range(10):
        qtbot.keyClick(view, Qt.Key.Key_Plus)
    assert view.cell > 20
    view.select((149, 149))
    rect = view.rect_of(149, 149)
    assert view.viewport().rect().adjusted(-2, -2, 2, 2).contains(rect.toRect())
    middle = rect.center().toPoint()
    assert view.cell_at(middle) == (149, 149) and view.cell_at(QPoint(2, 2)) is None
    qtbot.mouseMove(view.viewport(), middle)
    assert not view.grab().isNull()
    view.show_confusion([], [])
    assert not view.grab().isNull()
    view.close()
    view.deleteLater()


def test_names_of_references_do_not_touch(qapp: QApplication) -> None:
    chart = BarChart("Subjects")
    chart.resize(520, 300)
    chart.show_bars(said.subject_bars(mmlu_report()), said.references(mmlu_report()))
    chart.grab()
    lines: dict[int, list[tuple[float, float]]] = {}
    for one, line, left in chart._places:
        width = chart.fontMetrics().horizontalAdvance(chart._words(one)) * 11 / 13
        lines.setdefault(line, []).append((left, left + width))
        assert left + width <= chart.viewport().width() + 12
    for spans in lines.values():
        assert all(one[1] <= other[0] for one, other in itertools.pairwise(spans))
    chart.deleteLater()


@pytest.mark.parametrize("size", [(1110, 740), (768, 540)])
def test_nothing_is_cut_and_everything_has_a_name(
    desk: Desk, page: EvaluatePage, tmp_path: Path, qtbot: QtBot, size: tuple[int, int]
) -> None:
    run = make_run(desk.runs, labels=True, steps=24)
    desk.runs.add_evaluation(run.id, labels_report(tmp_path, 30, 300, outside=True))
    page.show_run(run.id)
    page.resize(*size)
    qtbot.wait(30)
    qtbot.waitUntil(lambda: (page.width(), page.height()) == size and not cut(page))
    for value in ("confusions", "classes", "rows"):
        page.result.labels.views.set_value(value)
        page.result.labels._show_view()
        assert not page.grab().isNull()
    assert not nameless(page)
