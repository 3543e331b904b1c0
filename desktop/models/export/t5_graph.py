"""T5's graphs: the encoder with the decoder's cross-attention keys and values, and the decoder with its cache.

Encoder: ``input_ids``, ``attention_mask`` int64 [prompts, tokens] -> ``cross_key_N``, ``cross_value_N`` of each decoder layer
[prompts, heads, tokens, width of a head].

Decoder: ``input_ids`` int64 [rows, new], ``attention_mask`` [prompts, tokens], those keys and values, and ``past_key_N``,
``past_value_N`` [rows, heads, past, width], which may be empty -> ``logits`` [rows, new, vocabulary], ``present_key_N``,
``present_value_N``. Each prompt has equally many rows, one after the other: its beams, which share its keys and values.

With fp16 the residual stream, the norms and the feed-forward layers' outputs stay fp32: they pass what fp16 holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from desktop.models.export.graph import CONTRIB, OPSET, Attribute, Graph
from desktop.models.export.quantize import open_graph, to_half
from desktop.models.export.t5 import Activation, Floats, T5Plan, bias_table

Weights = Mapping[str, Floats]
Array = npt.NDArray[Any]

ENCODER, DECODER, REORDER = "encoder.onnx", "decoder.onnx", "reorder.onnx"
_INT32, _FLOAT, _HALF = 6, 1, 10
_ATTENTION = "SelfAttention"
_CONTRIB_KINDS = {Activation.GELU: "Gelu", Activation.GELU_TANH: "FastGelu", Activation.SILU: "QuickGelu"}


def write_encoder(path: Path, plan: T5Plan, weights: Weights, precision: str, notes: Mapping[str, str]) -> None:
    """Write the encoder's graph."""
    net = Net("t5 encoder", plan, weights, precision)
    graph = net.graph
    for name in ("input_ids", "attention_mask"):
        graph.add_input(name, ["prompts", "tokens"], np.int64)
    mask = net.node("Cast", "attention_mask", to=_INT32)
    bias = net.relative_bias("encoder", net.whole(0), net.size("input_ids", 1))
    net.add_cross(net.encode(net.embedded("encoder"), mask, bias), "prompts", "tokens")
    graph.save(path, notes)


def write_decoder(path: Path, plan: T5Plan, weights: Weights, precision: str, notes: Mapping[str, str]) -> None:
    """Write the decoder's graph."""
    net = Net("t5 decoder", plan, weights, precision)
    graph = net.graph
    inner = plan.heads * plan.head
    graph.add_input("input_ids", ["rows", "new"], np.int64)
    graph.add_input("attention_mask", ["prompts", "tokens"], np.int64)
    for name in caches(plan):
        graph.add_input(f"past_{name}", ["rows", plan.heads, "past", plan.head], net.dtype)
        graph.add_input(f"cross_{name}", ["prompts", plan.heads, "tokens", plan.head], net.dtype)
    mask = net.node("Cast", "attention_mask", to=_INT32)
    past = net.size("past_key_0", 2)
    bias = net.relative_bias("decoder", past, net.node("Add", past, net.size("input_ids", 1)))
    # All rows of a prompt side by side are one sequence for the cross-attention, which knows no order.
    graph.add_weight("any", np.array([-1, inner], np.int64))
    graph.add_weight("wide", np.array([inner], np.int64))
    prompts = net.node("Slice", net.node("Shape", "attention_mask"), net.whole(0, 1), net.whole(1, 1))
    together = net.node("Concat", prompts, "any", axis=0)
    apart = net.node("Concat", net.node("Shape", "input_ids"), "wide", axis=0)
    graph.add_weight("thirds", np.array([inner] * 3, np.int64))
    total = net.embedded("decoder")
    normed = net.norm(total, "decoder.block.0.layer.0.layer_norm")
    for number in range(plan.decoder_layers):
        block = f"decoder.block.{number}.layer"
        parts = [f"{name}_{number}" for name in ("query", "key", "value")]
        projected = net.linear(normed, *(f"{block}.0.{_ATTENTION}.{name}" for name in "qkv"))
        graph.add_node("Split", [projected, "thirds"], parts, axis=-1)
        pasts, presents = ([f"{when}_key_{number}", f"{when}_value_{number}"] for when in ("past", "present"))
        seen = net.attention([*parts, "", "", bias, *pasts], f"seen_{number}", *presents)
        normed, total = net.add_norm(total, net.projected(seen, f"{block}.0.{_ATTENTION}.o"), f"{block}.1.layer_norm")
        query = net.node("Reshape", net.linear(normed, f"{block}.1.EncDecAttention.q"), together)
        read = net.attention([query, f"cross_key_{number}", f"cross_value_{number}", "", mask], f"read_{number}")
        found = net.projected(net.node("Reshape", read, apart), f"{block}.1.EncDecAttention.o")
        normed, total = net.add_norm(total, found, f"{block}.2.layer_norm")
        after = (
            f"decoder.block.{number + 1}.layer.0.layer_norm" if number + 1 < plan.decoder_layers else "decoder.final_layer_norm"
        )
        normed, total = net.add_norm(total, net.feed_forward(normed, f"{block}.2.DenseReluDense"), after)
    net.logits(normed)
    graph.add_output("logits", ["rows", "new", plan.vocabulary])
    for name in caches(plan):
        graph.add_output(f"present_{name}", ["rows", plan.heads, "all", plan.head], net.dtype)
    graph.save(path, notes)


