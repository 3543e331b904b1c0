"""Graphs in lower precisions: the same results, nearly, from smaller files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from desktop.models import onnxfile
from desktop.models.export.graph import CONTRIB
from desktop.models.export.quantize import BLOCK, in_blocks, in_columns, loss, open_graph, to_half
from desktop.models.session import open_session

TOKENS, WIDTH, INNER = 400, 192, 100


def network(path: Path, precision: str, *, many_rows: bool = False) -> dict[str, Any]:
    """Embeddings that are output weights as well, a matrix whose width is no multiple of a block, a small one, a norm."""
    random = np.random.default_rng(1)
    graph = open_graph("test", precision, many_rows=many_rows)
    graph.add_input("ids", ["rows", "tokens"], np.int64)
    graph.add_input("past", ["rows", WIDTH])
    graph.add_weight("embedding", random.standard_normal((TOKENS, WIDTH)).astype(np.float32))
    graph.add_weight("down", (random.standard_normal((WIDTH, INNER)) / 14).astype(np.float32))
    graph.add_lazy_weight("up", np.float32, (INNER, WIDTH), lambda: (np.ones((INNER, WIDTH)) / 100).astype(np.float32))
    graph.add_weight("small", np.eye(WIDTH, 4, dtype=np.float32))
    graph.add_weight("scale", np.full(WIDTH, 0.5, np.float32))
    graph.add_node("Gather", ["embedding", "ids"], ["words"])
    graph.add_node("SimplifiedLayerNormalization", ["words", "scale"], ["normed"], axis=-1, epsilon=1e-6, stash_type=1)
    graph.add_node("MatMul", ["normed", "down"], ["inner"])
    graph.add_node("MatMul", ["inner", "up"], ["outer"])
    graph.add_node("Add", ["words", "outer"], ["sum"])
    graph.add_node("MatMul", ["sum", "small"], ["few"])
    graph.add_node("FusedMatMul", ["normed", "embedding"], ["logits"], CONTRIB, transB=1, alpha=0.25)
    graph.add_node("Identity", ["past"], ["present"])
    for name, last in (("few", 4), ("logits", TOKENS)):
        graph.add_output(name, ["rows", "tokens", last])
    graph.add_output("present", ["rows", WIDTH])
    graph.save(path, {})
    ids = random.integers(0, TOKENS, (3, 7))
    past = np.ones((3, WIDTH), np.float16 if precision == "fp16" else np.float32)
    session = open_session(path, device="cpu", threads=1)
    return dict(
        zip(("few", "logits", "present"), session.run({"ids": ids, "past": past}, ["few", "logits", "present"]), strict=True)
    )


@pytest.mark.parametrize(("precision", "many", "error"), [("int8", False, 0.03), ("int8", True, 0.06), ("fp16", False, 0.002)])
def test_nearly_the_same(precision: str, many: bool, error: float, tmp_path: Path) -> None:
    wanted = network(tmp_path / "wanted.onnx", "fp32")
    found = network(tmp_path / "found.onnx", precision, many_rows=many)
    for name in ("few", "logits"):
        assert found[name].dtype == np.float32
        measured = loss(found[name], wanted[name])
        assert measured["difference"] < error and measured["agreement"] >= 0.9, (name, measured)
    assert found["present"].dtype == (np.float16 if precision == "fp16" else np.float32)
    facts = onnxfile.read(tmp_path / "found.onnx")
    assert facts.precision == precision
    share = (tmp_path / "found.onnx").stat().st_size / (tmp_path / "wanted.onnx").stat().st_size
    # The embeddings, which two operators read, are stored once.
    assert share < (0.55 if precision == "fp16" else 0.3)


def test_blocks_hold_what_they_were_made_of() -> None:
    values = np.random.default_rng(2).standard_normal((5, 150)).astype(np.float32)
    values[1] = 0
    whole, scales = in_blocks(values)
    assert whole.shape == (5, 3, BLOCK) and scales.shape == (5, 3)
    back = ((whole.astype(np.float32) - 128) * scales[..., None]).reshape(5, -1)[:, :150]
    assert np.abs(back - values).max() <= np.abs(values).max() / 127 / 2 + 1e-6
    assert not back[1].any()


def test_columns_leave_room_for_sums_of_two_products() -> None:
    values = np.random.default_rng(2).standard_normal((150, 5)).astype(np.float32)
    values[:, 1] = 0
    whole, scales = in_columns(values)
    assert np.abs(whole).max() == 63 and np.abs(whole * scales - values).max() <= scales.max() / 2 + 1e-6


def test_what_half_precision_cannot_hold_becomes_its_largest() -> None:
    assert to_half(np.array([1e9, -1e9, 0.5], np.float32)).tolist() == [65504.0, -65504.0, 0.5]


def test_loss_looks_at_choices_and_not_at_a_common_shift() -> None:
    wanted = np.random.default_rng(3).standard_normal((50, 9)).astype(np.float32)
    assert loss(wanted + 5, wanted) == {"agreement": 1.0, "difference": pytest.approx(0, abs=1e-5)}
    noise = np.random.default_rng(4).standard_normal(wanted.shape).astype(np.float32)
    measured = loss(wanted + noise, wanted)
    assert 0.7 < measured["difference"] < 1.3 and measured["agreement"] < 0.9
    broken = wanted.copy()
    broken[0, 0] = np.nan
    assert not loss(broken, wanted)["difference"] <= 1e9
