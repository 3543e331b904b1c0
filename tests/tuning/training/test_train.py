"""Whole trainings of tiny models: what they report and leave, and that nothing is lost when they are stopped or fail."""

from __future__ import annotations

import json
import resource
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from desktop.errors import UsageError, UserError
from desktop.jobs.events import AnyEvent, Logged, Progressed
from desktop.jobs.progress import Cancelled, Progress
from desktop.jobs.tuning_jobs import TuneJob
from desktop.models.files import locked
from desktop.tuning.runs import FINISH, Run, Runs, RunState, runs_dir
from desktop.tuning.tune import tune
from tests.tuning.training import children
from tests.tuning.training.tiny import KINDS, job, make_rows
from tests.waiting import PATIENCE_S

pytestmark = pytest.mark.usefixtures("home")
Bases = Callable[[str], Path]


class Listening(Progress):
    """Does something at a sentence; stops when told to."""

    def __init__(self, at: str = "", then: Callable[[], None] = lambda: None) -> None:
        self.sentences: list[str] = []
        self._at, self._then = at, then

    def emit(self, event: AnyEvent) -> None:
        if isinstance(event, Progressed):
            self.sentences.append(event.message)
            if self._at and event.message.startswith(self._at):
                self._at = ""
                self._then()
        elif isinstance(event, Logged):
            self.sentences.append(event.text)


class Held(Listening):
    """Paused at the given numbers of looks, which come between layers; cancelled at the last when asked."""

    def __init__(self, looks: set[int], seen: Callable[[], None], *, cancel: bool = False) -> None:
        super().__init__()
        self._looks, self._seen, self._cancel, self._count, self._waits = looks, seen, cancel, 0, False

    def will_stop(self) -> bool:
        self._count += 1
        self._waits = self._waits or self._count in self._looks
        return self._waits

    def checkpoint(self) -> None:
        if self._waits:
            self._waits = False
            self._looks = {look for look in self._looks if look > self._count}
            self._seen()
            if self._cancel and not self._looks:
                raise Cancelled


def _curve(run: str) -> dict[str, Any]:
    runs = Runs()
    try:
        points = runs.points(run)
        return {
            "losses": points["loss"],
            "steps": points["step"].tolist(),
            "norms": points["norm"],
            "tokens": points["tokens"].tolist(),
            "scores": [(score.step, score.name) for score in runs.scores(run)],
            "values": np.array([score.value for score in runs.scores(run)]),
            "samples": runs.samples(run),
            "weights": load_file(_folder(run) / "last" / "adapter_model.safetensors"),
        }
    finally:
        runs.close()


def _same(found: dict[str, Any], wanted: dict[str, Any]) -> None:
    for name in ("steps", "tokens", "scores", "samples"):
        assert found[name] == wanted[name], name
    for name in ("losses", "norms", "values"):
        np.testing.assert_allclose(found[name], wanted[name], rtol=0, atol=1e-6)
    for name, tensor in wanted["weights"].items():
        torch.testing.assert_close(found["weights"][name], tensor, rtol=0, atol=1e-6)


def _run(run: str) -> Run:
    runs = Runs()
    try:
        return runs.get(run)
    finally:
        runs.close()


def _folder(run: str) -> Path:
    return runs_dir() / run


def _steps(run: str) -> list[str]:
    return sorted(entry.name for entry in (_folder(run) / "checkpoints").glob("step-*"))


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_learns_reports_and_leaves_weights(kind: str, tiny_base: Bases, tiny_rows: Path) -> None:
    asked = job(tiny_base(kind), tiny_rows, epochs=3.0)
    progress = Listening()
    result = tune(asked, progress)
    run, curve = _run(asked.run), _curve(asked.run)
    assert run.state is RunState.DONE and run.total_steps == run.step == 18 and run.train_rows == 48
    assert run.best_before is not None and run.best_value is not None and run.best_value < run.best_before
    assert curve["losses"][-3:].mean() < curve["losses"][:3].mean()
    assert [step for step, _ in curve["scores"]] == [0, 5, 10, 15, 18]
    assert {sample.step for sample in curve["samples"]} == {0, 5, 10, 15, 18}
    assert all(sample.expected == sample.prompt[:3].upper() for sample in curve["samples"])
    assert result["stopped"] == "finished" and result["best"]["step"] == run.best_step
    assert Path(result["files"]["weights"]) == _folder(asked.run) / "best"
    assert any(sentence.startswith("Step 18 of 18 · loss ") for sentence in progress.sentences)
    assert run.facts["batch"] == 8 and run.recipe.method == "lora" and run.seconds > 0
    with pytest.raises(UserError, match="is done"):
        tune(asked, Progress())


