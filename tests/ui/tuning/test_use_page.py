"""Using a run: asking it, labelling files, exporting; the jobs that are asked for and what is shown of their results."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from desktop.errors import UserError
from desktop.jobs.job import AskJob, ExportJob, LabelJob
from desktop.jobs.states import State
from desktop.tuning.runs import Run, RunState
from desktop.ui.tuning.use_columns import columns_of, inputs_of, matched
from desktop.ui.tuning.use_page import UsePage
from desktop.ui.tuning.use_said import counts_bars, sizes, troubles
from tests.ui.tuning.conftest import Desk
from tests.ui.tuning.history import make_run
from tests.ui.tuning.test_run_page import cut, nameless


@pytest.fixture
def page(desk: Desk, qtbot: QtBot) -> Iterator[UsePage]:
    made = UsePage(desk.services, desk.source)
    made.resize(1000, 700)
    made.show()
    made.shown()
    qtbot.waitExposed(made)
    yield made
    made.leave()
    made.close()
    made.deleteLater()


def show(page: UsePage, part: str, run: Run) -> None:
    page.show_run(run.id)
    page.parts.set_value(part)
    page._choose(part)


def finish(desk: Desk, number: int, result: dict[str, Any]) -> None:
    """Another process does the job."""
    desk.elsewhere.claim(number, desk.store.row(number).owner)
    desk.elsewhere.move(number, State.DONE, result=result)


def jobs(desk: Desk, kind: type) -> list[Any]:
    return [row for row in desk.store.rows() if isinstance(row.job, kind)]


def test_run_and_base_answer_side_by_side_and_are_remembered(desk: Desk, page: UsePage, qtbot: QtBot) -> None:
    run = make_run(desk.runs, steps=12)
    show(page, "ask", run)
    ground = page.playground
    assert not ground.go.isEnabled() and ground.go.toolTip() == "Type something first"
    field = ground.fields["change"]
    field.setPlainText("1 file changed")
    qtbot.keyClick(field, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    (row,) = jobs(desk, AskJob)
    assert row.job == AskJob(model=run.id, texts=("1 file changed",), baseline=True) and row.priority > 0
    said = {"text": "Mend a link", "confidence": 0.8, "scores": [], "tokens": 4, "seconds": 0.5}
    result = {"answers": [said], "baseline": [{**said, "text": "I am a model"}], "device": "CPU", "precision": "fp32"}
    finish(desk, row.id, result)
    qtbot.waitUntil(lambda: ground.tuned.text == "Mend a link")
    assert ground.base.text == "I am a model" and ground.tuned.told.text() == "sure 0.80  ·  4 tokens  ·  500 ms  ·  8 a second"
    assert ground.history.item(0).text() == "1 file changed  →  Mend a link"
    field.setPlainText("")
    ground.history.setCurrentRow(0)
    assert field.toPlainText() == "1 file changed" and not ground.newest.busy
    # What only served the window is no history.
    qtbot.waitUntil(lambda: not jobs(desk, AskJob))


def test_a_classifier_shows_its_likeliest_labels(desk: Desk, page: UsePage, qtbot: QtBot) -> None:
    run = make_run(desk.runs, labels=True, steps=12)
    show(page, "ask", run)
    ground = page.playground
    assert not ground.base.isVisible() and not ground.baseline.isVisible()
    ground.fields["text"].setPlainText("Where is my card?")
    ground.go.click()
    (row,) = jobs(desk, AskJob)
    assert not row.job.baseline
    scores = [["card_arrival", 0.9], ["refund", 0.06], ["top_up", 0.04]]
    finish(
        desk, row.id, {"answers": [{"text": "card_arrival", "confidence": 0.9, "scores": scores, "tokens": 0, "seconds": 0.02}]}
    )
    qtbot.waitUntil(lambda: ground.tuned.text == "card_arrival")
    assert [(bar.name, bar.text) for bar in ground.tuned.bars.bars] == [
        ("card_arrival", "90.0 %"),
        ("refund", "6.0 %"),
        ("top_up", "4.0 %"),
    ]


def test_several_columns_are_asked_as_an_object(desk: Desk, page: UsePage, qtbot: QtBot) -> None:
    run = make_run(desk.runs, steps=12)
    desk.runs.update(
        run.id, records=msgspec.json.encode(msgspec.structs.replace(run.records, inputs=("subject", "body"))).decode()
    )
    show(page, "ask", run)
    fields = page.playground.fields
    fields["subject"].setPlainText("Late")
    fields["subject"].setFocus()
    qtbot.keyClick(fields["subject"], Qt.Key.Key_Tab)
    assert fields["body"].hasFocus()
    qtbot.keyClick(fields["body"], Qt.Key.Key_Tab)
    assert page.playground.go.hasFocus()
    page.playground.go.click()
    assert jobs(desk, AskJob)[0].job.texts == ('{"subject":"Late","body":""}',)


def test_a_file_is_labelled_with_its_columns_found(desk: Desk, page: UsePage, tmp_path: Path, qtbot: QtBot) -> None:
    run = make_run(desk.runs, labels=True, steps=12)
    show(page, "label", run)
    part = page.label
    assert part.blocked == "Choose a file to label"
    source = tmp_path / "new questions.csv"
    source.write_text("id,Text,when\n1,Where is my card?,today\n")
    part.choose(str(source))
    qtbot.waitUntil(lambda: part.columns is not None)
    assert part.columns == ["id", "Text", "when"] and part.inputs[0].currentData() == "Text"
    part.go.click()
    (row,) = jobs(desk, LabelJob)
    output = tmp_path / "new questions-labelled.csv"
    assert row.job == LabelJob(model=run.id, source=str(source), output=str(output), inputs=("Text",))
    assert part.progress.isVisible() and part.blocked == "A file is being labelled"
    result = {
        "files": {"rows": str(output)}, "rows": 7200, "labelled": 7199, "declined": 0, "bad": [{"line": 9, "reason": "no text"}],
        "bad_total": 1, "rows_per_second": 512.0, "seconds": 14, "resumed": False, "counts": {"refund": 7000, "card": 199},
        "device": "cpu", "precision": "fp32",
    }  # fmt: skip
    finish(desk, row.id, result)
    qtbot.waitUntil(lambda: part.counts.isVisible())
    assert (
        part.facts.facts["Rows an hour"].value == "1,843,200"
        and part.trouble.text() == "1 row could not be read (line 9: no text)."
    )
    assert [bar.name for bar in part.counts.bars] == ["refund", "card"] and part.reveal.isVisible()
    qtbot.waitUntil(lambda: desk.notes[-1].path == str(output))


def test_a_file_without_the_columns_must_be_mapped(desk: Desk, page: UsePage, tmp_path: Path, qtbot: QtBot) -> None:
    show(page, "label", make_run(desk.runs, labels=True, steps=12))
    part = page.label
    other = tmp_path / "other.jsonl"
    other.write_text('{"a": "x", "b": "y"}\n{"c": 1}\n')
    part.choose(str(other))
    qtbot.waitUntil(lambda: part.columns == ["a", "b", "c"])
    assert "which of the file's columns" in part.blocked and not part.go.isEnabled()
    part.inputs[0].setCurrentIndex(part.inputs[0].findData("b"))
    part.inputs[0].activated.emit(part.inputs[0].currentIndex())
    assert not part.blocked and part.job().inputs == ("b",)
    empty = tmp_path / "empty.csv"
    empty.write_text("\n")
    part.choose(str(empty))
    qtbot.waitUntil(lambda: bool(desk.notes))
    assert "is empty" in desk.notes[-1].text and part.file.value == ""


def test_an_export_shows_sizes_what_was_checked_and_the_licence(desk: Desk, page: UsePage, tmp_path: Path, qtbot: QtBot) -> None:
    run = make_run(desk.runs, "Route: which/department?", labels=True, steps=12)
    desk.services.state.keep("tuning/export_folder", str(tmp_path))
    show(page, "export", run)
    part = page.export
    assert Path(part.folder) == tmp_path / "Route- which-department--fp32" and "Apache-2.0" in part.licence.text()
    part.precision.set_value("int8")
    part._choose("int8")
    (tmp_path / "Route- which-department--int8").mkdir()
    part._choose("int8")
    assert part.folder.endswith("-int8-2"), "a folder that is there is not written over"
    part.go.click()
    (row,) = jobs(desk, ExportJob)
    assert row.job == ExportJob(model=run.id, output=part.folder, precision="int8")
    result = {
        "files": {"folder": part.folder}, "sizes": {"model.json": 800, "encoder.onnx": 23_000_000}, "precision": "int8",
        "check": {"largest_difference": 0.0123, "texts": 64},
    }  # fmt: skip
    finish(desk, row.id, result)
    qtbot.waitUntil(lambda: part.reveal.isVisible())
    assert sizes(result) == [("encoder.onnx", "23 MB"), ("model.json", "800 B"), ("All files", "23 MB")]
    texts = {label.text() for label in part.findChildren(type(part.licence)) if label.isVisible()}
    assert {"encoder.onnx", "Largest difference", "0.0123", "64"} <= texts


def test_a_run_without_weights_cannot_be_used(desk: Desk, page: UsePage) -> None:
    page.show_run(make_run(desk.runs, steps=24, done=1, state=RunState.RUNNING).id)
    assert page.quiet.isVisible() and page.quiet.detail.text() == "Training has kept no weights yet."
    page.show_run(make_run(desk.runs, steps=24, done=12, state=RunState.RUNNING).id)
    assert page.playground.isVisible(), "the best so far can be asked while training goes on"


@pytest.mark.parametrize(
    ("name", "content", "columns"),
    [
        ("a.csv", b"\xef\xbb\xbfid;text;\n1;a;b\n", ["id", "text", "column3"]),
        ("a.tsv", b'id\t"a text"\n', ["id", "a text"]),
        ("a.csv", "größe,text\n1,a\n".encode("latin-1"), ["größe", "text"]),
        ("a.csv", "id,text\n".encode("utf-16"), ["id", "text"]),
        ("a.jsonl", b'{"text": "a"}\n{"text": "b", "id": 1}\nbroken\n', ["text", "id"]),
        ("a.json", b'[\n{"text": "a"},\n{"text": "b"}\n]', None),
        ("a.parquet", b"PAR1\0\0\0", None),
    ],
)
def test_columns_are_read_off_the_beginning(tmp_path: Path, name: str, content: bytes, columns: list[str] | None) -> None:
    (tmp_path / name).write_bytes(content)
    assert columns_of(tmp_path / name) == columns


def test_columns_of_nothing_are_an_error_and_names_are_matched(desk: Desk, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        columns_of(tmp_path / "none.csv")
    assert matched(("Text", "b"), ["TEXT ", "c"]) == ["TEXT ", ""] and matched(("text",), ["question"]) == ["question"]
    run = make_run(desk.runs, steps=1)
    assert inputs_of(run, tmp_path) == ("change",)
    assert troubles({}) == "" and counts_bars({"counts": {"": 3}})[0].name == "(none)"


@pytest.mark.parametrize("size", [(1110, 740), (768, 540)])
def test_nothing_is_cut_and_everything_has_a_name(desk: Desk, page: UsePage, qtbot: QtBot, size: tuple[int, int]) -> None:
    run = make_run(desk.runs, steps=12)
    for part in ("ask", "label", "export"):
        show(page, part, run)
        page.resize(*size)
        qtbot.wait(30)
        qtbot.waitUntil(lambda: (page.width(), page.height()) == size and not cut(page))
    assert not nameless(page)


def test_a_folder_of_files_is_labelled_as_one_batch(desk: Desk, page: UsePage, tmp_path: Path, qtbot: QtBot) -> None:
    run = make_run(desk.runs, labels=True, steps=12)
    show(page, "label", run)
    part, folder, out = page.label, tmp_path / "letters", tmp_path / "out"
    (folder / "deep").mkdir(parents=True)
    for name in ("a.csv", "b.csv", "deep/a.csv", "a-labelled.csv"):
        (folder / name).write_text("text\nWhere is my card?\n")
    part.choose_all([folder])
    qtbot.waitUntil(lambda: part.go.isEnabled() and part.go.text() == "Label 3 files")
    part.folder = str(out)
    part.template.setText("{number} {title}")
    part.go.click()
    qtbot.waitUntil(lambda: part.batch.batching.batch is not None)
    (batch,) = desk.store.batches()
    rows = desk.store.page(batch=batch.id, newest_first=False)
    assert [Path(row.job.output).relative_to(out) for row in rows if isinstance(row.job, LabelJob)] == [
        Path("1 a.csv"), Path("2 b.csv"), Path("deep/3 a.csv")
    ]  # fmt: skip
    assert all(row.job.model == run.id for row in rows if isinstance(row.job, LabelJob))
    finish(desk, rows[0].id, {"files": {"rows": str(out / "1 a.csv")}, "rows": 1, "labelled": 1, "declined": 0})
    model = part.batch.model
    qtbot.waitUntil(lambda: model.data(model.index(0, 1)) == "Done" and model.data(model.index(0, 3)) == "1")
    assert part.blocked == "Files are being labelled" and part.batch.stop.isVisible()
    part.batch.stop.click()
    qtbot.waitUntil(lambda: model.data(model.index(1, 1)) == "Cancelled" and not part.batch.batching.running)
    qtbot.waitUntil(lambda: (out / "labelled.html").is_file() and part.batch.report.isVisible())
