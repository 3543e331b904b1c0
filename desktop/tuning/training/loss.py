"""Cross-entropy of a projection onto the vocabulary, in pieces: the table of all logits is never there as a whole.

Gradients are made together with the losses, piece by piece (the idea of Liger Kernel's fused linear cross-entropy,
arXiv 2410.10989), so a vocabulary of 50,000 costs a bounded amount of memory whatever the batch.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

_LOGITS = 16 << 20
"""Logits of one piece."""


def answer_loss(hidden: Tensor, weight: Tensor, labels: Tensor, scale: float) -> Tensor:
    """Sum of the labels' negative log-likelihoods, times ``scale``.

    Args:
        hidden: [N, D], states that predict the labels. labels: int64 [N].
        weight: [V, D] of the projection; the products are computed in its type.
    """
    loss: Tensor = _AnswerLoss.apply(hidden, weight, labels, scale)  # type: ignore[no-untyped-call]
    return loss


@torch.no_grad()
def answer_losses(hidden: Tensor, weight: Tensor, labels: Tensor) -> Tensor:
    """Each label's negative log-likelihood, float32 [N]."""
    found = [torch.zeros(0, device=hidden.device)]
    for states, wanted in _pieces(hidden, labels, weight):
        logits = torch.nn.functional.linear(states.to(weight.dtype), weight).float()
        found.append(torch.nn.functional.cross_entropy(logits, wanted, reduction="none"))
    return torch.cat(found)


def _pieces(hidden: Tensor, labels: Tensor, weight: Tensor) -> list[tuple[Tensor, Tensor]]:
    size = max(1, _LOGITS // weight.shape[0])
    return list(zip(torch.split(hidden, size), torch.split(labels, size), strict=True)) if len(labels) else []


class _AnswerLoss(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, hidden: Tensor, weight: Tensor, labels: Tensor, scale: float) -> Tensor:
        wants_hidden, wants_weight = context.needs_input_grad[:2]
        dtype = torch.get_autocast_dtype(hidden.device.type) if torch.is_autocast_enabled(hidden.device.type) else weight.dtype
        with torch.autocast(hidden.device.type, enabled=False):
            table = weight.to(dtype)
            grad_hidden = torch.empty_like(hidden) if wants_hidden else None
            grad_weight = torch.zeros_like(weight) if wants_weight else None
            total = torch.zeros((), dtype=torch.float64, device=hidden.device)
            start = 0
            for states, wanted in _pieces(hidden.to(dtype), labels, weight):
                logits = torch.mm(states, table.t()).float()
                # In place: after this, ``logits`` holds log-probabilities, then the gradient.
                logits -= logits.logsumexp(1, keepdim=True)
                total -= logits.gather(1, wanted[:, None]).sum(dtype=torch.float64)
                logits.exp_()
                logits.scatter_add_(1, wanted[:, None], logits.new_full((len(wanted), 1), -1.0))
                logits *= scale
                slope = logits.to(dtype)
                if grad_hidden is not None:
                    grad_hidden[start : start + len(wanted)] = torch.mm(slope, table)
                if grad_weight is not None:
                    grad_weight += torch.mm(slope.t(), states)
                start += len(wanted)
        context.save_for_backward(grad_hidden, grad_weight)
        return (total * scale).float()

    @staticmethod
    def backward(context: Any, *grads: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        grad_hidden, grad_weight = context.saved_tensors
        of_hidden, of_weight = (None if grad is None else grad * grads[0] for grad in (grad_hidden, grad_weight))
        return of_hidden, of_weight, None, None
