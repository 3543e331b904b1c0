"""Pop2Piano's graphs: the encoder with the decoder's cross-attention keys and values, and the decoder's step.

Encoder: ``mel`` float32 [windows, frames, width], ``composer`` int64 [windows], 0 .. 20 -> ``cross_key_N``, ``cross_value_N`` of
each decoder layer [windows, heads, 1 + frames, width of a head].

Decoder: ``token`` int64 [windows], ``position`` int64 [1], the number of tokens before it, those keys and values, and
``past_key_N``, ``past_value_N`` [windows, heads, room, width of a head] -> ``next`` int64 [windows], the likeliest token,
``logits`` [windows, vocabulary], and ``present_...``: the caches with the new token. Bound to the memory of those that came in,
they are changed in place; what is behind ``position`` in them is not looked at. All windows are at the same position, so that
their relative positions are one row of a table.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from desktop.models.export.decoder_net import Sizes
from desktop.models.export.graph import CONTRIB
from desktop.models.export.pop2piano_layout import COMPOSER
from desktop.models.export.t5 import T5Plan
from desktop.models.export.t5_graph import Net, Weights, caches

# The first with TensorScatter.
_OPSET = 24


def sizes(plan: T5Plan) -> Sizes:
    """Of the decoder, as the graph that moves its caches wants them."""
    return Sizes(plan.decoder_layers, plan.width, plan.heads, plan.heads, plan.head, plan.vocabulary, 1 << 20)


def write_encoder(path: Path, plan: T5Plan, weights: Weights, notes: dict[str, str], shared: Path | None = None) -> None:
    """Write the encoder's graph, its weights beside it, or in the file of ``shared`` (see ``Graph.save``)."""
    net = Net("pop2piano encoder", plan, weights, "fp32")
    net.graph.add_input("mel", ["windows", "frames", plan.width])
    net.graph.add_input("composer", ["windows"], np.int64)
    first = net.node("Unsqueeze", net.node("Gather", net.matrix(COMPOSER), "composer"), net.whole(1, 1))
    total = net.node("Concat", first, "mel", axis=1)
    bias = net.relative_bias("encoder", net.whole(0), net.size(total, 1))
    net.add_cross(net.encode(total, "", bias), "windows", "places")
    net.graph.save(path, notes, external=True, shared=shared)


def write_decoder(path: Path, plan: T5Plan, weights: Weights, notes: dict[str, str], shared: Path | None = None) -> None:
    """Write the decoder's graph, its weights beside it, or in the file of ``shared`` (see ``Graph.save``)."""
    step = _Step(plan, weights)
    graph = step.graph
    graph.add_input("token", ["windows"], np.int64)
    graph.add_input("position", [1], np.int64)
    for name in caches(plan):
        graph.add_input(f"past_{name}", ["windows", plan.heads, "room", plan.head])
        graph.add_input(f"cross_{name}", ["windows", plan.heads, "places", plan.head])
    net = step.net
    total = net.node("Gather", net.matrix("decoder.embed_tokens.weight"), "token")
    normed = net.norm(total, "decoder.block.0.layer.0.layer_norm")
    for number in range(plan.decoder_layers):
        block = f"decoder.block.{number}.layer"
        normed, total = net.add_norm(total, step.look_back(normed, number), f"{block}.1.layer_norm")
        normed, total = net.add_norm(total, step.look_across(normed, number), f"{block}.2.layer_norm")
        last = number + 1 == plan.decoder_layers
        after = "decoder.final_layer_norm" if last else f"decoder.block.{number + 1}.layer.0.layer_norm"
        normed, total = net.add_norm(total, net.feed_forward(normed, f"{block}.2.DenseReluDense"), after)
    found = net.linear(normed, "lm_head")
    graph.add_node("Identity", [found], ["logits"])
    graph.add_node("ArgMax", [found], ["next"], axis=-1, keepdims=0)
    graph.add_output("next", ["windows"], np.int64)
    graph.add_output("logits", ["windows", plan.vocabulary])
    for name in caches(plan):
        graph.add_output(f"present_{name}", ["windows", plan.heads, "room", plan.head])
    graph.save(path, notes, external=True, shared=shared)


class _Step:
    """The attention of one token in each row."""

    def __init__(self, plan: T5Plan, weights: Weights) -> None:
        self.net = Net("pop2piano decoder", plan, weights, "fp32", opset=_OPSET)
        self.graph = self.net.graph
        self._plan = plan
        self.graph.add_weight("alone", np.array([-1, plan.heads, 1, plan.head], np.int64))
        self.graph.add_weight("merged", np.array([-1, plan.heads * plan.head], np.int64))
        self.graph.add_weight("thirds", np.array([plan.heads * plan.head] * 3, np.int64))
        self._bias = self._bias_row()
        self._places = self.net.node("Expand", "position", self.net.node("Shape", "token"))

    def look_back(self, normed: str, number: int) -> str:
        """Attention to the tokens before, and to this one, which the caches have from now on."""
        name = f"decoder.block.{number}.layer.0.SelfAttention"
        parts = [f"{part}_{number}" for part in ("query", "key", "value")]
        self.graph.add_node("Split", [self.net.linear(normed, *(f"{name}.{part}" for part in "qkv")), "thirds"], parts, axis=-1)
        query, *new = (self._by_heads(part) for part in parts)
        present = [f"present_key_{number}", f"present_value_{number}"]
        for kind, values, output in zip(("key", "value"), new, present, strict=True):
            self.graph.add_node("TensorScatter", [f"past_{kind}_{number}", values, self._places], [output], axis=2)
        scores = self.net.node("Add", self._scores(query, present[0]), self._bias)
        return self._read(scores, present[1], f"{name}.o")

    def look_across(self, normed: str, number: int) -> str:
        """Attention to what the encoder found."""
        name = f"decoder.block.{number}.layer.1.EncDecAttention"
        scores = self._scores(self._by_heads(self.net.linear(normed, f"{name}.q")), f"cross_key_{number}")
        return self._read(scores, f"cross_value_{number}", f"{name}.o")

    def _by_heads(self, x: str) -> str:
        return self.net.node("Reshape", x, "alone")

    def _scores(self, query: str, keys: str) -> str:
        return self.net.node("FusedMatMul", query, keys, domain=CONTRIB, transB=1, alpha=1.0)

    def _read(self, scores: str, values: str, name: str) -> str:
        seen = self.net.node("MatMul", self.net.node("Softmax", scores, axis=-1), values)
        return self.net.linear(self.net.node("Reshape", seen, "merged"), name)

    def _bias_row(self) -> str:
        """Bias of each place of the caches [1, heads, 1, room]; those that are still empty have one that hides them."""
        net, most = self.net, self._plan.distance
        net.add_bias_table("decoder")
        places = net.node("Range", net.whole(0), net.size("past_key_0", 2), net.whole(1))
        distance = net.node("Clip", net.node("Sub", places, "position"), net.whole(-most), net.whole(1))
        rows = net.node("Gather", "bias_table", net.node("Add", distance, net.whole(most)), axis=1)
        self.graph.add_weight("around", np.array([0, 2], np.int64))
        return net.node("Unsqueeze", rows, "around")
