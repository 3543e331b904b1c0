"""MTCNN's three networks: where a face may be (P), whether it is one (R), and its box and five points (O).

Zhang, Zhang, Li, Qiao, "Joint face detection and alignment using multitask cascaded convolutional networks", IEEE Signal
Processing Letters 2016; the weights are those of facenet-pytorch.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from desktop.errors import UserError
from desktop.jobs.progress import Progress
from desktop.models.export.graph import Graph

if TYPE_CHECKING:
    import torch

TOLERANCE = 1e-4
NOTES = {"author": "Kaipeng Zhang et al., Tim Esler", "source": "facenet-pytorch 2.6.0", "licence": "MIT", "changes": "to ONNX"}


@dataclass(frozen=True)
class Net:
    """One of the networks: convolutions, each followed by PReLU and some by a pool, a dense layer (none in P), and heads.

    Attributes:
        side: of the square input, px; 0 takes any size from 12 px on.
        pools: (kernel, stride) after each convolution, None for none.
        dense: number of the dense layer; 0 for none.
        heads: name of the weights' layer for each output; the first is a softmax over (no face, face).
        widths: values of each output.
    """

    name: str
    side: int
    pools: Sequence[tuple[int, int] | None]
    dense: int
    heads: Mapping[str, str]
    widths: Mapping[str, int]

    @property
    def exported(self) -> str:
        """Name of the ONNX file."""
        return f"{self.name}.onnx"


NETS = (
    Net("pnet", 0, ((2, 2), None, None), 0, {"face": "conv4_1", "shift": "conv4_2"}, {"face": 2, "shift": 4}),
    Net("rnet", 24, ((3, 2), (3, 2), None), 4, {"face": "dense5_1", "shift": "dense5_2"}, {"face": 2, "shift": 4}),
    Net(
        "onet",
        48,
        ((3, 2), (3, 2), (2, 2), None),
        5,
        {"face": "dense6_1", "shift": "dense6_2", "points": "dense6_3"},
        {"face": 2, "shift": 4, "points": 10},
    ),
)


def export(folder: Path, progress: Progress) -> None:
    """Write the three ONNX files next to the published weights and compare them with torch.

    Input ``image`` [n, 3, height, width], RGB, (value − 127.5) / 128; P takes any size, R 24 × 24, O 48 × 48. Outputs ``face``
    (likelihood of no face and of a face), ``shift`` of the box's four sides in box sizes, and O's ``points`` (five x, five y).

    Raises:
        UserError: the weights are not MTCNN's, or a written graph computes something else.
    """
    import torch

    for number, net in enumerate(NETS):
        progress.at(number / len(NETS), f"Converting MTCNN ({net.name})")
        source = folder / f"{net.name}.pt"
        try:
            weights: dict[str, torch.Tensor] = torch.load(source, map_location="cpu", weights_only=True)
            _write(folder / net.exported, net, {name: value.detach().float().numpy() for name, value in weights.items()})
        except (pickle.UnpicklingError, EOFError, KeyError, ValueError, RuntimeError, AttributeError) as error:
            raise UserError("These are not MTCNN's weights", path=source, remedy="Install the model again.") from error
        _prove(folder / net.exported, net, weights)
    progress.at(1.0)


def _write(path: Path, net: Net, weights: dict[str, Any]) -> None:
    graph = Graph(net.name)
    value = graph.add_input("image", ("n", 3, *((net.side, net.side) if net.side else ("height", "width"))))
    for layer, pool in enumerate(net.pools, 1):
        kernel, bias = weights[f"conv{layer}.weight"], weights[f"conv{layer}.bias"]
        slope = weights[f"prelu{layer}.weight"][:, None, None]
        if pool and not net.side:
            value = _add_early_pool(graph, value, layer, (kernel, bias, slope), pool)
            continue
        value = _add_weighted(graph, "Conv", value, f"conv{layer}", kernel, bias)
        value = _add(graph, "PRelu", [value, graph.add_weight(f"prelu{layer}", slope)], f"active{layer}")
        if pool:
            value = _add_pool(graph, value, layer, pool)
    if net.dense:
        # The dense layers were trained on columns before rows.
        value = _add(graph, "Transpose", [value], "turned", perm=[0, 3, 2, 1])
        value = _add(graph, "Flatten", [value], "flat", axis=1)
        value = _add_weighted(graph, "Gemm", value, "dense", *_layer(weights, f"dense{net.dense}"))
        slope = graph.add_weight("prelu_dense", weights[f"prelu{net.dense}.weight"])
        value = _add(graph, "PRelu", [value, slope], "features")
    for name, layer_name in net.heads.items():
        raw = f"{name}_raw" if name == "face" else name
        _add_weighted(graph, "Gemm" if net.dense else "Conv", value, raw, *_layer(weights, layer_name))
        if name == "face":
            graph.add_node("Softmax", [raw], [name], axis=1)
        graph.add_output(name, ("n", net.widths[name], *(() if net.dense else ("rows", "columns"))))
    graph.save(path, NOTES)


def _add_early_pool(graph: Graph, value: str, layer: int, weights: tuple[Any, Any, Any], pool: tuple[int, int]) -> str:
    """Convolution, PReLU and pool of a large picture; PReLU takes longer than the convolution, so the pool goes first.

    It is the greater of x and slope * x where the slope is at most 1, and so the pool may go first, in both; it never falls where
    the slope is above 0, and there it may follow the pool.
    """
    kernel, bias, slope = weights
    steep = slope > 1
    scale = np.where(steep, 1, slope).astype(np.float32)
    doubled = np.concatenate([kernel, kernel * scale[:, None]]), np.concatenate([bias, bias * scale[:, 0, 0]])
    value = _add_weighted(graph, "Conv", value, f"conv{layer}", *doubled)
    value = _add_pool(graph, value, layer, pool)
    graph.add_node("Split", [value], [f"as_is{layer}", f"scaled{layer}"], axis=1)
    value = _add(graph, "Max", [f"as_is{layer}", f"scaled{layer}"], f"active{layer}")
    if not steep.any():
        return value
    rest = graph.add_weight(f"prelu{layer}", np.where(steep, slope, 1).astype(np.float32))
    return _add(graph, "PRelu", [value, rest], f"steep{layer}")


def _add_pool(graph: Graph, value: str, layer: int, pool: tuple[int, int]) -> str:
    size, step = pool
    return _add(graph, "MaxPool", [value], f"pool{layer}", kernel_shape=[size] * 2, strides=[step] * 2, ceil_mode=1)


def _layer(weights: dict[str, Any], name: str) -> tuple[Any, Any]:
    return weights[f"{name}.weight"], weights[f"{name}.bias"]


def _add_weighted(graph: Graph, kind: str, value: str, output: str, kernel: Any, bias: Any) -> str:
    inputs = [value, graph.add_weight(f"{output}.weight", kernel), graph.add_weight(f"{output}.bias", bias)]
    return _add(graph, kind, inputs, output, **({"transB": 1} if kind == "Gemm" else {}))


def _add(graph: Graph, kind: str, inputs: list[str], output: str, **attributes: int | list[int]) -> str:
    graph.add_node(kind, inputs, [output], **attributes)
    return output


def _prove(path: Path, net: Net, weights: dict[str, torch.Tensor]) -> None:
    """Compare with torch on random pictures of several sizes and batches."""
    from desktop.models.session import open_session

    session = open_session(path, device="cpu")
    worst = 0.0
    for seed, (batch, height, width) in enumerate(((1, 12, 12), (3, 25, 40), (2, 61, 34))):
        side = (net.side, net.side) if net.side else (height, width)
        image = np.random.default_rng(seed).uniform(-1, 1, (batch, 3, *side)).astype(np.float32)
        found = session.run({"image": image}, list(net.heads))
        wanted = _torch_outputs(net, image, weights)
        worst = max(worst, *(float(np.abs(a - b).max()) for a, b in zip(found, wanted, strict=True)))
    if not worst <= TOLERANCE:
        path.unlink(missing_ok=True)
        raise UserError(
            f"The converted {net.name} differs from the original by {worst:.2g}", path=path, remedy="Please report this."
        )


def _torch_outputs(net: Net, image: Any, weights: dict[str, torch.Tensor]) -> list[Any]:
    import torch
    from torch.nn import functional

    def head(name: str, x: torch.Tensor) -> torch.Tensor:
        weight, bias = weights[f"{net.heads[name]}.weight"], weights[f"{net.heads[name]}.bias"]
        y = functional.linear(x, weight, bias) if net.dense else functional.conv2d(x, weight, bias)
        return y.softmax(dim=1) if name == "face" else y

    with torch.no_grad():
        x = torch.from_numpy(image)
        for layer, pool in enumerate(net.pools, 1):
            x = functional.conv2d(x, weights[f"conv{layer}.weight"], weights[f"conv{layer}.bias"])
            x = functional.prelu(x, weights[f"prelu{layer}.weight"])
            if pool:
                x = functional.max_pool2d(x, *pool, ceil_mode=True)
        if net.dense:
            x = functional.linear(
                x.permute(0, 3, 2, 1).flatten(1), weights[f"dense{net.dense}.weight"], weights[f"dense{net.dense}.bias"]
            )
            x = functional.prelu(x, weights[f"prelu{net.dense}.weight"])
        return [head(name, x).numpy() for name in net.heads]
