"""Train the face restorer in three phases, each of which can be stopped at any time and goes on where it was.

    python -m face_restorer.train steady   --data FACES --state FOLDER [--init-from FILE] [--minutes M]
    python -m face_restorer.train cooldown --data FACES --state FOLDER --minutes 15
    python -m face_restorer.train texture  --data FACES --state FOLDER --minutes 25

*steady* trains the repair at a constant rate for as long as it is let; its checkpoint never sees a falling rate, so that it
can be continued later.  *cooldown* starts from the averaged weights of the latest steady checkpoint
and takes the rate to zero, with pairs of frames that must come out alike.  *texture* freezes the repair (of the cooldown, or of
the steady phase where there was none) and trains the texture against a patch discriminator.  `--init-from` warm-starts *steady*
from a checkpoint, a safetensors or an exported ONNX file of this size or smaller, and takes the texture from there in *texture*.

Checkpoints: steady.pt, cooldown.pt, texture.pt; log.jsonl has one line a validation.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from muon import Muon, split_parameters
from torch import Tensor, nn

from .data import ClipPool, fixed_clips, to_tensor
from .losses import box_ssim, decibel_loss, edge_loss, face_weight, psnr, squared_error, ssim
from .network import FaceRestorer, PatchDiscriminator
from .settings import DataSettings, NetworkSettings, TrainSettings
from .weights import carry_over, read_weights

LossOf = Callable[..., dict[str, Tensor]]

BAD_STEPS = 20  # so many steps without a finite gradient in a row end the run
LONG_STEP = 60.0  # s; a longer step means that the process was stopped, and does not count as training time


@dataclass
class Counters:
    """How far a run has come."""

    steps: int = 0
    pictures: int = 0
    seconds: float = 0.0  # of training, in this phase
    spent: float = 0.0  # of training, in all phases that led here
    left_out: int = 0  # steps without a finite gradient


class Workers:
    """Share a batch between threads that each compute the gradients of their part.

    On a CPU this beats splitting every convolution: the threads meet once a step and not a thousand times, so that other
    work on the machine does not make one wait for the other.  On a GPU there is one part.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self.pool = ThreadPoolExecutor(count, initializer=torch.set_num_threads, initargs=(1,)) if count > 1 else None

    def gradients(self, parameters: list[nn.Parameter], loss_of: LossOf, *batch: Tensor) -> dict[str, float]:
        """Set the gradient of `loss_of(*part)["loss"]`, averaged over the parts, and return the averaged values."""

        def work(part: tuple[Tensor, ...]) -> tuple[dict[str, Tensor], tuple[Tensor, ...]]:
            values = loss_of(*part)
            return values, torch.autograd.grad(values["loss"], parameters)

        parts = list(zip(*(t.chunk(self.count) for t in batch), strict=True))
        done = list(self.pool.map(work, parts)) if self.pool else [work(part) for part in parts]
        for index, p in enumerate(parameters):
            total = done[0][1][index]
            for _, other in done[1:]:
                total = total + other[index]
            p.grad = total / len(done)
        return {n: sum(float(values[n].detach()) for values, _ in done) / len(done) for n in done[0][0]}


