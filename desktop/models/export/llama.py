"""Decoders built like Llama (Touvron et al. 2023): Llama, Mistral, Qwen 2 and 3, SmolLM 3.

Root-mean-square norms, rotary positions, groups of heads that share keys and values, a gated feed-forward part.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from desktop.errors import UserError
from desktop.models.export import rope
from desktop.models.export.decoder_net import DecoderNet, Sizes
from desktop.models.export.graph import CONTRIB
from desktop.models.export.weights import Weights

ARCHITECTURES = ("llama", "mistral", "qwen2", "qwen3", "smollm3")


def write(path: Path, config: Any, weights: Weights, precision: str, notes: dict[str, str]) -> Sizes:
    """Write the graph of a model with this configuration (as transformers reads it); its sizes.

    Raises:
        UserError: a weight is missing or has the wrong shape, or the model does something that is not known here.
    """
    if config.hidden_act not in ("silu", "swish"):
        raise UserError(f"Models of the kind {config.model_type} with {config.hidden_act} cannot be exported", path=path)
    net = _Llama(config, weights, precision)
    net.write(path, notes)
    return net.sizes


def sizes_of(config: Any) -> Sizes:
    """Sizes of a model; where a layer sees no more than a window, texts may be no longer than that."""
    heads = config.num_attention_heads
    windowed = "sliding_attention" in (getattr(config, "layer_types", None) or ()) or config.model_type == "mistral"
    window = getattr(config, "sliding_window", None) if windowed else None
    return Sizes(
        layers=config.num_hidden_layers,
        width=config.hidden_size,
        heads=heads,
        groups=getattr(config, "num_key_value_heads", None) or heads,
        head=getattr(config, "head_dim", None) or config.hidden_size // heads,
        vocabulary=config.vocab_size,
        context=min(config.max_position_embeddings, window or config.max_position_embeddings),
    )


class _Llama(DecoderNet):
    def __init__(self, config: Any, weights: Weights, precision: str) -> None:
        super().__init__(sizes_of(config), weights, precision)
        self._config = config
        self._epsilon = float(config.rms_norm_eps)
        self._at = "model." if "model.embed_tokens.weight" in weights else ""
        turning = getattr(config, "no_rope_layers", None)
        self._turning = [bool(flag) for flag in turning] if turning else [True] * self.sizes.layers

    def write(self, path: Path, notes: dict[str, str]) -> None:
        sizes, at = self.sizes, self._at
        cosines, sines = rope.tables(self._config.rope_parameters, sizes.head, sizes.context)
        self.graph.add_weight("cosines", cosines)
        self.graph.add_weight("sines", sines)
        table = self.table(f"{at}embed_tokens.weight")
        total = self.node("Gather", table, "input_ids")
        normed = self._norm(total, f"{at}layers.0.input_layernorm.weight", sizes.width)
        for layer in range(sizes.layers):
            block, last = f"{at}layers.{layer}", layer == sizes.layers - 1
            seen = self._attended(layer, normed, f"{block}.self_attn")
            if last:
                seen, total = self.picked(seen, sizes.heads * sizes.head), self.picked(total, sizes.width)
            seen = self.linear(seen, sizes.heads * sizes.head, (f"{block}.self_attn.o_proj", sizes.width))
            normed, total = self._add_norm(total, seen, f"{block}.post_attention_layernorm.weight")
            found = self._feed_forward(normed, f"{block}.mlp")
            after = f"{at}norm.weight" if last else f"{at}layers.{layer + 1}.input_layernorm.weight"
            normed, total = self._add_norm(total, found, after)
        tied = self._config.tie_word_embeddings or "lm_head.weight" not in self.weights
        self.finish(normed, table if tied else self.table("lm_head.weight"))
        self.save(path, notes)

    def _attended(self, layer: int, x: str, name: str) -> str:
        """The layer's attention before its output weights."""
        sizes = self.sizes
        names = [(f"{name}.q_proj", sizes.heads), (f"{name}.k_proj", sizes.groups), (f"{name}.v_proj", sizes.groups)]
        together = self.linear(x, sizes.width, *((part, heads * sizes.head) for part, heads in names))
        parts = self.by_heads(together, sizes.heads + 2 * sizes.groups)
        if f"{name}.q_norm.weight" in self.weights:
            query, key, value = self.split_heads(parts, sizes.heads, sizes.groups, sizes.groups)
            query, key = (
                self._turned(layer, self._norm(one, f"{name}.{kind}_norm.weight", sizes.head))
                for one, kind in ((query, "q"), (key, "k"))
            )
        else:
            both, value = self.split_heads(parts, sizes.heads + sizes.groups, sizes.groups)
            query, key = self.split_heads(self._turned(layer, both), sizes.heads, sizes.groups)
        return self.attention(layer, query, key, value)

    def _turned(self, layer: int, x: str) -> str:
        """Heads [B, any, S, head] turned by their positions, unless the layer does without."""
        return self.node("RotaryEmbedding", x, "cosines", "sines", "positions") if self._turning[layer] else x

    def _feed_forward(self, x: str, name: str) -> str:
        inner = int(self._config.intermediate_size)
        both = self.linear(x, self.sizes.width, (f"{name}.gate_proj", inner), (f"{name}.up_proj", inner))
        gate, value = self.nodes("Split", 2, both, self.whole(inner, inner), axis=-1)
        # QuickGelu with a factor of one is the sigmoid linear unit.
        opened = self.node("QuickGelu", gate, domain=CONTRIB, alpha=1.0)
        return self.linear(self.node("Mul", opened, value), inner, (f"{name}.down_proj", self.sizes.width))

    def _norm(self, x: str, name: str, size: int) -> str:
        weight = self.vector(name, size)
        return self.node("SimplifiedLayerNormalization", x, weight, axis=-1, epsilon=self._epsilon, stash_type=1)

    def _add_norm(self, total: str, more: str, name: str) -> tuple[str, str]:
        """The norm of the residual stream with more added, and their sum."""
        weight = self.vector(name, self.sizes.width)
        outputs = [f"{name}.normed", "", "", f"{name}.sum"]
        self.graph.add_node("SkipSimplifiedLayerNormalization", [total, more, weight], outputs, CONTRIB, epsilon=self._epsilon)
        return outputs[0], outputs[3]
