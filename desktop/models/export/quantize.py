"""Smaller weights for graphs that are written here: int8 for processors, fp16 for GPUs.

``open_graph`` gives a ``Graph`` that is used like the ordinary one and writes its large matrices in the asked precision:

- int8 for decoders: blocks of 64 weights along the inputs share a scale (MatMulNBits with 8 bits), and so do those of the inputs
  when they are multiplied. Five to eight times faster than fp32 for a single row, a third faster for many.
- int8 for encoders (``many_rows``): a scale for each column, one for all inputs (DynamicQuantizeMatMul). Three times faster than
  fp32 for many rows, and less exact. Seven bits, because processors without VNNI add pairs of products in 16 bits.
- fp16: all weights and values; what must not be is told to be kept by its writer (casts around it).

Embeddings are read from the same blocks (GatherBlockQuantized), so that one that serves as output weights, too, is stored once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from desktop.models.export.graph import CONTRIB, OPSET, Attribute, Graph

BLOCK = 64
PRECISIONS = ("fp32", "fp16", "int8")
_SMALLEST = 1 << 14
"""Weights of the smallest matrix that is worth it."""
_HALF_MOST = 65504.0
_FLOAT, _HALF = 1, 10

Floats = npt.NDArray[np.float32]
Array = npt.NDArray[Any]


def open_graph(name: str, precision: str, *, opset: int = OPSET, many_rows: bool = False) -> Graph:
    """A graph whose weights are written in ``precision`` ("fp32", "fp16", "int8").

    Nodes are added as for fp32. Matrices: MatMul by a weight [inputs, outputs], FusedMatMul with ``transB`` by a weight
    [outputs, inputs], Gather from a weight along its first axis. With fp16, float32 inputs of the graph become float16, and so do
    outputs called "present..."; other outputs stay float32.

    Args:
        many_rows: the graph is run on many rows at a time (an encoder).
    """
    kinds: dict[str, Callable[[], Graph]] = {
        "fp32": lambda: Graph(name, opset=opset),
        "fp16": lambda: _HalfGraph(name, opset=opset),
        "int8": lambda: _Int8Graph(name, opset=opset, many_rows=many_rows),
    }
    return kinds[precision]()


@dataclass
class _Node:
    kind: str
    inputs: list[str]
    outputs: list[str]
    domain: str
    attributes: dict[str, Any] = field(default_factory=dict)


class _Rewritten(Graph):
    """Holds the nodes back until ``save``, when all uses of a weight are known."""

    def __init__(self, name: str, *, opset: int = OPSET) -> None:
        super().__init__(name, opset=opset)
        self._held: list[_Node] = []

    def add_node(
        self, kind: str, inputs: Iterable[str], outputs: Iterable[str], domain: str = "", /, **attributes: Attribute
    ) -> None:
        self._held.append(_Node(kind, list(inputs), list(outputs), domain, attributes))

    def emit(self, node: _Node) -> None:
        """Write a node as it is."""
        super().add_node(node.kind, node.inputs, node.outputs, node.domain, **node.attributes)

    def rewrite(self) -> None:
        """Emit all nodes that are held, changed."""
        raise NotImplementedError

    def save(self, path: Path, notes: Mapping[str, str], *, external: bool = False, shared: Path | None = None) -> list[Path]:
        self.rewrite()
        self._held.clear()
        return super().save(path, notes, external=external, shared=shared)


class _Int8Graph(_Rewritten):
    def __init__(self, name: str, *, opset: int = OPSET, many_rows: bool = False) -> None:
        super().__init__(name, opset=opset)
        self._many_rows = many_rows

    def rewrite(self) -> None:
        given = set(self._weights)
        needed: set[str] = set()
        for node in self._held:
            if not self._smaller(node):
                self.emit(node)
                needed.update(node.inputs)
        for name in given - needed:
            del self._weights[name]

    def _smaller(self, node: _Node) -> bool:
        """Emit the node with int8 weights, where that is possible."""
        if node.kind == "Gather" and node.attributes.get("axis", 0) == 0 and self._is_matrix(node.inputs[0]):
            return self._gather(node)
        if node.kind == "MatMul" and self._is_matrix(node.inputs[1]):
            if self._many_rows:
                self._by_columns(node)
            else:
                self._by_blocks(node, transposed=True)
            return True
        turned = node.attributes.get("transB") == 1 and not node.attributes.get("transA")
        if node.kind == "FusedMatMul" and turned and self._is_matrix(node.inputs[1]):
            self._by_blocks(node, transposed=False)
            return True
        return False

    def _is_matrix(self, name: str) -> bool:
        weight = self._weights.get(name)
        if weight is None or weight.dtype != np.float32 or len(weight.shape) != 2:
            return False
        return weight.shape[0] * weight.shape[1] >= _SMALLEST

    def _gather(self, node: _Node) -> bool:
        rows, width = self._weights[node.inputs[0]].shape
        if width % BLOCK:
            return False
        blocks, scales = self._blocks(node.inputs[0], transposed=False)
        flat = f"{blocks}.rows"
        if f"{flat}.shape" not in self._weights:
            shape = self.add_weight(f"{flat}.shape", np.array([rows, width], np.int64))
            self.emit(_Node("Reshape", [blocks, shape], [flat], ""))
        attributes = {"bits": 8, "block_size": BLOCK, "gather_axis": 0, "quantize_axis": 1}
        self.emit(_Node("GatherBlockQuantized", [flat, node.inputs[1], scales], node.outputs, CONTRIB, attributes))
        return True

    def _by_blocks(self, node: _Node, *, transposed: bool) -> None:
        shape = self._weights[node.inputs[1]].shape
        outputs, inputs = reversed(shape) if transposed else shape
        blocks, scales = self._blocks(node.inputs[1], transposed=transposed, factor=float(node.attributes.get("alpha", 1.0)))
        # Inputs as int8 as well: with floats these products would take longer than those of the whole matrix.
        attributes = {"K": inputs, "N": outputs, "bits": 8, "block_size": BLOCK, "accuracy_level": 4}
        self.emit(_Node("MatMulNBits", [node.inputs[0], blocks, scales], node.outputs, CONTRIB, attributes))

    def _blocks(self, name: str, *, transposed: bool, factor: float = 1.0) -> tuple[str, str]:
        """Names of a weight's int8 values [outputs, blocks, BLOCK] and of their scales [outputs, blocks]."""
        weight = self._weights[name]
        turned = f"{name}.int8" if transposed else f"{name}.rows8"
        scaled = f"{turned}.scales{f'*{factor:g}' if factor != 1.0 else ''}"
        rows, width = reversed(weight.shape) if transposed else weight.shape
        count = -(-width // BLOCK)

        def values() -> Floats:
            found = weight.load()
            return found.T if transposed else found

        if turned not in self._weights:
            self.add_lazy_weight(turned, np.uint8, (rows, count, BLOCK), lambda: in_blocks(values())[0])
        if scaled not in self._weights:
            self.add_lazy_weight(scaled, np.float32, (rows, count), lambda: in_blocks(values())[1] * np.float32(factor))
        return turned, scaled

    def _by_columns(self, node: _Node) -> None:
        name = node.inputs[1]
        weight = self._weights[name]
        if f"{name}.int8" not in self._weights:
            self.add_lazy_weight(f"{name}.int8", np.int8, weight.shape, lambda: in_columns(weight.load())[0])
            self.add_lazy_weight(f"{name}.scales", np.float32, weight.shape[1:], lambda: in_columns(weight.load())[1])
        inputs = [node.inputs[0], f"{name}.int8", f"{name}.scales"]
        self.emit(_Node("DynamicQuantizeMatMul", inputs, node.outputs, CONTRIB))


class _HalfGraph(_Rewritten):
    def __init__(self, name: str, *, opset: int = OPSET) -> None:
        super().__init__(name, opset=opset)
        self._back: list[str] = []

    def add_input(self, name: str, shape: Sequence[int | str], dtype: npt.DTypeLike = np.float32) -> str:
        return super().add_input(name, shape, np.float16 if np.dtype(dtype) == np.float32 else dtype)

    def add_output(self, name: str, shape: Sequence[int | str], dtype: npt.DTypeLike = np.float32) -> None:
        if np.dtype(dtype) == np.float32:
            if name.startswith("present"):
                dtype = np.float16
            else:
                self._back.append(name)
        super().add_output(name, shape, dtype)

    def add_lazy_weight(self, name: str, dtype: npt.DTypeLike, shape: Sequence[int], load: Callable[[], Array]) -> str:
        if np.dtype(dtype) != np.float32:
            return super().add_lazy_weight(name, dtype, shape, load)
        return super().add_lazy_weight(name, np.float16, shape, lambda: to_half(load()))

    def rewrite(self) -> None:
        inner = {name: f"{name}.half" for name in self._back}
        for node in self._held:
            attributes = {key: _half_attribute(node.kind, key, value) for key, value in node.attributes.items()}
            inputs, outputs = ([inner.get(name, name) for name in names] for names in (node.inputs, node.outputs))
            self.emit(_Node(node.kind, inputs, outputs, node.domain, attributes))
        for name, half in inner.items():
            self.emit(_Node("Cast", [half], [name], "", {"to": _FLOAT}))


def _half_attribute(kind: str, key: str, value: Attribute) -> Attribute:
    if kind == "Cast" and key == "to" and value == _FLOAT:
        return _HALF
    if isinstance(value, np.ndarray) and value.dtype == np.float32:
        return to_half(value)
    return value


def to_half(values: Array) -> npt.NDArray[np.float16]:
    """float16, with what is too large for it as its largest number."""
    result: npt.NDArray[np.float16] = np.clip(values, -_HALF_MOST, _HALF_MOST).astype(np.float16)
    return result


def in_blocks(values: Floats) -> tuple[npt.NDArray[np.uint8], Floats]:
    """Blocks of int8 along the last axis of [rows, width], as MatMulNBits wants them.

    Returns:
        values + 128 [rows, blocks, BLOCK], of which those beyond the width are zero, and scales [rows, blocks].
    """
    rows, width = values.shape
    count = -(-width // BLOCK)
    padded = np.zeros((rows, count * BLOCK), np.float32)
    padded[:, :width] = values
    blocks = padded.reshape(rows, count, BLOCK)
    scales = np.abs(blocks).max(axis=-1) / np.float32(127)
    scales[scales == 0] = 1
    whole = np.rint(blocks / scales[..., None]) + 128
    return whole.astype(np.uint8), scales


def in_columns(values: Floats) -> tuple[npt.NDArray[np.int8], Floats]:
    """Seven-bit values of [inputs, outputs] and the scale of each column [outputs], as DynamicQuantizeMatMul wants them."""
    scales = np.abs(values).max(axis=0) / np.float32(63)
    scales[scales == 0] = 1
    return np.rint(values / scales).astype(np.int8), scales


def loss(found: Floats, wanted: Floats) -> dict[str, float]:
    """What a precision costs: scores of the same rows [..., choices] by it and by fp32.

    Returns:
        "agreement": share of rows with the same best choice; "difference": root mean square difference, as a share of the wanted
        scores' standard deviation within a row.
    """
    spread = float(np.sqrt(np.mean(np.var(wanted, axis=-1)))) or 1.0
    return {
        "agreement": round(float(np.mean(found.argmax(-1) == wanted.argmax(-1))), 4),
        "difference": round(
            float(np.sqrt(np.mean((found - wanted - (found - wanted).mean(-1, keepdims=True)) ** 2))) / spread, 5
        ),
    }