@dataclass
class Run:
    """One phase: model, optimisers, counters and where they are kept."""

    args: argparse.Namespace
    settings: TrainSettings
    model: FaceRestorer
    average: dict[str, Tensor]
    device: torch.device
    workers: Workers
    optimisers: list[torch.optim.Optimizer] = field(default_factory=list)
    discriminator: PatchDiscriminator | None = None
    counters: Counters = field(default_factory=Counters)
    finished: bool = False
    stop: bool = False
    bad_steps: int = 0  # in a row
    weight: Tensor = field(default_factory=lambda: torch.ones(1))
    coarse_weight: Tensor = field(default_factory=lambda: torch.ones(1))

    @property
    def path(self) -> Path:
        """Return the phase's checkpoint file."""
        return self.args.state / f"{self.args.phase}.pt"

    def save(self) -> None:
        """Write the checkpoint whole or not at all, and keep the one before; weights that are not finite are never written."""
        if not all(bool(t.isfinite().all()) for t in (*self.model.state_dict().values(), *self.average.values())):
            raise ArithmeticError(f"weights that are not finite are not saved; {self.path} is as it was")
        data = {
            "model": self.model.state_dict(),
            "average": self.average,
            "optimisers": [o.state_dict() for o in self.optimisers],
            "discriminator": self.discriminator.state_dict() if self.discriminator else None,
            "counters": vars(self.counters),
            "finished": self.finished,
        }
        partial = self.path.with_suffix(".partial")
        torch.save(data, partial)
        if self.path.exists():
            self.path.replace(self.path.with_suffix(".before.pt"))
        partial.replace(self.path)

    def update_average(self) -> None:
        """Move the averaged weights towards the present ones; young runs average over fewer steps."""
        keep = min(self.settings.average, (1.0 + self.counters.steps) / (10.0 + self.counters.steps))
        with torch.no_grad():
            for name, value in self.model.state_dict().items():
                self.average[name].lerp_(value, 1.0 - keep)

    def log(self, **values: Any) -> None:
        """Print a line and append it to the log."""
        c = self.counters
        head = {"phase": self.args.phase, "steps": c.steps, "pictures": c.pictures, "minutes": round(c.seconds / 60, 1)}
        line = json.dumps(head | values)
        print(time.strftime("%H:%M:%S"), line, flush=True)
        with (self.args.state / "log.jsonl").open("a", encoding="utf-8") as file:
            file.write(line + "\n")


def load_checkpoint(path: Path) -> dict[str, Any] | None:
    """Return a checkpoint, or nothing where there is none."""
    return torch.load(path, map_location="cpu", weights_only=True) if path.exists() else None


def start_run(args: argparse.Namespace, settings: TrainSettings) -> Run:
    """Build the model and take its weights from the phase's own checkpoint, the phase before, or `--init-from`."""
    device = torch.device(args.device)
    torch.manual_seed(args.seed)
    model = FaceRestorer(NetworkSettings()).to(device, memory_format=torch.channels_last)
    run = Run(args, settings, model, {}, device, Workers(args.threads if device.type == "cpu" else 1))
    own = load_checkpoint(run.path)
    earlier = {"steady": [], "cooldown": ["steady.pt"], "texture": ["cooldown.pt", "steady.pt"]}[args.phase]
    before = next((data for data in (load_checkpoint(args.state / name) for name in earlier) if data), None)
    if own and not own["finished"] and not args.fresh:
        model.load_state_dict(own["model"])
        run.counters = Counters(**own["counters"])
    elif before:
        own = None
        # The averaged weights are far better than the present ones, more than a short cooldown would gain.
        model.load_state_dict(before["average"])
        run.counters.spent = before["counters"]["spent"]
    elif args.init_from:
        own = None
        print("not found in", args.init_from, carry_over(model, read_weights(args.init_from)))
    else:
        own = None
    if args.phase == "texture" and own is None and args.init_from and before:
        # A texture trained on an earlier repair is a better start than none.
        texture = {n: t for n, t in read_weights(args.init_from).items() if n.startswith("texture.")}
        carry_over(model, texture)
    add_optimisers(run)
    if own or (args.phase == "cooldown" and before):
        restore(run, own or before)
    run.average = run.average or {n: t.detach().clone() for n, t in model.state_dict().items()}
    return run


def add_optimisers(run: Run) -> None:
    """Create what the phase trains with."""
    s, texture = run.settings, run.args.phase == "texture"
    module: nn.Module = run.model.texture if texture else run.model.repair
    run.model.requires_grad_(False)
    module.requires_grad_(True)
    matrices, others = split_parameters(module, ("inp", "out", "into128", "head"))
    rate = s.texture_rate if texture else s.rate
    run.optimisers = [
        Muon(matrices, lr=rate, momentum=s.momentum, weight_decay=s.decay, pool=run.workers.pool),
        torch.optim.AdamW(others, lr=s.texture_vector_rate if texture else s.vector_rate, betas=(0.9, 0.99), weight_decay=0.0),
    ]
    if texture:
        run.discriminator = PatchDiscriminator(NetworkSettings().discriminator_width)
        run.discriminator.to(run.device, memory_format=torch.channels_last)
        judge = torch.optim.AdamW(run.discriminator.parameters(), lr=s.discriminator_rate, betas=(0.5, 0.95), weight_decay=0.0)
        run.optimisers.append(judge)
    for optimiser in run.optimisers:
        for group in optimiser.param_groups:
            group["top"] = group["lr"]


