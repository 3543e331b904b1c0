"""Train the melody network.

cd packaging/training
python -m melody.train --data data/train --check data/check --state state --minutes 40 [--resume]
"""

from __future__ import annotations

import argparse
import json
import math
import os
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from .data import Batch, Pool, draw, targets
from .network import MelodyNetwork
from .settings import NetworkSettings, TrainSettings


def losses(network: MelodyNetwork, batch: Batch) -> tuple[Tensor, Tensor]:
    """Cross entropy of the pitch and binary cross entropy of the onsets."""
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits, onset = network(torch.from_numpy(batch.maps), torch.from_numpy(batch.spectrum))
    weight = torch.from_numpy(batch.weight)
    target = torch.from_numpy(batch.target).flatten()
    pitch = F.cross_entropy(logits.float().flatten(0, 1), target, reduction="none", label_smoothing=0.03)
    pitch = (pitch * weight.flatten()).sum() / weight.sum()
    begins, rare = torch.from_numpy(batch.onset), torch.tensor(6.0)
    hit = F.binary_cross_entropy_with_logits(onset.float(), begins, pos_weight=rare, reduction="none")
    return pitch, (hit.sum(2) * weight).sum() / weight.sum()


@torch.no_grad()
def check(network: MelodyNetwork, pool: Pool, train: TrainSettings, shape: NetworkSettings) -> dict[str, float]:
    """Frame figures on whole songs, of the likeliest class alone, without decoding."""
    network.eval()
    voiced = right = chroma = found = silent = false = 0
    for song in pool.songs:
        even = song.maps.shape[1] // 2 * 2
        with torch.autocast("cpu", dtype=torch.bfloat16):
            maps, spectrum = (part / np.float32(255) for part in (song.maps[None, :, :even], song.spectrum[None, :even]))
            logits, _ = network(torch.from_numpy(maps), torch.from_numpy(spectrum))
        target, weight, _ = targets(song.labels[:, :even].astype(np.int64), train, shape)
        best = logits[0].float().argmax(1).numpy()
        pitch = logits[0, :, 1:].float().argmax(1).numpy() + 1
        voice = (song.labels[0, :even] >= 0) & (weight > 0)
        rest = (target == 0) & (weight > 0)
        voiced += int(voice.sum())
        right += int((pitch == target)[voice].sum())
        chroma += int(((pitch - target) % 12 == 0)[voice].sum())
        found += int((best > 0)[voice].sum())
        silent += int(rest.sum())
        false += int((best > 0)[rest].sum())
    network.train()
    return {"pitch": right / voiced, "chroma": chroma / voiced, "recall": found / voiced, "false": false / max(1, silent)}


def save(path: Path, state: dict[str, object]) -> None:
    """Write a checkpoint that is either whole or absent."""
    part = path.with_suffix(".part")
    torch.save(state, part)
    part.replace(path)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--check", type=Path, required=True)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=40)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rate", type=float, default=TrainSettings.rate, help="learning rate at the start")
    parser.add_argument("--resume", action="store_true", help="go on from the state's last weights with a fresh schedule")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    train, shape = TrainSettings(), NetworkSettings()
    args.state.mkdir(parents=True, exist_ok=True)
    network = MelodyNetwork(shape).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = MelodyNetwork(shape)
    if args.resume:
        network.load_state_dict(torch.load(args.state / "last.pt", weights_only=True)["average"])
    average.load_state_dict(network.state_dict())
    optimiser = torch.optim.AdamW(network.parameters(), lr=train.rate, weight_decay=train.weight_decay, fused=True)
    rng = np.random.default_rng([args.seed, os.getpid()])
    pool, held = Pool(args.data), Pool(args.check)
    pool.refresh()
    held.refresh()
    began = told = checked = time.monotonic()
    step, count, sums = 0, 0, np.zeros(2)
    log = (args.state / "log.jsonl").open("a")
    while (spent := (time.monotonic() - began) / 60 / args.minutes) < 1:
        rate = args.rate * min(1, (step + 1) / 100) * (0.5 + 0.5 * math.cos(math.pi * spent)) + 1e-5
        for group in optimiser.param_groups:
            group["lr"] = rate
        pitch, onset = losses(network, draw(pool, rng, train, shape))
        optimiser.zero_grad()
        (pitch + 0.15 * onset).backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        keep = min(train.average, (step + 1) / (step + 20))
        with torch.no_grad():
            for slow, fast in zip(average.parameters(), network.parameters(), strict=True):
                slow.lerp_(fast, 1 - keep)
        step += 1
        count += 1
        sums += (float(pitch.detach()), float(onset.detach()))
        now = time.monotonic()
        if now - told > 60:
            pool.refresh()
            line = {"step": step, "songs": len(pool.songs), "pitch": sums[0] / count, "onset": sums[1] / count, "done": spent}
            sums, count = np.zeros(2), 0
            told = now
            if now - checked > 240:
                line |= {f"held {name}": value for name, value in check(average, held, train, shape).items()}
                save(args.state / "last.pt", {"average": average.state_dict(), "step": step})
                checked = now
            print(json.dumps({k: round(v, 4) for k, v in line.items()}), flush=True)
            log.write(json.dumps(line) + "\n")
            log.flush()
    figures = check(average, held, train, shape)
    save(args.state / "last.pt", {"average": average.state_dict(), "step": step})
    print(json.dumps({"step": step, **figures}), flush=True)


if __name__ == "__main__":
    main()
