"""The estimate against what trainings really took, and what it says of rows and machines."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from desktop.errors import UserError
from desktop.jobs.progress import Progress
from desktop.jobs.tuning_jobs import EstimateJob, Recipe, Records
from desktop.paths import resources
from desktop.tuning import footprint
from desktop.tuning.bases import base_in
from desktop.tuning.estimate import estimate
from desktop.tuning.shapes import shape_of, targets_of
from tests.tuning.kit import make_folder, write_json

PEAK = Path(__file__).with_name("peak.py")
WITHIN = 0.25


@pytest.fixture(scope="module")
def t5(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of T5-small's shape, with half its layers, few words and random weights."""
    from transformers import T5Config, T5ForConditionalGeneration

    folder = make_folder(tmp_path_factory.mktemp("bases") / "t5", "t5")
    T5ForConditionalGeneration(
        T5Config(
            d_model=512,
            d_ff=1024,
            num_layers=4,
            num_heads=6,
            d_kv=64,
            vocab_size=2000,
            feed_forward_proj="gated-gelu",
            decoder_start_token_id=0,
        )
    ).save_pretrained(folder)
    return folder


def check(folder: Path, recipe: Recipe, prompt: int, answer: int) -> None:
    """Train for a moment and compare the peak of memory with the estimate."""
    base = base_in(folder)
    if recipe.method == "lora":
        recipe = msgspec.structs.replace(recipe, lora_targets=targets_of(base))
    command = [sys.executable, str(PEAK), str(folder), msgspec.json.encode(recipe).decode(), str(prompt), str(answer)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    taken = int(done.stdout.split()[0])
    tokens = prompt + (answer if base.family == "decoder" else 0)
    said = footprint.memory(recipe, base, device="cpu", tokens=tokens, answer=answer)
    assert abs(said.total / taken - 1) < WITHIN, f"{said} in all {said.total >> 20} MiB, taken {taken >> 20} MiB"


def recipe(method: str, batch: int, **more: object) -> Recipe:
    return msgspec.structs.replace(Recipe(base="x", method=method, batch=batch, precision="fp32", epochs=1.0), **more)


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak from /proc")
def test_memory_of_an_encoder_decoder(t5: Path) -> None:
    check(t5, recipe("full", 8), 96, 16)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak from /proc")
@pytest.mark.parametrize(
    ("method", "batch", "prompt", "answer"),
    [("lora", 4, 48, 16), ("lora", 8, 100, 28), ("full", 2, 48, 16), ("full", 4, 112, 16)],
)
def test_memory_of_smollm2(installed: Callable[[str], Path], method: str, batch: int, prompt: int, answer: int) -> None:
    check(installed("smollm2"), recipe(method, batch), prompt, answer)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak from /proc")
@pytest.mark.timeout(600)
def test_memory_when_activations_are_computed_twice(installed: Callable[[str], Path]) -> None:
    check(installed("smollm2"), recipe("lora", 4, gradient_checkpointing=True), 100, 24)


def test_operations_are_those_of_the_weights(installed: Callable[[str], Path]) -> None:
    base = base_in(installed("smollm2"))
    shape = shape_of(base)
    once = footprint.forward(base, shape, 1.0, 0.0)
    assert once == pytest.approx(2 * (134_515_008 - 49_152 * 576), rel=0.01)
    for method, times in (("lora", 2.0), ("full", 3.0)):
        assert footprint.operations(recipe(method, 1), base, shape, 1.0, 0.0) == pytest.approx(times * once)


def test_what_is_said_of_a_classifier(installed: Callable[[str], Path]) -> None:
    installed("minilm")
    source = resources() / "demo" / "departments.csv"
    found = estimate(EstimateJob(records=Records(source=str(source)), recipe=Recipe(base="minilm")), Progress())
    parts = {name: size for name, size in found["memory"].items() if name != "total"}
    assert list(parts) == ["weights", "adapters", "gradients", "optimiser", "activations", "overhead"]
    assert sum(parts.values()) == found["memory"]["total"] < found["available"] and found["fits"]
    assert found["device"] in ("cpu", "cuda") and found["parameters"] == 22_713_216
    assert found["recipe"]["method"] == "head" and found["trainable"] % 385 == 0
    assert 0.1 < found["seconds"] < 600 and found["steps"] > 0 and found["tokens"] > 5_000
    assert found["warnings"] == []


def test_what_is_wrong_is_said_before_the_start(installed: Callable[[str], Path], tmp_path: Path) -> None:
    installed("smollm2")
    path = tmp_path / "rows.jsonl"
    rows = [{"text": f"message {number} " + "word " * 300, "answer": f"answer {number} " * 40} for number in range(40)]
    path.write_text("".join(msgspec.json.encode(row).decode() + "\n" for row in rows))
    short = Recipe(base="smollm2", max_tokens=128, max_answer=16, batch=1)
    found = estimate(EstimateJob(records=Records(source=str(path), validation=0.0, output="answer"), recipe=short), Progress())
    said = " ".join(found["warnings"])
    assert "100% of the prompts are longer than 128 tokens" in said and "100.0% of the answers are longer than 16 tokens" in said
    assert "No rows are held out" in said
    huge = msgspec.structs.replace(short, max_tokens=8192, max_answer=512, batch=4096)
    found = estimate(EstimateJob(records=Records(source=str(path), output="answer"), recipe=huge), Progress())
    assert not found["fits"] and "does not fit into the memory that is free" in found["warnings"][0]
    write_json(tmp_path / "one.json", [{"text": "a", "label": "same"}, {"text": "b", "label": "same"}])
    with pytest.raises(UserError):
        estimate(EstimateJob(records=Records(source=str(tmp_path / "one.json")), recipe=Recipe(base="minilm")), Progress())
