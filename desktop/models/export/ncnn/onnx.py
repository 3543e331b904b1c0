"""An ncnn network written as ONNX, layer by layer, for pictures of any size and number.

Only layers that keep a picture in its place are known: no strides, no crops, so that a picture comes out a whole number of times
larger and may be worked on in tiles.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import ClassVar

import numpy as np

from desktop.models.export.graph import Graph
from desktop.models.export.ncnn.layers import Layer
from desktop.models.export.ncnn.weights import MAX_CHANNELS, Floats, Weights

IMAGE, UPSCALED = "image", "upscaled"
LARGEST_SCALE = 16
_CHANNELS = 3
# Batch normalisation multiplies each channel by a number in every runtime's fastest layout; a product by a constant does not.
_EPSILON = 1e-5
_BINARY = {0: "Add", 1: "Sub", 2: "Mul", 3: "Div"}


@dataclass(frozen=True)
class Value:
    """What flows between layers: its ONNX name and channels, its pixels for each of the input's in one direction, how many of the
    input's pixels to each side decide about one of its own; ``fixed`` for a constant."""

    name: str
    channels: int
    scale: Fraction = Fraction(1)
    reach: Fraction = Fraction(0)
    fixed: bool = False

    @property
    def size(self) -> Fraction:
        """Numbers for each pixel of the input."""
        return Fraction(0) if self.fixed else self.channels * self.scale**2


@dataclass(frozen=True)
class Facts:
    """What a written network is like.

    Attributes:
        scale: the result's size over the input's.
        reach: pixels of the input to each side that one of the result's may depend on.
        live: most numbers at a time between layers, for each pixel of the input.
    """

    scale: int
    reach: int
    live: int


def write(path: Path, layers: Sequence[Layer], weights: Weights, notes: dict[str, str]) -> Facts:
    """Write the network: ``image`` [batch, 3, height, width], RGB 0 to 1, in; ``upscaled`` [batch, 3, scale·height, ...] out.

    Raises:
        UserError: a layer is unknown or does what cannot be written; names it.
    """
    writer = _Writer(weights)
    for layer in layers:
        writer.add(layer)
    facts = writer.finish(layers)
    writer.graph.save(path, notes)
    return facts


