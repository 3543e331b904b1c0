"""Writing ONNX files by hand, so that exporting needs no package beyond the dependencies.

ONNX is protobuf (onnx.proto3): messages of tagged fields. Only what a network without control flow needs is here.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from desktop.paths import atomic_write

OPSET = 17
CONTRIB = "com.microsoft"
# A protobuf message ends at 2 GiB; nodes and names need some of that.
_EXTERNAL_FROM = (1 << 31) - (64 << 20)
_PAGE = 4096
_TYPES = {
    np.dtype(np.float32): 1,
    np.dtype(np.uint8): 2,
    np.dtype(np.int8): 3,
    np.dtype(np.int32): 6,
    np.dtype(np.int64): 7,
    np.dtype(np.bool_): 9,
    np.dtype(np.float16): 10,
}
_FLOAT, _INT, _STRING, _TENSOR, _FLOATS, _INTS = 1, 2, 3, 4, 6, 7

Array = npt.NDArray[Any]
Attribute = int | float | str | Sequence[int] | Sequence[float] | Array


@dataclass(frozen=True)
class _Weight:
    name: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    load: Callable[[], Array]

    @property
    def size(self) -> int:
        return int(np.prod(self.shape, dtype=np.int64)) * self.dtype.itemsize

    def write(self, file: IO[bytes]) -> None:
        """Raises ValueError when what is loaded is not what was announced: the file's lengths would be wrong."""
        values = self.load()
        if values.shape != self.shape or values.dtype != self.dtype:
            raise ValueError(f"{self.name} was announced as {self.dtype} {self.shape}, but is {values.dtype} {values.shape}")
        file.write(np.ascontiguousarray(values).data.cast("B") if values.size else b"")


