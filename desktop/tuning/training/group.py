"""The processes of one training: what they agree on and add up at each step.

Each computes its share of a step's rows; gradients are summed, so all make the same step, as if one had done everything.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor

_PATIENCE = timedelta(days=7)
_BUCKET = 8 << 20
"""Numbers that are sent together."""


class Alone:
    """One process; nothing to agree on."""

    processes = 1
    process = 0

    def worst(self, verdict: int) -> int:
        """The greatest of all processes' verdicts."""
        return verdict

    def total(self, values: Sequence[float]) -> list[float]:
        """Sums over all processes."""
        return list(values)

    def add_up(self, tensors: Sequence[Tensor]) -> None:
        """Replace tensors by their sums over all processes."""

    def leave(self) -> None:
        """End the connection."""


class Together(Alone):
    """One of several processes on this computer.

    Args:
        meeting: a file that all name and none has made. device: where this process's tensors are.
    """

    def __init__(self, meeting: Path, processes: int, process: int, device: torch.device) -> None:
        self.processes, self.process = processes, process
        # Small numbers go through the CPU, where waiting for a process that is still loading costs nothing.
        dist.init_process_group(
            "gloo", init_method=meeting.absolute().as_uri(), world_size=processes, rank=process, timeout=_PATIENCE
        )
        self._gradients = dist.new_group(backend="nccl") if device.type == "cuda" else None

    def worst(self, verdict: int) -> int:
        value = torch.tensor([verdict])
        dist.all_reduce(value, dist.ReduceOp.MAX)
        return int(value)

    def total(self, values: Sequence[float]) -> list[float]:
        sums = torch.tensor(values, dtype=torch.float64)
        dist.all_reduce(sums)
        return [float(value) for value in sums]

    def add_up(self, tensors: Sequence[Tensor]) -> None:
        for bucket in _buckets(tensors):
            flat = torch.cat([tensor.reshape(-1) for tensor in bucket])
            dist.all_reduce(flat, group=self._gradients)
            for tensor, part in zip(bucket, torch.split(flat, [tensor.numel() for tensor in bucket]), strict=True):
                tensor.copy_(part.view_as(tensor))

    def leave(self) -> None:
        dist.destroy_process_group()


def _buckets(tensors: Sequence[Tensor]) -> list[list[Tensor]]:
    found: list[list[Tensor]] = []
    room = 0
    for tensor in tensors:
        if not found or tensor.numel() > room:
            found.append([])
            room = _BUCKET
        found[-1].append(tensor)
        room -= tensor.numel()
    return found
