"""Encoders of every supported architecture, small and random, and the real one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from desktop.errors import UserError
from desktop.jobs.progress import Progress
from desktop.models.classifier_head import FACTS, Head, HeadFacts, Trust, has_head, read_head
from desktop.models.encoding import Encoder, padded
from desktop.models.export.encoder import EXPORTED, confidence, export_encoder
from desktop.models.session import open_session

FEATURES = ("mean:-2", "mean:-1", "max:-1")
_SIZES: dict[str, Any] = {
    "vocab_size": 90,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "max_position_embeddings": 40,
    # Far from what they begin as, so that nothing is passed over unseen.
    "initializer_range": 0.4,
}
_DISTIL: dict[str, Any] = {"dim": 32, "hidden_dim": 48, "n_layers": 2, "n_heads": 4} | {
    name: _SIZES[name] for name in ("vocab_size", "max_position_embeddings", "initializer_range")
}
NETS: dict[str, Callable[[], Any]] = {
    "bert": lambda: transformers.BertModel(transformers.BertConfig(**_SIZES)),
    "wide": lambda: transformers.BertModel(transformers.BertConfig(**_SIZES | {"hidden_size": 128, "intermediate_size": 256})),
    "roberta": lambda: transformers.RobertaModel(transformers.RobertaConfig(**_SIZES, type_vocab_size=1)),
    "distilbert": lambda: transformers.DistilBertModel(transformers.DistilBertConfig(**_DISTIL)),
    "mpnet": lambda: transformers.MPNetModel(transformers.MPNetConfig(**_SIZES)),
}


def net(kind: str, folder: Path) -> Path:
    """A small random encoder in the hub's layout; also its normalisations and biases are random."""
    torch.manual_seed(3)
    model = NETS[kind]()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 1:
                parameter += torch.randn_like(parameter) * 0.2
    model.save_pretrained(folder)
    return folder


def head(width: int, features: tuple[str, ...] = FEATURES, labels: int = 3) -> Head:
    random = np.random.default_rng(5)
    typical = random.normal(size=(labels, width)).astype(np.float32)
    facts = HeadFacts(
        labels=tuple(f"label {number}" for number in range(labels)), features=features, trust=Trust(1.5, 0.8, 0.3, -0.2)
    )
    weight = random.normal(size=(labels, width * len(features))).astype(np.float32) * 0.1
    bias = random.normal(size=labels).astype(np.float32)
    return Head(facts, weight, bias, typical / np.linalg.norm(typical, axis=1, keepdims=True))


def test_smaller_precisions_are_close_and_smaller(tmp_path: Path) -> None:
    folder = net("wide", tmp_path)
    sizes = {}
    for precision in ("fp32", "fp16", "int8"):
        check = export_encoder(folder, tmp_path, Progress(), head=head(128), precision=precision)
        sizes[precision] = (tmp_path / EXPORTED).stat().st_size
        assert precision == "fp32" or check["agreement"] > 0.7
    assert sizes["fp16"] < 0.6 * sizes["fp32"] and sizes["int8"] < 0.4 * sizes["fp32"]


@pytest.mark.parametrize("kind", ("bert", "roberta", "distilbert", "mpnet"))
def test_every_architecture_computes_what_transformers_does(kind: str, tmp_path: Path) -> None:
    check = export_encoder(net(kind, tmp_path), tmp_path, Progress(), head=head(32), features=FEATURES)
    assert check["largest"] < 2e-5 and check["batches"] >= 5
    assert [path.name for path in tmp_path.glob("*.onnx*")] == [EXPORTED]


def test_texts_are_answered_in_their_order_whatever_batches_they_came_in(tmp_path: Path) -> None:
    export_encoder(net("bert", tmp_path), tmp_path, Progress())
    random = np.random.default_rng(2)
    texts = [random.integers(1, 90, length).tolist() for length in (3, 30, 1, 12, 30, 7) * 40] + [[5, 6, 7]] * 3
    encoder = Encoder(tmp_path / EXPORTED, device="cpu", threads=2)
    together = encoder.run(texts, ["embedding"])["embedding"]
    alone = np.concatenate([encoder.run([text], ["embedding"])["embedding"] for text in texts])
    assert together.shape == (len(texts), 32) and np.allclose(together, alone, atol=1e-5)


def test_pooling_is_what_the_model_says(tmp_path: Path) -> None:
    folder = net("bert", tmp_path / "model")
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text('{"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false}')
    export_encoder(folder, tmp_path, Progress(), features=("first:-1",))
    ids, mask = padded([[5, 6, 7], [8]])
    given = {"input_ids": ids, "attention_mask": mask}
    embedding, first = open_session(tmp_path / EXPORTED, device="cpu").run(given, ["embedding", "features"])
    assert np.allclose(embedding, first / np.linalg.norm(first, axis=1, keepdims=True), atol=1e-5)


def test_a_graph_that_computes_something_else_is_removed(tmp_path: Path) -> None:
    broken = head(32)
    broken.weight[0, 0] = np.nan
    with pytest.raises(UserError, match="differs"):
        export_encoder(net("bert", tmp_path), tmp_path, Progress(), head=broken)
    assert not list(tmp_path.glob("*.onnx*"))


def test_what_cannot_be_exported_is_refused(tmp_path: Path) -> None:
    folder = net("bert", tmp_path)
    with pytest.raises(UserError, match="reads 48 values"):
        export_encoder(folder, tmp_path, Progress(), head=head(16))
    config = (folder / "config.json").read_text()
    for old, new in (('"gelu"', '"mish"'), ('"bert"', '"deberta"')):
        (folder / "config.json").write_text(config.replace(old, new))
        with pytest.raises(UserError, match=r"cannot be exported"):
            export_encoder(folder, tmp_path, Progress())


def test_a_head_is_read_as_it_was_saved_and_damage_is_told(tmp_path: Path) -> None:
    saved = head(32)
    saved.save(tmp_path)
    found = read_head(tmp_path)
    assert found.facts == saved.facts and np.array_equal(found.weight, saved.weight)
    replace(saved, bias=saved.bias[:2]).save(tmp_path)
    with pytest.raises(UserError, match="not 3 labels everywhere"):
        read_head(tmp_path)
    (tmp_path / "head.safetensors").write_bytes(b"no weights")
    with pytest.raises(UserError, match="damaged"):
        read_head(tmp_path)
    (tmp_path / FACTS).unlink()
    assert not has_head(tmp_path)


def test_confidence_is_the_probability_where_nothing_else_is_trusted() -> None:
    plain = head(32)
    plain = replace(plain, facts=HeadFacts(labels=plain.labels, features=FEATURES))
    logits = np.array([[2.0, 0.0, -1.0], [0.1, 0.0, 0.2]], np.float32)
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert np.allclose(confidence(logits, plain.likenesses[:2], plain), shares.max(axis=1), atol=1e-5)


@pytest.mark.slow
def test_minilm_in_every_precision(installed: Callable[[str], Path], tmp_path: Path) -> None:
    folder = installed("minilm")
    exact = export_encoder(folder, tmp_path, Progress(), features=("mean:-3", "max:-1"))
    assert exact["largest"] < 1e-5
    whole = (tmp_path / EXPORTED).stat().st_size
    for precision, smaller in (("fp16", 1.9), ("int8", 3.5)):
        check = export_encoder(folder, tmp_path, Progress(), precision=precision)
        assert check["difference"] < (0.01 if precision == "fp16" else 0.3)
        assert (tmp_path / EXPORTED).stat().st_size * smaller < whole
