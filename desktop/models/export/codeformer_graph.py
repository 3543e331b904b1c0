"""CodeFormer as an ONNX graph, written node by node for what ONNX Runtime does fast.

The arithmetic is that of ``codeformer_net``; what differs is the order in which it is done:

- A map that is doubled and then convolved with 3x3 is convolved as it is, once for each of the four places of a result's pixel in
  its source, with the 2x2 sums that its kernel has there: 4 multiplications instead of 9, a twelfth of the whole network's.
- Fidelity has no branch; with 0 its term is 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from desktop.models.export.codeformer_net import ADAIN_EPS, LAYER_EPS, NORM_EPS, SLOPE, Kind, Plan
from desktop.models.export.graph import Graph

_FLOAT = 1  # TensorProto.DataType
Floats = npt.NDArray[np.float32]


def write(path: Path, plan: Plan, weights: Mapping[str, Floats], notes: Mapping[str, str]) -> None:
    """Write the network of ``plan`` with the checkpoint's ``weights`` to ``path``.

    Inputs: image [faces, 3, size, size], RGB -1..1, and fidelity [faces], 0..1. Outputs: restored, like image, and codes
    [faces, grid · grid], which entries of the codebook it is made of (as float32).

    Raises:
        KeyError: a weight is missing.
    """
    _Writer(plan, weights).write(path, notes)


class _Writer:
    def __init__(self, plan: Plan, weights: Mapping[str, Floats]) -> None:
        self._plan, self._weights = plan, weights
        self._graph = Graph("codeformer")
        self._count = 0
        self._known: set[str] = set()

    def write(self, path: Path, notes: Mapping[str, str]) -> None:
        plan, graph = self._plan, self._graph
        shape = ("faces", 3, plan.size, plan.size)
        graph.add_input("image", shape)
        graph.add_input("fidelity", ("faces",))
        wanted = {block: name for name, block, _ in plan.fusions.values()}
        kept = {}
        x, side = "image", plan.size
        for number in range(len(plan.encoder)):
            x, side = self._block(x, "encoder", number, side)
            if number in wanted:
                kept[wanted[number]] = x
        codes = self._choose(x)
        graph.add_node("Cast", [codes], ["codes"], to=_FLOAT)
        x = self._adapt(self._look_up(codes), x)
        fidelity = self._node("Reshape", "fidelity", self._ints([-1, 1, 1, 1]))
        for number in range(len(plan.generator)):
            x, side = self._block(x, "generator", number, side)
            if number in plan.fusions:
                name, _, width = plan.fusions[number]
                x = self._fuse(kept[name], x, fidelity, f"fuse_convs_dict.{name}", width, side)
        graph.add_node("Identity", [x], ["restored"])
        graph.add_output("restored", shape)
        graph.add_output("codes", ("faces", plan.grid**2))
        graph.save(path, notes)

    def _block(self, x: str, part: str, number: int, side: int) -> tuple[str, int]:
        """A numbered block: its result and the side of its maps."""
        name = f"{part}.blocks.{number}"
        kind, before, after = getattr(self._plan, part)[number]
        if kind is Kind.CONV:
            return self._conv(x, name), side
        if kind is Kind.NORM:
            return self._norm(x, name, after, side), side
        if kind is Kind.RES:
            return self._residual(x, name, before, after, side), side
        if kind is Kind.ATTENTION:
            return self._attention(x, name, after, side), side
        if kind is Kind.DOWN:
            return self._conv(x, f"{name}.conv", pads=[0, 0, 1, 1], strides=[2, 2]), side // 2
        return self._up(x, f"{name}.conv"), side * 2

    def _residual(self, x: str, name: str, before: int, after: int, side: int) -> str:
        inner = self._conv(self._silu(self._norm(x, f"{name}.norm1", before, side)), f"{name}.conv1")
        inner = self._conv(self._silu(self._norm(inner, f"{name}.norm2", after, side)), f"{name}.conv2")
        return self._node("Add", inner, x if before == after else self._conv(x, f"{name}.conv_out", pads=[0] * 4))

    def _norm(self, x: str, name: str, width: int, side: int) -> str:
        """Group normalisation: that of the groups as if they were channels, then each channel's own factor and summand.

        InstanceNormalization keeps a group in the processor's cache between its passes. Sums taken row by row are five times more
        exact (1e-5 instead of 3e-5 at the end, with weights made up), but cost a tenth of the whole network's time.
        """
        groups = self._plan.groups
        ones, zeros = self._floats("ones", np.ones(groups, np.float32)), self._floats("zeros", np.zeros(groups, np.float32))
        grouped = self._node("Reshape", x, self._ints([0, groups, -1]))
        grouped = self._node("InstanceNormalization", grouped, ones, zeros, epsilon=NORM_EPS)
        normed = self._node("Reshape", grouped, self._ints([0, width, side, side]))
        scaled = self._node("Mul", normed, self._weight(f"{name}.weight", (width, 1, 1)))
        return self._node("Add", scaled, self._weight(f"{name}.bias", (width, 1, 1)))

    def _silu(self, x: str) -> str:
        return self._node("Mul", x, self._node("Sigmoid", x))

    def _attention(self, x: str, name: str, width: int, side: int) -> str:
        normed = self._norm(x, f"{name}.norm", width, side)
        flat = self._ints([0, width, -1])
        q, k, v = (self._node("Reshape", self._conv(normed, f"{name}.{part}", pads=[0] * 4), flat) for part in "qkv")
        scores = self._node("MatMul", self._node("Transpose", q, perm=[0, 2, 1]), k)
        weights = self._node("Softmax", self._node("Mul", scores, self._number(width**-0.5)), axis=2)
        seen = self._node("MatMul", v, self._node("Transpose", weights, perm=[0, 2, 1]))
        seen = self._node("Reshape", seen, self._ints([0, width, side, side]))
        return self._node("Add", x, self._conv(seen, f"{name}.proj_out", pads=[0] * 4))

    def _choose(self, features: str) -> str:
        """Numbers of the codebook's entries that the transformer chooses for the encoder's features."""
        plan = self._plan
        flat = self._node("Reshape", features, self._ints([0, plan.code, -1]))
        x = self._linear(self._node("Transpose", flat, perm=[0, 2, 1]), "feat_emb")
        for layer in range(plan.layers):
            x = self._layer(x, f"ft_layers.{layer}")
        x = self._layer_norm(x, "idx_pred_layer.0")
        x = self._node("MatMul", x, self._matrix("idx_pred_layer.1.weight"))
        return self._node("ArgMax", x, axis=2, keepdims=0)

    def _look_up(self, codes: str) -> str:
        """The codebook's entries as a map."""
        plan = self._plan
        entries = self._node("Gather", self._weight("quantize.embedding.weight"), codes, axis=0)
        entries = self._node("Transpose", entries, perm=[0, 2, 1])
        return self._node("Reshape", entries, self._ints([0, plan.code, plan.grid, plan.grid]))

    def _layer(self, x: str, name: str) -> str:
        plan = self._plan
        normed = self._layer_norm(x, f"{name}.norm1")
        placed = self._node("Add", normed, self._weight("position_emb"))
        weight = self._weights[f"{name}.self_attn.in_proj_weight"]
        bias = self._weights[f"{name}.self_attn.in_proj_bias"]
        split = self._ints([0, 0, plan.heads, plan.dim // plan.heads])
        heads = []
        for number, source in enumerate((placed, placed, normed)):
            rows = slice(number * plan.dim, (number + 1) * plan.dim)
            part = f"{name}.self_attn.in_proj_{'qkv'[number]}"
            y = self._node("MatMul", source, self._floats(f"{part}_weight", weight[rows].T))
            y = self._node("Add", y, self._floats(f"{part}_bias", bias[rows]))
            heads.append(
                self._node("Transpose", self._node("Reshape", y, split), perm=[0, 2, 3, 1] if number == 1 else [0, 2, 1, 3])
            )
        scores = self._node("Mul", self._node("MatMul", heads[0], heads[1]), self._number((plan.dim // plan.heads) ** -0.5))
        seen = self._node("MatMul", self._node("Softmax", scores, axis=3), heads[2])
        seen = self._node("Reshape", self._node("Transpose", seen, perm=[0, 2, 1, 3]), self._ints([0, 0, plan.dim]))
        x = self._node("Add", x, self._linear(seen, f"{name}.self_attn.out_proj"))
        inner = self._gelu(self._linear(self._layer_norm(x, f"{name}.norm2"), f"{name}.linear1"))
        return self._node("Add", x, self._linear(inner, f"{name}.linear2"))

    def _adapt(self, content: str, style: str) -> str:
        """``content`` with the mean and deviation of each channel of ``style``."""
        spreads, means = [], []
        for x in (content, style):
            mean = self._node("ReduceMean", x, axes=[2, 3], keepdims=1)
            off = self._node("Sub", x, mean)
            total = self._node("ReduceSumSquare", off, axes=[2, 3], keepdims=1)
            variance = self._node("Mul", total, self._number(1 / (self._plan.grid**2 - 1)))
            spreads.append(self._node("Add", variance, self._number(ADAIN_EPS)))
            means.append(mean)
        factor = self._node("Sqrt", self._node("Div", spreads[1], spreads[0]))
        return self._node("Add", self._node("Mul", self._node("Sub", content, means[0]), factor), means[1])

    def _fuse(self, encoder: str, generator: str, fidelity: str, name: str, width: int, side: int) -> str:
        both = self._node("Concat", encoder, generator, axis=1)
        both = self._residual(both, f"{name}.encode_enc", 2 * width, width, side)
        scale, shift = (
            self._conv(self._node("LeakyRelu", self._conv(both, f"{name}.{part}.0"), alpha=SLOPE), f"{name}.{part}.2")
            for part in ("scale", "shift")
        )
        bent = self._node("Add", self._node("Mul", generator, scale), shift)
        return self._node("Add", generator, self._node("Mul", bent, fidelity))

    def _gelu(self, x: str) -> str:
        inner = self._node("Erf", self._node("Mul", x, self._number(0.5**0.5)))
        return self._node("Mul", self._node("Mul", x, self._number(0.5)), self._node("Add", inner, self._number(1.0)))

    def _layer_norm(self, x: str, name: str) -> str:
        weight, bias = self._weight(f"{name}.weight"), self._weight(f"{name}.bias")
        return self._node("LayerNormalization", x, weight, bias, axis=2, epsilon=LAYER_EPS)

    def _linear(self, x: str, name: str) -> str:
        return self._node("Add", self._node("MatMul", x, self._matrix(f"{name}.weight")), self._weight(f"{name}.bias"))

    def _up(self, x: str, name: str) -> str:
        """``x`` at twice its size, each value four times, after a 3x3 convolution."""
        kernel, bias = self._weights[f"{name}.weight"].astype(np.float64), self._weight(f"{name}.bias")
        quarters = []
        for row in (0, 1):
            for column in (0, 1):
                values = _merged(_merged(kernel, row, axis=2), column, axis=3)
                four = self._floats(f"{name}.weight.{row}{column}", values)
                pads = [1 - row, 1 - column, row, column]
                quarters.append(self._node("Conv", x, four, bias, kernel_shape=[2, 2], pads=pads))
        return self._node("DepthToSpace", self._node("Concat", *quarters, axis=1), blocksize=2, mode="DCR")

    def _conv(self, x: str, name: str, **attributes: list[int]) -> str:
        size = self._weights[f"{name}.weight"].shape[2:]
        attributes = {"kernel_shape": list(size), "pads": [1] * 4, **attributes}
        return self._node("Conv", x, self._weight(f"{name}.weight"), self._weight(f"{name}.bias"), **attributes)

    def _node(self, kind: str, *inputs: str, **attributes: int | float | str | list[int]) -> str:
        self._count += 1
        result = f"{kind.lower()}_{self._count}"
        self._graph.add_node(kind, inputs, [result], **attributes)
        return result

    def _weight(self, name: str, shape: tuple[int, ...] | None = None) -> str:
        values = self._weights[name]
        return self._floats(name, values if shape is None else values.reshape(shape))

    def _matrix(self, name: str) -> str:
        return self._floats(f"{name}.transposed", self._weights[name].T)

    def _number(self, value: float) -> str:
        return self._floats(f"number_{value!r}", np.array(value, np.float32))

    def _ints(self, values: list[int]) -> str:
        return self._constant("shape_" + "_".join(map(str, values)), np.array(values, np.int64))

    def _floats(self, name: str, values: npt.NDArray[np.floating]) -> str:
        return self._constant(name, np.asarray(values, np.float32))

    def _constant(self, name: str, values: npt.NDArray[np.float32] | npt.NDArray[np.int64]) -> str:
        if name not in self._known:
            self._known.add(name)
            self._graph.add_weight(name, values)
        return name


def _merged(kernel: npt.NDArray[np.float64], place: int, *, axis: int) -> npt.NDArray[np.float64]:
    """The two sums of a kernel's three taps that fall on the same value of a doubled map, at its even or odd pixels."""
    first, middle, last = (np.take(kernel, [tap], axis=axis) for tap in range(3))
    return np.concatenate([first, middle + last] if place == 0 else [first + middle, last], axis=axis)