COMMON: dict[str, Any] = {"lora_dropout": 0.1, "lora_rank": 400}
"""Settings of the runs that are stopped; the rank makes checkpoints larger than the history of runs."""


@pytest.fixture(scope="module")
def reference(tiny_base: Bases, tiny_rows: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The curve of a run that nothing happened to."""
    asked = job(tiny_base("llama"), tiny_rows, **COMMON)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REPRISE_HOME", str(tmp_path_factory.mktemp("reference")))
        patch.setenv("REPRISE_THREADS", "1")
        tune(asked, Progress())
        return _curve(asked.run)


def _broken(tiny_base: Bases, tiny_rows: Path, **changes: Any) -> TuneJob:
    return job(tiny_base("llama"), tiny_rows, **COMMON, **changes)


def test_killed_at_any_time_it_goes_on_as_if_nothing_had_happened(
    reference: dict[str, Any], tiny_base: Bases, tiny_rows: Path, home: Path
) -> None:
    broken = _broken(tiny_base, tiny_rows)
    child = children.start(broken, home, delay=0.1)
    _wait(lambda: not child.is_alive() or _steps(broken.run)[-1:] >= ["step-00000004"])
    assert child.is_alive(), "it ended before it was killed"
    child.kill()
    child.join()
    assert _run(broken.run).state is RunState.STOPPED
    assert tune(broken, Progress())["steps"] == 12
    _same(_curve(broken.run), reference)


@pytest.mark.slow
def test_killed_twenty_times_at_random_it_ends_the_same(tiny_base: Bases, tiny_rows: Path, home: Path) -> None:
    whole, broken = (job(tiny_base("t5"), tiny_rows, epochs=8.0, checkpoint_every=2, lora_dropout=0.1) for _ in range(2))
    tune(whole, Progress())
    chance = np.random.default_rng(6)
    for _ in range(20):
        child = children.start(broken, home, delay=0.005)
        child.join(0.6 + 0.8 * chance.random())
        child.kill()
        child.join()
    if _run(broken.run).state is not RunState.DONE:
        tune(broken, Progress())
    _same(_curve(broken.run), _curve(whole.run))


def test_a_pause_saves_first_and_costs_no_step(reference: dict[str, Any], tiny_base: Bases, tiny_rows: Path) -> None:
    """Paused between steps, in the middle of steps and of a validation; then cancelled, and gone on with."""
    held = _broken(tiny_base, tiny_rows)
    states: list[tuple[RunState, int]] = []
    looks = {40, 70, 95, 120}
    with pytest.raises(Cancelled):
        tune(held, Held(looks, lambda: states.append((_run(held.run).state, len(_steps(held.run)))), cancel=True))
    assert [state for state, _ in states] == [RunState.PAUSED] * 4
    assert states[-1][1] >= 1, "a checkpoint was there before it stood still"
    run = _run(held.run)
    assert run.state is RunState.STOPPED and run.can_resume and 0 < run.step < 12
    assert len(_curve(held.run)["steps"]) == run.step
    tune(held, Progress())
    _same(_curve(held.run), reference)


def test_asked_to_finish_it_judges_keeps_and_ends(tiny_base: Bases, tiny_rows: Path) -> None:
    asked = job(tiny_base("llama"), tiny_rows)

    def ask() -> None:
        runs = Runs()
        runs.ask(asked.run, FINISH)
        runs.close()

    result = tune(asked, Listening("Step 7", ask))
    assert (result["stopped"], result["steps"], result["best"]["step"]) == ("asked", 7, 7)
    run = _run(asked.run)
    assert run.state is RunState.DONE and run.step == 7
    assert (_folder(asked.run) / "best" / "adapter_model.safetensors").is_file()
    assert _steps(asked.run) == ["step-00000007"]


def test_without_progress_it_ends_early_and_keeps_the_best(tiny_base: Bases, tiny_rows: Path) -> None:
    asked = job(tiny_base("llama"), tiny_rows, learning_rate=1e-12, patience=1, eval_every=2)
    result = tune(asked, Progress())
    assert (result["stopped"], result["steps"], result["best"]["step"]) == ("early", 4, 2)
    assert _run(asked.run).state is RunState.DONE


def test_divergence_stops_with_a_reason_and_keeps_what_was_good(tiny_base: Bases, tmp_path: Path) -> None:
    """One letter's embedding is no number; the row that has it comes at some step."""
    base = tmp_path / "base"
    shutil.copytree(tiny_base("llama"), base)
    weights = load_file(base / "model.safetensors")
    letter = json.loads((base / "tokenizer.json").read_text())["model"]["vocab"]["z"]
    weights["model.embed_tokens.weight"][letter] = float("nan")
    save_file(weights, base / "model.safetensors", metadata={"format": "pt"})
    rows = make_rows(tmp_path / "rows.csv", 59)
    held_out = make_rows(tmp_path / "held.csv", 9, seed=8)
    with rows.open("a") as file:
        file.write("zed,ZED\n")
    asked = job(base, rows, epochs=1.0, batch=2, eval_every=2, checkpoint_every=1, samples=0)
    records = {name: getattr(asked.records, name) for name in ("source", "inputs", "output")}
    asked = TuneJob(
        run=asked.run,
        device="cpu",
        recipe=asked.recipe,
        records=type(asked.records)(**records, validation_file=str(held_out)),
    )
    with pytest.raises(UserError, match=r"The loss at step .* is no finite number") as caught:
        tune(asked, Progress())
    assert "learning rate (it is 0.01)" in caught.value.remedy
    run = _run(asked.run)
    assert run.state is RunState.FAILED and "diverged" in run.error and run.step >= 2
    assert _steps(asked.run)[-1] == f"step-{run.step:08d}"
    assert all(tensor.isfinite().all() for tensor in load_file(_folder(asked.run) / "best/adapter_model.safetensors").values())


@pytest.mark.skipif(sys.platform != "linux", reason="needs a bound of the address space")
def test_out_of_memory_it_goes_on_with_smaller_batches(tiny_base: Bases, tmp_path: Path, home: Path) -> None:
    rows = make_rows(tmp_path / "rows.csv", 1200)
    common: dict[str, Any] = {"max_steps": 2, "samples": 0, "eval_every": 100, "checkpoint_every": 100, "batch": 800}
    wide, tight = (job(tiny_base("llama"), rows, **common) for _ in range(2))
    tune(wide, Progress())
    child = children.start(tight, home, room=25 << 20, said=tmp_path / "said")
    child.join(240)
    run = _run(tight.run)
    assert run.state is RunState.DONE, (tmp_path / "said").read_text()
    assert "The memory ran out" in (tmp_path / "said").read_text()
    batch, passes = run.facts["batch"], run.facts["accumulation"]
    assert batch < 800 and batch * passes >= 800
    np.testing.assert_allclose(_curve(tight.run)["losses"], _curve(wide.run)["losses"], rtol=1e-5)


def test_a_full_disk_at_a_checkpoint_stops_and_the_one_before_is_used(
    reference: dict[str, Any], tiny_base: Bases, tiny_rows: Path
) -> None:
    """No file may grow beyond what the optimiser's state takes: the same path through the code as a full disk."""
    full = _broken(tiny_base, tiny_rows)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    fill = Listening("Step 6", lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (800_000, hard)))
    try:
        with pytest.raises(UserError, match="The checkpoint could not be saved: the disk is full"):
            tune(full, fill)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert _run(full.run).state is RunState.FAILED and _steps(full.run) == ["step-00000004"]
    tune(full, Progress())
    _same(_curve(full.run), reference)


