"""The compact network of Real-ESRGAN as torch saves it: convolutions with PReLU between, added to the enlarged picture."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from desktop.errors import UserError
from desktop.models.export.ncnn.layers import Layer, Value
from desktop.models.export.ncnn.weights import MAX_CHANNELS, Weights

_MOST = 256


def read(path: Path) -> tuple[list[Layer], Weights]:
    """Layers and weights of a checkpoint whose "params" are body.0.weight, body.0.bias, body.1.weight (slopes), ...

    Raises:
        UserError: it is none, is damaged, or holds anything but tensors.
    """
    from desktop.models.export import checkpoint

    tensors = {name: value.detach().float().numpy() for name, value in checkpoint.read(path).items()}
    try:
        return _layers(tensors)
    except (ValueError, KeyError, IndexError) as error:
        raise UserError(f"This is not a compact Real-ESRGAN network: {error}", path=path) from error


def mixed(first: Weights, second: Weights, share: float) -> Weights:
    """``share`` of the first network's weights and the rest of the second's."""
    return {
        name: {key: (share * values + (1 - share) * second[name][key]).astype(np.float32) for key, values in arrays.items()}
        for name, arrays in first.items()
    }


def _layers(tensors: dict[str, np.ndarray]) -> tuple[list[Layer], Weights]:
    last = max(int(name.split(".")[1]) for name in tensors)
    if last % 2 or not 0 < last <= _MOST or len(tensors) != last // 2 * 3 + 2:
        raise ValueError(f"{len(tensors)} tensors, the last of layer {last}")
    layers = [Layer("Input", "input", (), ("image",)), Layer("Split", "split", ("image",), ("picture", "added"))]
    weights: Weights = {}
    value = "picture"
    for number in range(last + 1):
        name, values = f"body.{number}", tensors[f"body.{number}.weight"]
        if number % 2:
            weights[name] = {"slope": values.reshape(-1)}
            layers.append(Layer("PReLU", name, (value,), (name,)))
        else:
            if values.ndim != 4 or max(values.shape[:2]) > MAX_CHANNELS or values.shape[2] != values.shape[3]:
                raise ValueError(f"{name} is no convolution")
            weights[name] = {"weight": values, "bias": tensors[f"body.{number}.bias"]}
            options: dict[int, Value] = {0: values.shape[0], 1: values.shape[2], 4: values.shape[2] // 2, 5: 1}
            layers.append(Layer("Convolution", name, (value,), (name,), options))
        value = name
    scale = math.isqrt(tensors[f"body.{last}.weight"].shape[0] // 3)
    layers.append(Layer("PixelShuffle", "spread", (value,), ("detail",), {0: scale}))
    layers.append(Layer("Interp", "enlarge", ("added",), ("large",), {0: 1, 1: float(scale), 2: float(scale)}))
    layers.append(Layer("BinaryOp", "add", ("detail", "large"), ("result",), {0: 0}))
    return layers, weights
