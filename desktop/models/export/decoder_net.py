"""What the graphs of all decoders have in common: matrices, attention over a cache of fixed size, the next token's odds.

Inputs, for B rows of S tokens each over a cache with room for T:
    input_ids int64 [B, S]; positions int64 [B, S]; start int64 [B], where in the cache the S tokens go;
    mask float [B or 1, 1, S, T], added to the attention's scores; wanted int64 [N], the tokens whose next one is asked for;
    with ALiBi places float [B or 1, 1, 1, T], the positions of the cache's tokens;
    past_key_0, past_value_0, ... float [B, groups, T, head].
Outputs: logits float [N, vocabulary]; token int64 [N] and score float [N], the likeliest next one and its log-probability;
    present_key_0, ...: the caches with the new tokens. Bound to the memory of those that came in, they are changed in place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from desktop.models.export.graph import CONTRIB, Attribute, Graph
from desktop.models.export.quantize import open_graph
from desktop.models.export.weights import Floats, Weights

# The first with TensorScatter, and with Attention for caches that it does not manage itself.
_OPSET = 24


@dataclass(frozen=True)
class Sizes:
    """
    Attributes:
        groups: heads of keys and values, each of which serves heads / groups heads of queries.
        head: values of one head.
        context: most tokens of a text.
    """

    layers: int
    width: int
    heads: int
    groups: int
    head: int
    vocabulary: int
    context: int


class DecoderNet:
    """A graph being built; each method adds nodes and gives the name of their result.

    Args:
        sizes: of the model.
        weights: of the model; read when the graph is saved.
        precision: "fp32", "fp16" or "int8".
    """

    def __init__(self, sizes: Sizes, weights: Weights, precision: str) -> None:
        self.sizes = sizes
        self.weights = weights
        self.graph = open_graph("decoder", precision, opset=_OPSET)
        self._count = 0
        self._constants: dict[tuple[int, ...], str] = {}
        self.graph.add_input("input_ids", ("rows", "new"), np.int64)
        self.graph.add_input("positions", ("rows", "new"), np.int64)
        self.graph.add_input("start", ("rows",), np.int64)
        self.graph.add_input("wanted", ("wanted",), np.int64)
        self.mask = self.graph.add_input("mask", ("masks", 1, "new", "room"))
        for name in cache_names(sizes.layers):
            self.graph.add_input(f"past_{name}", self._cache_shape())

    def node(self, kind: str, *inputs: str, domain: str = "", **attributes: Attribute) -> str:
        """An operator with one output."""
        [output] = self.nodes(kind, 1, *inputs, domain=domain, **attributes)
        return output

    def nodes(self, kind: str, outputs: int, *inputs: str, domain: str = "", **attributes: Attribute) -> list[str]:
        """An operator with several outputs."""
        self._count += 1
        names = [f"{kind}_{self._count}_{number}" for number in range(outputs)]
        self.graph.add_node(kind, inputs, names, domain, **attributes)
        return names

    def whole(self, *values: int) -> str:
        """A constant int64 vector."""
        if values not in self._constants:
            name = f"whole_{len(self._constants)}"
            self._constants[values] = self.graph.add_weight(name, np.array(values, np.int64))
        return self._constants[values]

    def vector(self, name: str, size: int) -> str:
        """A weight of the model as it is."""
        return self.graph.add_lazy_weight(name, np.float32, (size,), lambda: self.weights.read(name, size))

    def table(self, name: str) -> str:
        """The embeddings [vocabulary, width], which may be the output's weights, too: the file has them once."""
        shape = (self.sizes.vocabulary, self.sizes.width)
        return self.graph.add_lazy_weight(name, np.float32, shape, lambda: self.weights.read(name, *shape))

    def linear(self, x: str, inputs: int, *parts: tuple[str, int]) -> str:
        """Product with the weights [outputs, inputs] of a layer, or of several side by side, each with its number of outputs."""
        outputs = sum(size for _, size in parts)

        def turned() -> Floats:
            found = [self.weights.read(f"{name}.weight", size, inputs) for name, size in parts]
            return np.ascontiguousarray((np.concatenate(found) if len(found) > 1 else found[0]).T)

        weight = self.graph.add_lazy_weight("+".join(name for name, _ in parts), np.float32, (inputs, outputs), turned)
        return self._biased(self.node("MatMul", x, weight), parts)

    def _biased(self, x: str, parts: Sequence[tuple[str, int]]) -> str:
        """With the biases of those parts that have one."""
        if not any(f"{name}.bias" in self.weights for name, _ in parts):
            return x

        def joined() -> Floats:
            found = [
                self.weights.read(f"{name}.bias", size) if f"{name}.bias" in self.weights else np.zeros(size, np.float32)
                for name, size in parts
            ]
            return np.concatenate(found)

        size = sum(size for _, size in parts)
        bias = self.graph.add_lazy_weight("+".join(f"{name}.bias" for name, _ in parts), np.float32, (size,), joined)
        return self.node("Add", x, bias)

    def by_heads(self, x: str, heads: int) -> str:
        """[B, S, heads * head] as [B, heads, S, head]."""
        shape = self.whole(0, 0, heads, self.sizes.head)
        return self.node("Transpose", self.node("Reshape", x, shape), perm=[0, 2, 1, 3])

    def split_heads(self, x: str, *heads: int) -> list[str]:
        """Parts [B, heads, S, head] of [B, all heads, S, head]."""
        return self.nodes("Split", len(heads), x, self.whole(*heads), axis=1)

    def attention(self, layer: int, query: str, key: str, value: str) -> str:
        """What the new tokens [B, S, heads * head] see of the cache, of which they are part from now on.

        Args:
            query: [B, heads, S, head].
            key, value: [B, groups, S, head].
        """
        caches = []
        for name, new in ((f"key_{layer}", key), (f"value_{layer}", value)):
            self.graph.add_node("TensorScatter", [f"past_{name}", new, "start"], [f"present_{name}"], axis=2)
            self.graph.add_output(f"present_{name}", self._cache_shape())
            caches.append(f"present_{name}")
        seen = self.node("Attention", query, *caches, self.mask, scale=self.sizes.head**-0.5)
        merged = self.whole(0, 0, self.sizes.heads * self.sizes.head)
        return self.node("Reshape", self.node("Transpose", seen, perm=[0, 2, 1, 3]), merged)

    def picked(self, x: str, width: int) -> str:
        """Of [B, S, width] the tokens [N, width] whose next one is asked for; the rest need go no further."""
        return self.node("Gather", self.node("Reshape", x, self.whole(-1, width)), "wanted", axis=0)

    def finish(self, x: str, table: str) -> None:
        """The outputs, of the last norm's result [N, width] and the output weights [vocabulary, width]."""
        self.graph.add_node("FusedMatMul", [x, table], ["logits"], CONTRIB, transA=0, transB=1, alpha=1.0)
        self.graph.add_node("ArgMax", ["logits"], ["token"], axis=-1, keepdims=0)
        odds = self.node("LogSoftmax", "logits", axis=-1)
        self.graph.add_node("ReduceMax", [odds, self.whole(-1)], ["score"], keepdims=0)
        self.graph.add_output("logits", ("wanted", self.sizes.vocabulary))
        self.graph.add_output("token", ("wanted",), np.int64)
        self.graph.add_output("score", ("wanted",))

    def save(self, path: Path, notes: dict[str, str]) -> None:
        """Write the graph, its weights beside it."""
        sizes = {"context": str(self.sizes.context), "heads": str(self.sizes.heads)}
        self.graph.save(path, notes | sizes, external=True)

    def _cache_shape(self) -> tuple[str | int, ...]:
        return ("rows", self.sizes.groups, "room", self.sizes.head)


