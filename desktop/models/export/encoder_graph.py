"""A sentence encoder's graph, written from its weights with ONNX Runtime's fused operators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from desktop.models.classifier_head import Head
from desktop.models.export.encoder_nets import EncoderPlan, EncoderWeights
from desktop.models.export.graph import CONTRIB, Graph
from desktop.models.export.quantize import open_graph

_INT32, _FLOAT = 6, 1
_TINY = np.float32(1e-12)
_LEAST_GAP = np.float32(1e-6)
"""Between the best logit and all of them together: keeps a probability of 1 from being infinitely sure."""

_FAR = np.float32(1e4)
"""Takes padding out of a maximum; fits into fp16."""


def write(
    path: Path,
    plan: EncoderPlan,
    weights: EncoderWeights,
    notes: Mapping[str, str],
    *,
    head: Head | None = None,
    features: Sequence[str] = (),
    precision: str = "fp32",
) -> list[Path]:
    """Write the graph; the files written.

    Inputs: input_ids, attention_mask int64 [B, S], padded at the end. Outputs: embedding [B, width], of length 1; with
    ``features`` those [B, features · width]; with a head logits [B, labels] and confidence [B].
    """
    graph = open_graph("encoder", precision, many_rows=True)
    for name in ("input_ids", "attention_mask"):
        graph.add_input(name, ("batch", "sequence"), np.int64)
    layers = _Body(graph, plan, weights).write()
    pools = _Pools(graph, layers, plan)
    _add_embedding(graph, pools.get(plan.pooling, -1))
    graph.add_output("embedding", ("batch", plan.width))
    if features:
        _add_features(graph, pools, features, "features")
        graph.add_output("features", ("batch", len(features) * plan.width))
    if head is not None:
        _add_head(graph, pools, head)
        graph.add_output("logits", ("batch", len(head.labels)))
        graph.add_output("confidence", ("batch",))
    return graph.save(path, notes)


class _Body:
    """The layers: attention and feed-forward, each followed by adding its input and normalising."""

    def __init__(self, graph: Graph, plan: EncoderPlan, weights: EncoderWeights) -> None:
        self._graph, self._plan, self._weights = graph, plan, weights

    def write(self) -> list[str]:
        """Names of each layer's values [B, S, width], the embeddings' first."""
        graph = self._graph
        graph.add_node("Cast", ["attention_mask"], ["mask"], to=_INT32)
        bias = self._relative()
        values = [self._embeddings()]
        for layer in range(self._plan.layers):
            attended = self._attention(layer, values[-1], bias)
            after = self._residual(layer, "out", attended, values[-1])
            values.append(self._residual(layer, "down", self._inner(layer, after), after))
        return values

    def _embeddings(self) -> str:
        graph, plan, weights = self._graph, self._plan, self._weights
        graph.add_weight("word", weights.get("word", "weight", plan.vocabulary, plan.width))
        graph.add_weight("position", weights.positions())
        graph.add_weight("embeddings.scale", weights.get("norm", "weight", plan.width))
        graph.add_weight("embeddings.shift", weights.get("norm", "bias", plan.width))
        # Words by a node of their own: one table that other precisions can make smaller.
        graph.add_node("Gather", ["word", "input_ids"], ["words"])
        graph.add_node("Shape", ["input_ids"], ["length"], start=1, end=2)
        graph.add_weight("zero", np.array([0], np.int64))
        graph.add_node("Slice", ["position", "zero", "length", "zero"], ["places"])
        graph.add_node("Add", ["words", "places"], ["embedded"])
        scale = ["embeddings.scale", "embeddings.shift"]
        graph.add_node("LayerNormalization", ["embedded", *scale], ["layer0"], axis=-1, epsilon=plan.epsilon)
        return "layer0"

    def _relative(self) -> str:
        """MPNet's bias [1, heads, S, S]; "" for the others."""
        table = self._weights.relative()
        if table is None:
            return ""
        graph, plan = self._graph, self._plan
        graph.add_weight("distances", table)
        graph.add_weight("none", np.array(0, np.int64))
        graph.add_weight("one", np.array(1, np.int64))
        graph.add_weight("last", np.array(plan.positions - 1, np.int64))
        graph.add_weight("column", np.array([1], np.int64))
        graph.add_weight("front", np.array([0], np.int64))
        graph.add_node("Shape", ["input_ids"], ["row_length"], start=1, end=2)
        graph.add_node("Squeeze", ["row_length"], ["count"])
        graph.add_node("Range", ["none", "count", "one"], ["to"])
        graph.add_node("Unsqueeze", ["to", "column"], ["from"])
        graph.add_node("Sub", ["to", "from"], ["away"])
        graph.add_node("Add", ["away", "last"], ["entries"])
        graph.add_node("Gather", ["distances", "entries"], ["bias_of_heads"], axis=1)
        graph.add_node("Unsqueeze", ["bias_of_heads", "front"], ["relative"])
        return "relative"

    def _attention(self, layer: int, values: str, relative: str) -> str:
        graph, plan, weights = self._graph, self._plan, self._weights
        parts = ("query", "key", "value")
        matrices = [weights.get(part, "weight", plan.width, plan.width, layer=layer) for part in parts]
        biases = [weights.get(part, "bias", plan.width, layer=layer) for part in parts]
        graph.add_weight(f"{layer}.qkv", np.concatenate(matrices).T)
        graph.add_weight(f"{layer}.qkv.bias", np.concatenate(biases))
        graph.add_node("MatMul", [values, f"{layer}.qkv"], [f"{layer}.projected"])
        split = [f"{layer}.{part}" for part in parts]
        if layer == 0:
            graph.add_weight("thirds", np.array([plan.width] * 3, np.int64))
        graph.add_node("Split", [f"{layer}.projected", "thirds"], split, axis=2)
        inputs = [*split, f"{layer}.qkv.bias", "mask", *([relative] if relative else [])]
        graph.add_node("MultiHeadAttention", inputs, [f"{layer}.attended"], CONTRIB, num_heads=plan.heads)
        return f"{layer}.attended"

    def _inner(self, layer: int, values: str) -> str:
        graph, plan, weights = self._graph, self._plan, self._weights
        graph.add_weight(f"{layer}.up", weights.get("up", "weight", plan.inner, plan.width, layer=layer).T)
        graph.add_weight(f"{layer}.up.bias", weights.get("up", "bias", plan.inner, layer=layer))
        graph.add_node("MatMul", [values, f"{layer}.up"], [f"{layer}.wide"])
        wide, bias, active = f"{layer}.wide", f"{layer}.up.bias", f"{layer}.active"
        if plan.activation == "Gelu":
            graph.add_node("BiasGelu", [wide, bias], [active], CONTRIB)
        elif plan.activation == "FastGelu":
            graph.add_node("FastGelu", [wide, bias], [active], CONTRIB)
        else:
            graph.add_node("Add", [wide, bias], [f"{layer}.biased"])
            graph.add_node(plan.activation, [f"{layer}.biased"], [active])
        return active

    def _residual(self, layer: int, part: str, values: str, skipped: str) -> str:
        """``values`` times the part's matrix, plus what it began with, normalised."""
        graph, plan, weights = self._graph, self._plan, self._weights
        inputs = plan.inner if part == "down" else plan.width
        name = f"layer{layer + 1}" if part == "down" else f"{layer}.after"
        graph.add_weight(f"{layer}.{part}", weights.get(part, "weight", plan.width, inputs, layer=layer).T)
        graph.add_weight(f"{layer}.{part}.bias", weights.get(part, "bias", plan.width, layer=layer))
        for kind, meaning in (("weight", "scale"), ("bias", "shift")):
            graph.add_weight(f"{layer}.{part}.{meaning}", weights.get(f"{part}_norm", kind, plan.width, layer=layer))
        graph.add_node("MatMul", [values, f"{layer}.{part}"], [f"{layer}.{part}.product"])
        others = [f"{layer}.{part}.{meaning}" for meaning in ("scale", "shift", "bias")]
        given = [f"{layer}.{part}.product", skipped, *others]
        graph.add_node("SkipLayerNormalization", given, [name], CONTRIB, epsilon=plan.epsilon)
        return name


