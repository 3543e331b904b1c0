"""Decoders through ONNX Runtime against transformers' ``generate`` in torch: same weights, threads and prompts, turn by turn.

    python tests/benchmarks/decoding.py MODEL [--exports DIR] [--precisions fp32 int8] [--batches 1 8] [--prompt 64] [--new 64]
                                              [--threads 2] [--turns 4] [--spin]

Not part of the test run. MODEL is a folder in the hub's layout. Prints tokens a second by the clock in the best turn (others'
work on the computer only takes away from that) and the median ratio of the turns, and whether all tokens are equal.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
import torch
import transformers

from desktop.jobs.progress import Progress
from desktop.models.decoding import Generator
from desktop.models.decoding.decoder import EXPORTED, open_decoder
from desktop.models.export.decoder import export_decoder

ASKED = 2.0
Answers = list[list[int]]


def opened(precision: str, options: argparse.Namespace, exports: Path) -> Generator:
    """The exported model, made when it is not there yet."""
    folder = exports / precision
    if not (folder / EXPORTED).is_file():
        folder.mkdir(parents=True, exist_ok=True)
        print(f"{precision}: {export_decoder(options.model, folder, Progress(), precision=precision)}")
    return open_decoder(folder, device="cpu", threads=options.threads, spin=options.spin)


def timed(work: Callable[[], Answers]) -> tuple[float, Answers]:
    began = perf_counter()
    found = work()
    return perf_counter() - began, found


def compare(
    original: transformers.PreTrainedModel, exported: dict[str, Generator], rows: int, options: argparse.Namespace
) -> None:
    """Print the tokens a second of all, for batches of so many rows."""
    random = np.random.default_rng(rows)
    prompts = random.integers(100, original.config.vocab_size - 100, (rows, options.prompt)).tolist()

    def generate() -> Answers:
        ids = torch.tensor(prompts)
        settings = {"max_new_tokens": options.new, "min_new_tokens": options.new, "do_sample": False}
        return original.generate(ids, attention_mask=torch.ones_like(ids), **settings)[:, options.prompt :].tolist()

    works: dict[str, Callable[[], Answers]] = {f"transformers {transformers.__version__}": generate}
    for precision, generator in exported.items():
        works[precision] = lambda generator=generator: generator.greedy(prompts, options.new, ())
    taken: dict[str, list[float]] = {name: [] for name in works}
    wanted: Answers = []
    for turn in range(options.turns + 1):
        for number, (name, work) in enumerate(works.items()):
            seconds, found = timed(work)
            wanted = wanted if number else found
            if turn:
                taken[name].append(seconds)
            elif number:
                equal = np.mean(np.array(found) == np.array(wanted))
                print(f"  {name}: {equal:.1%} of {np.size(wanted)} tokens equal")
    first, *others = taken
    for name, values in taken.items():
        print(f"  {name:<22}{rows * options.new / min(values):8.1f} tokens/s")
    for name in others:
        turns = median(a / b for a, b in zip(taken[first], taken[name], strict=True))
        print(
            f"  {name}: {min(taken[first]) / min(taken[name]):.2f} times faster ({turns:.2f} in the median turn; asked: {ASKED})"
        )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("model", type=Path)
    parser.add_argument("--exports", type=Path)
    parser.add_argument("--precisions", nargs="+", default=["fp32"])
    parser.add_argument("--batches", nargs="+", type=int, default=[1, 8])
    parser.add_argument("--prompt", type=int, default=64)
    parser.add_argument("--new", type=int, default=64)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--turns", type=int, default=4)
    parser.add_argument("--spin", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
        exports = options.exports or Path(folder)
        exported = {name: opened(name, options, exports) for name in options.precisions}
        original = transformers.AutoModelForCausalLM.from_pretrained(options.model, dtype=torch.float32).eval()
        for rows in options.batches:
            print(f"{rows} x {options.prompt} tokens of prompts, {options.new} new ones each, {options.threads} threads")
            compare(original, exported, rows, options)


if __name__ == "__main__":
    main()