def cache_names(layers: int) -> list[str]:
    """Ends of the names of the keys and values."""
    return [f"{kind}_{layer}" for layer in range(layers) for kind in ("key", "value")]


def write_mover(path: Path, sizes: Sizes, precision: str) -> None:
    """Write the graph that chooses rows of caches and makes them longer, on the device where they are.

    Inputs: rows int64 [new], longer int64 [1], past_key_0, ... [rows, groups, T, head]; outputs: present_key_0, ...
    [new, groups, T + longer, head].
    """
    graph = Graph("cache mover", opset=_OPSET)
    dtype = np.float16 if precision == "fp16" else np.float32
    graph.add_input("rows", ("new",), np.int64)
    graph.add_input("longer", (1,), np.int64)
    for name, values in (("zeros", [0, 0, 0, 0, 0, 0]), ("end", [0])):
        graph.add_weight(name, np.array(values, np.int64))
    graph.add_node("Concat", ["zeros", "longer", "end"], ["pads"], axis=0)
    for name in cache_names(sizes.layers):
        graph.add_input(f"past_{name}", ("old", sizes.groups, "room", sizes.head), dtype)
        graph.add_node("Gather", [f"past_{name}", "rows"], [f"chosen_{name}"], axis=0)
        graph.add_node("Pad", [f"chosen_{name}", "pads"], [f"present_{name}"])
        graph.add_output(f"present_{name}", ("new", sizes.groups, "longer_room", sizes.head), dtype)
    graph.save(path, {})