class _Pools:
    """One row of values for a text out of its tokens' [B, S, width], each kind written once."""

    def __init__(self, graph: Graph, layers: Sequence[str], plan: EncoderPlan) -> None:
        self._graph, self._layers = graph, layers
        self._done: set[str] = set()
        graph.add_weight("axis1", np.array([1], np.int64))
        graph.add_weight("rows", np.array([-1, plan.width], np.int64))
        graph.add_node("Cast", ["attention_mask"], ["seen"], to=_FLOAT)

    def get(self, kind: str, layer: int) -> str:
        """Name of the values [B, width] of ``kind`` ("mean", "max", "first") of a layer, counted from the end (-1)."""
        name = f"{kind}{layer}"
        if name not in self._done:
            self._done.add(name)
            {"mean": self._mean, "max": self._max, "first": self._first}[kind](name, self._layers[layer])
        return name

    def _mean(self, name: str, values: str) -> None:
        graph = self._graph
        if "share" not in self._done:
            self._done.add("share")
            graph.add_node("ReduceSum", ["seen", "axis1"], ["tokens"], keepdims=1)
            # A text of the special tokens alone, or of nothing, has a mean, too.
            graph.add_weight("least", np.array([1], np.float32))
            graph.add_node("Max", ["tokens", "least"], ["some_tokens"])
            graph.add_node("Div", ["seen", "some_tokens"], ["shares"])
            graph.add_node("Unsqueeze", ["shares", "axis1"], ["share"])
        graph.add_node("MatMul", ["share", values], [f"{name}.row"])
        graph.add_node("Reshape", [f"{name}.row", "rows"], [name])

    def _max(self, name: str, values: str) -> None:
        graph = self._graph
        if "away" not in self._done:
            self._done.add("away")
            graph.add_weight("far", np.array([_FAR], np.float32))
            graph.add_weight("last_axis", np.array([2], np.int64))
            graph.add_node("Mul", ["seen", "far"], ["near"])
            graph.add_node("Sub", ["near", "far"], ["flat_away"])
            graph.add_node("Unsqueeze", ["flat_away", "last_axis"], ["pushed"])
        graph.add_node("Add", [values, "pushed"], [f"{name}.held"])
        graph.add_node("ReduceMax", [f"{name}.held"], [name], axes=[1], keepdims=0)

    def _first(self, name: str, values: str) -> None:
        graph = self._graph
        if "start" not in self._done:
            self._done.add("start")
            graph.add_weight("start", np.array(0, np.int64))
        graph.add_node("Gather", [values, "start"], [name], axis=1)


