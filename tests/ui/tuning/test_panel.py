"""The Tuning panel with a file open: what is read of it, mapping, names, keys, nothing clipped, what is remembered."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible
from PySide6.QtWidgets import QAbstractScrollArea, QApplication, QMessageBox, QProgressBar, QScrollBar, QToolButton
from pytestqt.qtbot import QtBot

from desktop.jobs.job import Recipe, Records, TuneJob
from desktop.jobs.rows import Row
from desktop.jobs.states import State as JobState
from desktop.tuning.runs import Point, RunState
from desktop.ui import app as application
from desktop.ui.app import Parts
from desktop.ui.tuning.memory import Memory
from desktop.ui.tuning.panel import TuningPanel, held_out_field
from desktop.ui.tuning.record_table import shared
from desktop.ui.tuning.run_tasks import free_name
from desktop.ui.tuning.steps import Step
from desktop.ui.widgets.parts import Section
from tests.ui.conftest import close
from tests.ui.test_window import clipped, group, widgets

LABELS = ("billing", "returns", "technical support")
ESTIMATE = {
    "memory": {
        "weights": 538 << 20, "adapters": 10 << 20, "gradients": 10 << 20, "optimiser": 20 << 20, "activations": 4 << 30,
        "overhead": 450 << 20, "total": (4 << 30) + (1028 << 20),
    },
    "available": 4 << 30, "device": "cpu", "fits": False, "steps": 1710, "seconds": 8918.0, "tokens": 202_795,
    "trainable": 2_442_240, "parameters": 134_515_008, "recipe": {"epochs": 3.0, "batch": 8, "learning_rate": 1e-3},
    "warnings": ["Memory is short: the batch will be halved until it fits."],
}  # fmt: skip
LONG = "a file with a long name, exported from the ticket system on a Monday.csv"


def write_tickets(path: Path, rows: int = 60) -> Path:
    """A CSV of tickets; line 12 has too few fields, line 22 no answer."""
    lines = ["id,ticket,department,agent"]
    for n in range(rows):
        line = f'{n},"Question {n} about {LABELS[n % 3]}, please help",{LABELS[n % 3]},{"anna" if n % 2 else "ben"}'
        lines.append({10: "10,only two", 20: '20,"Question without an answer",,anna'}.get(n, line))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def panel_of(parts: Parts) -> TuningPanel:
    panel = parts.window.panel_of("tuning")
    assert isinstance(panel, TuningPanel)
    return panel


@pytest.fixture(scope="module")
def window_of_module(
    qapp: QApplication, machine_models: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Parts, Path]]:
    """One window for all tests that leave no trace in it: its worker reads a file the faster, the warmer it is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REPRISE_HOME", str(tmp_path_factory.mktemp("reprise-home")))
        patch.setenv("REPRISE_MODELS", str(machine_models))
        parts = application.build(qapp)
        parts.window.resize(1440, 900)
        parts.window.show()
        yield parts, tmp_path_factory.mktemp("records") / LONG
        close(parts)


@pytest.fixture
def parts(window_of_module: tuple[Parts, Path]) -> Parts:
    return window_of_module[0]


@pytest.fixture
def panel(window_of_module: tuple[Parts, Path], qtbot: QtBot) -> TuningPanel:
    """The panel with a file open, dropped while another panel was in front; no runs."""
    parts, path = window_of_module
    parts.window.go("piano")
    made = panel_of(parts)
    for run in [entry.id for entry in made.runs.model.entries]:
        made.source.delete([run])
    made.draft.close()
    parts.window.drop([write_tickets(path)])
    assert parts.window.panel is made
    qtbot.waitUntil(lambda: made.draft.found is not None)
    return made


def add_runs(panel: TuningPanel, count: int = 3) -> list[str]:
    """Runs of the history, newest first."""
    records = Records(source=str(panel.draft.path or "/nowhere.csv"))
    for n in range(count):
        run = f"{n:010x}"
        panel.source.runs.create(run, name=f"Run number {n}", records=records, recipe=Recipe(), base="MiniLM", method="head")
        points = [Point(step, 3.0 / step, 1e-3, 1.0, step * 10, step * 0.1, 10**8, 0.1) for step in range(1, 40)]
        panel.source.runs.add_points(run, points)
        panel.source.runs.update(
            run, state=RunState.DONE, train_rows=1000, step=39, best_name="accuracy", best_value=0.9, best_step=30
        )
    panel.runs.model.reload()
    panel._refresh()
    return [entry.id for entry in panel.runs.model.entries]