def restore(run: Run, data: dict[str, Any]) -> None:
    """Take averaged weights and the state of the optimisers from a checkpoint."""
    run.average = {n: t.to(run.device) for n, t in data["average"].items()}
    for optimiser, state in zip(run.optimisers, data["optimisers"], strict=True):
        optimiser.load_state_dict(state)
    if run.discriminator is not None and data["discriminator"]:
        run.discriminator.load_state_dict(data["discriminator"])


def set_rate(run: Run) -> None:
    """Constant for the steady phase, linearly to zero for the others; a short rise where momentum is fresh."""
    share = 1.0
    if run.args.phase != "steady":
        share = max(0.02, 1.0 - run.counters.seconds / (60.0 * run.args.minutes))
        # The texture spends half of its time at the full rate; the cooldown starts at half, from averaged weights.
        share = min(1.0, 2.0 * share) if run.args.phase == "texture" else 0.5 * share
    if run.args.phase != "cooldown":
        share *= min(1.0, (run.counters.steps + 1) / run.settings.warm_up)
    for optimiser in run.optimisers:
        for group in optimiser.param_groups:
            group["lr"] = group["top"] * share


@contextlib.contextmanager
def low_precision(device: torch.device) -> Iterator[None]:
    """Run convolutions and products in bfloat16."""
    with torch.autocast(device.type, dtype=torch.bfloat16):
        yield


def take_steps(run: Run, *optimisers: torch.optim.Optimizer) -> None:
    """Bound the gradient of the element-wise optimisers (Muon normalises its own) and step.

    A step whose gradient is not finite is left out: one of them would spoil all weights for good.
    """
    parameters = [p for o in optimisers for g in o.param_groups for p in g["params"] if p.grad is not None]
    if not all(bool(p.grad.isfinite().all()) for p in parameters):
        run.counters.left_out += 1
        run.bad_steps += 1
        if run.bad_steps >= BAD_STEPS:
            raise ArithmeticError(f"{BAD_STEPS} steps in a row had no finite gradient; start again from {run.path}")
        for optimiser in optimisers:
            optimiser.zero_grad(set_to_none=True)
        return
    run.bad_steps = 0
    for optimiser in optimisers:
        if not isinstance(optimiser, Muon):
            nn.utils.clip_grad_norm_([p for g in optimiser.param_groups for p in g["params"]], run.settings.clip)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)


def repair_step(run: Run, degraded: Tensor, clean: Tensor, pairs: bool) -> dict[str, float]:
    """Train the repair on one batch; with `pairs`, neighbouring pictures are frames of one clip."""
    s = run.settings

    def loss_of(degraded: Tensor, clean: Tensor) -> dict[str, Tensor]:
        with low_precision(run.device):
            repair, _ = run.model.residuals(degraded, with_texture=False)
        result = degraded + repair.float()
        decibels = decibel_loss(result, clean, run.weight, s.floor)
        similarity = box_ssim(result, clean).mean()
        loss = decibels - s.ssim_weight * similarity + s.edge_weight * edge_loss(result, clean)
        if pairs:
            # Against the error itself: alone, the difference is smallest where nothing is restored or everything is blurred.
            error = squared_error(result, clean, run.weight).detach().view(-1, 2).mean(dim=1) + s.floor
            loss = loss + s.consistency * (squared_error(result[0::2], result[1::2], run.weight) / error).mean()
        return {"loss": loss, "decibels": decibels, "ssim": similarity}

    values = run.workers.gradients(list(run.model.repair.parameters()), loss_of, degraded, clean)
    take_steps(run, *run.optimisers)
    return values


