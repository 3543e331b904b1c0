"""Muon for the matrices of a network, AdamW for the rest: shared by the recipes.

Muon (K. Jordan et al., 2024) replaces the momentum of a weight matrix by its nearest orthogonal matrix, found with a few
Newton-Schulz steps, so that all directions of a layer learn at the same pace.  As in its reference the steps run in bfloat16;
threads share them, because on a CPU and with a small batch they took a quarter of a training's time when they were not.  The
scale 0.2 sqrt(larger side) makes an update as large as AdamW's (J. Liu et al., Muon is scalable for LLM training, 2025), so
that both take the same rate.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Executor
from typing import Any

import torch
from torch import Tensor, nn

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)  # quintic coefficients of the Muon reference
STEPS = 5


def orthogonal(matrix: Tensor) -> Tensor:
    """Return roughly U V^T of a matrix [rows, columns] with the singular value decomposition U S V^T."""
    a, b, c = NEWTON_SCHULZ
    tall = matrix.shape[0] > matrix.shape[1]
    x = ((matrix.T if tall else matrix) / (matrix.norm() + 1e-7)).bfloat16()
    for _ in range(STEPS):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    return (x.T if tall else x).to(matrix.dtype)


class Muon(torch.optim.Optimizer):
    """Momentum with orthogonal updates; parameters of more than two axes are taken as [first axis, all others].

    ``pool``: threads that share the parameters; without it they come one after the other.
    """

    def __init__(
        self, parameters: Iterable[nn.Parameter], lr: float, momentum: float, weight_decay: float, pool: Executor | None = None
    ) -> None:
        super().__init__(parameters, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})
        self.pool = pool

    def step(self) -> None:  # type: ignore[override]
        """Update every parameter that has a gradient."""
        work = [(p, group) for group in self.param_groups for p in group["params"] if p.grad is not None]
        for p, _ in work:
            self.state[p].setdefault("momentum", torch.zeros_like(p))
        for _ in (self.pool.map if self.pool else map)(self._update, work):
            pass

    @torch.no_grad()
    def _update(self, work: tuple[nn.Parameter, dict[str, Any]]) -> None:
        p, group = work
        momentum = self.state[p]["momentum"]
        momentum.lerp_(p.grad, 1.0 - group["momentum"])
        direction = p.grad.lerp(momentum, group["momentum"])
        flat = direction.reshape(direction.shape[0], -1)
        update = orthogonal(flat).reshape(p.shape) * (0.2 * max(flat.shape) ** 0.5)
        p.mul_(1.0 - group["lr"] * group["weight_decay"])
        p.add_(update, alpha=-group["lr"])


def split_parameters(module: nn.Module, edges: tuple[str, ...]) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """Return (weights for Muon, others); layers whose name starts with one of `edges` (first, last) are others."""
    matrices, others = [], []
    for name, p in module.named_parameters():
        if not p.requires_grad:
            continue
        is_matrix = p.dim() > 1 and name.endswith("weight") and ".g." not in name and not name.startswith(edges)
        (matrices if is_matrix else others).append(p)
    return matrices, others
