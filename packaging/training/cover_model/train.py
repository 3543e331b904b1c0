"""Train the cover network; goes on where it stopped, and may be stopped at any time.

cd packaging/training
python -m cover_model.train --data DATA/train --check DATA/check --state STATE --minutes 60 [--threads 2] [--device cuda]
"""

from __future__ import annotations

import argparse
import json
import math
import pickle
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from muon import Muon, split_parameters
from torch import Tensor

from .data import Batch, Pool, begun, draw
from .network import CoverNetwork
from .settings import DataSettings, NetworkSettings, TrainSettings

EDGES = ("near", "curves", "step", "beat", "density", "out")
"""Layers that Muon does not train: those at the ends, and the tables."""
KEPT = ("last.pt", "last-1.pt", "last-2.pt")
BEST = "best.pt"
"""Averaged weights that erred least on the check set."""


@dataclass
class Course:
    """A training under way: weights, their average, the optimisers' states and how far it is."""

    network: CoverNetwork
    average: CoverNetwork
    optimisers: Sequence[torch.optim.Optimizer]
    device: torch.device
    step: int = 0
    seconds: float = 0.0
    skipped: int = 0
    best: float = math.inf
    stopped: bool = field(default=False)

    def stop(self, number: int, frame: FrameType | None) -> None:
        """For signals: after this batch."""
        del number, frame
        self.stopped = True


def begin(settings: NetworkSettings, train: TrainSettings, device: str) -> Course:
    """A training from the start."""
    place = torch.device(device)
    network, average = (CoverNetwork(settings).to(place, memory_format=torch.channels_last) for _ in range(2))
    average.eval().load_state_dict(network.state_dict())
    matrices, others = split_parameters(network, EDGES)
    optimisers = (
        Muon(matrices, lr=train.rate, momentum=train.momentum, weight_decay=train.weight_decay),
        torch.optim.AdamW(others, lr=train.rate, betas=(0.9, 0.98), weight_decay=0.0, fused=True),
    )
    return Course(network, average, optimisers, place)


def logits(network: CoverNetwork, batch: Batch, device: torch.device) -> Tensor:
    """[B, 2, T, KEYS], computed in bfloat16."""
    shown = (batch.sheets, batch.played, batch.curves, batch.places, batch.density)
    with torch.autocast(device.type, dtype=torch.bfloat16):
        found = network(*(torch.from_numpy(part).to(device) for part in shown))
    return found.float()


