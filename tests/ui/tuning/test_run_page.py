"""The Run page over real runs: what it says, what it reads while a run goes on, what its buttons do."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest
from PySide6.QtWidgets import QLabel, QProgressBar, QWidget
from pytestqt.qtbot import QtBot

from desktop.jobs.job import Recipe, Records, TuneJob
from desktop.jobs.states import State
from desktop.tuning.runs import FINISH, Run, RunState, Sample, Score
from desktop.ui.tuning.run_page import RunPage
from tests.ui.tuning.conftest import Desk
from tests.ui.tuning.history import make_run, points

RECORDS, RECIPE = Records(source="/examples.csv"), Recipe()


@pytest.fixture
def page(desk: Desk, qtbot: QtBot) -> Iterator[RunPage]:
    made = RunPage(desk.services, desk.source)
    made.resize(1000, 700)
    made.show()
    made.shown()
    qtbot.waitExposed(made)
    yield made
    made.close()
    made.deleteLater()


def opened(page: RunPage, run: Run, qtbot: QtBot) -> Run:
    page.show_run(run.id)
    qtbot.waitUntil(lambda: page.reader.is_read)
    return run


def going(desk: Desk, run: str, qtbot: QtBot) -> int:
    """A job of the run that another process does, as far as the queue is told."""
    number = desk.services.bridge.submit(TuneJob(run=run, records=RECORDS, recipe=RECIPE, name="Mine"))
    desk.elsewhere.claim(number, desk.store.row(number).owner)
    desk.elsewhere.save_progress(number, 0.5, "Step 60 of 120", 30.0)
    qtbot.waitUntil(lambda: (row := desk.source.job(run)) is not None and row.state is State.RUNNING and row.fraction == 0.5)
    return number


def test_a_finished_run_shows_all_of_it(desk: Desk, page: RunPage, qtbot: QtBot) -> None:
    opened(page, make_run(desk.runs, labels=True, steps=120), qtbot)
    head = page.head
    assert len(page.reader.curves) == 120 and not page.is_polling
    assert head.facts["Best"].value == "92.4 % at 120" and head.facts["Untuned"].value == "1.3 %"
    assert head.keeps.text() == "Its best weights are those of step 120, with an accuracy of 92.4 % on held-out rows."
    assert head.buttons["evaluate"].isVisible() and not head.buttons["pause"].isVisible() and not head.bar.isVisible()
    assert page.samples.step == 120 and [card.isVisible() for card in page.samples.cards] == [True] * 3
    page.samples.slider.setValue(0)
    assert page.samples.step == 10 and page.samples.cards[2].answer.text() == "card_payment_fee"
    with qtbot.waitSignal(page.evaluate_asked):
        head.buttons["evaluate"].click()


def test_a_running_run_grows_and_says_what_stopping_keeps(desk: Desk, page: RunPage, qtbot: QtBot) -> None:
    run = opened(page, make_run(desk.runs, steps=120, done=60, state=RunState.RUNNING), qtbot)
    going(desk, run.id, qtbot)
    assert page.is_polling and page.head.buttons["pause"].isVisible() and page.head.bar.value() == 500
    assert page.head.keeps.text() == "If you stop now you keep step 60 with a loss of 0.931 on held-out rows."
    desk.runs.add_points(run.id, points(70, 60))
    desk.runs.add_scores(run.id, 70, {"loss": 0.5})
    desk.runs.add_samples(run.id, [Sample(70, 0, "What changed?", "All", "Nothing")])
    desk.runs.update(run.id, step=70, best_step=70, best_value=0.5)
    qtbot.waitUntil(lambda: page.reader.curves.last_step == 70)
    # The newest answers are followed.
    qtbot.waitUntil(lambda: page.samples.step == 70 and "step 70 with a loss of 0.500" in page.head.keeps.text())
    page.hidden()
    assert not page.is_polling
    page.shown()
    assert page.is_polling


def test_a_run_that_went_on_from_a_checkpoint_is_read_anew(desk: Desk, page: RunPage, qtbot: QtBot) -> None:
    run = opened(page, make_run(desk.runs, steps=120, done=60, state=RunState.STOPPED), qtbot)
    assert page.head.buttons["resume"].text() == "Go on"
    desk.runs.drop_after(run.id, 40)
    desk.runs.update(run.id, state=RunState.RUNNING, step=40)
    new = [msgspec.structs.replace(point, loss=9.0) for point in points(50, 40)]
    desk.runs.add_points(run.id, new)
    desk.source.tell(run.id)
    qtbot.waitUntil(lambda: page.reader.is_read and page.reader.curves.last_step == 50)
    assert page.reader.curves.value("loss", 45) == 9.0 and len(page.reader.curves) == 50


def test_a_failed_run_says_why_and_what_to_do(desk: Desk, page: RunPage, qtbot: QtBot) -> None:
    why = "The loss became NaN at step 31"
    opened(page, make_run(desk.runs, steps=120, done=30, state=RunState.FAILED, error=why), qtbot)
    assert page.trouble.isVisible() and page.trouble.text.text() == why and "checkpoint" in page.trouble.remedy.text()
    assert page.head.buttons["resume"].isVisible() and len(page.reader.curves) == 30


def test_a_run_that_waits_says_for_what(desk: Desk, page: RunPage, qtbot: QtBot) -> None:
    first = desk.source.start(RECORDS, RECIPE, "The first")
    second = desk.source.start(RECORDS, RECIPE, "The second")
    page.show_run(second)
    assert page.quiet.text.text() == "Waiting for its turn" and "“The first” is being done" in page.quiet.detail.text()
    assert page.head.buttons["cancel"].isVisible() and not page.head.buttons["finish"].isVisible()
    page.head.buttons["cancel"].click()
    qtbot.waitUntil(lambda: desk.source.job(second).state is State.CANCELLED)  # type: ignore[union-attr]
    qtbot.waitUntil(lambda: not page.head.buttons["cancel"].isVisible())
    page.show_run(first)
    assert page.quiet.detail.text() == "It begins in a moment."
    page.show_run(None)
    assert page.quiet.text.text() == "No run is open"


def test_stop_and_keep_leaves_a_request_for_the_training(desk: Desk, page: RunPage, qtbot: QtBot) -> None:
    run = opened(page, make_run(desk.runs, steps=120, done=60, state=RunState.RUNNING), qtbot)
    page.head.buttons["finish"].click()
    assert desk.runs.take_request(run.id) == FINISH


def test_the_log_of_its_job_is_there(desk: Desk, page: RunPage, qtbot: QtBot) -> None:
    from desktop.jobs.events import Logged

    run = opened(page, make_run(desk.runs, steps=120, done=60, state=RunState.RUNNING), qtbot)
    number = going(desk, run.id, qtbot)
    desk.store.record(number, Logged("warning", "Memory is short"))
    page._choose_side("log")
    page.sides.set_value("log")
    page._look()
    assert page.log.toPlainText().endswith("warning: Memory is short")


def test_scores_that_are_unknown_or_few_are_no_trouble(desk: Desk, page: RunPage, qtbot: QtBot) -> None:
    run = make_run(desk.runs, steps=5)
    desk.runs.add_scores(run.id, 5, {"loss": float("nan"), "accuracy": 0.5})
    opened(page, run, qtbot)
    assert desk.runs.scores(run.id)[0] == Score(1, "exact_match", pytest.approx(desk.runs.scores(run.id)[0].value))
    page.plot.set_log(True)
    assert not page.grab().isNull()


@pytest.mark.parametrize("size", [(1110, 740), (768, 540)])
def test_nothing_is_cut_in_either_theme(desk: Desk, page: RunPage, qtbot: QtBot, size: tuple[int, int]) -> None:
    opened(page, make_run(desk.runs, steps=60, done=40, state=RunState.RUNNING), qtbot)
    for choice in ("light", "dark"):
        desk.themer.choose(choice)  # type: ignore[arg-type]
        page.resize(*size)
        qtbot.wait(30)
        qtbot.waitUntil(lambda: (page.width(), page.height()) == size and not cut(page))
    desk.themer.choose("light")


def cut(page: QWidget) -> list[str]:
    """Labels that show less than their text and have no tooltip to make up for it."""
    found = []
    for label in page.findChildren(QLabel):
        if label.isVisible() and not label.wordWrap() and not label.toolTip() and label.text():
            needed = label.fontMetrics().horizontalAdvance(label.text())
            if needed > label.contentsRect().width() + 1:
                found.append(f"{label.text()}: {needed} in {label.width()}")
    return found


def nameless(page: QWidget) -> list[str]:
    """Widgets that can be used and have no accessible name."""
    from PySide6.QtGui import QAccessible

    from tests.ui.test_window import widgets

    found = [w for w in widgets(page) if not QAccessible.queryAccessibleInterface(w).text(QAccessible.Text.Name)]
    return [f"{type(w).__name__} in {type(w.parent()).__name__}" for w in found if not isinstance(w, QProgressBar)]


def test_everything_has_a_name(desk: Desk, page: RunPage, qtbot: QtBot) -> None:
    opened(page, make_run(desk.runs, steps=60), qtbot)
    assert not nameless(page)
