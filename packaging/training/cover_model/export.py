"""Write the trained network as ONNX, with half-precision storage, and prove that it computes the same.

cd packaging/training
python -m cover_model.export --state STATE --out ../../resources/models/songbook-1/songbook.onnx
"""

from __future__ import annotations

import argparse
import hashlib
import io
from pathlib import Path

import numpy as np
import torch
from halves import store_as_half
from torch import Tensor, nn

from desktop.piano.songbook.network import WINDOW
from desktop.piano.songbook.view import BEATS_TOLD, CURVES, KEYS, PLAYED, SHEETS

from .network import CoverNetwork
from .train import BEST, KEPT

OPSET = 17
TOLERANCE = 1e-3
LARGE = 1000  # numbers of a tensor from which on it is stored as float16


class Chances(nn.Module):
    """The network with probabilities for an answer."""

    def __init__(self, network: CoverNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, sheets: Tensor, played: Tensor, curves: Tensor, places: Tensor, density: Tensor) -> Tensor:
        """[B, 2, T, KEYS], 0..1."""
        return torch.sigmoid(self.network(sheets, played, curves, places, density))


def trained(state: Path) -> CoverNetwork:
    """The best averaged weights of a training, its last where none was checked, rounded to half precision as they are stored."""
    path = state / BEST if (state / BEST).exists() else state / KEPT[0]
    network = CoverNetwork().eval()
    network.load_state_dict(torch.load(path, weights_only=True, map_location="cpu")["average"])
    with torch.no_grad():
        for weight in network.parameters():
            weight.copy_(weight.half().float())
    return network


def example(count: int, seed: int) -> tuple[Tensor, ...]:
    """Input of ``count`` windows."""
    torch.manual_seed(seed)
    steps = torch.arange(WINDOW)
    places = torch.stack([steps % 4, steps // 4 % BEATS_TOLD]).expand(count, 2, WINDOW).contiguous()
    density = torch.arange(count) % 4
    sheets = torch.rand(count, SHEETS, WINDOW, KEYS) ** 4
    played = (torch.rand(count, PLAYED, WINDOW, KEYS) < 0.05).float()
    return sheets, played, torch.rand(count, CURVES, WINDOW), places, density


def to_onnx(network: CoverNetwork) -> bytes:
    """The ONNX file: weights stored as float16 and cast, computation in float32, any number of windows."""
    import onnx

    names = ["sheets", "played", "curves", "places", "density"]
    buffer = io.BytesIO()
    torch.onnx.export(
        Chances(network).eval(),
        example(2, 0),
        buffer,
        input_names=names,
        output_names=["keys"],
        dynamic_axes={name: {0: "windows"} for name in [*names, "keys"]},
        opset_version=OPSET,
        dynamo=False,
    )
    model = onnx.load_from_string(buffer.getvalue())
    graph = model.graph
    store_as_half(graph, {tensor.name for tensor in graph.initializer if np.prod(tensor.dims) >= LARGE})
    onnx.checker.check_model(model)
    return model.SerializeToString()


def largest_error(data: bytes, network: CoverNetwork) -> float:
    """The largest difference between ONNX Runtime and torch, over batches."""
    import onnxruntime

    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    worst = 0.0
    for count in (1, 2, 5):
        parts = example(count, count)
        with torch.no_grad():
            wanted = Chances(network)(*parts).numpy()
        names = [one.name for one in session.get_inputs()]
        [given] = session.run(None, {name: part.numpy() for name, part in zip(names, parts, strict=True)})
        worst = max(worst, float(np.abs(wanted - given).max()))
    return worst


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    network = trained(args.state)
    data = to_onnx(network)
    worst = largest_error(data, network)
    print(f"{len(data)} bytes, sha256 {hashlib.sha256(data).hexdigest()}, differs by {worst:.1e}")
    if worst > TOLERANCE:
        raise SystemExit(f"the graph differs from the network by {worst:.2g}")
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_bytes(data)


if __name__ == "__main__":
    main()
