"""The face restorer's training keeps good weights whatever a step brings."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "packaging" / "training"))

from face_restorer import train  # noqa: E402
from face_restorer.settings import TrainSettings  # noqa: E402


@pytest.fixture
def run(tmp_path: Path) -> train.Run:
    arguments = argparse.Namespace(phase="steady", state=tmp_path, device="cpu", threads=2, seed=1, fresh=False, init_from=None)
    return train.start_run(arguments, TrainSettings())


def step(run: train.Run, value: float) -> None:
    """Take one step in which every gradient has ``value``."""
    for p in run.model.repair.parameters():
        p.grad = torch.full_like(p, value)
    train.take_steps(run, *run.optimisers)


def weights(run: train.Run) -> list[torch.Tensor]:
    return [p.detach().clone() for p in run.model.repair.parameters()]


def test_a_step_without_a_finite_gradient_is_left_out(run: train.Run) -> None:
    before = weights(run)
    step(run, float("nan"))
    assert all(torch.equal(a, b) for a, b in zip(before, weights(run), strict=True))
    assert run.counters.left_out == 1
    step(run, 0.1)
    assert any(not torch.equal(a, b) for a, b in zip(before, weights(run), strict=True))
    assert run.counters.left_out == 1 and run.bad_steps == 0


def test_many_such_steps_in_a_row_end_the_run(run: train.Run) -> None:
    with pytest.raises(ArithmeticError, match="no finite gradient"):
        for _ in range(train.BAD_STEPS):
            step(run, float("inf"))


def test_spoiled_weights_never_replace_a_checkpoint_and_the_one_before_is_kept(run: train.Run) -> None:
    run.save()
    run.counters.steps = 7
    run.save()
    good = run.path.read_bytes()
    assert run.path.with_suffix(".before.pt").is_file()
    with torch.no_grad():
        next(run.model.repair.parameters()).fill_(float("nan"))
    with pytest.raises(ArithmeticError, match="not saved"):
        run.save()
    assert run.path.read_bytes() == good
