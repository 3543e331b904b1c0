"""Small ONNX files, written field by field: what sessions must open, and what they must refuse."""

from __future__ import annotations

import struct


def number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def block(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])


def external(name: str, location: str, size: int) -> bytes:
    """A tensor of ``size`` floats that lies in another file."""
    pair = block(13, block(1, b"location") + block(2, location.encode()))
    return number(1, size) + number(2, 1) + block(8, name.encode()) + pair + number(14, 1)


def tensor(name: str, kind: int, raw: bytes, *shape: int) -> bytes:
    return b"".join(number(1, size) for size in shape) + number(2, kind) + block(8, name.encode()) + block(9, raw)


def port(name: str, kind: int, size: int) -> bytes:
    return block(1, name.encode()) + block(2, block(1, number(1, kind) + block(2, block(1, number(1, size)))))


def add(weights: bytes, *, kind: int = 1, size: int = 4, opset: int = 13, operator: str = "Add", domain: str = "") -> bytes:
    """The model ``y = x + w`` with the given tensor as w; x, w and y are vectors."""
    node = block(1, b"x") + block(1, b"w") + block(2, b"y") + block(4, operator.encode()) + block(7, domain.encode())
    graph = (
        block(1, node)
        + block(2, b"add")
        + block(5, weights)
        + block(11, port("x", kind, size))
        + block(12, port("y", kind, size))
    )
    sets = block(8, block(1, b"") + number(2, opset))
    if domain:
        sets += block(8, block(1, domain.encode()) + number(2, 1))
    return number(1, 8) + block(7, graph) + sets


def floats(*values: float) -> bytes:
    return struct.pack(f"<{len(values)}f", *values)


def halves(*values: float) -> bytes:
    return struct.pack(f"<{len(values)}e", *values)