class _Writer:
    def __init__(self, weights: Weights) -> None:
        self.graph = Graph("upscaler")
        self._weights = weights
        self._values: dict[str, Value] = {}
        self._count = 0

    def add(self, layer: Layer) -> None:
        handler = self._HANDLERS.get(layer.kind)
        if handler is None:
            raise layer.wrong("is of a kind that Reprise does not know")
        value = handler(self, layer)
        if value.channels > MAX_CHANNELS or value.scale > LARGEST_SCALE or value.scale.numerator > 4 * LARGEST_SCALE:
            raise layer.wrong(f"gives {value.channels} channels at {float(value.scale):g} times the size, which is too much")
        for name in layer.outputs:
            self._values[name] = value

    def finish(self, layers: Sequence[Layer]) -> Facts:
        used = {name for layer in layers for name in layer.inputs}
        ends = [(layer, name) for layer in layers for name in layer.outputs if name not in used and layer.kind != "Split"]
        if len(ends) != 1:
            raise layers[-1].wrong(f"ends a network that has {len(ends)} results, where one is expected")
        last, name = ends[0]
        value = self._values[name]
        if value.channels != _CHANNELS or value.scale.denominator != 1 or value.fixed:
            raise last.wrong(f"gives no picture: {value.channels} channels at {float(value.scale):g} times the size")
        self.graph.add_node("Identity", [value.name], [UPSCALED])
        self.graph.add_output(UPSCALED, ("batch", _CHANNELS, "height_out", "width_out"))
        return Facts(int(value.scale), math.ceil(value.reach), math.ceil(self._live(layers)))

    def _live(self, layers: Sequence[Layer]) -> Fraction:
        """The most numbers that are needed at a time, when each is dropped after its last use."""
        last = {self._values[name].name: at for at, layer in enumerate(layers) for name in (*layer.outputs, *layer.inputs)}
        alive: dict[str, Fraction] = {}
        most = Fraction(0)
        for at, layer in enumerate(layers):
            alive |= {self._values[name].name: self._values[name].size for name in layer.outputs}
            most = max(most, sum(alive.values(), Fraction(0)))
            alive = {name: size for name, size in alive.items() if last[name] > at}
        return most

    def _input(self, layer: Layer) -> Value:
        if self._count or len(layer.outputs) != 1:
            raise layer.wrong("is a second input, where one picture is expected")
        self._count += 1
        return Value(self.graph.add_input(IMAGE, ("batch", _CHANNELS, "height", "width")), _CHANNELS)

    def _split(self, layer: Layer) -> Value:
        return self._one(layer)

    def _constant(self, layer: Layer) -> Value:
        data = self._weights[layer.name]["data"]
        if data.shape[1:] != (1, 1):
            raise layer.wrong("is a constant picture, which fits pictures of one size only")
        return Value(self._weight(data), data.shape[0], fixed=True)

    def _convolution(self, layer: Layer) -> Value:
        x, weight = self._one(layer), self._weights[layer.name]["weight"]
        channels, inputs, rows, columns = weight.shape
        if x.fixed or inputs != x.channels:
            raise layer.wrong(f"wants {inputs} channels and is given {x.channels}")
        left = layer.whole(4)
        top = layer.whole(14, left)
        pads = (top, left, layer.whole(16, top), layer.whole(15, left))
        centred = (rows // 2, columns // 2) * 2
        if rows % 2 == 0 or columns % 2 == 0 or (pads != centred and set(pads) != {-233}) or layer.real(18):
            raise layer.wrong("shifts or crops the picture")
        steps = [layer.whole(key, 1) for key in (2, 12, 3, 13)]
        if set(steps) != {1}:
            raise layer.wrong("has strides or holes, which Reprise does not know")
        name = self._node(
            "Conv", [x.name, self._weight(weight), self._weight(self._weights[layer.name]["bias"])], pads=centred,
            kernel_shape=(rows, columns),
        )  # fmt: skip
        value = Value(name, channels, x.scale, x.reach + Fraction(max(rows, columns) // 2) / x.scale)
        return self._activated(layer, value, layer.whole(9), layer.reals(10))

    def _activated(self, layer: Layer, x: Value, kind: int, values: tuple[float, ...]) -> Value:
        if kind == 0:
            return x
        if kind == 1:
            return self._like(x, self._node("Relu", [x.name]))
        if kind == 2 and len(values) == 1:
            return self._like(x, self._node("LeakyRelu", [x.name], alpha=values[0]))
        raise layer.wrong("has an activation that Reprise does not know")

    def _relu(self, layer: Layer) -> Value:
        slope = layer.real(0)
        return self._activated(layer, self._one(layer), 2 if slope else 1, (slope,))

    def _prelu(self, layer: Layer) -> Value:
        x, slope = self._one(layer), self._weights[layer.name]["slope"]
        if x.fixed or slope.size not in (1, x.channels):
            raise layer.wrong(f"has {slope.size} slopes for {x.channels} channels")
        slope = np.broadcast_to(slope, x.channels).astype(np.float32)
        if (slope > 1).any():
            return self._like(x, self._node("PRelu", [x.name, self._weight(slope.reshape(-1, 1, 1))]))
        # a·x + max((1 - a)·x, 0) is the same for a ≤ 1.
        bent = self._node("Relu", [self._scaled(x, 1 - slope)])
        return self._like(x, self._node("Add", [self._scaled(x, slope), bent]))

    def _scaled(self, x: Value, factors: Floats) -> str:
        zero, one = np.zeros_like(factors), np.full_like(factors, 1 - _EPSILON)
        inputs = [x.name, *(self._weight(values) for values in (factors, zero, zero, one))]
        return self._node("BatchNormalization", inputs, epsilon=_EPSILON)

    def _sigmoid(self, layer: Layer) -> Value:
        x = self._one(layer)
        return self._like(x, self._node("Sigmoid", [x.name]))

    def _swish(self, layer: Layer) -> Value:
        x = self._one(layer)
        return self._like(x, self._node("Mul", [x.name, self._node("Sigmoid", [x.name])]))

    def _binary(self, layer: Layer) -> Value:
        kind = _BINARY.get(layer.whole(0))
        if kind is None:
            raise layer.wrong("is an operation that Reprise does not know")
        if layer.whole(1):
            x = self._one(layer)
            return self._like(x, self._node(kind, [x.name, self._weight(np.array(layer.real(2), np.float32))]))
        a, b = self._several(layer, 2)
        if b.fixed and not a.fixed and b.channels in (1, a.channels):
            return self._like(a, self._node(kind, [a.name, b.name]))
        return self._together(layer, [a, b], self._node(kind, [a.name, b.name]))

    def _eltwise(self, layer: Layer) -> Value:
        values = self._several(layer)
        factors = layer.reals(1) or (1.0,) * len(values)
        kind = {0: "Mul", 1: "Add"}.get(layer.whole(0))
        if kind is None or len(factors) != len(values) or (kind == "Mul" and set(factors) != {1.0}):
            raise layer.wrong("is an operation that Reprise does not know")
        names = [
            self._node("Mul", [x.name, self._weight(np.array(factor, np.float32))]) if factor != 1 else x.name
            for x, factor in zip(values, factors, strict=True)
        ]
        total = names[0]
        for name in names[1:]:
            total = self._node(kind, [total, name])
        return self._together(layer, values, total)

    def _concat(self, layer: Layer) -> Value:
        values = self._several(layer)
        if layer.whole(0):
            raise layer.wrong("joins pictures side by side")
        if any(x.fixed or x.scale != values[0].scale for x in values):
            raise layer.wrong("joins pictures of different sizes")
        name = self._node("Concat", [x.name for x in values], axis=1)
        return Value(name, sum(x.channels for x in values), values[0].scale, max(x.reach for x in values))

    def _shuffle(self, layer: Layer) -> Value:
        x, factor = self._one(layer), layer.whole(0, 1)
        if layer.whole(1) or not 1 <= factor <= LARGEST_SCALE or x.channels % factor**2:
            raise layer.wrong(f"cannot spread {x.channels} channels over {factor} by {factor} pixels")
        name = self._node("DepthToSpace", [x.name], blocksize=factor, mode="CRD")
        return Value(name, x.channels // factor**2, x.scale * factor, x.reach)

    def _resize(self, layer: Layer) -> Value:
        x, factor = self._one(layer), Fraction(layer.real(1, 1.0)).limit_denominator(64)
        kind = layer.whole(0)
        if layer.real(1, 1.0) != layer.real(2, 1.0) or layer.whole(3) or layer.whole(4) or not 0 < factor <= LARGEST_SCALE:
            raise layer.wrong("resizes in a way that Reprise does not know")
        if kind == 1 and factor.denominator == 1:
            mode: dict[str, str | float] = {
                "mode": "nearest",
                "coordinate_transformation_mode": "asymmetric",
                "nearest_mode": "floor",
            }
            reach = Fraction(0)
        elif kind == 3:
            mode = {"mode": "cubic", "coordinate_transformation_mode": "half_pixel", "cubic_coeff_a": -0.75}
            reach = 2 / x.scale
        else:
            raise layer.wrong("resizes in a way that Reprise does not know")
        scales = self._weight(np.array([1, 1, factor, factor], np.float32))
        return Value(self._node("Resize", [x.name, "", scales], **mode), x.channels, x.scale * factor, x.reach + reach)

    def _one(self, layer: Layer) -> Value:
        return self._several(layer, 1)[0]

    def _several(self, layer: Layer, count: int | None = None) -> list[Value]:
        if not layer.inputs or (count is not None and len(layer.inputs) != count):
            raise layer.wrong(f"takes {len(layer.inputs)} values, where {count or 'some'} are expected")
        if layer.kind != "Split" and len(layer.outputs) != 1:
            raise layer.wrong(f"gives {len(layer.outputs)} values, where one is expected")
        return [self._values[name] for name in layer.inputs]

    def _together(self, layer: Layer, values: list[Value], name: str) -> Value:
        if len({(x.channels, x.scale, x.fixed) for x in values}) != 1 or values[0].fixed:
            raise layer.wrong("combines pictures of different sizes")
        return Value(name, values[0].channels, values[0].scale, max(x.reach for x in values))

    def _like(self, x: Value, name: str) -> Value:
        return Value(name, x.channels, x.scale, x.reach)

    def _node(self, kind: str, inputs: list[str], **attributes: int | float | str | Sequence[int]) -> str:
        self._count += 1
        name = f"v{self._count}"
        self.graph.add_node(kind, inputs, [name], **attributes)
        return name

    def _weight(self, values: Floats) -> str:
        self._count += 1
        return self.graph.add_weight(f"w{self._count}", values)

    _HANDLERS: ClassVar[dict[str, Callable[[_Writer, Layer], Value]]] = {
        "Input": _input,
        "Split": _split,
        "MemoryData": _constant,
        "Convolution": _convolution,
        "ReLU": _relu,
        "PReLU": _prelu,
        "Sigmoid": _sigmoid,
        "Swish": _swish,
        "BinaryOp": _binary,
        "Eltwise": _eltwise,
        "Concat": _concat,
        "PixelShuffle": _shuffle,
        "Interp": _resize,
    }
