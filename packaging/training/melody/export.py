"""Write the trained network as ONNX and prove that it computes the same.

cd packaging/training
python -m melody.export --state state [--blend earlier-state] --out ../../resources/models/melody-1/melody.onnx
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

import numpy as np
import onnxruntime
import torch

from .network import MelodyNetwork


def read(state: Path) -> dict[str, torch.Tensor]:
    """Averaged weights of a training."""
    weights: dict[str, torch.Tensor] = torch.load(state / "last.pt", weights_only=True)["average"]
    return weights


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--blend", type=Path, help="state of an earlier training that this one went on from")
    parser.add_argument(
        "--share", type=float, default=0.35, help="of the earlier weights: less sharp on rendered songs, surer on real ones"
    )
    args = parser.parse_args()
    network = MelodyNetwork()
    weights = read(args.state)
    if args.blend:
        earlier = read(args.blend)
        weights = {name: torch.lerp(value, earlier[name], args.share) for name, value in weights.items()}
    network.load_state_dict(weights)
    network.eval()
    part = args.out.with_suffix(".part")
    args.out.parent.mkdir(parents=True, exist_ok=True)
    example = (torch.rand(1, 5, 64, 88), torch.rand(1, 64, 107))
    frames = {0: "batch", 2: "frames"}, {0: "batch", 1: "frames"}
    torch.onnx.export(
        network,
        example,
        str(part),
        input_names=["maps", "spectrum"],
        output_names=["logits", "onset"],
        dynamic_axes={"maps": frames[0], "spectrum": frames[1], "logits": frames[1], "onset": frames[1]},
        opset_version=17,
        dynamo=False,
    )
    session = onnxruntime.InferenceSession(str(part), providers=["CPUExecutionProvider"])
    worst = 0.0
    for batch, count, seed in ((1, 64, 0), (1, 2048, 1), (3, 258, 2)):
        torch.manual_seed(seed)
        maps, spectrum = torch.rand(batch, 5, count, 88), torch.rand(batch, count, 107)
        with torch.no_grad():
            wanted = [value.numpy() for value in network(maps, spectrum)]
        given = session.run(["logits", "onset"], {"maps": maps.numpy(), "spectrum": spectrum.numpy()})
        worst = max(worst, *(float(np.abs(a - b).max()) for a, b in zip(wanted, given, strict=True)))
    if worst > 1e-3:
        part.unlink()
        raise SystemExit(f"the graph differs from the network by {worst:.2g}")
    part.replace(args.out)
    data = args.out.read_bytes()
    print(f"{args.out}: {len(data)} bytes, sha256 {hashlib.sha256(data).hexdigest()}, differs by {worst:.1e}")


if __name__ == "__main__":
    main()
