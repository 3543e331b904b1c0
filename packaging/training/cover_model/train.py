"""Train the cover network; goes on where it stopped, and may be stopped at any time.

cd packaging/training
python -m cover_model.train --data DATA/train --check DATA/check --state STATE [--minutes 600] [--device cuda --large]
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

from .data import Batch, Pool, draw, steady
from .network import CoverNetwork, plan_of
from .settings import LARGE, EarSettings, GridSettings, NetworkSettings, TrainSettings
from .tokens import FIRST_PITCH, FIRST_TIME, OFF, PAD

_TABLE = "coder.block.0.layer.0.SelfAttention.relative_attention_bias"
EDGES = ("keys", "lm_head", "mel_conditioner", "decoder.embed_tokens", "en" + _TABLE, "de" + _TABLE)
KEPT = ("last.pt", "last-1.pt", "last-2.pt")


@dataclass
class Course:
    """A training under way: weights, their average, the optimisers' states and how far it is."""

    network: CoverNetwork
    average: CoverNetwork
    optimisers: Sequence[torch.optim.Optimizer]
    device: torch.device
    precision: torch.dtype
    step: int = 0
    skipped: int = 0
    stopped: bool = field(default=False)

    def stop(self, number: int, frame: FrameType | None) -> None:
        """For signals: after this batch."""
        del number, frame
        self.stopped = True


def begin(settings: NetworkSettings, train: TrainSettings, device: str, precision: str) -> Course:
    """A training from the start."""
    plan = plan_of(settings, EarSettings().width(GridSettings()))
    place = torch.device(device)
    network = CoverNetwork(plan, settings.dropout).to(place)
    average = CoverNetwork(plan).to(place).eval()
    average.load_state_dict(network.state_dict())
    matrices, others = split_parameters(network, EDGES)
    optimisers = (
        Muon(matrices, lr=train.rate, momentum=train.momentum, weight_decay=train.weight_decay),
        torch.optim.AdamW(others, lr=train.rate, betas=(0.9, 0.98), weight_decay=0.0, fused=True),
    )
    return Course(network, average, optimisers, place, {"bf16": torch.bfloat16, "fp32": torch.float32}[precision])


def losses(network: CoverNetwork, batch: Batch, course: Course) -> tuple[Tensor, Tensor, Tensor]:
    """Loss of the tokens, loss of the keys, and the scores of the tokens [B, N, vocabulary]."""
    heard, density, tokens, keys = (
        torch.from_numpy(part).to(course.device) for part in (batch.heard, batch.density, batch.tokens, batch.keys)
    )
    with torch.autocast(course.device.type, dtype=torch.bfloat16, enabled=course.precision == torch.bfloat16):
        found = network(heard, density, F.pad(tokens[:, :-1], (1, 0), value=PAD))
    scores = found.tokens.float()
    said = F.cross_entropy(scores.flatten(0, 1), tokens.flatten(), ignore_index=PAD)
    return said, F.binary_cross_entropy_with_logits(found.keys.float(), keys.float()), scores


def learn(course: Course, batch: Batch, train: TrainSettings) -> tuple[float, float] | None:
    """One step; its losses of tokens and keys, or None when it was no number and nothing was changed."""
    rate = train.rate * min(1.0, (course.step + 1) / train.warm) * min(1.0, math.sqrt(train.steady / (course.step + 1)))
    for optimiser in course.optimisers:
        for group in optimiser.param_groups:
            group["lr"] = rate
    said, keys, _ = losses(course.network, batch, course)
    loss = said + train.keys * keys
    course.network.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    norm = torch.nn.utils.clip_grad_norm_(course.network.parameters(), train.clip)
    if not (torch.isfinite(loss) and torch.isfinite(norm)):
        course.skipped += 1
        return None
    for optimiser in course.optimisers:
        optimiser.step()
    share = 1 - min(train.average, (course.step + 1) / (course.step + 20))
    with torch.no_grad():
        for slow, fast in zip(course.average.parameters(), course.network.parameters(), strict=True):
            slow.lerp_(fast, share)
    course.step += 1
    return float(said.detach()), float(keys.detach())


@torch.no_grad()
def check(course: Course, batch: Batch) -> dict[str, float]:
    """The averaged weights on windows of songs that are not trained on: loss, and the share of right pitches and times."""
    said, keys, found = losses(course.average, batch, course)
    wanted = torch.from_numpy(batch.tokens).to(course.device)
    right = found.argmax(-1) == wanted
    figures = {"held loss": float(said), "held keys": float(keys)}
    for name, kind in (("pitch", (wanted >= FIRST_PITCH) & (wanted < OFF)), ("time", wanted >= FIRST_TIME)):
        figures[f"held {name}"] = float(right[kind].float().mean())
    return figures


def save(course: Course, folder: Path) -> None:
    """Write a checkpoint that is whole or absent; the two before it are kept."""
    part = folder / "next.part"
    state = {"network": course.network.state_dict(), "average": course.average.state_dict()}
    optimisers = [optimiser.state_dict() for optimiser in course.optimisers]
    torch.save(state | {"optimisers": optimisers, "step": course.step, "skipped": course.skipped}, part)
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
        course.step, course.skipped = state["step"], state["skipped"]
        return True
    return False


def run(course: Course, pool: Pool, held: Batch, train: TrainSettings, settings: NetworkSettings, args: Any) -> None:
    """Learn until the time is over or someone says stop; checkpoints and a log on the way."""
    rng = np.random.default_rng([args.seed, course.step])
    began = told = kept = time.monotonic()
    seen: list[tuple[float, float]] = []
    windows = 0
    with (args.state / "log.jsonl").open("a") as log:
        while not course.stopped and (time.monotonic() - began) / 60 < args.minutes:
            found = learn(course, draw(pool, rng, train, settings), train)
            seen += [] if found is None else [found]
            windows += train.batch
            if course.step % train.told == 0 and seen:
                now = time.monotonic()
                line: dict[str, float] = {"step": course.step, "skipped": course.skipped}
                line |= dict(zip(("loss", "keys"), np.mean(seen, axis=0).tolist(), strict=True))
                line |= {"windows/s": windows / (now - told), "pieces": len(pool.pieces)}
                if now - kept > 60 * train.keep_minutes:
                    line |= check(course, held)
                    save(course, args.state)
                    pool.refresh(train)
                    kept = now
                print(json.dumps({name: round(value, 4) for name, value in line.items()}), file=log, flush=True)
                print(json.dumps({name: round(value, 4) for name, value in line.items()}), flush=True)
                seen, windows, told = [], 0, time.monotonic()
    save(course, args.state)
    print(json.dumps({"step": course.step, **check(course, held)}), flush=True)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--check", type=Path, required=True)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=math.inf)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", choices=("bf16", "fp32"), default="bf16")
    parser.add_argument("--large", action="store_true", help="the sizes for a GPU")
    parser.add_argument("--batch", type=int, default=TrainSettings.batch)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    train, settings = TrainSettings(batch=args.batch), LARGE if args.large else NetworkSettings()
    args.state.mkdir(parents=True, exist_ok=True)
    course = begin(settings, train, args.device, args.precision)
    print("resumed" if resume(course, args.state) else "begun", "at step", course.step, flush=True)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, course.stop)
    pool, others = Pool(args.data), Pool(args.check)
    for one in (pool, others):
        one.refresh(train)
    run(course, pool, steady(others, train.check_windows, settings), train, settings, args)


if __name__ == "__main__":
    main()