def _add_embedding(graph: Graph, pooled: str) -> None:
    graph.add_weight("tiny", np.array([_TINY], np.float32))
    graph.add_node("ReduceL2", [pooled], ["any_norm"], axes=[1], keepdims=1)
    graph.add_node("Max", ["any_norm", "tiny"], ["norm"])
    graph.add_node("Div", [pooled, "norm"], ["embedding"])


def _add_features(graph: Graph, pools: _Pools, features: Sequence[str], name: str) -> None:
    found = []
    for feature in features:
        kind, _, layer = feature.partition(":")
        found.append(pools.get(kind, int(layer)))
    graph.add_node("Concat", found, [name], axis=1)


def _add_head(graph: Graph, pools: _Pools, head: Head) -> None:
    _add_features(graph, pools, head.facts.features, "read")
    graph.add_weight("head", head.weight)
    graph.add_weight("head.bias", head.bias)
    # Not a MatMul, which int8 would make smaller: the head is small, and the features' scales differ widely.
    graph.add_node("Gemm", ["read", "head", "head.bias"], ["logits"], transB=1)
    _add_confidence(graph, head)


def _add_confidence(graph: Graph, head: Head) -> None:
    """See ``Trust``. The best label's odds are 1 / (e^(L - b) - 1): b its logit, L the logsumexp of all of them."""
    trust = head.facts.trust
    for name, value in (("odds", -trust.odds), ("likeness", trust.likeness), ("energy", trust.energy), ("sureness", trust.bias)):
        graph.add_weight(f"trust.{name}", np.array([value], np.float32))
    graph.add_weight("least_gap", np.array([_LEAST_GAP], np.float32))
    graph.add_weight("one_less", np.array([1], np.float32))
    graph.add_weight("likenesses", head.likenesses)
    graph.add_node("ReduceMax", ["logits"], ["best"], axes=[1], keepdims=0)
    graph.add_node("ReduceLogSumExp", ["logits"], ["all"], axes=[1], keepdims=0)
    graph.add_node("Sub", ["all", "best"], ["any_gap"])
    graph.add_node("Max", ["any_gap", "least_gap"], ["gap"])
    graph.add_node("Exp", ["gap"], ["ratio"])
    graph.add_node("Sub", ["ratio", "one_less"], ["against"])
    graph.add_node("Log", ["against"], ["log_against"])
    graph.add_node("ArgMax", ["logits"], ["choice"], axis=1, keepdims=0)
    graph.add_node("Gather", ["likenesses", "choice"], ["typical"])
    graph.add_node("Mul", ["typical", "embedding"], ["alike"])
    graph.add_weight("columns", np.array([1], np.int64))
    graph.add_node("ReduceSum", ["alike", "columns"], ["cosine"], keepdims=0)
    graph.add_node("Mul", ["log_against", "trust.odds"], ["term1"])
    graph.add_node("Mul", ["cosine", "trust.likeness"], ["term2"])
    graph.add_node("Mul", ["all", "trust.energy"], ["term3"])
    graph.add_node("Sum", ["term1", "term2", "term3", "trust.sureness"], ["trust"])
    graph.add_node("Sigmoid", ["trust"], ["confidence"])