def test_a_dropped_file_is_read_mapped_and_remembered(parts: Parts, panel: TuningPanel, qtbot: QtBot) -> None:
    page, facts = panel.records, panel.draft.found.facts  # type: ignore[union-attr]
    assert (panel.draft.inputs, panel.draft.output) == (("ticket",), "department")
    assert panel.heading().facts == "58 rows  ·  ticket → department"
    assert [page.facts.problems.problems.index(n, 0).data() for n in range(2)] == ["12", "22"]
    assert page.splits.facts["Left out"].value == "2"
    assert set(facts.classes) == set(LABELS) and facts.is_classification
    assert [page.table.records.role_of(n) for n in range(4)] == ["", "Input", "Answer", ""]
    assert page.side.seen.text.toPlainText().count("Question 0 about billing") == 1
    # Another column as the answer: it is no input any more, and the base that was not chosen follows the answers.
    menu = page.table.menu_of(3)
    next(action for action in menu.actions() if action.text() == "It is the answer").trigger()
    assert panel.draft.records is not None and panel.draft.records.output == "agent"
    qtbot.waitUntil(lambda: panel.draft.found.facts.output == "agent" and not panel.draft.looking)  # type: ignore[union-attr]
    assert page.mapping.output.currentData() == "agent"
    page.side.template.template.setPlainText("Ticket: {{ tiket }}")
    qtbot.waitUntil(lambda: panel.draft.problem is not None or not panel.draft.looking)
    assert panel.draft.problem is not None and "tiket" in panel.draft.problem.message and panel.draft.found is not None
    page.side.template.template.setPlainText("Ticket: {{ ticket }}")
    qtbot.waitUntil(lambda: panel.draft.problem is None and not panel.draft.looking)
    assert "Ticket: Question 0" in page.side.seen.text.toPlainText()
    page.table.setColumnWidth(1, 333)
    # What another start would find.
    again = Memory(parts.window.services.state).last()
    assert again is not None and again.records == panel.draft.records and not again.base_chosen
    panel.draft.open(again)
    qtbot.waitUntil(lambda: panel.draft.found is not None)
    assert page.table.columnWidth(1) == 333


def test_names_tooltips_and_room(parts: Parts, panel: TuningPanel, qtbot: QtBot) -> None:
    window = parts.window
    runs = add_runs(panel)
    panel.draft._estimate.drop()
    panel.draft.estimate = ESTIMATE
    panel.draft.changed.emit()
    for section in panel.findChildren(Section):
        if section._head is not None:
            section._head.setChecked(True)  # type: ignore[attr-defined]
    for step in (Step.RECORDS, Step.RECIPE):
        panel.go(step)
        assert panel.is_at(step)
        nameless = [w for w in widgets(window) if not QAccessible.queryAccessibleInterface(w).text(QAccessible.Text.Name)]
        assert not [f"{type(w).__name__} in {type(w.parent()).__name__}" for w in nameless]
        for size, choice in (((1100, 700), "light"), ((1440, 900), "dark")):
            window.services.prefs.change(theme=choice)
            window.resize(*size)
            qtbot.wait(60)
            qtbot.waitUntil(lambda size=size: (window.width(), window.height()) == size and not clipped(panel))
    bare = [
        b for b in panel.findChildren(QToolButton) if not b.text() and not b.toolTip() and not b.objectName().startswith("qt_")
    ]
    assert not bare
    assert panel.runs.model.data(panel.runs.model.index(0), Qt.ItemDataRole.AccessibleTextRole).startswith("Run number")
    assert len(runs) == 3


def test_the_tab_key_reaches_everything(parts: Parts, panel: TuningPanel, qtbot: QtBot) -> None:
    window = parts.window
    add_runs(panel)
    for step in (Step.RECORDS, Step.RECIPE):
        panel.go(step)
        window.setFocus()
        reached: set[object] = set()
        for _ in range(250):
            qtbot.keyClick(window.focusWidget() or window, Qt.Key.Key_Tab)
            widget = QApplication.focusWidget()
            if widget in reached:
                break
            reached.add(widget)
        lists = (panel.runs.list, panel.records.table, panel.records.facts.problems, panel.records.facts.balance)
        usable = [
            w for w in widgets(window)
            if w.isVisible() and w.isEnabled() and not isinstance(w, QProgressBar | QScrollBar)
            and (not isinstance(w, QAbstractScrollArea) or w in lists)
        ]  # fmt: skip
        missed = [w.accessibleName() for w in usable if not ({w, *group(w)} & reached)]
        assert not missed, step


def test_steps_are_blocked_with_a_reason_until_they_are_reached(panel: TuningPanel, qtbot: QtBot) -> None:
    assert panel.blocked_step(Step.RECORDS) == "" and panel.blocked_step(Step.RECIPE) == ""
    assert "run" in panel.blocked_step(Step.RUN).lower()
    assert not panel.steps.buttons[Step.USE].isEnabled() and panel.steps.buttons[Step.USE].toolTip()
    panel.go(Step.USE)
    assert panel.is_at(Step.RECORDS)
    qtbot.keyClick(panel.window(), Qt.Key.Key_2, Qt.KeyboardModifier.AltModifier)
    assert panel.is_at(Step.RECIPE)
    assert panel.draft.path is not None
    panel.draft.path.write_text(panel.draft.path.read_text() + '99,"One more",billing,anna\n')
    panel.shown()
    qtbot.waitUntil(lambda: panel.draft.found is not None and panel.draft.found.facts.rows == 59)
    panel.draft.close()
    assert panel.pages.name == "start" and panel.blocked_step(Step.RECIPE) == "Open a file of examples first"