def test_a_damaged_checkpoint_costs_the_steps_since_the_one_before(
    reference: dict[str, Any], tiny_base: Bases, tmp_path: Path
) -> None:
    """The user's file is gone by then as well: the run has its own rows."""
    rows = make_rows(tmp_path / "rows.csv")
    broken = _broken(tiny_base, rows)
    with pytest.raises(Cancelled):
        tune(broken, Listening("Step 10", _cancel))
    rows.unlink()
    assert _steps(broken.run) == ["step-00000004", "step-00000008"]
    file = _folder(broken.run) / "checkpoints/step-00000008/optimiser.safetensors"
    file.write_bytes(file.read_bytes()[:-4])
    result = tune(broken, Progress())
    assert "step-00000008 is damaged" in result["warnings"][0]
    _same(_curve(broken.run), reference)


def test_a_run_may_start_from_anothers_adapters(tiny_base: Bases, tiny_rows: Path) -> None:
    first = job(tiny_base("llama"), tiny_rows, samples=0, learning_rate=0.1)
    tune(first, Progress())
    second = job(tiny_base("llama"), tiny_rows, samples=0, resumed_from=first.run, learning_rate=1e-6, max_steps=5)
    tune(second, Progress())
    before, after = _curve(first.run), _curve(second.run)
    assert before["values"][-1] < before["values"][0] - 0.2
    assert after["values"][-1] == pytest.approx(before["values"][1:].min(), abs=1e-3)
    assert _run(second.run).best_before == pytest.approx(_run(first.run).best_before, abs=1e-6)
    for other, word in (
        (job(tiny_base("llama"), tiny_rows, resumed_from=first.run, lora_rank=4), "lora_rank"),
        (job(tiny_base("bloom"), tiny_rows, resumed_from=first.run), "tuned"),
    ):
        with pytest.raises(UsageError, match=word):
            tune(other, Progress())


