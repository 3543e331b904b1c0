"""T5 as ONNX: the same tokens as transformers, whatever kind of T5, batch, padding and version of the folder."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import GenerationConfig, T5Config, T5ForConditionalGeneration
from transformers.models.t5.modeling_t5 import T5Attention

from desktop.errors import UserError
from desktop.jobs.progress import Progress
from desktop.models.decoding.search import Generator
from desktop.models.decoding.seq2seq import grouped, open_seq2seq
from desktop.models.export import t5_graph
from desktop.models.export.seq2seq import export_seq2seq
from desktop.models.export.t5 import buckets, plan_of

KINDS: dict[str, dict[str, Any]] = {
    "1.0": {"feed_forward_proj": "relu"},
    "1.1": {"feed_forward_proj": "gated-gelu", "tie_word_embeddings": False, "num_decoder_layers": 3},
    "silu": {"feed_forward_proj": "gated-silu", "relative_attention_num_buckets": 8, "relative_attention_max_distance": 20},
}
PROMPTS = [[5, 9, 70, 3, 1], [40, 1], [*range(30, 90), 1], [*range(3, 150), 1], [7, 8, 9, 1]]


def make(folder: Path, kind: str, **sizes: Any) -> T5ForConditionalGeneration:
    """A random T5 in the hub's layout, as transformers 5 writes it."""
    torch.manual_seed(3)
    plain = {"vocab_size": 160, "d_model": 48, "d_ff": 96, "num_layers": 2, "num_heads": 3, "d_kv": 8} | sizes
    model = T5ForConditionalGeneration(T5Config(**plain, decoder_start_token_id=0, **KINDS[kind])).eval()
    if kind != "1.0":
        with torch.no_grad():
            model.lm_head.weight = torch.nn.Parameter(torch.randn_like(model.lm_head.weight))
    # Random weights attend to everything alike; these tell positions apart.
    for side in (model.encoder, model.decoder):
        torch.nn.init.normal_(side.block[0].layer[0].SelfAttention.relative_attention_bias.weight, std=2.0)
    model.save_pretrained(folder)
    return model


