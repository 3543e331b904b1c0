"""Sentence encoders of BERT's kind: what their configurations say and what their weights are called.

Devlin et al. 2019 (BERT), Liu et al. 2019 (RoBERTa), Sanh et al. 2019 (DistilBERT), Song et al. 2020 (MPNet). They differ in
names, in where positions begin, and MPNet in a bias by relative position.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from desktop.errors import UserError
from desktop.malformed import MALFORMED
from desktop.models.export.weights import Floats, Weights
from desktop.plain_files import read_plain

_BERT = {
    "word": "embeddings.word_embeddings",
    "position": "embeddings.position_embeddings",
    "type": "embeddings.token_type_embeddings",
    "norm": "embeddings.LayerNorm",
    "layer": "encoder.layer.{}.",
    "query": "attention.self.query",
    "key": "attention.self.key",
    "value": "attention.self.value",
    "out": "attention.output.dense",
    "out_norm": "attention.output.LayerNorm",
    "up": "intermediate.dense",
    "down": "output.dense",
    "down_norm": "output.LayerNorm",
}
_NAMES = {
    "bert": _BERT,
    "roberta": _BERT,
    "xlm-roberta": _BERT,
    "distilbert": _BERT
    | {
        "type": "",
        "layer": "transformer.layer.{}.",
        "query": "attention.q_lin",
        "key": "attention.k_lin",
        "value": "attention.v_lin",
        "out": "attention.out_lin",
        "out_norm": "sa_layer_norm",
        "up": "ffn.lin1",
        "down": "ffn.lin2",
        "down_norm": "output_layer_norm",
    },
    "mpnet": _BERT
    | {
        "type": "",
        "query": "attention.attn.q",
        "key": "attention.attn.k",
        "value": "attention.attn.v",
        "out": "attention.attn.o",
        "out_norm": "attention.LayerNorm",
    },
}
ARCHITECTURES = tuple(_NAMES)
_AFTER_PADDING = {"roberta": 0, "xlm-roberta": 0, "mpnet": 2}
"""Whose positions begin after the padding token's id (0), or after a number of unused ones."""

_RELATIVE = "encoder.relative_attention_bias.weight"
_FARTHEST = 128
_ACTIVATIONS = {"gelu": "Gelu", "gelu_new": "FastGelu", "gelu_pytorch_tanh": "FastGelu", "relu": "Relu"}
_POOLS = {
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_cls_token": "first",
    "pooling_mode_max_tokens": "max",
    # Divided by another number, which is gone once the length is made 1.
    "pooling_mode_mean_sqrt_len_tokens": "mean",
}


@dataclass(frozen=True)
class EncoderPlan:
    """What a model's ``config.json`` says about its graph.

    Attributes:
        width: of a token's values. inner: of a feed-forward layer.
        activation: operator of the feed-forward layers.
        positions: rows of the table of positions that texts can use.
        first: row of the table that the first token has.
        pad: id of the padding token.
        pooling: how the embedding is made of the last layer: "mean", "max" or "first".
    """

    architecture: str
    layers: int
    width: int
    heads: int
    inner: int
    vocabulary: int
    epsilon: float
    activation: str
    positions: int
    first: int
    pad: int
    pooling: str


def plan_of(folder: Path) -> EncoderPlan:
    """Plan of a model's folder.

    Raises:
        UserError: no such configuration, or of an architecture, activation or kind of position that is not supported.
    """
    try:
        config = json.loads(read_plain(folder / "config.json"))
        return _plan(config, folder)
    except (OSError, *MALFORMED, KeyError, TypeError, AttributeError, OverflowError) as error:
        said = f"{type(error).__name__}: {error}"
        raise UserError(f"The model's configuration cannot be read: {said}", path=folder / "config.json") from error


