"""CodeFormer through ONNX Runtime against the same network in eager torch: same faces, same threads, turn by turn.

    python tests/benchmarks/codeformer.py [--threads 2] [--turns 4] [--checkpoint codeformer.pth] [--graph FILE]

Not part of the test run. Without a checkpoint the weights are random, which costs the same. Prints seconds a face (the median of
the turns), by the clock and by the processor, and how many times faster ONNX Runtime is; the processor's time hardly depends on
what else the computer does. With ``--graph`` the converted file is kept, and used when it is there already.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
import numpy.typing as npt
import torch

from desktop.models.export import checkpoint, codeformer_graph
from desktop.models.export.codeformer_net import CodeFormer, Plan
from desktop.models.session import Session, open_session

ASKED = 1.8
Array = npt.NDArray[np.float32]


def network(source: Path | None) -> CodeFormer:
    """The network with a checkpoint's weights, or with random ones."""
    torch.manual_seed(0)
    net = CodeFormer(Plan())
    if source is not None:
        net.load_state_dict(checkpoint.match(checkpoint.read(source), net.state_dict(), "CodeFormer", source))
    return net


def timed(work: Callable[[], Array]) -> tuple[float, float, Array]:
    """Seconds of a call by the clock and of this process's processor time, and its result."""
    clock, busy = perf_counter(), process_time()
    result = work()
    return perf_counter() - clock, process_time() - busy, result


def compare(net: CodeFormer, session: Session, turns: int, fidelity: float) -> None:
    """Print the seconds of both and their ratios, for one face."""
    faces = torch.rand(1, 3, 512, 512, generator=torch.Generator().manual_seed(1)) * 2 - 1
    weights = torch.tensor([fidelity])
    feeds = {"image": faces.numpy(), "fidelity": weights.numpy()}
    taken: dict[str, list[tuple[float, float]]] = {"torch": [], "ONNX Runtime": []}
    difference = 0.0
    with torch.inference_mode():
        for turn in range(turns + 1):
            results = []
            for name, work in (("torch", lambda: net(faces, weights).numpy()), ("ONNX Runtime", lambda: session.run(feeds)[0])):
                clock, busy, result = timed(work)
                results.append(result)
                if turn:
                    taken[name].append((clock, busy))
            difference = max(difference, float(np.abs(results[0] - results[1]).max()))
    print(f"fidelity {fidelity:g}, largest difference {difference:.1e}")
    for name, values in taken.items():
        clock, busy = (median(value[number] for value in values) for number in (0, 1))
        print(f"  {name:<14}{clock:7.2f} s clock {busy:7.2f} s processor")
    for number, kind in enumerate(("clock", "processor")):
        ratio = median(a[number] / b[number] for a, b in zip(taken["torch"], taken["ONNX Runtime"], strict=True))
        print(f"  {ratio:.2f} times faster by the {kind} (asked: {ASKED})")


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--threads", type=int, default=2)
    options.add_argument("--turns", type=int, default=4)
    options.add_argument("--checkpoint", type=Path)
    options.add_argument("--graph", type=Path)
    chosen = options.parse_args()
    torch.set_num_threads(chosen.threads)
    net = network(chosen.checkpoint)
    with tempfile.TemporaryDirectory() as folder:
        path = chosen.graph or Path(folder) / "codeformer.onnx"
        if not path.exists():
            codeformer_graph.write(path, net.plan, {name: value.numpy() for name, value in net.state_dict().items()}, {})
        compare(net, open_session(path, device="cpu", threads=chosen.threads), chosen.turns, 1.0)


if __name__ == "__main__":
    main()
