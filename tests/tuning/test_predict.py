"""Open models: their answers and confidences are those of the original weights in torch."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM, GenerationConfig

from desktop.errors import UserError
from desktop.jobs.progress import Progress
from desktop.models.hub_folder import Family as BaseFamily
from desktop.models.library import Library
from desktop.tuning.bases import find_base
from desktop.tuning.exports import onnx_of
from desktop.tuning.model_card import ModelCard, read_card
from desktop.tuning.predict import close_models, open_model, rows_of
from desktop.tuning.prompts import Prompter
from desktop.tuning.runs import Runs
from desktop.tuning.training.merge import merged
from tests.tuning.exporting import classifier_run, tiny_run
from tests.tuning.training import tiny

ROWS = [{"text": "abc"}, {"text": "hgfedcbaabcdefgh"}, {"text": "e"}]


@pytest.fixture(scope="module", autouse=True)
def _one_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Runs and exports of this module's own, and torch with one thread: these networks are small."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REPRISE_HOME", str(tmp_path_factory.mktemp("home")))
        patch.setenv("REPRISE_THREADS", "1")
        yield
    torch.set_num_threads(threads)
    close_models()


@pytest.fixture(scope="module", params=tiny.KINDS)
def tuned(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """An exported run, and the same weights in the hub's layout."""
    place = tmp_path_factory.mktemp(request.param)
    run = tiny_run(place, request.param)
    base = find_base(str(place / request.param), Library(), Progress())
    runs = Runs()
    merged(runs.folder(run), "best", base, place / "merged", Progress())
    runs.close()
    return onnx_of(run, Progress(), library=Library()), place / "merged"


class Original:
    """The answers of transformers, one prompt at a time."""

    def __init__(self, folder: Path, card: ModelCard) -> None:
        assert card.prompt is not None
        self.prompter, self.card = Prompter(folder, card.prompt), card.prompt
        self.whole = self.card.family == BaseFamily.SEQ2SEQ
        kind = AutoModelForSeq2SeqLM if self.whole else AutoModelForCausalLM
        self.model = kind.from_pretrained(folder, dtype=torch.float32).eval()

    def scores(self, prompt: list[int], answer: list[int]) -> torch.Tensor:
        """Log-probability of each token of an answer."""
        with torch.inference_mode():
            if self.whole:
                start = torch.tensor([[self.card.start, *answer[:-1]]])
                logits = self.model(input_ids=torch.tensor([prompt]), decoder_input_ids=start).logits[0]
            else:
                logits = self.model(input_ids=torch.tensor([prompt + answer[:-1]])).logits[0, len(prompt) - 1 :]
        return logits.log_softmax(-1)[torch.arange(len(answer)), torch.tensor(answer)]

    def write(self, prompt: list[int], beams: int = 1) -> list[int]:
        """Tokens of the answer, its end included."""
        self.model.generation_config = GenerationConfig(
            max_new_tokens=self.card.max_answer, do_sample=False, num_beams=beams, decoder_start_token_id=self.card.start,
            eos_token_id=list(self.card.stop), pad_token_id=self.card.pad,
        )  # fmt: skip
        with torch.inference_mode():
            ids = self.model.generate(torch.tensor([prompt]), attention_mask=torch.ones(1, len(prompt), dtype=torch.long))
        found: list[int] = ids[0, 1 if self.whole else len(prompt) :].tolist()
        return found


def test_texts_and_confidences_are_those_of_torch(tuned: tuple[Path, Path]) -> None:
    model = open_model(tuned[0], device="cpu")
    original = Original(tuned[1], model.card)
    for beams in (1, 3):
        answers = model.answer(ROWS, beams=beams)
        for prompt, answer in zip(original.prompter.encode_prompts(ROWS), answers, strict=True):
            tokens = original.write(prompt, beams)
            assert answer.text == original.prompter.decode(tokens) and answer.scores == []
            if beams == 1:
                assert answer.confidence == pytest.approx(original.scores(prompt, tokens).mean().exp().item(), rel=1e-3)
    assert all(answer.tokens <= 2 for answer in model.answer(ROWS, max_answer=2))
    assert model.answer([]) == []