def losses(found: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
    """Mean loss of the strokes and of the keys held, in nats a key and open step."""
    wanted, counts = (torch.from_numpy(part).to(found.device) for part in (batch.keys, batch.open))
    each = F.binary_cross_entropy_with_logits(found, wanted, reduction="none").mean(dim=3)
    struck, down = ((each[:, i] * counts).sum() / counts.sum() for i in range(2))
    return struck, down


def learn(course: Course, batch: Batch, train: TrainSettings, share: float) -> tuple[float, float] | None:
    """One step at a share of the rate; its losses, or None when it was no number and nothing was changed."""
    for optimiser in course.optimisers:
        for group in optimiser.param_groups:
            group["lr"] = train.rate * share
    struck, down = losses(logits(course.network, batch, course.device), batch)
    loss = train.struck * struck + train.down * down
    course.network.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    norm = torch.nn.utils.clip_grad_norm_(course.network.parameters(), train.clip)
    if not (torch.isfinite(loss) and torch.isfinite(norm)):
        course.skipped += 1
        return None
    for optimiser in course.optimisers:
        optimiser.step()
    keep = min(train.average, (course.step + 1) / (course.step + 20))
    with torch.no_grad():
        for slow, fast in zip(course.average.parameters(), course.network.parameters(), strict=True):
            slow.lerp_(fast, 1 - keep)
    course.step += 1
    return float(struck.detach()), float(down.detach())


@torch.no_grad()
def check(course: Course, pool: Pool) -> dict[str, float]:
    """The averaged weights on songs that are not trained on: losses, the best F measure of strokes and its threshold."""
    course.average.eval()
    chances, wanted, rows = [], [], []
    for piece in pool.pieces:
        batch = begun(piece, pool.settings)
        found = logits(course.average, batch, course.device)
        rows.append([float(value) for value in losses(found, batch)])
        asked = batch.open > 0
        chances.append(torch.sigmoid(found[:, 0]).cpu().numpy()[asked].ravel())
        wanted.append(batch.keys[:, 0][asked].ravel())
    chance, true = np.concatenate(chances), np.concatenate(wanted) > 0
    measures = {}
    for threshold in np.arange(0.1, 0.6, 0.02):
        said = chance > threshold
        measures[float(threshold)] = 2 * float((said & true).sum()) / max(1, int(said.sum() + true.sum()))
    best = max(measures, key=lambda threshold: measures[threshold])
    struck, down = np.mean(rows, axis=0)
    return {"held struck": float(struck), "held down": float(down), "F1": measures[best], "threshold": best}


def save(course: Course, folder: Path) -> None:
    """Write a checkpoint that is whole or absent; the two before it are kept."""
    part = folder / "next.part"
    state = {"network": course.network.state_dict(), "average": course.average.state_dict()}
    state |= {"optimisers": [optimiser.state_dict() for optimiser in course.optimisers]}
    facts = {"step": course.step, "seconds": course.seconds, "skipped": course.skipped, "best": course.best}
    torch.save(state | facts, part)
    for newer, older in zip(KEPT[-2::-1], KEPT[:0:-1], strict=True):
        if (folder / newer).exists():
            (folder / newer).replace(folder / older)
    part.replace(folder / KEPT[0])


def resume(course: Course, folder: Path) -> bool:
    """Go on from the newest checkpoint that can be read; whether there was one."""
    for name in KEPT:
        try:
            state: dict[str, Any] = torch.load(folder / name, map_location=course.device, weights_only=True)
        except (OSError, RuntimeError, EOFError, pickle.UnpicklingError):
            continue
        course.network.load_state_dict(state["network"])
        course.average.load_state_dict(state["average"])
        for optimiser, its in zip(course.optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(its)
        course.step, course.seconds, course.skipped = state["step"], state["seconds"], state["skipped"]
        course.best = state["best"]
        return True
    return False


def checked(course: Course, others: Pool, folder: Path) -> dict[str, float]:
    """The figures of the averaged weights, which are kept if they are the best so far."""
    figures = check(course, others)
    if figures["held struck"] < course.best:
        course.best = figures["held struck"]
        part = folder / "best.part"
        torch.save({"average": course.average.state_dict(), "step": course.step} | figures, part)
        part.replace(folder / BEST)
    return figures


def run(course: Course, pool: Pool, others: Pool, train: TrainSettings, args: argparse.Namespace) -> None:
    """Learn until the time is over or someone says stop; checkpoints and a log on the way.

    The rate is steady for most of the time and then falls to nothing.
    """
    rng = np.random.default_rng([args.seed, course.step])
    kept = time.monotonic()
    seen: list[tuple[float, float]] = []
    with (args.state / "log.jsonl").open("a") as log:

        def tell(line: dict[str, float]) -> None:
            text = json.dumps({name: round(value, 5) for name, value in line.items()})
            print(text, file=log, flush=True)
            print(text, flush=True)

        while not course.stopped and course.seconds < 60 * args.minutes:
            began = time.monotonic()
            left = 1 - course.seconds / (60 * args.minutes)
            share = min(1.0, (course.step + 1) / train.warm) * min(1.0, left / train.falling)
            found = learn(course, draw(pool, rng, train.batch), train, share)
            seen += [] if found is None else [found]
            now = time.monotonic()
            course.seconds += now - began
            if course.step % train.told == 0 and seen:
                struck, down = np.mean(seen, axis=0)
                line = {
                    "step": course.step,
                    "minutes": course.seconds / 60,
                    "struck": struck,
                    "down": down,
                    "pieces": len(pool.pieces),
                }
                if now - kept > 60 * train.keep_minutes:
                    line |= checked(course, others, args.state)
                    save(course, args.state)
                    pool.refresh()
                    kept = time.monotonic()
                tell(line)
                seen = []
        figures = checked(course, others, args.state)
        save(course, args.state)
        tell({"step": course.step, "skipped": course.skipped, **figures})


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--check", type=Path, required=True)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--minutes", type=float, required=True, help="in all, with those of earlier starts")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    args.state.mkdir(parents=True, exist_ok=True)
    course = begin(NetworkSettings(), TrainSettings(), args.device)
    print("resumed" if resume(course, args.state) else "begun", "at step", course.step, flush=True)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, course.stop)
    pool, others = Pool(args.data, DataSettings()), Pool(args.check, DataSettings())
    for one in (pool, others):
        one.refresh()
    run(course, pool, others, TrainSettings(), args)


if __name__ == "__main__":
    main()
