"""BLOOM (Le Scao et al. 2022): attention biased by distance (ALiBi, Press et al. 2022) instead of position embeddings."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from desktop.errors import UserError
from desktop.models.export.decoder_net import DecoderNet, Sizes
from desktop.models.export.graph import CONTRIB
from desktop.models.export.weights import Floats, Weights

ARCHITECTURES = ("bloom",)
# It knows no bound, but was trained on no longer texts.
_CONTEXT = 2048


def write(path: Path, config: Any, weights: Weights, precision: str, notes: dict[str, str]) -> Sizes:
    """Write the graph of a model with this configuration (as transformers reads it); its sizes.

    Raises:
        UserError: a weight is missing or has the wrong shape, or the model does something that is not known here.
    """
    if config.apply_residual_connection_post_layernorm:
        raise UserError("BLOOM models whose residual comes after the norm cannot be exported", path=path)
    net = _Bloom(config, weights, precision)
    net.write(path, notes)
    return net.sizes


def slopes(heads: int) -> Floats:
    """How much each head's attention falls per token of distance [heads]: powers of one fraction, then of a finer one."""
    whole = 2 ** math.floor(math.log2(heads))
    base = 2 ** (-(2 ** -(math.log2(whole) - 3)))
    found = [base**power for power in range(1, whole + 1)]
    finer = 2 ** (-(2 ** -(math.log2(2 * whole) - 3)))
    found += [finer**power for power in range(1, 2 * (heads - whole) + 1, 2)]
    return np.array(found, np.float32)


class _Bloom(DecoderNet):
    def __init__(self, config: Any, weights: Weights, precision: str) -> None:
        heads = config.n_head
        sizes = Sizes(
            layers=config.num_hidden_layers,
            width=config.hidden_size,
            heads=heads,
            groups=heads,
            head=config.hidden_size // heads,
            vocabulary=config.vocab_size,
            context=getattr(config, "seq_length", None) or _CONTEXT,
        )
        super().__init__(sizes, weights, precision)
        self._config = config
        self._epsilon = float(config.layer_norm_epsilon)
        self._at = "transformer." if "transformer.word_embeddings.weight" in weights else ""

    def write(self, path: Path, notes: dict[str, str]) -> None:
        sizes, at = self.sizes, self._at
        self.graph.add_input("places", ("masks", 1, 1, "room"))
        self.graph.add_weight("slopes", slopes(sizes.heads).reshape(1, sizes.heads, 1, 1))
        # For all layers: the distance to the query shifts a row of scores by one number, which does not change their softmax.
        self.mask = self.node("Add", self.node("Mul", "places", "slopes"), self.mask)
        table = self.table(f"{at}word_embeddings.weight")
        embedded = self.node("Gather", table, "input_ids")
        total = self._norm(embedded, f"{at}word_embeddings_layernorm")
        normed = self._norm(total, f"{at}h.0.input_layernorm")
        for layer in range(sizes.layers):
            block, last = f"{at}h.{layer}", layer == sizes.layers - 1
            seen = self.attention(layer, *self._parts(normed, f"{block}.self_attention.query_key_value"))
            if last:
                seen, total = self.picked(seen, sizes.width), self.picked(total, sizes.width)
            seen = self.linear(seen, sizes.width, (f"{block}.self_attention.dense", sizes.width))
            normed, total = self._add_norm(total, seen, f"{block}.post_attention_layernorm")
            inner = self.linear(normed, sizes.width, (f"{block}.mlp.dense_h_to_4h", 4 * sizes.width))
            inner = self.node("FastGelu", inner, domain=CONTRIB)
            found = self.linear(inner, 4 * sizes.width, (f"{block}.mlp.dense_4h_to_h", sizes.width))
            normed, total = self._add_norm(total, found, f"{at}ln_f" if last else f"{at}h.{layer + 1}.input_layernorm")
        tied = self._config.tie_word_embeddings or "lm_head.weight" not in self.weights
        self.finish(normed, table if tied else self.table("lm_head.weight"))
        self.save(path, notes)

    def _parts(self, x: str, name: str) -> list[str]:
        """Queries, keys and values. The model's weights have those of the first head side by side, then the second's, ..."""
        sizes = self.sizes

        def by_kind(kind: str, *shape: int) -> Floats:
            found = self.weights.read(f"{name}.{kind}", 3 * sizes.width, *shape)
            return found.reshape(sizes.heads, 3, sizes.head, *shape).swapaxes(0, 1).reshape(3 * sizes.width, *shape)

        shape = (sizes.width, 3 * sizes.width)
        weight = self.graph.add_lazy_weight(
            name, np.float32, shape, lambda: np.ascontiguousarray(by_kind("weight", sizes.width).T)
        )
        bias = self.graph.add_lazy_weight(f"{name}.bias", np.float32, shape[1:], lambda: by_kind("bias"))
        together = self.node("Add", self.node("MatMul", x, weight), bias)
        return self.split_heads(self.by_heads(together, 3 * sizes.heads), sizes.heads, sizes.heads, sizes.heads)

    def _norm(self, x: str, name: str) -> str:
        return self.node("LayerNormalization", x, *self._scale_and_bias(name), axis=-1, epsilon=self._epsilon)

    def _add_norm(self, total: str, more: str, name: str) -> tuple[str, str]:
        """The norm of the residual stream with more added, and their sum."""
        outputs = [f"{name}.normed", "", "", f"{name}.sum"]
        inputs = [total, more, *self._scale_and_bias(name)]
        self.graph.add_node("SkipLayerNormalization", inputs, outputs, CONTRIB, epsilon=self._epsilon)
        return outputs[0], outputs[3]

    def _scale_and_bias(self, name: str) -> tuple[str, str]:
        return self.vector(f"{name}.weight", self.sizes.width), self.vector(f"{name}.bias", self.sizes.width)
