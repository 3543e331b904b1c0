"""Asking: answers with the base's beside them, shown while they are written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from desktop.errors import UserError
from desktop.jobs.events import AnyEvent, Previewed
from desktop.jobs.progress import Progress
from desktop.jobs.tuning_jobs import AskJob
from desktop.tuning import ask as asking
from desktop.tuning.ask import ask
from tests.tuning.exporting import tiny_run


class Heard(Progress):
    """Keeps what is reported."""

    def __init__(self) -> None:
        self.events: list[AnyEvent] = []

    def emit(self, event: AnyEvent) -> None:
        self.events.append(event)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REPRISE_HOME", str(tmp_path_factory.mktemp("home")))
        patch.setenv("REPRISE_THREADS", "1")
        # Long enough to answer with letters: one that ends its answers at once shows nothing while it writes.
        recipe = {"max_steps": 150, "epochs": 40, "eval_every": 75, "learning_rate": 3e-3}
        yield tiny_run(tmp_path_factory.mktemp("models"), "t5", method="full", **recipe)
    torch.set_num_threads(threads)


def test_answers_beside_the_base(run: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "_SHOWN_EVERY_S", 0.0)
    heard = Heard()
    result = ask(AskJob(model=run, texts=("abcd", '{"text": "hgfe"}'), baseline=True, max_answer=5, device="cpu"), heard)
    assert (result["device"], result["precision"]) == ("CPU", "fp32")
    assert len(result["answers"]) == len(result["baseline"]) == 2
    for answer in result["answers"] + result["baseline"]:
        assert set(answer) == {"text", "confidence", "scores", "tokens", "seconds"}
        assert 0 < answer["confidence"] <= 1 and answer["tokens"] <= 5 and answer["seconds"] > 0 and answer["scores"] == []
    shown = [event.data for event in heard.events if isinstance(event, Previewed)]
    last = {(data["baseline"], data["number"]): data["text"] for data in shown if data["text"]}
    assert {key: text for key, text in last.items() if not key[0]} == {
        (False, number): answer["text"] for number, answer in enumerate(result["answers"]) if answer["text"]
    }
    assert any(not is_baseline for is_baseline, _ in last)


def test_beams_have_no_confidence(run: str) -> None:
    (answer,) = ask(AskJob(model=run, texts=("abcd",), beams=3, device="cpu"), Progress())["answers"]
    assert answer["confidence"] is None


def test_no_such_model(run: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no base model 'nothing'"):
        ask(AskJob(model="nothing", texts=("abcd",)), Progress())
    with pytest.raises(UserError, match="no config"):
        ask(AskJob(model=str(tmp_path), texts=("abcd",)), Progress())