def local_spread(picture: Tensor) -> Tensor:
    """Return the local standard deviation of the detail of a picture: what looks sharp, wherever exactly it lies.

    Detail of one pixel is left out: it is easily made and does not look like a face.
    """
    smooth = F.avg_pool2d(F.avg_pool2d(picture, 2, 1), 2, 1)
    detail = smooth - F.avg_pool2d(smooth, 7, 1, 3, count_include_pad=False)
    return (F.avg_pool2d(detail * detail, 8, 4, 1) + 1e-5).sqrt()


def texture_step(run: Run, degraded: Tensor, clean: Tensor) -> dict[str, float]:
    """Train texture and discriminator on one batch of frame pairs."""
    s, judge = run.settings, run.discriminator
    assert judge is not None
    with torch.no_grad():
        # The spectral norms follow the weights here, once a step, and rest in the threads below.
        judge.train()
        judge(clean[:1, :, :64, :64], clean[:1, :, :64, :64])
        judge.eval()

    def loss_of(degraded: Tensor, clean: Tensor) -> dict[str, Tensor]:
        with low_precision(run.device):
            repair, texture = run.model.residuals(degraded)
        assert texture is not None
        repaired = (degraded + repair.float()).clamp(0, 1)
        texture = texture.float()
        result = repaired + texture
        with low_precision(run.device):
            fooled, seen = judge_with_features(judge, result, repaired)
            with torch.no_grad():
                _, wanted = judge_with_features(judge, clean, repaired)
        features = sum((a - b).abs().mean().float() for a, b in zip(seen, wanted, strict=True)) / len(seen)
        coarse = (F.avg_pool2d(result - clean, 4) * F.avg_pool2d(run.weight, 4)).abs().mean()
        pixel = 20.0 * coarse + 4.0 * ((result - clean).abs() * run.weight).mean()
        spread = 20.0 * ((local_spread(result) - local_spread(clean)).abs() * run.coarse_weight).mean()
        steady = 10.0 * (texture[0::2] - texture[1::2]).abs().mean()
        loss = s.texture_pixel * pixel + spread + s.texture_features * features
        loss = loss + s.texture_consistency * steady - s.adversarial * fooled.float().mean()
        results.append((result.detach(), repaired.detach(), clean))
        return {"loss": loss, "pixel": pixel, "spread": spread, "features": features, "steady": steady}

    def judgement(result: Tensor, repaired: Tensor, clean: Tensor) -> dict[str, Tensor]:
        with low_precision(run.device):
            real, fake = judge(clean, repaired), judge(result, repaired)
        return {"loss": F.relu(1.0 - real.float()).mean() + F.relu(1.0 + fake.float()).mean()}

    results: list[tuple[Tensor, Tensor, Tensor]] = []
    values = run.workers.gradients(list(run.model.texture.parameters()), loss_of, degraded, clean)
    take_steps(run, *run.optimisers[:2])
    shown = [torch.cat(parts) for parts in zip(*results, strict=True)]
    values["judge"] = run.workers.gradients(list(judge.parameters()), judgement, *shown)["loss"]
    take_steps(run, run.optimisers[2])
    return values


def judge_with_features(judge: PatchDiscriminator, picture: Tensor, repaired: Tensor) -> tuple[Tensor, list[Tensor]]:
    """Return the scores and the activations on the way to them."""
    h = torch.cat([picture, repaired], dim=1) * 2.0 - 1.0
    features = []
    for layer in judge.layers:
        h = layer(h)
        if isinstance(layer, nn.LeakyReLU):
            features.append(h)
    return h, features


@torch.no_grad()
def validate(run: Run, degraded: Tensor, clean: Tensor) -> dict[str, float]:
    """Measure the averaged weights on people that are not trained on: plain repair (w = 0.5), and w = 0 with texture."""
    present = {n: t.clone() for n, t in run.model.state_dict().items()}
    run.model.load_state_dict(run.average)
    rows = []
    for x, y in zip(degraded.split(4), clean.split(4), strict=True):
        x, y = x.to(run.device), y.to(run.device)
        with low_precision(run.device):
            repair, texture = run.model.residuals(x)
            kept, _ = run.model.residuals(y, with_texture=False)
        result = (x + repair.float()).clamp(0, 1)
        sharp = (result + texture.float()).clamp(0, 1) if texture is not None else result
        measured = [psnr(result, y), ssim(result, y), psnr(sharp, y), ssim(sharp, y), psnr(y + kept.float(), y)]
        rows.append(torch.stack(measured, dim=1))
    run.model.load_state_dict(present)
    names = ("psnr", "ssim", "psnr_w0", "ssim_w0", "clean")
    return {n: round(v, 3) for n, v in zip(names, torch.cat(rows).mean(dim=0).tolist(), strict=True)}