def written(model: T5ForConditionalGeneration, prompts: list[list[int]], count: int, beams: int = 1) -> list[list[int]]:
    """What transformers writes, batch by batch as given, up to the end's token."""
    model.generation_config = GenerationConfig(
        decoder_start_token_id=0, pad_token_id=0, eos_token_id=1, do_sample=False, num_beams=beams, max_new_tokens=count
    )
    longest = max(map(len, prompts))
    ids = torch.tensor([prompt + [0] * (longest - len(prompt)) for prompt in prompts])
    with torch.inference_mode():
        # With its caches it cannot write by a decoder that is deeper than the encoder.
        caches = model.config.num_decoder_layers <= model.config.num_layers
        rows = model.generate(input_ids=ids, attention_mask=(ids > 0).long(), use_cache=caches)[:, 1:].tolist()
    return [row[: row.index(1)] if 1 in row else row for row in rows]


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """Threads of torch that wait for one another cost more than these networks."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module", params=KINDS)
def exported(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[T5ForConditionalGeneration, Generator]:
    folder, target = tmp_path_factory.mktemp("t5"), tmp_path_factory.mktemp("onnx")
    model = make(folder, request.param)
    check = export_seq2seq(folder, target, Progress())
    assert check["equal"] == 1.0 and check["tokens"] >= 100 and check["largest"] < 1e-5
    assert {path.name for path in target.iterdir()} == {"encoder.onnx", "decoder.onnx", "reorder.onnx"}
    return model, open_seq2seq(target, device="cpu")


def test_writes_what_transformers_writes(exported: tuple[T5ForConditionalGeneration, Generator]) -> None:
    model, generator = exported
    for prompts in (PROMPTS, PROMPTS[:1], PROMPTS[2:4]):
        assert generator.greedy(prompts, 30, [1]) == written(model, prompts, 30)


def test_beams_find_what_those_of_transformers_find(exported: tuple[T5ForConditionalGeneration, Generator]) -> None:
    model, generator = exported
    assert generator.beam(PROMPTS, 4, 12, [1]) == written(model, PROMPTS, 12, beams=4)


def test_rows_may_be_chosen_in_any_way(exported: tuple[T5ForConditionalGeneration, Generator]) -> None:
    _, generator = exported

    def logits(rows: list[list[int]]) -> list[np.ndarray]:
        batch = generator.stepper.start(PROMPTS[:3], 9)
        batch.step(np.array([5, 6, 7]))
        for chosen in rows:
            batch.keep(np.array(chosen))
        batch.step(np.full(batch.count, 11))
        return list(batch.logits())

    plain = logits([])
    for rows in ([[2, 0]], [[0, 0, 1, 1, 2, 2], [1, 2, 4]], [[2, 2, 0], [1, 2]], [[1]], [[0, 0], [1, 0]]):
        numbers = np.arange(3)
        for chosen in rows:
            numbers = numbers[chosen]
        for found, number in zip(logits(rows), numbers, strict=True):
            np.testing.assert_allclose(found, plain[number], atol=1e-5)


@pytest.mark.parametrize(
    ("owners", "prompts"),
    [([0, 0, 1, 1], [0, 1]), ([2, 1], [2, 1]), ([0, 0, 1], [0, 0, 1]), ([1, 1], [1]), ([0, 1, 0], [0, 1, 0])],
)
def test_rows_of_a_prompt_share_its_keys(owners: list[int], prompts: list[int]) -> None:
    assert grouped(np.array(owners)).tolist() == prompts


def test_reads_folders_of_transformers_4(tmp_path: Path) -> None:
    model = make(tmp_path, "1.1")
    config = json.loads((tmp_path / "config.json").read_text())
    for name in ("scale_decoder_outputs", "dense_act_fn", "is_gated_act"):
        config.pop(name, None)
    # Version 4 says so of output weights of their own; it means that outputs are not scaled, too.
    (tmp_path / "config.json").write_text(json.dumps(config | {"tie_word_embeddings": False, "transformers_version": "4.41.0"}))
    target = tmp_path / "onnx"
    target.mkdir()
    export_seq2seq(tmp_path, target, Progress())
    assert open_seq2seq(target, device="cpu").greedy(PROMPTS, 20, [1]) == written(model, PROMPTS, 20)


@pytest.mark.parametrize(
    "said", [{}, {"tie_word_embeddings": True}, {"scale_decoder_outputs": True, "tie_word_embeddings": True}]
)
def test_older_models_scale_their_outputs(said: dict[str, bool]) -> None:
    sizes = {"d_model": 64, "d_ff": 8, "num_layers": 1, "num_heads": 1, "d_kv": 8, "vocab_size": 9}
    assert plan_of(sizes | said).scale == 0.125
    assert plan_of(sizes | {"tie_word_embeddings": False}).scale == 1.0
    assert plan_of(sizes | {"tie_word_embeddings": True, "scale_decoder_outputs": False}).scale == 1.0


@pytest.mark.parametrize("most", [40, 128, 1000])
@pytest.mark.parametrize("count", [8, 32, 64])
def test_buckets_of_distances(count: int, most: int) -> None:
    sizes = {"d_model": 8, "d_ff": 8, "num_layers": 1, "num_heads": 1, "d_kv": 8, "vocab_size": 9}
    plan = plan_of(sizes | {"relative_attention_num_buckets": count, "relative_attention_max_distance": most})
    distances = np.arange(-most - 9, most + 10)
    for both in (True, False):
        wanted = T5Attention._relative_position_bucket(torch.from_numpy(distances), both, count, most)
        assert np.array_equal(buckets(distances, plan, both=both), wanted.numpy())


@pytest.mark.parametrize("precision", ["int8", "fp16"])
def test_lower_precisions_say_what_they_cost(precision: str, tmp_path: Path) -> None:
    make(tmp_path / "t5", "1.1", d_model=128, d_ff=128)
    (tmp_path / "onnx").mkdir()
    check = export_seq2seq(tmp_path / "t5", tmp_path / "onnx", Progress(), precision=precision, samples=PROMPTS)
    assert 0 < check["difference"] < (0.002 if precision == "fp16" else 0.1) and check["agreement"] >= 0.8
    assert open_seq2seq(tmp_path / "onnx", device="cpu").precision == precision


def test_half_precision_survives_what_overflows_it(tmp_path: Path) -> None:
    model = make(tmp_path / "t5", "1.1")
    with torch.no_grad():
        for block in model.encoder.block:
            block.layer[1].DenseReluDense.wo.weight *= 3e5
    model.save_pretrained(tmp_path / "t5")
    (tmp_path / "onnx").mkdir()
    check = export_seq2seq(tmp_path / "t5", tmp_path / "onnx", Progress(), precision="fp16")
    assert check["difference"] < 0.01 and np.isfinite(check["largest"])


def test_refuses_a_graph_that_differs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path / "t5", "1.0")
    (tmp_path / "onnx").mkdir()
    # A fault such as exporters had: positions beyond those of a trace get the last one's bias.
    table = t5_graph.bias_table
    monkeypatch.setattr(t5_graph, "bias_table", lambda *given, both: np.roll(table(*given, both=both), 1, axis=1))
    with pytest.raises(UserError, match="differs from the original"):
        export_seq2seq(tmp_path / "t5", tmp_path / "onnx", Progress())
    assert not list((tmp_path / "onnx").iterdir())


def test_refuses_other_models(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bart"}))
    with pytest.raises(UserError, match="bart"):
        export_seq2seq(tmp_path, tmp_path, Progress())
    with pytest.raises(UserError, match="gated-tanh"):
        plan_of({"feed_forward_proj": "gated-tanh"})
    with pytest.raises(UserError, match="d_ff"):
        plan_of({"feed_forward_proj": "relu", "d_model": 8, "num_layers": 1})
