"""What "auto" and zero become, and what does not go together."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.errors import UsageError, UserError
from desktop.jobs.tuning_jobs import Recipe
from desktop.paths import resources
from desktop.tuning import footprint
from desktop.tuning.bases import Base, base_in
from desktop.tuning.recipes import STARTS, planned_steps, settle
from desktop.tuning.shapes import lora_parameters, shape_of
from tests.tuning.kit import facts, make_folder

LABELS = facts(["text", "label"], "label", rows=1000, classes=["a", "b", "card_arrival"])
TEXTS = facts(["text", "label"], "label", rows=1000)


@pytest.fixture(scope="module")
def smollm2(installed: Callable[[str], Path]) -> Base:
    return base_in(installed("smollm2"))


@pytest.fixture(scope="module")
def minilm(installed: Callable[[str], Path]) -> Base:
    return base_in(installed("minilm"))


def test_nothing_is_left_open(minilm: Base, smollm2: Base, tmp_path: Path) -> None:
    t5 = base_in(make_folder(tmp_path / "t5", "t5"))
    for base, facts_, method in ((minilm, LABELS, "head"), (smollm2, TEXTS, "lora"), (t5, LABELS, "lora")):
        for asked in ("auto", "full"):
            settled = settle(Recipe(base="x", method=asked), base, facts_, device="cpu", memory=8 << 30)
            assert settled.method == (method if asked == "auto" else asked) and settled.precision == "fp32"
            needed = ("epochs", "batch", "learning_rate", "max_tokens", "eval_every", "checkpoint_every")
            assert all(getattr(settled, name) > 0 for name in needed)
            assert (settled.max_answer > 0) == (base.family != "encoder")
            assert bool(settled.lora_targets) == (settled.method == "lora")
            assert settle(settled, base, facts_, device="cpu", memory=8 << 30) == settled, "settling twice changes nothing"


def test_what_was_said_stays(smollm2: Base) -> None:
    said = Recipe(
        base="x", method="full", epochs=1.5, batch=3, learning_rate=7e-5, max_tokens=77, max_answer=11, eval_every=9,
        checkpoint_every=4, precision="bf16", accumulation=2,
    )  # fmt: skip
    assert settle(said, smollm2, TEXTS, device="cpu", memory=1 << 40) == said
    assert settle(msgspec.structs.replace(said, max_tokens=99_999), smollm2, TEXTS, device="cpu").max_tokens == 8192


def test_a_gpu_computes_in_bf16(smollm2: Base) -> None:
    assert settle(Recipe(base="x"), smollm2, TEXTS, device="cuda").precision == "bf16"


@pytest.mark.parametrize("method", ["head", "lora"])
def test_methods_and_bases_that_do_not_go_together(minilm: Base, smollm2: Base, method: str) -> None:
    base = minilm if method == "lora" else smollm2
    with pytest.raises(UsageError, match=f"method: '{method}' does not go with"):
        settle(Recipe(base="x", method=method), base, LABELS, device="cpu")


def test_a_classifier_needs_labels(minilm: Base) -> None:
    with pytest.raises(UserError, match="the answers in column 'label' are no labels"):
        settle(Recipe(base="x"), minilm, TEXTS, device="cpu")


def test_little_memory_makes_small_batches_and_then_computes_twice(smollm2: Base) -> None:
    long = facts(["text", "label"], "label", rows=1000, chars=2400)
    free = settle(Recipe(base="x"), smollm2, long, device="cpu", memory=64 << 30)
    need = footprint.memory(free, smollm2, device="cpu").total
    tight = settle(Recipe(base="x"), smollm2, long, device="cpu", memory=need // 2)
    assert tight.batch < free.batch and tight.batch * tight.accumulation == free.batch
    assert footprint.memory(tight, smollm2, device="cpu").total <= need // 2
    assert planned_steps(tight, 1000) == planned_steps(free, 1000)
    tiny = settle(Recipe(base="x"), smollm2, long, device="cpu", memory=1 << 30)
    assert tiny.gradient_checkpointing and tiny.batch == 1
    asked = settle(Recipe(base="x", batch=8), smollm2, long, device="cpu", memory=need // 2)
    assert asked.batch == 8, "what the user says stays"


@given(st.integers(1, 3000), st.integers(1, 64), st.integers(1, 4), st.floats(0.1, 5), st.integers(0, 50))
def test_steps_are_those_of_all_rows(rows: int, batch: int, accumulation: int, epochs: float, most: int) -> None:
    recipe = Recipe(base="x", batch=batch, accumulation=accumulation, epochs=epochs, max_steps=most)
    steps = planned_steps(recipe, rows)
    assert 1 <= steps <= (most or steps)
    if not most:
        assert steps * batch * accumulation >= epochs * rows - 1e-6


def test_few_rows_make_enough_steps(smollm2: Base) -> None:
    for rows in (2, 20, 40, 200, 500, 5000):
        few = facts(["text", "label"], "label", rows=rows)
        settled = settle(Recipe(base="x"), smollm2, few, device="cpu")
        steps = planned_steps(settled, rows)
        assert steps >= min(60, 3 * rows) and 1 <= settled.checkpoint_every <= settled.eval_every <= max(1, steps // 10)


def test_adapters_are_counted(smollm2: Base) -> None:
    assert lora_parameters(smollm2, 8, ()) == 2_442_240
    assert lora_parameters(smollm2, 8, ("q_proj",)) == 30 * 8 * (576 + 576)
    shape = shape_of(smollm2)
    assert (shape.layers, shape.hidden, shape.inner, shape.gated) == (30, 576, 1536, True)


def test_starting_points_are_ready(minilm: Base, smollm2: Base) -> None:
    assert [start.id for start in STARTS] == ["route", "enrich", "commits"]
    for start in STARTS:
        base = {"minilm": minilm, "smollm2": smollm2}[start.recipe.base]
        columns = [*start.options["inputs"], start.options["output"]]
        labels = ("a", "b") if base is minilm else ()
        found = facts(columns, columns[-1], classes=labels)
        assert settle(start.recipe, base, found, device="cpu").method in ("head", "lora")
        path = resources() / "demo" / start.demo
        records = start.records(str(path))
        assert path.is_file() and records.source == str(path)
        head = path.read_text(encoding="utf-8").splitlines()[0]
        assert all(column in head for column in (*records.inputs, records.output))