def test_what_cannot_be_trained_is_refused_with_a_reason(tiny_base: Bases, tiny_rows: Path, tmp_path: Path) -> None:
    long = tmp_path / "long.csv"
    long.write_text("text,answer\n" + "".join(f"{'abc ' * 30}{number},{number}\n" for number in range(20)))
    asked = job(tiny_base("llama"), long)
    with pytest.raises(UserError, match="Every prompt is longer than max_tokens allows: 48") as caught:
        tune(asked, Progress())
    assert "longer window" in caught.value.remedy
    run = _run(asked.run)
    assert run.state is RunState.FAILED and run.error.startswith("Every prompt")
    other = job(tiny_base("llama"), tiny_rows, run=asked.run)
    with pytest.raises(UsageError, match="other records"):
        tune(other, Progress())


def test_without_validation_rows_the_last_weights_are_the_best(tiny_base: Bases, tiny_rows: Path) -> None:
    asked = job(tiny_base("llama"), tiny_rows, epochs=1.0)
    records = type(asked.records)(source=asked.records.source, inputs=("text",), output="answer", validation=0.0)
    asked = TuneJob(run=asked.run, device="cpu", records=records, recipe=asked.recipe)
    result = tune(asked, Progress())
    assert result["best"] == {"name": "", "value": None, "step": None} and "no validation rows" in result["warnings"][0]
    best, last = (load_file(_folder(asked.run) / name / "adapter_model.safetensors") for name in ("best", "last"))
    assert all(torch.equal(best[name], tensor) for name, tensor in last.items())


def test_two_runs_on_one_device_wait_for_one_another(tiny_base: Bases, tiny_rows: Path) -> None:
    asked = job(tiny_base("llama"), tiny_rows)

    with locked(runs_dir() / ".cpu.lock", Progress(), ""), pytest.raises(Cancelled):
        tune(asked, Listening("Waiting for another run", _cancel))
    assert _run(asked.run).state is RunState.STOPPED
    assert tune(asked, Progress())["steps"] == 12


def _cancel() -> None:
    raise Cancelled


def _wait(done: Callable[[], bool], seconds: float = 2 * PATIENCE_S) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end
        time.sleep(0.005)
