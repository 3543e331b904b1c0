"""A real ONNX Runtime session on each device: a tiny graph is run and its result compared with the known one.

The graph is ``y = relu(conv(x, w)) @ m``, so that a GPU needs its convolution and its matrix libraries to pass.
"""

from __future__ import annotations

import struct
import tempfile
import time
from pathlib import Path
from typing import Any

from desktop.errors import UserError
from desktop.models import runtime
from desktop.models.session import Session, open_session

_SIZE = 6
_TOLERANCE = 1e-3


def probe(device: str) -> dict[str, Any]:
    """Open a session on "cpu" or "cuda", run it, and say what it really got.

    Keys: ``device`` as asked, ``ok``, ``got`` (device), ``providers``, ``milliseconds`` (to open and run once), ``note``.
    """
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="reprise-probe-") as folder:
        path = Path(folder) / "probe.onnx"
        path.write_bytes(graph())
        try:
            session = open_session(path, device=device)
            right = _runs(session)
        except (UserError, MemoryError) as error:
            message = error.message if isinstance(error, UserError) else str(error)
            return {"device": device, "ok": False, "got": "", "providers": [], "milliseconds": 0.0, "note": message}
    return {
        "device": device,
        "ok": right,
        "got": session.device,
        "providers": list(session.providers),
        "milliseconds": round((time.perf_counter() - started) * 1e3, 1),
        "note": session.note if right else "its results are wrong",
    }


def providers() -> list[str]:
    """What this build of ONNX Runtime was compiled with; whether it works is another question."""
    return list(runtime.load().get_available_providers())


def _runs(session: Session) -> bool:
    import numpy as np

    x = np.arange(_SIZE * _SIZE, dtype=np.float32).reshape(1, 1, _SIZE, _SIZE) - 10
    [found] = session.run({"x": x})
    windows = np.lib.stride_tricks.sliding_window_view(x[0, 0], (3, 3))
    expected = np.maximum(windows.sum(axis=(2, 3)), 0) * 2
    return bool(found.shape == (1, 1, 4, 4) and np.allclose(found[0, 0], expected, rtol=_TOLERANCE, atol=_TOLERANCE))


def graph() -> bytes:
    """The tiny graph as an ONNX file (IR version 8, operator set 13), w all ones (3 by 3), m twice the unit matrix (4 by 4)."""
    unit = [2.0 if row == column else 0.0 for row in range(4) for column in range(4)]
    nodes = [_node("Conv", ("x", "w"), "c"), _node("Relu", ("c",), "r"), _node("MatMul", ("r", "m"), "y")]
    body = b"".join(_block(1, node) for node in nodes) + _block(2, b"probe")
    body += _block(5, _tensor("w", (1, 1, 3, 3), [1.0] * 9)) + _block(5, _tensor("m", (4, 4), unit))
    body += _block(11, _port("x", (1, 1, _SIZE, _SIZE))) + _block(12, _port("y", (1, 1, 4, 4)))
    return _number(1, 8) + _block(7, body) + _block(8, _block(1, b"") + _number(2, 13))


def _node(operator: str, inputs: tuple[str, ...], output: str) -> bytes:
    return b"".join(_block(1, name.encode()) for name in inputs) + _block(2, output.encode()) + _block(4, operator.encode())


def _tensor(name: str, shape: tuple[int, ...], values: list[float]) -> bytes:
    sizes = b"".join(_number(1, size) for size in shape)
    return sizes + _number(2, 1) + _block(8, name.encode()) + _block(9, struct.pack(f"<{len(values)}f", *values))


def _port(name: str, shape: tuple[int, ...]) -> bytes:
    sizes = b"".join(_block(1, _number(1, size)) for size in shape)
    return _block(1, name.encode()) + _block(2, _block(1, _number(1, 1) + _block(2, sizes)))


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _block(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
