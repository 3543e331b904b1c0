"""Writing small ONNX files by hand, so that exporting needs no package beyond the dependencies.

ONNX is protobuf (onnx.proto3): messages of tagged fields. Only what a feed-forward or recurrent network needs is here.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from desktop.paths import atomic_write

OPSET = 17
IR_VERSION = 8
_TYPES = {np.dtype(np.float32): 1, np.dtype(np.int64): 7}
_FLOAT, _INT, _STRING, _INTS = 1, 2, 3, 7

Attribute = int | float | str | Sequence[int]


class Graph:
    """Collects nodes and weights; ``save`` writes the file.

    Args:
        name: of the graph, shown by viewers.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._nodes: list[bytes] = []
        self._weights: list[tuple[bytes, bytes]] = []
        self._inputs: list[bytes] = []
        self._outputs: list[bytes] = []

    def add_input(self, name: str, shape: Sequence[int | str]) -> str:
        """A float32 input; names in ``shape`` are free dimensions."""
        self._inputs.append(_port(name, shape))
        return name

    def add_output(self, name: str, shape: Sequence[int | str]) -> None:
        """Declare the float32 value ``name`` an output."""
        self._outputs.append(_port(name, shape))

    def add_weight(self, name: str, values: npt.NDArray[np.float32] | npt.NDArray[np.int64]) -> str:
        """A constant."""
        dims = b"".join(_varint(1, size) for size in values.shape)
        raw = np.ascontiguousarray(values).tobytes()
        head = dims + _varint(2, _TYPES[values.dtype]) + _bytes(8, name.encode()) + _head(9, len(raw))
        self._weights.append((_head(5, len(head) + len(raw)) + head, raw))
        return name

    def add_node(self, kind: str, inputs: Iterable[str], outputs: Iterable[str], **attributes: Attribute) -> None:
        """An operator; an empty input name leaves an optional input out."""
        body = b"".join(_bytes(1, name.encode()) for name in inputs)
        body += b"".join(_bytes(2, name.encode()) for name in outputs)
        body += _bytes(4, kind.encode())
        body += b"".join(_bytes(5, _attribute(name, value)) for name, value in attributes.items())
        self._nodes.append(body)

    def save(self, path: Path, notes: Mapping[str, str]) -> None:
        """Write the model; ``notes`` (author, licence, ...) go into its metadata."""
        nodes = b"".join(_bytes(1, node) for node in self._nodes) + _bytes(2, self._name.encode())
        ports = b"".join(_bytes(11, port) for port in self._inputs) + b"".join(_bytes(12, port) for port in self._outputs)
        size = len(nodes) + sum(len(head) + len(raw) for head, raw in self._weights) + len(ports)
        with atomic_write(path) as file:
            file.write(_varint(1, IR_VERSION) + _bytes(2, b"reprise") + _head(7, size) + nodes)
            # Piece by piece: together the weights may be hundreds of megabytes.
            for head, raw in self._weights:
                file.write(head)
                file.write(raw)
            file.write(ports + _bytes(8, _varint(2, OPSET)))
            for key, value in notes.items():
                file.write(_bytes(14, _bytes(1, key.encode()) + _bytes(2, value.encode())))


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
    return head + b"".join(_varint(8, item) for item in value) + _varint(20, _INTS)


def _port(name: str, shape: Sequence[int | str]) -> bytes:
    sizes = b"".join(_bytes(1, _varint(1, size) if isinstance(size, int) else _bytes(2, size.encode())) for size in shape)
    tensor = _varint(1, _TYPES[np.dtype(np.float32)]) + _bytes(2, sizes)
    return _bytes(1, name.encode()) + _bytes(2, _bytes(1, tensor))