def test_the_recipe_is_chosen_kept_by_base_and_refused_when_it_cannot_work(parts: Parts, panel: TuningPanel) -> None:
    draft, page = panel.draft, panel.recipe
    assert draft.recipe.base == "minilm"
    page.epochs.slider.setValue(3)
    page.rate.field.setText("0.002")
    page.rate.field.setModified(True)
    page.rate.field.editingFinished.emit()
    assert (draft.recipe.epochs, draft.recipe.learning_rate) == (4.0, 0.002)
    page.epochs.auto.click()
    assert draft.recipe.epochs == 0.0
    draft.choose_base("smollm2")
    assert draft.recipe.learning_rate == 0.0 and draft.methods == ("lora", "full")
    draft.choose_base("minilm")
    assert draft.recipe.learning_rate == 0.002 and draft.methods == ("head", "full")
    page.rate.chosen.emit(3.0)
    assert "learning_rate" in parts.window.notes()[-1].text and draft.recipe.learning_rate == 0.002


def test_a_base_that_is_not_here_blocks_and_is_not_fetched(
    parts: Parts, panel: TuningPanel, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    monkeypatch.setattr(parts.bridge, "submit", lambda job, **_: asked.append(job) or 0)
    monkeypatch.setattr(type(panel.bases), "is_here", lambda *_: False)
    monkeypatch.setattr(type(panel.bases), "blocked", lambda *_: "MiniLM is not installed")
    panel.draft._ask_estimate()
    panel.recipe.refresh()
    assert not asked and panel.recipe.start.toolTip() == "MiniLM is not installed" and not panel.recipe.start.isEnabled()


def test_runs_are_renamed_noted_compared_and_deleted(
    parts: Parts, panel: TuningPanel, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, third = add_runs(panel)
    runs = panel.runs
    runs.chosen.emit(first)
    assert panel.is_at(Step.RUN) and panel.source.run_id == first and runs.selected == [first]
    runs.model.setData(runs.model.index(0), "Better")
    assert panel.source.runs.get(first).name == "Better" and panel.heading().title == "Better"
    runs.note.setPlainText("warm-up helped")
    runs.select(second)
    panel.source.choose(second)
    assert panel.source.runs.get(first).note == "warm-up helped" and runs.note.toPlainText() == ""
    runs.list.selectAll()
    assert runs.compare.text() == "Compare 3 runs" and panel.pages.name == "compare"
    clicked: list[str] = []

    def exec_(box: QMessageBox) -> None:
        clicked.append(box.text())
        next(b for b in box.buttons() if b.text() == "Delete").click()

    monkeypatch.setattr(QMessageBox, "exec", exec_)
    panel.tasks.ask_delete([second, third])
    qtbot.waitUntil(lambda: len(runs.model.entries) == 1)
    assert clicked == ["Delete 2 runs?"] and runs.model.entries[0].id == first
    panel.tasks.do_with("again", [first])
    assert panel.is_at(Step.RECORDS) and panel.draft.name == "Better"


def test_a_run_that_fails_before_it_begins_is_in_the_list_and_says_why(parts: Parts, panel: TuningPanel, qtbot: QtBot) -> None:
    records, missing = Records(source=str(panel.draft.path)), Recipe(base="/nowhere/at/all")
    run = panel.source.start(records, missing, "Doomed")
    assert panel.source.run_id == run and panel.source.get(run) is None
    assert [entry.name for entry in panel.runs.model.entries] == ["Doomed"]

    def job() -> Row:
        found = panel.source.job(run)
        assert found is not None and isinstance(found.job, TuneJob)
        return found

    qtbot.waitUntil(lambda: job().state is JobState.FAILED)
    qtbot.waitUntil(lambda: panel.runs.model.entries[0].tone == "error")
    assert "folder" in panel.runs.model.entries[0].state.lower()
    qtbot.waitUntil(lambda: any("folder" in note.text.lower() for note in parts.window.notes()))
    panel.tasks.delete([run])
    qtbot.waitUntil(lambda: not panel.runs.model.entries)


@pytest.mark.parametrize(
    ("name", "field"),
    [("test.csv", "test_file"), ("my_validation.csv", "validation_file"), ("dev.jsonl", "validation_file"), ("rows.csv", "")],
)
def test_held_out_files_are_known_by_their_names(name: str, field: str) -> None:
    assert held_out_field(Path(name)) == field


def test_names_and_widths() -> None:
    assert free_name("a", {"b"}) == "a" and free_name("a", {"a", "a 2"}) == "a 3"
    assert shared([50, 80], 200) == [50, 80]
    assert sum(shared([60, 400, 300], 500)) <= 500 and shared([60, 400, 300], 500)[0] == 60
    assert shared([400, 400], 100) == [120, 120]
