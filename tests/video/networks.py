"""Small face restorers, written node by node: what circulates, in every shape that must be understood or refused."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.models.graphs import block, number

FLOAT, HALF, DOUBLE, INT = 1, 10, 11, 7
Shape = Sequence[int | str]


def _port(name: str, kind: int, shape: Shape) -> bytes:
    sizes = b"".join(block(1, number(1, size) if isinstance(size, int) else block(2, size.encode())) for size in shape)
    return block(1, name.encode()) + block(2, block(1, number(1, kind) + block(2, sizes)))


def _node(kind: str, inputs: Sequence[str], output: str, attributes: bytes = b"") -> bytes:
    body = b"".join(block(1, name.encode()) for name in inputs) + block(2, output.encode()) + block(4, kind.encode())
    return block(1, body + attributes)


def _integer(name: str, value: int) -> bytes:
    return block(5, block(1, name.encode()) + number(3, value) + number(20, 2))


def restorer(
    path: Path,
    *,
    image: str = "input",
    fidelity: str = "",
    restored: str = "output",
    size: int | str = 512,
    channels: int = 3,
    batch: int | str = 1,
    fidelity_shape: Shape = (1,),
    kind: int = FLOAT,
    fidelity_kind: int = DOUBLE,
    size_out: int | None = None,
    operator: str = "Identity",
) -> Path:
    """A network that gives back what it gets; with fidelity w it gives back (w · face), for every face its own w."""
    shape: Shape = (batch, channels, size, size)
    ports = block(11, _port(image, kind, shape))
    nodes = b""
    if fidelity:
        ports += block(11, _port(fidelity, fidelity_kind, fidelity_shape))
        raw = b"".join(value.to_bytes(8, "little", signed=True) for value in (-1, 1, 1, 1))
        ports += block(5, number(1, 4) + number(2, INT) + block(8, b"w_shape") + block(9, raw))
        nodes += _node("Cast", [fidelity], "weight_cast", _integer("to", kind))
        nodes += _node("Reshape", ["weight_cast", "w_shape"], "w4") + _node("Mul", [image, "w4"], restored)
    else:
        nodes += _node(operator, [image], restored)
    out: Shape = shape if size_out is None else (batch, channels, size_out, size_out)
    graph = nodes + block(2, b"net") + ports + block(12, _port(restored, kind, out))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(number(1, 8) + block(7, graph) + block(8, block(1, b"") + number(2, 17)))
    return path
