"""Searches over exported decoders: batches, prefixes, beams, choices, caches on either side."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from desktop.errors import UsageError
from desktop.jobs.progress import Cancelled, Progress
from desktop.models.decoding import Generator, decoder_rows
from desktop.models.decoding.choose import tree_of
from desktop.models.decoding.decoder import DecoderStepper, open_decoder
from desktop.models.decoding.stepper import Rows, Stepper
from desktop.models.export.decoder import export_decoder
from tests.models import tiny_decoders
from tests.models.tiny_decoders import END, VOCABULARY

CHOICES = [[7, 8, END], [7, 8, 9, END], [7, END], [100, END], [100, 7, 8, 9, 10, END], [55]]


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module", params=["llama", "bloom"])
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    """A model, and the folder of its export."""
    folder, target = (tmp_path_factory.mktemp(name) for name in ("model", "onnx"))
    # Smaller weights, so that odds are close and beams differ from greed.
    model = tiny_decoders.make(request.param, folder, initializer_range=0.15)
    export_decoder(folder, target, Progress())
    return model, target


@pytest.fixture(params=[False, True], ids=["host", "device"])
def generator(request: pytest.FixtureRequest, exported: tuple[Any, Path]) -> Generator:
    """With caches moved by numpy, and with those that a graph moves."""
    return Generator(DecoderStepper(exported[1], device="cpu", threads=1, keep_on_device=request.param))


def some(*lengths: int, seed: int = 5) -> list[list[int]]:
    random = np.random.default_rng(seed)
    return [random.integers(4, VOCABULARY, length).tolist() for length in lengths]


def test_rows_that_end_leave_the_others_as_they_are(exported: tuple[Any, Path], generator: Generator) -> None:
    prompts = some(9, 1, 17, 30, 4, 4, 12, 23)
    most = [3, 12, 1, 7, 0, 12, 9, 2]
    wanted = [tiny_decoders.written(exported[0], [prompt], 12)[0][:count] for prompt, count in zip(prompts, most, strict=True)]
    heard: dict[int, list[int]] = {number: [] for number in range(8)}
    found, scores = generator.greedy(prompts, most, {END}, on_token=lambda row, token: heard[row].append(token), scores=True)
    assert found == wanted == list(heard.values())
    for prompt, answer, score, count in zip(prompts, found, scores, most, strict=True):
        ended = len(answer) < count
        whole = answer + [END] * ended
        assert score == pytest.approx(tiny_decoders.odds(exported[0], prompt, whole) / max(1, len(whole)), abs=1e-4)
    # Any token may end an answer.
    stop = {found[1][2], found[5][0]}
    cut = [next((at for at, token in enumerate(answer) if token in stop), len(answer)) for answer in found]
    assert generator.greedy(prompts, most, {END} | stop) == [answer[:at] for answer, at in zip(found, cut, strict=True)]


def test_a_shared_start_changes_nothing(generator: Generator) -> None:
    [shots], prompts = some(40), some(9, 1, 17, seed=6)
    whole = [shots + prompt for prompt in prompts]
    prefix = generator.prefix(shots)
    assert prefix is not None
    for _ in range(2):
        np.testing.assert_allclose(generator.first(prompts, [4, 9, 200], prefix), generator.first(whole, [4, 9, 200]), atol=1e-4)
        assert generator.greedy(prompts, 8, {END}, prefix=prefix) == generator.greedy(whole, 8, {END})
        assert generator.beam(prompts, 3, 8, {END}, prefix=prefix) == generator.beam(whole, 3, 8, {END})
    np.testing.assert_allclose(
        generator.choose(prompts, CHOICES, prefix=prefix)[1], generator.choose(whole, CHOICES)[1], atol=1e-4
    )


def test_long_prompts_are_read_in_parts(generator: Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    prompts = some(100, 3, 57, 58)
    wanted = generator.first(prompts, range(VOCABULARY)), generator.greedy(prompts, 6, ())
    monkeypatch.setattr(decoder_rows, "_TOKENS", 4 * 19)
    np.testing.assert_allclose(generator.first(prompts, range(VOCABULARY)), wanted[0], atol=1e-4)
    assert generator.greedy(prompts, 6, ()) == wanted[1]


def test_beams_find_what_those_of_transformers_find(exported: tuple[Any, Path], generator: Generator) -> None:
    prompts = some(9, 1, 17, 30, 4)
    for beams in (2, 4):
        wanted = tiny_decoders.written(exported[0], prompts, 14, beams=beams)
        assert generator.beam(prompts, beams, 14, {END}) == wanted
    assert wanted != tiny_decoders.written(exported[0], prompts, 14)
    assert generator.beam(prompts, 4, [14, 0, 1, 14, 14], {END})[1] == []


def test_choices_have_their_exact_odds(exported: tuple[Any, Path], generator: Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    prompts = some(9, 1, 17)
    wanted = np.array([[tiny_decoders.odds(exported[0], prompt, choice) for choice in CHOICES] for prompt in prompts])
    best, found = generator.choose(prompts, CHOICES)
    np.testing.assert_allclose(found, wanted, atol=2e-4)
    np.testing.assert_array_equal(best, wanted.argmax(axis=1))
    # In parts, when there are too many; and step by step, as models do that cannot read trees.
    monkeypatch.setattr("desktop.models.decoding.choose._LOGITS", 4 * VOCABULARY * 3)
    np.testing.assert_allclose(generator.choose(prompts, CHOICES)[1], wanted, atol=2e-4)
    monkeypatch.undo()
    tree = tree_of(CHOICES)
    assert (len(tree.tokens), tree.inner, tree.width) == (14, 8, 2)
    rows = generator.stepper.start(prompts, 6)
    odds = Rows.tree(rows, tree.tokens, tree.parents)
    for column, path in enumerate(tree.paths):
        np.testing.assert_allclose(odds[:, path].sum(axis=1), wanted[:, column], atol=2e-4)


def test_rows_may_be_kept_in_any_order_and_number(generator: Generator) -> None:
    prompts = some(9, 1, 17)

    def after(rows: list[list[int]]) -> np.ndarray:
        return generator.first(rows, range(VOCABULARY))

    batch = generator.stepper.start(prompts, 6)
    batch.step(np.array([5, 6, 7]))
    texts = [[*prompt, token] for prompt, token in zip(prompts, (5, 6, 7), strict=True)]
    for order in ([2, 0, 1], [1, 1, 0, 2, 2], [4, 0], [0, 0]):
        batch.keep(np.array(order))
        texts = [texts[number] for number in order]
        np.testing.assert_allclose(batch.logits(), after(texts), atol=1e-4)
        tokens = np.arange(len(order)) + 20
        batch.step(tokens)
        texts = [[*text, int(token)] for text, token in zip(texts, tokens, strict=True)]
        np.testing.assert_allclose(batch.logits(), after(texts), atol=1e-4)


def test_what_does_not_fit_is_refused_before_anything_is_read(generator: Generator) -> None:
    assert generator.context is not None
    with pytest.raises(UsageError, match=r"Prompt 2 has 120 tokens and its answer may have 9 more.*128"):
        generator.greedy(some(3, 120), 9, ())
    with pytest.raises(UsageError, match="Prompt 1 has no tokens"):
        generator.first([[]], [1])
    with pytest.raises(UsageError, match="nothing to choose"):
        generator.choose(some(3), [[5], []])
    assert len(generator.greedy(some(120), 8, ())[0]) == 8


def test_a_cancel_ends_a_search(exported: tuple[Any, Path]) -> None:
    class Stopping(Progress):
        steps = 0

        def checkpoint(self) -> None:
            self.steps += 1
            if self.steps > 3:
                raise Cancelled

    generator, progress = open_decoder(exported[1], device="cpu"), Stopping()
    for search in (
        lambda: generator.greedy(some(3), 50, (), progress=progress),
        lambda: generator.beam(some(3), 2, 50, (), progress=progress),
    ):
        progress.steps = 0
        with pytest.raises(Cancelled):
            search()


def test_batches_are_of_like_lengths_and_fit_into_memory(exported: tuple[Any, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    generator = open_decoder(exported[1], device="cpu")
    sizes: list[list[int]] = []
    start: Callable[..., Rows] = DecoderStepper.start

    def counted(self: Stepper, prompts: Any, room: int, *, prefix: Any = None) -> Rows:
        sizes.append([len(prompt) for prompt in prompts])
        return start(self, prompts, room, prefix=prefix)

    monkeypatch.setattr(DecoderStepper, "start", counted)
    monkeypatch.setattr("desktop.models.decoding.decoder._TOKENS", {"CPU": 128, "CUDA": 128})
    generator.first(some(*[10] * 7, 60, 62, 100), [5])
    assert sizes == [[100], [62, 60], [10] * 7]
