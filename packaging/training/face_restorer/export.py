"""Export averaged weights of a checkpoint to ONNX, with half-precision storage, and check the file against torch.

    python -m face_restorer.export --weights STATE/texture.pt --output resources/models/face-restorer-2/face-restorer.onnx

Inputs: `image` float32 [N, 3, 256, 256], RGB 0..1, aligned to the FFHQ five-point template scaled to 256 px; `fidelity`
float32 [N], 0 (most restored) .. 1 (closest to the input).  Output: `restored`, like `image`.  Initializers keep the names of
the network's parameters, so that training can start again from the file.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from halves import store_as_half

from .network import FaceRestorer
from .settings import NetworkSettings
from .weights import carry_over, read_weights

OPSET = 17
TOLERANCE = 2e-4  # of the 0..1 range, against torch with the same rounded weights
TEMPLATE = [
    [96.49069, 119.97354],
    [159.451385, 120.0968],
    [128.31708, 157.007175],
    [100.630675, 185.705215],
    [156.544525, 185.57559],
]


def load_network(weights: Path) -> FaceRestorer:
    """Return the network with weights from a file; every parameter has to be there."""
    network = FaceRestorer(NetworkSettings()).eval()
    missing = carry_over(network, read_weights(weights))
    if missing:
        raise ValueError(f"{weights} lacks {len(missing)} parameters, first {missing[0]}")
    return network


def round_weights(network: FaceRestorer) -> None:
    """Round all parameters to half precision, in place."""
    with torch.no_grad():
        for p in network.parameters():
            p.copy_(p.half().float())


def _split_shared(graph: Any, names: set[str]) -> None:
    """Give parameters that the exporter merged, because their values are the same, an initializer each again."""
    kept = {i.name: i for i in graph.initializer}
    for node in [n for n in graph.node if n.op_type == "Identity" and n.output[0] in names and n.input[0] in kept]:
        copy = graph.initializer.add()
        copy.CopyFrom(kept[node.input[0]])
        copy.name = node.output[0]
        graph.node.remove(node)


def to_onnx(network: FaceRestorer, notes: dict[str, str]) -> bytes:
    """Return the ONNX file: weights stored as float16 and cast, computation in float32, batch dynamic."""
    import onnx

    buffer = io.BytesIO()
    example = (torch.rand(2, 3, 256, 256), torch.tensor([0.0, 0.7]))
    axes = {"image": {0: "faces"}, "fidelity": {0: "faces"}, "restored": {0: "faces"}}
    torch.onnx.export(
        network,
        example,
        buffer,
        input_names=["image", "fidelity"],
        output_names=["restored"],
        dynamic_axes=axes,
        opset_version=OPSET,
        do_constant_folding=False,  # folding would rename or merge parameters
        dynamo=False,
    )
    model = onnx.load_from_string(buffer.getvalue())
    graph = model.graph
    names = {n for n, _ in network.named_parameters()}
    _split_shared(graph, names)
    store_as_half(graph, names)
    lost = names - {i.name for i in graph.initializer}
    if lost:
        raise RuntimeError(f"the exporter lost the names of {sorted(lost)[:3]}")
    for key, value in notes.items():
        model.metadata_props.add(key=key, value=value)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def largest_error(data: bytes, network: FaceRestorer) -> float:
    """Return the largest absolute difference between ONNX Runtime and torch, over batches and fidelities."""
    import onnxruntime

    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    worst = 0.0
    generator = torch.Generator().manual_seed(0)
    for count in (1, 2, 3):
        coarse = torch.rand(count, 3, 32, 32, generator=generator)
        image = torch.nn.functional.interpolate(coarse, size=256, mode="bicubic").clamp(0, 1)
        image = (image + 0.05 * torch.randn(image.shape, generator=generator)).clamp(0, 1)
        fidelity = torch.linspace(0.0, 1.0, count)
        with torch.no_grad():
            expected = network(image, fidelity).numpy()
        got = session.run(None, {"image": image.numpy(), "fidelity": fidelity.numpy()})[0]
        worst = max(worst, float(np.abs(got - expected).max()))
    return worst


def main() -> None:
    """Export and check."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", type=Path, required=True, help=".pt, .safetensors or .onnx")
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args()
    network = load_network(args.weights)
    round_weights(network)
    notes = {
        "title": "Reprise face restorer",
        "licence": "Apache-2.0",
        "training_data": "faker-js/assets-person-portrait (CC0 1.0); Face Research Lab London Set and Young Adult White Faces, "
        "DeBruine and Jones 2017 (CC BY 4.0)",
        "size": "256",
        "template": json.dumps(TEMPLATE),
        "range": "RGB 0..1",
    }
    data = to_onnx(network, notes)
    worst = largest_error(data, network)
    print(f"{len(data)} bytes, sha256 {hashlib.sha256(data).hexdigest()}, largest error {worst:.2e}")
    if worst > TOLERANCE:
        raise SystemExit(f"the ONNX file differs from torch by {worst:.2e}, more than {TOLERANCE}")
    args.output.parent.mkdir(parents=True, exist_ok=True)
    args.output.write_bytes(data)


if __name__ == "__main__":
    main()
