"""Pop2Piano through ONNX Runtime against transformers' ``generate`` in torch: same weights, threads and windows, turn by turn.

    python tests/benchmarks/pop2piano.py [--windows 45] [--steps 128] [--frames 44] [--threads 2] [--turns 3]
                                         [--ending] [--keep FOLDER]

Not part of the test run. The weights are random, of the published configuration, which costs the same as the real ones. Prints
seconds by the clock and by the processor of the best turn of each (others' work on the computer only takes away from that), the
ratios, whether all tokens are equal, and the most memory that each took, measured in processes of their own. With ``--ending``
the windows end after different numbers of tokens, as real ones do; transformers goes on with those that have ended.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import tempfile
from collections.abc import Callable
from itertools import takewhile
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import torch
import transformers

from desktop.jobs.progress import Progress
from desktop.models.decoding.pop2piano import END, Pop2Piano
from desktop.models.export import pop2piano
from desktop.models.export.pop2piano_layout import PUBLISHED, read
from tests.models.random_pop2piano import write_random

ASKED = 2.5
TORCH, OURS = f"transformers {transformers.__version__}", "Reprise"
ENDING = 0.012
"""About the share of the tokens that end a window."""

Answers = list[list[int]]
Work = Callable[[], Answers]


def works(folder: Path, options: argparse.Namespace, names: list[str]) -> dict[str, Work]:
    """What each does in a turn."""
    torch.set_num_threads(options.threads)
    mel, composers = pop2piano.made_up(options.windows, options.frames, PUBLISHED.width, 5)
    stop = END if options.ending else None
    found: dict[str, Work] = {}
    if TORCH in names:
        model = pop2piano.torch_model(PUBLISHED, read(folder / pop2piano.WEIGHTS, PUBLISHED))

        def generate() -> Answers:
            rows = pop2piano.generated(model, mel, composers, options.steps, stop).tolist()
            return [row[: row.index(END)] if options.ending and END in row else row for row in rows]

        found[TORCH] = generate
    if OURS in names:
        ours = Pop2Piano(folder, "gelu_new", device="cpu", threads=options.threads)
        found[OURS] = lambda: ours.greedy(mel, composers, options.steps, stop=stop)
    return found


def measured(todo: dict[str, Work], turns: int) -> dict[str, tuple[float, float, Answers]]:
    """Seconds of each in its best turn, by the clock and by the processor, and the result; the first turn only warms up."""
    best: dict[str, tuple[float, float, Answers]] = {}
    for turn in range(turns + 1):
        for name, work in todo.items():
            clock, busy = perf_counter(), process_time()
            found = work()
            clock, busy = perf_counter() - clock, process_time() - busy
            if turn:
                before = best.get(name, (clock, busy, found))
                best[name] = (min(clock, before[0]), min(busy, before[1]), found)
    return best


def memory(folder: Path, options: argparse.Namespace, name: str) -> tuple[float, float]:
    """Megabytes that a process of its own has taken at most before and after one turn."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_remember, args=(theirs, folder, options, name))
    process.start()
    before, after = ours.recv()
    process.join()
    return before, after


def _remember(pipe: Any, folder: Path, options: argparse.Namespace, name: str) -> None:
    before = _peak()
    with torch.inference_mode():
        works(folder, options, [name])[name]()
    pipe.send((before, _peak()))


def _peak() -> float:
    """Megabytes; the system's own account of a process begins with those of the one that started it."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


def run(folder: Path, options: argparse.Namespace) -> None:
    if not (folder / "pop2piano.json").is_file():
        write_random(folder, PUBLISHED, ending=ENDING if options.ending else 0.0)
        started = perf_counter()
        check = pop2piano.convert(folder / pop2piano.WEIGHTS, folder, Progress(), activations=["gelu_new"])
        print(f"exported and proved in {perf_counter() - started:.1f} s: {check['gelu_new']}")
    best = measured(works(folder, options, [TORCH, OURS]), options.turns)
    wanted, found = best[TORCH][2], best[OURS][2]
    tokens = sum(map(len, wanted))
    equal = sum(_alike(*pair) for pair in zip(wanted, found, strict=True))
    print(f"{options.windows} windows of {options.frames} frames, {tokens} tokens in {max(map(len, wanted))} steps")
    for name in (TORCH, OURS):
        print(f"  {name:<20}{best[name][0]:7.2f} s by the clock {best[name][1]:7.2f} s by the processor")
    clock, busy = (best[TORCH][kind] / best[OURS][kind] for kind in (0, 1))
    print(f"  {clock:.2f} times faster by the clock, {busy:.2f} by the processor (asked: {ASKED})")
    print(f"  {equal / tokens:.2%} of the tokens equal, answers equal: {wanted == found}")
    for name in (TORCH, OURS):
        before, after = memory(folder, options, name)
        print(f"  {name:<20}{after:7.0f} MB at most, {after - before:.0f} MB more than the programs themselves")


def _alike(one: list[int], other: list[int]) -> int:
    """Tokens before the first that differs, which sends the rest another way."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def main() -> None:
    parser = argparse.ArgumentParser()
    for name, value in (("windows", 45), ("steps", 128), ("frames", 44), ("threads", 2), ("turns", 3)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--ending", action="store_true")
    parser.add_argument("--keep", type=Path, help="a folder for the weights and graphs, used again when they are there")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch, torch.inference_mode():
        folder = options.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        run(folder, options)


if __name__ == "__main__":
    main()