def write_reorder(path: Path, plan: T5Plan, precision: str, notes: Mapping[str, str]) -> None:
    """Write the graph that chooses rows of caches where they lie: ``rows`` int64 [new], ``past_...`` -> ``present_...``."""
    graph = Graph("t5 reorder")
    dtype = np.float16 if precision == "fp16" else np.float32
    graph.add_input("rows", ["new"], np.int64)
    for name in caches(plan):
        graph.add_input(f"past_{name}", ["rows", plan.heads, "past", plan.head], dtype)
        graph.add_node("Gather", [f"past_{name}", "rows"], [f"present_{name}"], axis=0)
        graph.add_output(f"present_{name}", ["new", plan.heads, "past", plan.head], dtype)
    graph.save(path, notes)


def caches(plan: T5Plan) -> list[str]:
    """Ends of the names of the decoder's keys and values."""
    return [f"{name}_{number}" for number in range(plan.decoder_layers) for name in ("key", "value")]


class Net:
    """The parts that graphs of T5's kind are made of; each method adds nodes and gives the name of their result."""

    def __init__(self, name: str, plan: T5Plan, weights: Weights, precision: str, *, opset: int = OPSET) -> None:
        self.half = precision == "fp16"
        # What stays fp32 among fp16 is for this module to say.
        self.graph = Graph(name, opset=opset) if self.half else open_graph(name, precision, opset=opset)
        self.dtype = np.float16 if self.half else np.float32
        self._plan = plan
        self._weights = weights
        self._count = 0

    def node(self, kind: str, *inputs: str, domain: str = "", **attributes: Attribute) -> str:
        self._count += 1
        name = f"{kind}_{self._count}"
        self.graph.add_node(kind, inputs, [name], domain, **attributes)
        return name

    def whole(self, value: int, dimensions: int = 0) -> str:
        """A constant, [] or [1]."""
        self._count += 1
        return self.graph.add_weight(f"whole_{self._count}", np.full((1,) * dimensions, value, np.int64))

    def size(self, of: str, axis: int) -> str:
        return self.node("Gather", self.node("Shape", of), self.whole(axis))

    def single(self, name: str) -> str:
        """A value of the matrices' precision as fp32."""
        return self.node("Cast", name, to=_FLOAT) if self.half else name

    def _lowered(self, name: str) -> str:
        return self.node("Cast", name, to=_HALF) if self.half else name

    def embedded(self, side: str) -> str:
        """The tokens' embeddings: the residual stream's beginning."""
        return self.single(self.node("Gather", self.matrix(f"{side}.embed_tokens.weight"), "input_ids"))

    def logits(self, x: str) -> None:
        """Scores of all tokens; the output weights may be the embeddings, which the file then has once."""
        embedding, name = (self._weights[f"{key}.weight"] for key in ("decoder.embed_tokens", "lm_head"))
        tied = np.shares_memory(embedding, name)
        weight = "decoder.embed_tokens.weight" if tied else self.matrix("lm_head.weight")
        found = "logits" if not self.half else "logits_half"
        self.graph.add_node("FusedMatMul", [x, weight], [found], CONTRIB, transB=1, alpha=self._plan.scale)
        if self.half:
            self.graph.add_node("Cast", [found], ["logits"], to=_FLOAT)

    def linear(self, x: str, *names: str, single: bool = False) -> str:
        """Product with the weights of a projection, or of several side by side; always in fp32 when ``single``."""
        keys = [f"{name}.weight" for name in names]
        half = self.half and not single
        shape = (self._weights[keys[0]].shape[1], sum(self._weights[key].shape[0] for key in keys))

        def turned() -> Array:
            found = np.concatenate([self._weights[key] for key in keys]) if len(keys) > 1 else self._weights[keys[0]]
            return to_half(found.T) if half else found.T

        weight = self.graph.add_lazy_weight("+".join(names), np.float16 if half else np.float32, shape, turned)
        return self.node("MatMul", x, weight)

    def projected(self, x: str, name: str) -> str:
        """A product for the residual stream."""
        return self.single(self.linear(x, name))

    def norm(self, total: str, name: str) -> str:
        """The residual stream divided by its root mean square, for the matrices."""
        weight = self.graph.add_weight(name, self._weights[f"{name}.weight"])
        return self._lowered(
            self.node("SimplifiedLayerNormalization", total, weight, axis=-1, epsilon=self._plan.epsilon, stash_type=1)
        )

    def add_norm(self, total: str, more: str, name: str) -> tuple[str, str]:
        """The norm of the residual stream with more added, and their sum."""
        weight = self.graph.add_weight(name, self._weights[f"{name}.weight"])
        normed, added = f"{name}.normed", f"{name}.sum"
        outputs = [normed, "", "", added]
        self.graph.add_node(
            "SkipSimplifiedLayerNormalization", [total, more, weight], outputs, CONTRIB, epsilon=self._plan.epsilon
        )
        return self._lowered(normed), added

    def feed_forward(self, x: str, name: str) -> str:
        """The product before the output weights is where the values get too large for fp16."""
        if self._plan.gated:
            gate, value = self._activated(self.linear(x, f"{name}.wi_0")), self.linear(x, f"{name}.wi_1")
            inner = self.node("Mul", self.single(gate), self.single(value))
        else:
            inner = self.single(self._activated(self.linear(x, f"{name}.wi")))
        return self.linear(inner, f"{name}.wo", single=True)

    def _activated(self, x: str) -> str:
        activation = self._plan.activation
        if activation is Activation.RELU:
            return self.node("Relu", x)
        # QuickGelu with a factor of one is the sigmoid linear unit.
        factor = {"alpha": 1.0} if activation is Activation.SILU else {}
        return self.node(_CONTRIB_KINDS[activation], x, domain=CONTRIB, **factor)

    def attention(self, inputs: list[str], *outputs: str) -> str:
        """Attention of all heads with scores that are not scaled; the first output's name."""
        padding = -3e4 if self.half else -1e9
        heads = self._plan.heads
        self.graph.add_node("MultiHeadAttention", inputs, outputs, CONTRIB, num_heads=heads, scale=1.0, mask_filter_value=padding)
        return outputs[0]

    def encode(self, total: str, mask: str, bias: str) -> str:
        """What the encoder makes of embeddings [rows, places, width]; ``mask`` may be empty."""
        normed = self.norm(total, "encoder.block.0.layer.0.layer_norm")
        layers = self._plan.layers
        for number in range(layers):
            block = f"encoder.block.{number}.layer"
            query, key, value = (self.linear(normed, f"{block}.0.{_ATTENTION}.{name}") for name in "qkv")
            seen = self.attention([query, key, value, "", mask, bias], f"seen_{number}")
            normed, total = self.add_norm(total, self.projected(seen, f"{block}.0.{_ATTENTION}.o"), f"{block}.1.layer_norm")
            after = f"encoder.block.{number + 1}.layer.0.layer_norm" if number + 1 < layers else "encoder.final_layer_norm"
            normed, total = self.add_norm(total, self.feed_forward(normed, f"{block}.1.DenseReluDense"), after)
        return normed

    def add_cross(self, encoded: str, rows: str, places: str) -> None:
        """Outputs ``cross_key_N``, ``cross_value_N``: the decoder's keys and values of what the encoder found."""
        plan = self._plan
        self.graph.add_weight("apart", np.array([0, 0, plan.heads, plan.head], np.int64))
        for number in range(plan.decoder_layers):
            for short, name in (("k", f"cross_key_{number}"), ("v", f"cross_value_{number}")):
                found = self.linear(encoded, f"decoder.block.{number}.layer.1.EncDecAttention.{short}")
                self.graph.add_node("Transpose", [self.node("Reshape", found, "apart")], [name], perm=[0, 2, 1, 3])
                self.graph.add_output(name, [rows, plan.heads, places, plan.head], self.dtype)

    def relative_bias(self, side: str, first: str, end: str) -> str:
        """Bias by relative position [1, heads, queries, keys] for queries at ``first`` to ``end`` and keys up to ``end``."""
        both = side == "encoder"
        most = self._plan.distance
        self.add_bias_table(side)
        zero, one = self.whole(0), self.whole(1)
        keys = self.node("Unsqueeze", self.node("Range", zero, end, one), self.whole(0, 1))
        queries = self.node("Unsqueeze", self.node("Range", first, end, one), self.whole(1, 1))
        distance = self.node("Clip", self.node("Sub", keys, queries), self.whole(-most), self.whole(most if both else 1))
        rows = self.node("Gather", "bias_table", self.node("Add", distance, self.whole(most)), axis=1)
        return self.node("Unsqueeze", rows, self.whole(0, 1))

    def add_bias_table(self, side: str) -> None:
        """The weight ``bias_table`` [heads, distances], see ``t5.bias_table``."""
        rows = self._weights[f"{side}.block.0.layer.0.SelfAttention.relative_attention_bias.weight"]
        table = bias_table(rows, self._plan, both=side == "encoder")
        self.graph.add_weight("bias_table", to_half(table) if self.half else table)

    def matrix(self, key: str) -> str:
        """A weight as it is: a table of embeddings."""
        values = self._weights[key]
        dtype = np.float16 if self.half else np.float32
        return self.graph.add_lazy_weight(key, dtype, values.shape, lambda: to_half(values) if self.half else values)