def train(run: Run) -> None:
    """Run the phase until its time is over or the process is asked to end."""
    args, s, c = run.args, run.settings, run.counters
    clips = fixed_clips(args.data, s.validation_strength, 1, s.validation_seed)
    held = (to_tensor(np.stack([k.frames[0] for k in clips])), to_tensor(np.stack([k.clean for k in clips])))
    run.log(input_psnr=round(psnr(*held).mean().item(), 3), input_ssim=round(ssim(*held).mean().item(), 3))
    run.log(**validate(run, *held))
    run.weight = face_weight(256, run.device)
    run.coarse_weight = F.avg_pool2d(run.weight, 8, 4)
    pairs = args.phase != "steady"
    # A new seed for every start: a continued run must not see the same clips again.
    pool = ClipPool(args.data, args.seed + c.steps, DataSettings())
    saved = validated = time.monotonic()
    recent: dict[str, float] = {}
    while not run.stop:
        begun = time.monotonic()
        set_rate(run)
        degraded, clean = (t.to(run.device) for t in pool.draw(s.batch // (2 if pairs else 1), 2 if pairs else 1))
        degraded, clean = (t.contiguous(memory_format=torch.channels_last) for t in (degraded, clean))
        if args.phase == "texture":
            values = texture_step(run, degraded, clean)
        else:
            values = repair_step(run, degraded, clean, pairs)
        c.steps, c.pictures = c.steps + 1, c.pictures + len(clean)
        run.update_average()
        recent = {n: 0.95 * recent.get(n, v) + 0.05 * v for n, v in values.items()}
        took = time.monotonic() - begun
        if took < LONG_STEP:
            c.seconds, c.spent = c.seconds + took, c.spent + took
        over = args.minutes > 0 and c.seconds > 60.0 * args.minutes
        run.finished = over and args.phase != "steady"
        run.stop = run.stop or over  # may have been set from outside at any time
        now = time.monotonic()
        if now - saved > 60.0 * s.checkpoint_minutes:
            run.save()
            saved = now
        if c.steps % 50 == 0:
            means = {n: round(v, 3) for n, v in recent.items()}
            print(time.strftime("%H:%M:%S"), c.steps, f"{len(clean) / took:.1f}/s", means, flush=True)
        if now - validated > 60.0 * s.validate_minutes:
            run.log(**validate(run, *held))
            validated = time.monotonic()
    pool.close()
    run.save()
    run.log(**validate(run, *held), finished=run.finished)


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("phase", choices=["steady", "cooldown", "texture"])
    parser.add_argument("--data", type=Path, required=True, help="folder with index.csv, train/ and val/")
    parser.add_argument("--state", type=Path, required=True, help="folder for checkpoints and the log")
    parser.add_argument("--init-from", type=Path, help="weights to start from: .pt, .safetensors or .onnx")
    parser.add_argument("--minutes", type=float, default=0.0, help="training time; needed by cooldown and texture, 0 = no end")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--fresh", action="store_true", help="ignore an unfinished checkpoint of this phase")
    args = parser.parse_args(argv)
    if args.phase != "steady" and args.minutes <= 0:
        parser.error(f"{args.phase} needs --minutes")
    return args


def main() -> None:
    """Train one phase."""
    args = parse()
    args.state.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1 if args.device == "cpu" else args.threads)
    run = start_run(args, TrainSettings())

    def ask_to_stop(*_: object) -> None:
        run.stop = True

    signal.signal(signal.SIGTERM, ask_to_stop)
    signal.signal(signal.SIGINT, ask_to_stop)
    train(run)


if __name__ == "__main__":
    main()
