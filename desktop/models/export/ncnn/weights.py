"""The weights of an ncnn network, as its .bin file holds them: layer after layer, without headers.

A convolution's weights begin with a tag that says how they are stored; biases, slopes and constants are bare 32-bit floats.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from desktop.errors import UserError
from desktop.models.export.ncnn.layers import Layer

Floats = npt.NDArray[np.float32]
Weights = dict[str, dict[str, Floats]]

MAX_BYTES, MAX_CHANNELS, MAX_KERNEL = 512 << 20, 4096, 31
_HALF, _FULL = 0x01306B47, (0x00000000, 0x0002C056)
_INT8 = 0x000D4B38


def read(path: Path, layers: Sequence[Layer]) -> Weights:
    """Arrays of each layer that has weights, by its name: "weight" [out, in, height, width], "bias", "slope", "data".

    Raises:
        UserError: the file is shorter or longer than the layers want, quantised, or holds numbers that are none; names the layer.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise UserError(f"This file is too large for a network's weights ({MAX_BYTES >> 20} MiB)", path=path)
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"The network's weights cannot be read: {error.strerror}", path=path) from error
    stream = _Stream(data)
    found: Weights = {}
    for layer in layers:
        arrays = _arrays(layer, stream)
        if arrays and layer.name in found:
            raise layer.wrong("bears the name of another one")
        for values in arrays.values():
            if not np.isfinite(values).all():
                raise layer.wrong("has weights that are no numbers")
        if arrays:
            found[layer.name] = arrays
    if stream.left:
        raise UserError(f"The network's weights are {stream.left} bytes longer than its layers want", path=path)
    return found


def _arrays(layer: Layer, stream: _Stream) -> dict[str, Floats]:
    if layer.kind == "Convolution":
        return _convolution(layer, stream)
    if layer.kind == "PReLU":
        return {"slope": stream.floats(layer, _bounded(layer, layer.whole(0), MAX_CHANNELS, "slopes"))}
    if layer.kind == "MemoryData":
        shape = [layer.whole(key) for key in (2, 1, 0)]
        if min(shape) < 0 or layer.whole(11) or layer.whole(21, 1) != 1:
            raise layer.wrong("is a constant of a form that Reprise does not know")
        shape = [max(1, size) for size in shape]
        _bounded(layer, shape[0] * shape[1] * shape[2], MAX_CHANNELS, "values")
        return {"data": stream.floats(layer, shape[0] * shape[1] * shape[2]).reshape(shape)}
    return {}


def _convolution(layer: Layer, stream: _Stream) -> dict[str, Floats]:
    outputs = _bounded(layer, layer.whole(0), MAX_CHANNELS, "channels")
    width = _bounded(layer, layer.whole(1), MAX_KERNEL, "columns in its kernel")
    height = _bounded(layer, layer.whole(11, width), MAX_KERNEL, "rows in its kernel")
    size = layer.whole(6)
    inputs, rest = divmod(size, outputs * width * height)
    if rest or not 0 < inputs <= MAX_CHANNELS:
        raise layer.wrong(f"has {size} weights, which do not fit its {outputs} channels and {width} by {height} kernel")
    arrays = {"weight": stream.tagged(layer, size).reshape(outputs, inputs, height, width)}
    arrays["bias"] = stream.floats(layer, outputs) if layer.whole(5) else np.zeros(outputs, np.float32)
    return arrays


def _bounded(layer: Layer, value: int, limit: int, what: str) -> int:
    if not 0 < value <= limit:
        raise layer.wrong(f"has {value} {what}, where 1 to {limit} can be")
    return value


class _Stream:
    """The bytes of the file, read from front to back."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def left(self) -> int:
        return len(self._data) - self._at

    def floats(self, layer: Layer, count: int) -> Floats:
        return np.frombuffer(self._take(layer, 4 * count), "<f4").astype(np.float32)

    def tagged(self, layer: Layer, count: int) -> Floats:
        tag = int.from_bytes(self._take(layer, 4), "little")
        if tag == _HALF:
            # Padded to a multiple of 4 bytes.
            return np.frombuffer(self._take(layer, (2 * count + 3) // 4 * 4), "<f2", count).astype(np.float32)
        if tag in _FULL:
            return self.floats(layer, count)
        kind = "are 8-bit whole numbers" if tag == _INT8 else f"are stored in an unknown way (tag {tag:#010x})"
        raise layer.wrong(f"cannot be read: its weights {kind}")

    def _take(self, layer: Layer, size: int) -> bytes:
        if size > self.left:
            raise layer.wrong(f"wants {size} bytes of weights where {self.left} are left: the file is cut off, or another one's")
        self._at += size
        return self._data[self._at - size : self._at]
