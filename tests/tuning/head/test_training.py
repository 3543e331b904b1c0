"""Heads trained from the job to the files, on a small encoder; stopped and taken up again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from desktop.jobs.events import AnyEvent, Progressed
from desktop.jobs.progress import Cancelled, Progress
from desktop.jobs.tuning_jobs import TuneJob
from desktop.models.classifier_head import read_head
from desktop.tuning.runs import FINISH, Runs
from desktop.tuning.tune import tune
from tests.tuning.head import small


class Stopping(Progress):
    """Asks to stop when a message begins with ``words``; ``stop`` says what happens then."""

    def __init__(self, words: str) -> None:
        self._words, self._stopping = words, False

    def emit(self, event: AnyEvent) -> None:
        if isinstance(event, Progressed) and event.message.startswith(self._words):
            self._stopping = True

    def will_stop(self) -> bool:
        return self._stopping

    def checkpoint(self) -> None:
        if self._stopping:
            raise Cancelled


def curve(run: str) -> tuple[list[float], list[tuple[int, str, float]]]:
    """Losses of each step, and scores."""
    runs = Runs()
    try:
        return runs.points(run)["loss"].tolist(), [(score.step, score.name, score.value) for score in runs.scores(run)]
    finally:
        runs.close()


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    return small.make_rows(tmp_path / "rows.csv", small.texts(240))


def trained(job: TuneJob) -> tuple[dict[str, object], Path]:
    result = tune(job, Progress())
    runs = Runs()
    try:
        return result, runs.folder(job.run)
    finally:
        runs.close()


def test_a_head_tells_topics_apart_and_says_how_sure_it_is(home: Path, encoder: Path, rows: Path) -> None:
    job = small.job(encoder, rows)
    result, folder = trained(job)
    losses, scores = curve(job.run)
    assert result["stopped"] == "finished" and len(losses) == result["steps"]
    assert losses[-1] < losses[0] / 2
    accuracy = {step: value for step, name, value in scores if name == "accuracy"}
    assert accuracy[result["best"]["step"]] > 0.8  # type: ignore[index]
    head = read_head(folder / "best")
    assert head.labels == tuple(sorted(small.TOPICS))
    assert 0 < head.facts.threshold < 1 and "95 % of the right answers" in head.facts.chosen  # type: ignore[operator]
    assert head.facts.scores["accuracy"] == pytest.approx(accuracy[result["best"]["step"]])  # type: ignore[index]
    assert read_head(folder / "last").labels == head.labels and not (folder / "embeddings").exists()


@pytest.mark.parametrize("words", ["Reading row 0", "Step 23 ", "Learning how sure"])
def test_a_stopped_head_goes_on_as_if_nothing_had_happened(words: str, home: Path, encoder: Path, rows: Path) -> None:
    whole = small.job(encoder, rows)
    _, unbroken = trained(whole)
    job = small.job(encoder, rows)
    with pytest.raises(Cancelled):
        tune(job, Stopping(words))
    runs = Runs()
    assert runs.get(job.run).can_resume
    # What is there can be used, as soon as there is something.
    assert not words.startswith("Step") or read_head(runs.folder(job.run) / "best").labels
    runs.close()
    result, folder = trained(job)
    assert result["stopped"] == "finished"
    assert curve(job.run) == curve(whole.run)
    found, wanted = read_head(folder / "best"), read_head(unbroken / "best")
    assert found.facts == wanted.facts and np.array_equal(found.weight, wanted.weight)


def test_finish_keeps_the_best_so_far(home: Path, encoder: Path, rows: Path) -> None:
    job = small.job(encoder, rows)
    runs = Runs()

    class Asking(Progress):
        def emit(self, event: AnyEvent) -> None:
            if isinstance(event, Progressed) and event.message.startswith("Step 12 "):
                runs.ask(job.run, FINISH)

    result = tune(job, Asking())
    assert result["stopped"] == "asked" and result["steps"] == 12
    assert read_head(runs.folder(job.run) / "best").facts.threshold is not None
    runs.close()


def test_rows_of_no_label_are_not_learnt_and_decide_the_threshold(home: Path, encoder: Path, tmp_path: Path) -> None:
    rows = small.texts(240) + small.texts(30, seed=9, topics=["oos"])
    job = small.job(encoder, small.make_rows(tmp_path / "rows.csv", rows))
    result, folder = trained(job)
    head = read_head(folder / "best")
    assert "oos" not in head.labels and "outside of the scope" in head.facts.chosen
    assert any("belong to no label" in str(sentence) for sentence in result["warnings"])  # type: ignore[attr-defined]


def test_without_validation_rows_nothing_is_claimed(home: Path, encoder: Path, rows: Path) -> None:
    import msgspec

    job = small.job(encoder, rows, max_steps=20)
    result, folder = trained(msgspec.structs.replace(job, records=msgspec.structs.replace(job.records, validation=0.0)))
    head = read_head(folder / "best")
    assert result["best"]["step"] is None and head.facts.threshold is None  # type: ignore[index]


def test_encoder_and_head_together(home: Path, encoder: Path, rows: Path) -> None:
    settings = {"method": "full", "epochs": 2.0, "batch": 16, "learning_rate": 1e-3, "eval_every": 6, "checkpoint_every": 3}
    whole = small.job(encoder, rows, **settings)
    _, unbroken = trained(whole)
    job = small.job(encoder, rows, **settings)
    with pytest.raises(Cancelled):
        tune(job, Stopping("Step 8 "))
    result, folder = trained(job)
    assert result["stopped"] == "finished" and curve(job.run) == curve(whole.run)
    for place in (folder / "best", folder / "last"):
        assert {"config.json", "model.safetensors", "head.json", "tokenizer.json"} <= {file.name for file in place.iterdir()}
    assert read_head(folder / "best").facts == read_head(unbroken / "best").facts
    names = {name for _, name, _ in curve(job.run)[1]}
    assert names == {"loss", "accuracy", "macro_f1"}