def _plan(config: Mapping[str, Any], folder: Path) -> EncoderPlan:
    architecture = str(config.get("model_type"))
    if architecture not in _NAMES:
        raise UserError(
            f"Encoders of the architecture '{architecture}' cannot be exported",
            path=folder,
            remedy=f"These can: {', '.join(ARCHITECTURES)}.",
        )
    activation = str(config.get("hidden_act", config.get("activation", "gelu")))
    if activation not in _ACTIVATIONS:
        raise UserError(f"Encoders with the activation '{activation}' cannot be exported", path=folder)
    if str(config.get("position_embedding_type") or "absolute") != "absolute" or config.get("is_decoder"):
        raise UserError("Encoders with relative positions, or that write, cannot be exported", path=folder)
    pad = int(config.get("pad_token_id") or 0)
    first = _AFTER_PADDING[architecture] or pad + 1 if architecture in _AFTER_PADDING else 0
    width = int(_one_of(config, "hidden_size", "dim"))
    return EncoderPlan(
        architecture=architecture,
        layers=int(_one_of(config, "num_hidden_layers", "n_layers")),
        width=width,
        heads=int(_one_of(config, "num_attention_heads", "n_heads")),
        inner=int(_one_of(config, "intermediate_size", "hidden_dim")),
        vocabulary=int(config["vocab_size"]),
        epsilon=float(config.get("layer_norm_eps", 1e-12)),
        activation=_ACTIVATIONS[activation],
        positions=int(config["max_position_embeddings"]) - first,
        first=first,
        pad=first - 1 if first else pad,
        pooling=pooling_of(folder),
    )


def pooling_of(folder: Path) -> str:
    """How a sentence encoder's files say that an embedding is made; the mean where they say nothing."""
    found = sorted(folder.glob("*_Pooling/config.json"))
    try:
        said = json.loads(read_plain(found[0])) if found else {}
        return next((kind for name, kind in _POOLS.items() if said.get(name)), "mean")
    except (OSError, *MALFORMED, AttributeError) as error:
        raise UserError(f"The encoder's way of pooling cannot be read: {error}", path=found[0]) from error


class EncoderWeights:
    """An encoder's weights by the names that all architectures share (the keys above, without "layer").

    Raises:
        UserError: the files cannot be read.
    """

    def __init__(self, folder: Path, plan: EncoderPlan) -> None:
        self._found = Weights(folder)
        self._plan = plan
        self._names: Mapping[str, str] = _NAMES[plan.architecture]
        # A model that was saved with a head of its own has its encoder one level down.
        first = self._names["word"]
        self._prefix = next(
            (name.removesuffix(f"{first}.weight") for name in self._found if name.endswith(f"{first}.weight")), ""
        )

    def get(self, part: str, kind: str, *shape: int, layer: int | None = None) -> Floats:
        """A part's "weight" or "bias"."""
        place = "" if layer is None else self._names["layer"].format(layer)
        name = f"{self._prefix}{place}{self._names[part]}.{kind}"
        if name not in self._found and "norm" in part:
            # Weights that were converted from TensorFlow.
            name = re.sub(r"weight$", "gamma", re.sub(r"bias$", "beta", name))
        return self._found.read(name, *shape)

    def positions(self) -> Floats:
        """[positions, width]: of the positions that texts use, with what every token of a text without parts gets besides."""
        plan = self._plan
        table = self.get("position", "weight", plan.first + plan.positions, plan.width)[plan.first :]
        return table + self.get("type", "weight")[:1] if self._names["type"] else np.array(table)

    def relative(self) -> Floats | None:
        """[heads, 2 · positions - 1]: MPNet's bias of the attention by distance, the farthest before first; else None."""
        if self._plan.architecture != "mpnet":
            return None
        table = self._found.read(f"{self._prefix}{_RELATIVE}")
        away = np.arange(-self._plan.positions + 1, self._plan.positions)
        half = len(table) // 2
        near = half // 2
        # In single precision, as the model was trained: at the borders a rounding decides.
        ratio = np.log(np.maximum(np.abs(away), 1).astype(np.float32) / np.float32(near)) / np.float32(np.log(_FARTHEST / near))
        far = np.minimum(near + (ratio * np.float32(half - near)).astype(np.int64), half - 1)
        buckets = np.where(away > 0, half, 0) + np.where(np.abs(away) < near, np.abs(away), far)
        return np.ascontiguousarray(table[buckets].T)


def _one_of(config: Mapping[str, Any], *names: str) -> Any:
    for name in names:
        if name in config:
            return config[name]
    raise UserError(f"The model's configuration has no {names[0]}")
