"""What upscalers cost on the CPU: seconds for a megapixel, and how much faster ONNX Runtime is than eager torch, side by side.

    python tests/benchmarks/upscalers.py [MODEL...]

Not part of the test run. Wall time of the faster of two runs; processor time, which other programs disturb less, beside it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, process_time

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
THREADS = 2
SIZES = {"srvgg": (288, 360), "span": (288, 360), "rrdb": (96, 120)}


def seconds(work: Callable[[], object]) -> tuple[float, float]:
    """(wall, processor) of the faster of two calls."""
    taken = []
    for _ in range(2):
        began, used = perf_counter(), process_time()
        work()
        taken.append((perf_counter() - began, process_time() - used))
    return min(taken)


def measure(model: str) -> None:
    """Print one model's line."""
    import onnxruntime
    import torch

    from desktop.models import upscaler_card
    from desktop.models.export import upscaler, upscaler_nets
    from desktop.models.export.ncnn import layers, weights
    from desktop.models.library import Library
    from desktop.models.session import open_session

    folder = Library().folder(model)
    card = upscaler_card.read(folder)
    height, width = SIZES[card.family]
    image = upscaler.picture(1, height, width)
    session = open_session(folder / card.file, device="cpu", threads=THREADS)
    session.run({card.image: np.ascontiguousarray(image[:, :, :32, :32])})
    wall, used = seconds(lambda: session.run({card.image: image}))
    found = layers.read(next(folder.glob("*.param")))
    net = upscaler_nets.recognise(found, weights.read(next(folder.glob("*.bin")), found))
    torch.set_num_threads(THREADS)
    torch_wall, torch_used = seconds(lambda: upscaler_nets.run(net, image))
    pixels = height * width / 1e6
    print(
        f"{model:26} {width}×{height}: {wall / pixels:6.1f} s a megapixel ({used / pixels:6.1f} of processor time); "
        f"{torch_used / used:.2f}× less processor time than torch {torch.__version__} ({torch_wall / wall:.2f}× wall), "
        f"onnxruntime {onnxruntime.__version__}, {THREADS} threads"
    )


def main() -> None:
    """Measure the models that are named, or all upscalers that are installed."""
    from desktop.models.library import Library
    from desktop.video.background import upscaler_ids

    for model in sys.argv[1:] or upscaler_ids(Library()):
        measure(model)


if __name__ == "__main__":
    main()
