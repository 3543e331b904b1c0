"""Pop2Piano through ONNX Runtime against transformers' ``generate`` in torch: same weights, threads and windows, turn by turn.

    python tests/benchmarks/pop2piano.py [--windows 45] [--steps 128] [--frames 44] [--threads 2] [--turns 3]
                                         [--ending] [--spin] [--keep FOLDER]

Not part of the test run. The weights are random, of the published configuration, which costs the same as the real ones. Prints
seconds of the best turn of each by the clock and by the processor, and "undisturbed": each step in its best turn, added up, as
others' work on the computer only takes away; the ratios; whether all tokens are equal; and the most memory that each took, in
processes of their own. With ``--ending`` the windows end after different numbers of tokens, as real ones do; transformers goes on
with those that have ended.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise, takewhile
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
Marks = list[float]
Work = Callable[[Marks], Answers]
"""Gives the answers, and adds the time to the list after each step."""


def works(folder: Path, options: argparse.Namespace, names: list[str]) -> dict[str, Work]:
    """What each does in a turn."""
    torch.set_num_threads(options.threads)
    mel, composers = pop2piano.made_up(options.windows, options.frames, PUBLISHED.width, 5)
    stop = END if options.ending else None
    found: dict[str, Work] = {}
    if TORCH in names:
        model = pop2piano.torch_model(PUBLISHED, read(folder / pop2piano.WEIGHTS, PUBLISHED))

        def generate(marks: Marks) -> Answers:
            def mark(_tokens: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
                marks.append(perf_counter())
                return scores

            rows = pop2piano.generated(model, mel, composers, options.steps, stop, logits_processor=[mark]).tolist()
            return [row[: row.index(END)] if options.ending and END in row else row for row in rows]

        found[TORCH] = generate
    if OURS in names:
        ours = Pop2Piano(folder, "gelu_new", device="cpu", threads=options.threads, spin=options.spin)
        found[OURS] = lambda marks: ours.greedy(
            mel, composers, options.steps, stop=stop, on_step=lambda _steps, _going: marks.append(perf_counter())
        )
    return found


@dataclass
class Best:
    """Seconds of the best turn by the clock and by the processor, of each step in its best turn, and the answers."""

    clock: float = math.inf
    busy: float = math.inf
    steps: list[float] = field(default_factory=list)
    answers: Answers = field(default_factory=list)

    @property
    def quiet(self) -> float:
        """What a turn would take in which nothing came between: each step as fast as it once was."""
        return sum(self.steps)


def measured(todo: dict[str, Work], turns: int) -> dict[str, Best]:
    """The best of several turns, taken in turns."""
    best = {name: Best() for name in todo}
    for _ in range(turns):
        for name, work in todo.items():
            clock, busy = perf_counter(), process_time()
            marks = [clock]
            answers = work(marks)
            clock, busy = perf_counter() - clock, process_time() - busy
            steps = [after - before for before, after in pairwise(marks)]
            old = best[name]
            kept = [min(pair) for pair in zip(steps, old.steps or steps, strict=True)]
            best[name] = Best(min(clock, old.clock), min(busy, old.busy), kept, answers)
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
        works(folder, options, [name])[name]([])
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
    wanted, found = best[TORCH].answers, best[OURS].answers
    tokens = sum(map(len, wanted))
    equal = sum(_alike(*pair) for pair in zip(wanted, found, strict=True))
    print(f"{options.windows} windows of {options.frames} frames, {tokens} tokens in {max(map(len, wanted))} steps")
    for name, one in best.items():
        print(f"  {name:<20}{one.clock:7.2f} s by the clock {one.busy:7.2f} s by the processor {one.quiet:7.2f} s undisturbed")
    ratios = [getattr(best[TORCH], kind) / getattr(best[OURS], kind) for kind in ("clock", "busy", "quiet")]
    said = "{:.2f} times faster by the clock, {:.2f} by the processor, {:.2f} undisturbed".format(*ratios)
    print(f"  {said} (asked: {ASKED})")
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
    parser.add_argument("--spin", action="store_true", help="threads wait in a loop, see open_session")
    parser.add_argument("--keep", type=Path, help="a folder for the weights and graphs, used again when they are there")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch, torch.inference_mode():
        folder = options.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        run(folder, options)


if __name__ == "__main__":
    main()
