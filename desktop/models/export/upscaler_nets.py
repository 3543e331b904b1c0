"""The architectures of picture upscalers in torch, written from their papers: what a converted network is compared with.

They see the weights in the order of the file and nothing of the file's layers, so that a layer read wrongly shows.

* SRVGG: Wang et al., "Real-ESRGAN", ICCV Workshops 2021 (the compact network of its later releases).
* RRDB: Wang et al., "ESRGAN: enhanced super-resolution generative adversarial networks", ECCV Workshops 2018.
* SPAN: Wan et al., "Swift parameter-free attention network for efficient super-resolution", CVPR Workshops 2024.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from desktop.errors import UserError
from desktop.models.export.ncnn.layers import Layer
from desktop.models.export.ncnn.weights import Floats, Weights

if TYPE_CHECKING:
    import torch

    Tensor = torch.Tensor

_RESIDUAL, _SLOPE = 0.2, 0.2
_RRDB_CONVS, _RRDB_ENDS, _DENSE = 15, 6, 5
_SPAN_CONVS, _SPAN_BLOCKS = 22, 6
_BICUBIC, _PRODUCT = 3, 2


class Family(StrEnum):
    """An architecture that is known."""

    SRVGG = "srvgg"
    RRDB = "rrdb"
    SPAN = "span"


@dataclass(frozen=True)
class Net:
    """A network's weights in their order.

    Attributes:
        convs: weight [out, in, height, width] and bias of each convolution.
        slopes: of each PReLU.
        means: subtracted from the picture; None for none.
        gain: what the picture is multiplied with after that.
        factor: what the result is resized by (bicubic) at the end.
    """

    family: Family
    convs: list[tuple[Floats, Floats]]
    slopes: list[Floats] = field(default_factory=list)
    means: Floats | None = None
    gain: float = 1.0
    factor: float = 1.0


def recognise(layers: Sequence[Layer], weights: Weights) -> Net:
    """The known architecture with these layers.

    Raises:
        UserError: it is none of them.
    """
    kinds = [layer.kind for layer in layers]
    convs = [(weights[one.name]["weight"], weights[one.name]["bias"]) for one in layers if one.kind == "Convolution"]
    slopes = [weights[one.name]["slope"] for one in layers if one.kind == "PReLU"]
    means = [weights[one.name]["data"] for one in layers if one.kind == "MemoryData"]
    factor = layers[-1].real(1, 1.0) if kinds[-1] == "Interp" and layers[-1].whole(0) == _BICUBIC else 1.0
    if len(convs) > 1 and len(slopes) == len(convs) - 1 and not means and "Sigmoid" not in kinds:
        return Net(Family.SRVGG, convs, slopes, factor=factor)
    if len(convs) == _SPAN_CONVS and kinds.count("Sigmoid") == _SPAN_BLOCKS and not slopes and len(means) < 2:
        gains = [one.real(2) for one in layers if one.kind == "BinaryOp" and one.whole(0) == _PRODUCT and one.whole(1)]
        return Net(Family.SPAN, convs, means=means[0] if means else None, gain=math.prod(gains), factor=factor)
    if len(convs) > _RRDB_ENDS and (len(convs) - _RRDB_ENDS) % _RRDB_CONVS == 0 and not slopes and not means:
        return Net(Family.RRDB, convs, factor=factor)
    raise UserError(
        f"The network's architecture is not known ({len(convs)} convolutions, {len(slopes)} PReLU, {len(means)} constants)",
        remedy="Reprise converts networks of the SRVGG, RRDB (ESRGAN) and SPAN families.",
    )


def run(net: Net, image: Floats) -> Floats:
    """The network's result for pictures [batch, 3, height, width] of RGB 0 to 1, computed by torch.

    Raises:
        RuntimeError: the weights do not fit the architecture.
    """
    import torch
    from torch.nn import functional

    forward = {Family.SRVGG: _srvgg, Family.RRDB: _rrdb, Family.SPAN: _span}[net.family]
    layers = [_conv(weight, bias) for weight, bias in net.convs]
    with torch.no_grad():
        result = forward(net, layers, torch.from_numpy(image))
        if net.factor != 1.0:
            result = functional.interpolate(result, scale_factor=net.factor, mode="bicubic", align_corners=False)
        out: Floats = result.numpy()
    return out


def _conv(weight: Floats, bias: Floats) -> Callable[[Tensor], Tensor]:
    import torch
    from torch.nn import functional

    values, offsets = torch.from_numpy(weight), torch.from_numpy(bias)
    return lambda x: functional.conv2d(x, values, offsets, padding=weight.shape[2] // 2)


def _srvgg(net: Net, convs: list[Callable[[Tensor], Tensor]], image: Tensor) -> Tensor:
    import torch
    from torch.nn import functional

    x = image
    for conv, slope in zip(convs, net.slopes, strict=False):
        x = functional.prelu(conv(x), torch.from_numpy(slope))
    scale = math.isqrt(net.convs[-1][1].size // 3)
    return functional.pixel_shuffle(convs[-1](x), scale) + functional.interpolate(image, scale_factor=scale, mode="nearest")


def _rrdb(_net: Net, convs: list[Callable[[Tensor], Tensor]], image: Tensor) -> Tensor:
    import torch
    from torch.nn import functional

    def bend(x: Tensor) -> Tensor:
        return functional.leaky_relu(x, _SLOPE)

    def dense(x: Tensor, five: Sequence[Callable[[Tensor], Tensor]]) -> Tensor:
        seen = [x]
        for conv in five[:-1]:
            seen.append(bend(conv(torch.cat(seen, 1))))
        return x + _RESIDUAL * five[-1](torch.cat(seen, 1))

    first = x = convs[0](image)
    blocks = convs[1 : -(_RRDB_ENDS - 1)]
    for start in range(0, len(blocks), _RRDB_CONVS):
        before = x
        for part in range(start, start + _RRDB_CONVS, _DENSE):
            x = dense(x, blocks[part : part + _DENSE])
        x = before + _RESIDUAL * x
    body, up_1, up_2, high, last = convs[-(_RRDB_ENDS - 1) :]
    x = first + body(x)
    for conv in (up_1, up_2):
        x = bend(conv(functional.interpolate(x, scale_factor=2, mode="nearest")))
    return last(bend(high(x)))


def _span(net: Net, convs: list[Callable[[Tensor], Tensor]], image: Tensor) -> Tensor:
    import torch
    from torch.nn import functional

    x = image if net.means is None else image - torch.from_numpy(net.means)
    first = x = convs[0](x * net.gain)
    outputs, bent = [], []
    for block in range(_SPAN_BLOCKS):
        one, two, three = convs[1 + 3 * block : 4 + 3 * block]
        inner = functional.silu(one(x))
        found = three(functional.silu(two(inner)))
        x = (found + x) * (torch.sigmoid(found) - 0.5)
        outputs.append(x)
        bent.append(inner)
    second, joined, last = convs[-3:]
    x = joined(torch.cat([first, second(x), outputs[0], bent[-1]], 1))
    return functional.pixel_shuffle(last(x), math.isqrt(net.convs[-1][1].size // 3))
