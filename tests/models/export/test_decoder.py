"""Decoders as ONNX: the same tokens as transformers', for every kind of model, and what is refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from tokenizers import Tokenizer

from desktop.errors import UserError
from desktop.jobs.progress import Progress
from desktop.models.decoding.decoder import EXPORTED, open_decoder
from desktop.models.export import safetensors_writer
from desktop.models.export.decoder import export_decoder
from desktop.models.export.weights import Weights
from tests.models import tiny_decoders
from tests.models.tiny_decoders import END, KINDS, VOCABULARY


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """A folder for the model and one for its export."""
    for name in ("model", "onnx"):
        (tmp_path / name).mkdir()
    return tmp_path / "model", tmp_path / "onnx"


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_writes_what_transformers_writes(kind: str, folders: tuple[Path, Path]) -> None:
    folder, target = folders
    model = tiny_decoders.make(kind, folder)
    check = export_decoder(folder, target, Progress())
    assert check["equal"] == 1.0 and check["largest"] < 1e-5 and check["tokens"] >= 60
    generator = open_decoder(target, device="cpu")
    random = np.random.default_rng(1)
    prompts = [random.integers(4, VOCABULARY, length).tolist() for length in (9, 1, 17, 30, 4, 4, 12, 23)]
    wanted = tiny_decoders.written(model, prompts, 10)
    for rows in (1, 2, 3, 8):
        assert generator.greedy(prompts[:rows], 10, {END}) == wanted[:rows]


def test_context_ends_where_a_layer_forgets(folders: tuple[Path, Path]) -> None:
    folder, target = folders
    tiny_decoders.make("mistral", folder)
    export_decoder(folder, target, Progress())
    assert open_decoder(target, device="cpu").context == 96


@pytest.mark.parametrize("precision", ["fp16", "int8"])
def test_lower_precisions_are_smaller_and_say_what_they_cost(precision: str, folders: tuple[Path, Path]) -> None:
    folder, target = folders
    tiny_decoders.make("llama, heads of their own, tied", folder, hidden_size=128, intermediate_size=256, initializer_range=0.15)
    export_decoder(folder, target, Progress())
    before = (target / f"{EXPORTED}.data").stat().st_size
    check = export_decoder(folder, target, Progress(), precision=precision, samples=[[5, 6, 7], [8] * 300])
    assert check["difference"] < 0.25 and check["tokens"] == 2
    assert (target / f"{EXPORTED}.data").stat().st_size < before * (0.55 if precision == "fp16" else 0.4)
    assert open_decoder(target, device="cpu").precision == precision


def test_shards_and_bfloat16_are_read(folders: tuple[Path, Path]) -> None:
    folder, target = folders
    model = tiny_decoders.make("llama", folder).to(torch.bfloat16)
    shutil.rmtree(folder)
    model.save_pretrained(folder, max_shard_size="60KB")
    assert len(list(folder.glob("*.safetensors"))) > 2
    weights = Weights(folder)
    for name, values in model.state_dict().items():
        np.testing.assert_array_equal(weights.read(name), values.float().numpy())
    assert export_decoder(folder, target, Progress())["equal"] == 1.0
    next(folder.glob("*-00002-*.safetensors")).unlink()
    with pytest.raises(UserError, match=r"1 of the model's \d files with weights are missing: model-00002"):
        export_decoder(folder, target, Progress())


def test_weights_without_the_model_s_prefix_are_found(folders: tuple[Path, Path]) -> None:
    folder, target = folders
    tiny_decoders.make("bloom", folder).transformer.save_pretrained(folder)
    assert "h.0.input_layernorm.weight" in Weights(folder) and "lm_head.weight" not in Weights(folder)
    assert export_decoder(folder, target, Progress())["equal"] == 1.0


def test_a_model_too_large_for_the_memory_is_refused_at_once(folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    folder, target = folders
    tiny_decoders.make("llama", folder)
    monkeypatch.setattr("desktop.models.headroom.free_bytes", lambda device: 1 << 10)
    with pytest.raises(UserError, match=r"takes 0.0 GiB of memory, of which 0.0 are free"):
        export_decoder(folder, target, Progress())
    assert list(target.iterdir()) == []


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_smollm2_writes_what_transformers_writes(installed: Callable[[str], Path], tmp_path: Path) -> None:
    folder = installed("smollm2")
    check = export_decoder(folder, tmp_path, Progress())
    assert check["equal"] == 1.0
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    asked = ["What is a fugue?", "Name the capital of France.", "Why is the sky blue, and why is it red in the evening?", "Hi"]
    asked += [f"Count from {number} to {number + 5}." for number in range(4)]
    prompts = [tokenizer.encode(f"<|im_start|>user\n{text}<|im_end|>\n<|im_start|>assistant\n").ids for text in asked]
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    wanted = tiny_decoders.written(model, prompts, 16)
    generator = open_decoder(tmp_path, device="cpu")
    for rows in (1, 2, 3, 8):
        assert generator.greedy(prompts[:rows], 16, {END}) == wanted[:rows]
    assert generator.beam(prompts[:2], 3, 8, {END}) == tiny_decoders.written(model, prompts[:2], 8, beams=3)


def test_a_graph_that_computes_something_else_is_removed(folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    folder, target = folders
    tiny_decoders.make("qwen2", folder)
    monkeypatch.setattr("desktop.models.export.rope.tables", lambda *given: (np.ones((128, 8), np.float32),) * 2)
    with pytest.raises(UserError, match="computes something else"):
        export_decoder(folder, target, Progress())
    assert list(target.iterdir()) == []


def test_what_cannot_be_exported_is_refused(folders: tuple[Path, Path]) -> None:
    folder, target = folders
    tiny_decoders.make("llama", folder)
    config = json.loads((folder / "config.json").read_text())

    def refused(match: str, **changes: object) -> None:
        (folder / "config.json").write_text(json.dumps(config | changes))
        with pytest.raises(UserError, match=match):
            export_decoder(folder, target, Progress())
        assert list(target.iterdir()) == []

    refused("gpt2 cannot be exported", model_type="gpt2")
    refused("gelu cannot be exported", hidden_act="gelu")
    refused("yarn rotary", rope_parameters={"rope_type": "yarn", "rope_theta": 1e4, "factor": 2.0})
    refused("has the shape", intermediate_size=128)
    refused("has no weight", num_hidden_layers=5)
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    refused("pickles")


@pytest.mark.parametrize(
    "damage",
    [b"", b"\xff" * 8, b"\x10\0\0\0\0\0\0\0" + b"{" * 16, b"\x02\0\0\0\0\0\0\0[]"],
    ids=["empty", "long header", "no JSON", "a list"],
)
def test_damaged_weights_are_told(damage: bytes, tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(damage)
    with pytest.raises(UserError, match="damaged"):
        Weights(tmp_path)


def test_weights_that_end_early_are_told(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    safetensors_writer.write(path, {"w": (4, 4)}, [("w", np.ones((4, 4), np.float32))], Progress())
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(UserError, match="the weight w does not lie within it"):
        Weights(tmp_path)
