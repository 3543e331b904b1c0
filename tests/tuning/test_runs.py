"""The history of runs."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from desktop.errors import UserError
from desktop.jobs.tuning_jobs import Recipe, Records
from desktop.tuning.runs import FINISH, POINT_FIELDS, SPARKS, Point, Runs, RunState, Sample, Score, new_id


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[Runs]:
    found = Runs(tmp_path / "runs.sqlite")
    yield found
    found.close()


def _create(runs: Runs, name: str = "") -> str:
    run = new_id()
    runs.create(run, name=name, records=Records(source="a.csv", inputs=("x",)), recipe=Recipe(seed=7), base="b", method="lora")
    return run


def _point(step: int, loss: float = 1.0) -> Point:
    return Point(step, loss, 1e-3, 0.5, step * 100, step * 0.25, 1 << 30, step / 10)


def test_a_run_is_kept_with_all_that_was_asked(runs: Runs) -> None:
    run = _create(runs, "first")
    found = runs.get(run)
    assert (found.state, found.records.inputs, found.recipe.seed, found.name) == (RunState.RUNNING, ("x",), 7, "first")
    assert not found.is_over and not found.can_resume
    runs.update(run, facts={"batch": 8}, best_value=0.5, best_step=3, best_name="loss", total_steps=9)
    again = Runs(runs.path)
    assert again.get(run).facts == {"batch": 8} and again.get(run).best_value == 0.5
    again.close()
    with pytest.raises(UserError, match="already"):
        runs.create(run, name="", records=Records(source="a"), recipe=Recipe(), base="b", method="lora")
    with pytest.raises(UserError, match="no id"):
        runs.create("../x", name="", records=Records(source="a"), recipe=Recipe(), base="b", method="lora")
    with pytest.raises(KeyError, match="nonsense"):
        runs.update(run, nonsense=1)


def test_states_set_what_goes_with_them(runs: Runs) -> None:
    run = _create(runs)
    runs.update(run, state=RunState.FAILED, error="full")
    failed = runs.get(run)
    assert failed.ended is not None and failed.error == "full" and failed.can_resume
    runs.update(run, state=RunState.RUNNING)
    running = runs.get(run)
    assert running.ended is None and running.error == "" and not running.is_over
    runs.update(run, state=RunState.PAUSED)
    assert runs.get(run).ended is None and not runs.get(run).is_over
    runs.update(run, state=RunState.DONE)
    assert runs.get(run).is_over and not runs.get(run).can_resume


def test_a_run_whose_process_died_is_stopped(runs: Runs) -> None:
    run = new_id()
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from desktop.jobs.tuning_jobs import Recipe, Records\n"
        "from desktop.tuning.runs import Runs\n"
        f"runs, asked = Runs(Path({str(runs.path)!r})), dict(records=Records(source='a'), recipe=Recipe())\n"
        f"runs.create({run!r}, name='', base='b', method='x', **asked)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
    assert runs.get(run).state is RunState.STOPPED and runs.get(run).can_resume
    assert [found.state for found in runs.all()] == [RunState.STOPPED]


def test_points_come_back_as_columns_and_may_be_replaced(runs: Runs) -> None:
    run, other = _create(runs), _create(runs)
    runs.add_points(run, [_point(1), _point(2, float("nan")), _point(3)])
    runs.add_points(run, [_point(3, 0.25)])
    runs.add_points(other, [_point(1)])
    points = runs.points(run)
    assert tuple(points) == POINT_FIELDS and points["step"].dtype == np.int64
    assert points["step"].tolist() == [1, 2, 3]
    np.testing.assert_array_equal(points["loss"], [1.0, np.nan, 0.25])
    assert runs.points(run, after=2)["tokens"].tolist() == [300]
    assert runs.points(new_id())["loss"].shape == (0,)


def test_what_lies_beyond_a_checkpoint_is_forgotten(runs: Runs) -> None:
    run = _create(runs)
    runs.add_points(run, [_point(step) for step in range(1, 11)])
    for step in (0, 5, 10):
        runs.add_scores(run, step, {"loss": 1.0 / (step + 1), "accuracy": float("nan")})
        runs.add_samples(run, [Sample(step, number, "p", "e", f"a{step}") for number in range(2)])
    runs.drop_after(run, 5)
    assert runs.points(run)["step"].tolist() == [1, 2, 3, 4, 5]
    assert [(score.step, score.name) for score in runs.scores(run)] == [
        (0, "accuracy"), (0, "loss"), (5, "accuracy"), (5, "loss"),
    ]  # fmt: skip
    assert runs.scores(run)[1] == Score(0, "loss", 1.0) and np.isnan(runs.scores(run)[0].value)
    assert [sample.answer for sample in runs.samples(run)] == ["a0", "a0", "a5", "a5"]
    runs.drop_after(run, -1)
    assert not runs.scores(run) and not runs.points(run)["step"].size


def test_a_sparkline_has_the_curves_shape_and_few_values(runs: Runs) -> None:
    run = _create(runs)
    runs.add_points(run, [_point(step, 5.0 - step / 400) for step in range(1, 1001)])
    spark = runs.sparkline(run)
    assert len(spark) == SPARKS and spark == sorted(spark, reverse=True)
    assert spark[0] == pytest.approx(5.0, abs=0.05) and spark[-1] == pytest.approx(2.5, abs=0.05)
    short = _create(runs)
    runs.add_points(short, [_point(1, 2.0), _point(2, 1.0)])
    assert runs.sparkline(short) == [2.0, 1.0] and runs.sparkline(_create(runs)) == []


def test_requests_are_taken_once(runs: Runs) -> None:
    run = _create(runs)
    assert runs.take_request(run) == ""
    Runs(runs.path).ask(run, FINISH)
    assert [runs.take_request(run), runs.take_request(run)] == [FINISH, ""]
    began = time.process_time()
    for _ in range(1000):
        runs.take_request(run)
    assert time.process_time() - began < 2.0, "it is looked for at every step"


def test_runs_are_found_by_id_its_beginning_or_name(runs: Runs) -> None:
    first, second = _create(runs, "mail"), _create(runs, "mail")
    assert runs.find("mail").id == second and runs.find(first).id == first and runs.find(first[:6]).id == first  # type: ignore[union-attr]
    assert runs.find("nothing") is None and runs.find(first[:2]) is None
    with pytest.raises(UserError, match="no run"):
        runs.get("0123456789")


def test_a_run_is_deleted_with_its_files_once_it_is_over(runs: Runs) -> None:
    run = _create(runs)
    (runs.folder(run) / "best").mkdir()
    runs.add_points(run, [_point(1)])
    runs.add_evaluation(run, {"kind": "text"})
    with pytest.raises(UserError, match="running"):
        runs.delete(run)
    runs.update(run, state=RunState.STOPPED)
    runs.delete(run)
    assert runs.all() == [] and not runs.points(run)["step"].size and runs.evaluations(run) == []
    assert list((runs.path.parent / "runs").iterdir()) == []


def test_evaluations_are_newest_first(runs: Runs) -> None:
    run = _create(runs)
    numbers = [runs.add_evaluation(run, {"kind": kind}) for kind in ("labels", "mmlu")]
    runs.add_evaluation("smollm2", {"kind": "mmlu"})
    assert [(found["id"], found["kind"]) for found in runs.evaluations(run)] == [(numbers[1], "mmlu"), (numbers[0], "labels")]
    assert len(runs.evaluations()) == 3


def test_threads_and_processes_write_at_the_same_time(runs: Runs) -> None:
    run = _create(runs)
    other = Runs(runs.path)

    def add(where: Runs, first: int) -> None:
        for step in range(first, first + 50):
            where.add_points(run, [_point(step)])

    threads = [threading.Thread(target=add, args=(where, first)) for first, where in ((1, runs), (51, other), (101, runs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.close()
    assert runs.points(run)["step"].tolist() == list(range(1, 151))
