"""Losses, gradients and weights of the three kinds of networks, against what transformers computes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM

from desktop.jobs.tuning_jobs import Recipe
from desktop.tuning.prompt_card import PromptCard
from desktop.tuning.training.batches import Plan
from desktop.tuning.training.group import Alone
from desktop.tuning.training.network import Network, open_network
from desktop.tuning.training.optimiser import Optimiser, rate_at
from desktop.tuning.training.steps import Stepper
from desktop.tuning.training.tensors import write_tensors
from desktop.tuning.training.tokens import Pair, TokenFacts, Tokens
from tests.tuning.training.tiny import KINDS, TARGETS

Bases = Callable[[str], Path]


def _card(kind: str) -> PromptCard:
    family, start = ("seq2seq", 0) if kind == "t5" else ("decoder", None)
    return PromptCard(family=family, inputs=("a",), start=start, end=1, stop=(1,), max_tokens=64, max_answer=16)


def _recipe(kind: str, **changes: object) -> Recipe:
    return Recipe(**{"method": "lora", "lora_targets": TARGETS[kind], "precision": "fp32", "learning_rate": 0.01, **changes})


def _open(bases: Bases, kind: str, **changes: object) -> Network:
    return open_network(bases(kind), _recipe(kind, **changes), _card(kind), device="cpu", base=kind)


def _pairs(count: int = 8) -> list[Pair]:
    chance = np.random.default_rng(2)
    return [
        Pair(chance.integers(2, 250, chance.integers(3, 20), np.int32), chance.integers(2, 250, chance.integers(1, 9), np.int32))
        for _ in range(count)
    ]


def _tokens(pairs: list[Pair]) -> Tokens:
    ids = np.concatenate([part for pair in pairs for part in pair])
    sizes = np.array([[len(pair.prompt), len(pair.answer)] for pair in pairs])
    starts = np.cumsum(sizes.sum(1)) - sizes.sum(1)
    bounds = np.stack([starts, starts + sizes[:, 0], starts + sizes.sum(1)], 1)
    return Tokens(ids, bounds, TokenFacts(fingerprint="", rows=len(pairs), prompts_cut=0, answers_cut=0, longest=0))


@pytest.mark.parametrize("kind", KINDS)
def test_loss_is_that_of_transformers_on_the_answer_alone(kind: str, tiny_base: Bases) -> None:
    pairs = _pairs()
    total = sum(len(pair.answer) for pair in pairs)
    network = _open(tiny_base, kind, method="full", lora_targets=())
    found = network.loss(network.batch(pairs), 1 / total)
    load = AutoModelForSeq2SeqLM if kind == "t5" else AutoModelForCausalLM
    model = load.from_pretrained(tiny_base(kind), dtype=torch.float32)
    summed = 0.0
    for pair in pairs:
        prompt, answer = (torch.from_numpy(part.astype(np.int64))[None] for part in pair)
        if kind == "t5":
            loss = model(input_ids=prompt, labels=answer).loss
        else:
            ids = torch.cat([prompt, answer], 1)
            loss = model(input_ids=ids, labels=torch.cat([torch.full_like(prompt, -100), answer], 1)).loss
        summed = summed + loss * answer.shape[1]
    wanted = summed / total
    assert float(found.detach()) == pytest.approx(float(wanted.detach()), rel=1e-5)
    assert float(network.losses(network.batch(pairs)).sum()) / total == pytest.approx(float(wanted.detach()), rel=1e-5)
    found.backward()
    wanted.backward()
    name = max((name for name, _ in model.named_parameters()), key=len)
    torch.testing.assert_close(network.trainable[name].grad, model.get_parameter(name).grad, rtol=1e-3, atol=1e-6)
    tied = model.get_input_embeddings().weight.grad
    torch.testing.assert_close(network.model.get_input_embeddings().weight.grad, tied, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_is_the_same_however_it_is_cut(kind: str, tiny_base: Bases) -> None:
    """8 rows at once, 4 twice, 3 + 3 + 2: the same loss, gradient norm and weights."""
    tokens = _tokens(_pairs(16))
    made, weights = [], []
    for batch in (8, 4, 3):
        network = _open(tiny_base, kind)
        recipe = _recipe(kind)
        stepper = Stepper(network, Optimiser(network.trainable, 0.01), tokens, Plan(tokens.lengths, 8, 1), recipe, Alone())
        made.append([stepper.step(step, batch, 0.01) for step in (1, 2, 3)])
        weights.append(network.weights())
    for other, their in zip(made[1:], weights[1:], strict=True):
        np.testing.assert_allclose([m.loss for m in other], [m.loss for m in made[0]], rtol=1e-5)
        np.testing.assert_allclose([m.norm for m in other], [m.norm for m in made[0]], rtol=1e-4)
        assert [m.tokens for m in other] == [m.tokens for m in made[0]]
        for name, tensor in weights[0].items():
            # Adam divides by the size of a gradient: where that is next to nothing, rounding is a part of a step (0.01 each).
            torch.testing.assert_close(their[name], tensor, rtol=1e-3, atol=5e-5)


def test_what_all_rows_begin_with_is_read_once_to_the_same_effect(tiny_base: Bases) -> None:
    common = np.arange(20, 40, dtype=np.int32)
    pairs = [Pair(np.concatenate([common, pair.prompt]), pair.answer) for pair in _pairs()]
    pairs.append(Pair(common[:15], pairs[0].answer))
    found = []
    for shares in (True, False):
        network = _open(tiny_base, "llama")
        with torch.no_grad():
            for parameter in network.trainable.values():
                parameter += 0.1
        network._shares = shares
        batch = network.batch(pairs)
        assert (batch.shared is not None and batch.shared.shape[1] == 14) == shares
        assert batch.tokens == sum(len(pair.prompt) + len(pair.answer) - 1 for pair in pairs)
        loss = network.loss(batch, 0.02)
        loss.backward()
        found.append([loss.detach(), network.losses(batch), *(part.grad for part in network.trainable.values())])
    torch.testing.assert_close(found[0], found[1], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_products_in_16_bits_are_close(kind: str, tiny_base: Bases) -> None:
    found = []
    for precision in ("fp32", "bf16"):
        network = _open(tiny_base, kind, precision=precision)
        loss = network.loss(network.batch(_pairs()), 0.02)
        loss.backward()
        found.append((float(loss.detach()), [part.grad for part in network.trainable.values()]))
    assert found[0][0] == pytest.approx(found[1][0], rel=2e-3) and found[0][0] != found[1][0]
    for one, other in zip(found[0][1], found[1][1], strict=True):
        assert one.dtype == other.dtype == torch.float32
        assert float((one - other).norm()) <= 0.05 * float(one.norm())


@pytest.mark.parametrize("kind", KINDS)
def test_gradient_checkpointing_changes_nothing_but_memory(kind: str, tiny_base: Bases) -> None:
    grads = []
    for lean in (False, True):
        network = _open(tiny_base, kind, gradient_checkpointing=lean)
        network.model.train()
        network.loss(network.batch(_pairs()), 0.02).backward()
        grads.append({name: parameter.grad for name, parameter in network.trainable.items()})
    torch.testing.assert_close(grads[0], grads[1])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", ["lora", "full"])
def test_weights_go_to_a_file_and_back(kind: str, method: str, tiny_base: Bases, tmp_path: Path) -> None:
    targets = {"lora_targets": TARGETS[kind] if method == "lora" else ()}
    trained = _open(tiny_base, kind, method=method, **targets)
    with torch.no_grad():
        for parameter in trained.trainable.values():
            parameter += torch.randn_like(parameter) * 0.1
    write_tensors(tmp_path / "weights.safetensors", trained.weights())
    fresh = _open(tiny_base, kind, method=method, **targets)
    fresh.load(load_file(tmp_path / "weights.safetensors"), tmp_path)
    for name, parameter in trained.trainable.items():
        assert torch.equal(fresh.trainable[name], parameter)
    batch = trained.batch(_pairs())
    assert torch.equal(trained.losses(batch), fresh.losses(batch))
    if method == "full":
        stored = set(trained.weights())
        saved = set(load_file(tiny_base(kind) / "model.safetensors"))
        assert stored == saved, "the names are those that transformers saves"


def test_learning_rates() -> None:
    recipe = _recipe("llama", warmup=0.2, learning_rate=1.0)
    cosine = [rate_at(step, 20, recipe) for step in range(1, 21)]
    assert cosine[:5] == pytest.approx([0.25, 0.5, 0.75, 1.0, 1.0])
    assert 0 < cosine[-1] < 0.02 and cosine[12] == pytest.approx(0.5, abs=0.01)
    linear = _recipe("llama", warmup=0.0, learning_rate=1.0, schedule="linear")
    assert [rate_at(step, 4, linear) for step in range(1, 5)] == pytest.approx([1.0, 0.75, 0.5, 0.25])
    constant = _recipe("llama", warmup=0.0, learning_rate=1.0, schedule="constant")
    assert rate_at(4, 4, constant) == 1.0


def test_norms_and_biases_do_not_decay(tiny_base: Bases) -> None:
    network = _open(tiny_base, "bloom", method="full", lora_targets=())
    optimiser = Optimiser(network.trainable, 0.5)
    decays = {id(parameter): group["weight_decay"] for group in optimiser._adam.param_groups for parameter in group["params"]}
    for name, parameter in network.trainable.items():
        plain = "norm" in name or ".ln_" in name or name.endswith("bias")
        assert decays[id(parameter)] == (0.0 if plain else 0.5), name


def test_answers_are_those_of_generate_one_by_one(tiny_base: Bases) -> None:
    for kind in KINDS:
        network = _open(tiny_base, kind, method="full", lora_targets=())
        network.model.eval()
        prompts = [pair.prompt.tolist() for pair in _pairs(4)]
        together = network.answers(prompts, 6)
        alone = [network.answers([prompt], 6)[0] for prompt in prompts]
        assert alone == [ids[: len(one)] for ids, one in zip(together, alone, strict=True)], kind