def test_a_choice_is_as_sure_as_its_share(tuned: tuple[Path, Path]) -> None:
    model = open_model(tuned[0], device="cpu")
    original = Original(tuned[1], model.card)
    labels = ("ABC", "AB", "HGF", "E", "a longer answer", "CBA", "DDD")
    choices = [ids for ids, _ in original.prompter.encode_answers(labels)]
    answers = model.answer(ROWS, labels=labels)
    for prompt, answer in zip(original.prompter.encode_prompts(ROWS), answers, strict=True):
        whole = torch.stack([original.scores(prompt, choice).sum() for choice in choices])
        shares = dict(zip(labels, whole.softmax(0).tolist(), strict=True))
        best = sorted(shares, key=lambda label: -shares[label])[:5]
        assert answer.text == best[0] and [label for label, _ in answer.scores] == best
        assert [share for _, share in answer.scores] == pytest.approx([shares[label] for label in best], rel=1e-3)
        assert answer.confidence == answer.scores[0][1]


def test_models_stay_open_until_they_change(tuned: tuple[Path, Path], tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(tuned[0], folder)
    first = open_model(folder, device="cpu")
    assert open_model(folder, device="cpu") is first
    card = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps(card | {"labels": ["A", "B"]}))
    second = open_model(folder, device="cpu")
    assert second is not first and {answer.text for answer in second.answer(ROWS)} <= {"A", "B"}


def test_a_base_answers_like_the_run_tuned_from_it(tuned: tuple[Path, Path]) -> None:
    card = read_card(tuned[0])
    assert card.prompt is not None
    base = open_model(onnx_of(card.base, Progress(), library=Library()), device="cpu")
    asked = msgspec.structs.replace(
        card, labels=("A", "B"), prompt=msgspec.structs.replace(card.prompt, template="Say: {{ text }}")
    )
    alike = base.like(asked)
    assert alike.generator is base.generator and alike.prompt(ROWS[0]).startswith("Say: abc")
    assert {answer.text for answer in alike.answer(ROWS)} <= {"A", "B"}
    with pytest.raises(UserError, match="column 'text'"):
        alike.answer([{"body": "abc"}])


def test_texts_become_rows(tuned: tuple[Path, Path]) -> None:
    card = read_card(tuned[0])
    assert rows_of(["abc", "{not JSON}", '{"text": 5, "more": "x"}'], card) == [
        {"text": "abc"}, {"text": "{not JSON}"}, {"text": "5", "more": "x"},
    ]  # fmt: skip
    assert card.prompt is not None
    two = msgspec.structs.replace(card, prompt=msgspec.structs.replace(card.prompt, inputs=("subject", "body")))
    assert rows_of(['{"subject": "a", "body": null}'], two) == [{"subject": "a", "body": ""}]
    with pytest.raises(UserError, match="reads the columns subject, body"):
        rows_of(["abc"], two)


def test_classifiers_answer_by_labels(installed: Callable[[str], Path], tmp_path: Path) -> None:
    base = installed("minilm")
    model = open_model(onnx_of(classifier_run(tmp_path, base), Progress(), library=Library()), device="cpu")
    answers = model.answer([{"text": "the invoice is wrong"}, {"text": "fry an egg"}])
    assert [answer.text for answer in answers] == ["billing", "kitchen"]
    assert all(answer.confidence is not None and 0.3 < answer.confidence <= 1 and len(answer.scores) == 3 for answer in answers)
    with pytest.raises(UserError, match="writes no text"):
        _ = model.generator
    with pytest.raises(UserError, match="has not been tuned"):
        open_model(onnx_of(str(base), Progress(), library=Library()))


@pytest.mark.slow
def test_the_default_decoder_writes_what_transformers_writes(installed: Callable[[str], Path]) -> None:
    installed("smollm2")
    folder = onnx_of("smollm2", Progress(), library=Library())
    model = open_model(folder, device="cpu")
    rows = [{"text": "What is the capital of France?"}, {"text": "Name three colours."}]
    original = Original(find_base("smollm2", Library(), Progress()).folder, model.card)
    for row, answer in zip(rows, model.answer(rows, max_answer=32), strict=True):
        original.card = msgspec.structs.replace(original.card, max_answer=32)
        assert answer.text == original.prompter.decode(original.write(original.prompter.encode_prompts([row])[0]))
    assert "Paris" in model.answer(rows[:1], max_answer=32)[0].text
    (chosen,) = model.answer(rows[:1], labels=("London", "Paris", "Rome"))
    assert chosen.text == "Paris" and np.isclose(sum(share for _, share in chosen.scores), 1)
    small = onnx_of("smollm2", Progress(), library=Library(), precision="int8")
    assert read_card(small).size < 0.35 * read_card(folder).size and read_card(small).check["agreement"] > 0.8