class Graph:
    """Collects nodes and weights; ``save`` writes the file.

    Args:
        name: of the graph, shown by viewers.
        opset: version of ONNX's own operators; those of ONNX Runtime (``CONTRIB``) have one version only.
    """

    def __init__(self, name: str, *, opset: int = OPSET) -> None:
        self._name = name
        self._opset = opset
        self._domains: set[str] = set()
        self._nodes: list[bytes] = []
        self._weights: dict[str, _Weight] = {}
        self._inputs: list[bytes] = []
        self._outputs: list[bytes] = []

    def add_input(self, name: str, shape: Sequence[int | str], dtype: npt.DTypeLike = np.float32) -> str:
        """An input; names in ``shape`` are free dimensions."""
        self._inputs.append(_port(name, shape, dtype))
        return name

    def add_output(self, name: str, shape: Sequence[int | str], dtype: npt.DTypeLike = np.float32) -> None:
        """Declare the value ``name`` an output."""
        self._outputs.append(_port(name, shape, dtype))

    def add_weight(self, name: str, values: Array) -> str:
        """A constant: float32, float16, int64, int32, int8, uint8 or bool. The array is kept, not copied, until ``save``."""
        return self.add_lazy_weight(name, values.dtype, values.shape, lambda: values)

    def add_lazy_weight(self, name: str, dtype: npt.DTypeLike, shape: Sequence[int], load: Callable[[], Array]) -> str:
        """A constant that ``save`` asks for when it is its turn to be written, so that only one is in memory at a time."""
        if name in self._weights:
            raise ValueError(f"there is a weight {name} already")
        self._weights[name] = _Weight(name, _known(dtype), tuple(shape), load)
        return name

    def add_node(
        self, kind: str, inputs: Iterable[str], outputs: Iterable[str], domain: str = "", /, **attributes: Attribute
    ) -> None:
        """An operator; an empty input name leaves an optional input out, ``domain`` is "" (ONNX) or ``CONTRIB``."""
        self._domains.add(domain)
        body = b"".join(_bytes(1, name.encode()) for name in inputs)
        body += b"".join(_bytes(2, name.encode()) for name in outputs)
        body += _bytes(4, kind.encode())
        body += b"".join(_bytes(5, _attribute(name, value)) for name, value in attributes.items())
        self._nodes.append(body + (_bytes(7, domain.encode()) if domain else b""))

    def save(self, path: Path, notes: Mapping[str, str], *, external: bool = False, shared: Path | None = None) -> list[Path]:
        """Write the model; ``notes`` (author, licence, ...) go into its metadata.

        Args:
            external: put large weights into a second file beside it, named like it with ".data" at the end: ONNX Runtime maps it
                into memory and copies nothing. Weights that one file cannot hold (2 GiB) go there in any case.
            shared: a graph beside it, saved with ``external``, that has the same weights in the same order: its file serves both.

        Returns:
            The files written.
        """
        total = sum(weight.size for weight in self._weights.values())
        beside = self._outside() if external or shared or total >= _EXTERNAL_FROM else {}
        data = path.with_name(f"{(shared or path).name}.data")
        if beside and shared is None:
            with atomic_write(data) as file:
                for weight, offset in beside.values():
                    file.write(bytes(offset - file.tell()))
                    weight.write(file)
        with atomic_write(path) as file:
            self._write(file, notes, {name: (data.name, offset) for name, (_, offset) in beside.items()})
        return [path, data] if beside and shared is None else [path]

    def _outside(self) -> dict[str, tuple[_Weight, int]]:
        """The weights that go into a file of their own, each at the start of a page."""
        places, end = {}, 0
        for name, weight in self._weights.items():
            if weight.size >= _PAGE:
                places[name] = (weight, end)
                end = -(-(end + weight.size) // _PAGE) * _PAGE
        return places

    def _write(self, file: IO[bytes], notes: Mapping[str, str], beside: Mapping[str, tuple[str, int]]) -> None:
        heads = {name: _tensor_head(weight, beside.get(name)) for name, weight in self._weights.items()}
        within = {name: 0 if name in beside else weight.size for name, weight in self._weights.items()}
        nodes = b"".join(_bytes(1, node) for node in self._nodes) + _bytes(2, self._name.encode())
        ports = b"".join(_bytes(11, port) for port in self._inputs) + b"".join(_bytes(12, port) for port in self._outputs)
        tensors = {name: _head(5, len(head) + within[name]) + head for name, head in heads.items()}
        size = len(nodes) + len(ports) + sum(len(tensors[name]) + within[name] for name in tensors)
        file.write(_varint(1, _ir_version(self._opset)) + _bytes(2, b"reprise") + _head(7, size) + nodes)
        # Piece by piece: together the weights may be gigabytes.
        for name, weight in self._weights.items():
            file.write(tensors[name])
            if name not in beside:
                weight.write(file)
        file.write(ports + _bytes(8, _varint(2, self._opset)))
        for domain in sorted(self._domains - {""}):
            file.write(_bytes(8, _bytes(1, domain.encode()) + _varint(2, 1)))
        for key, value in notes.items():
            file.write(_bytes(14, _pair(key, value)))


def _ir_version(opset: int) -> int:
    """The file format's version that came with an operator set."""
    return next((version for first, version in ((23, 11), (21, 10), (19, 9)) if opset >= first), 8)


def _known(dtype: npt.DTypeLike) -> np.dtype[Any]:
    kind = np.dtype(dtype)
    if kind not in _TYPES:
        raise ValueError(f"weights of type {kind} cannot be written")
    return kind


def _tensor_head(weight: _Weight, place: tuple[str, int] | None) -> bytes:
    """A tensor up to its values: those follow, or are in the file ``place`` names, from its offset on."""
    dims = b"".join(_varint(1, size) for size in weight.shape)
    head = dims + _varint(2, _TYPES[weight.dtype]) + _bytes(8, weight.name.encode())
    if place is None:
        return head + _head(9, weight.size)
    entries = {"location": place[0], "offset": str(place[1]), "length": str(weight.size)}
    return head + b"".join(_bytes(13, _pair(key, value)) for key, value in entries.items()) + _varint(14, 1)


def _pair(key: str, value: str) -> bytes:
    return _bytes(1, key.encode()) + _bytes(2, value.encode())


def _number(value: int) -> bytes:
    """Base-128 varint; negative numbers as 64-bit two's complement."""
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _varint(field: int, value: int) -> bytes:
    return _number(field << 3) + _number(value)


def _head(field: int, size: int) -> bytes:
    return _number(field << 3 | 2) + _number(size)


def _bytes(field: int, value: bytes) -> bytes:
    return _head(field, len(value)) + value


def _attribute(name: str, value: Attribute) -> bytes:
    head = _bytes(1, name.encode())
    if isinstance(value, float):
        return head + _number(2 << 3 | 5) + struct.pack("<f", value) + _varint(20, _FLOAT)
    if isinstance(value, int):
        return head + _varint(3, value) + _varint(20, _INT)
    if isinstance(value, str):
        return head + _bytes(4, value.encode()) + _varint(20, _STRING)
    if isinstance(value, np.ndarray):
        constant = _Weight("", _known(value.dtype), value.shape, lambda: value)
        return head + _bytes(5, _tensor_head(constant, None) + value.tobytes()) + _varint(20, _TENSOR)
    if any(isinstance(item, float) for item in value):
        return head + _bytes(7, struct.pack(f"<{len(value)}f", *value)) + _varint(20, _FLOATS)
    return head + b"".join(_varint(8, int(item)) for item in value) + _varint(20, _INTS)


def _port(name: str, shape: Sequence[int | str], dtype: npt.DTypeLike) -> bytes:
    sizes = b"".join(_bytes(1, _varint(1, size) if isinstance(size, int) else _bytes(2, size.encode())) for size in shape)
    tensor = _varint(1, _TYPES[_known(dtype)]) + _bytes(2, sizes)
    return _bytes(1, name.encode()) + _bytes(2, _bytes(1, tensor))
