"""The processes of one training: what they add up at each step, through Hugging Face Accelerate.

Each computes its share of a step's rows; gradients are summed, so all make the same step, as if one had done everything.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import torch
from accelerate import PartialState
from accelerate.utils import check_cuda_p2p_ib_support, patch_environment, reduce
from torch import Tensor

_PATIENCE = timedelta(days=7)
_BUCKET = 8 << 20
"""Numbers that are sent together."""
_BOTH = "cuda:nccl,cpu:gloo"
"""Small numbers go through the CPU also on GPUs: waiting there for a process that is still loading costs nothing."""


class Alone:
    """One process; nothing to agree on."""

    processes = 1
    process = 0

    def total(self, values: Sequence[float]) -> list[float]:
        """Sums over all processes."""
        return list(values)

    def add_up(self, tensors: Sequence[Tensor]) -> None:
        """Replace tensors by their sums over all processes."""

    def leave(self) -> None:
        """End the connection."""


class Together(Alone):
    """One of several processes on this computer.

    They meet through a file and talk over the loopback interface only: no other computer can reach them.

    Args:
        meeting: a file that all name and none has made. device: where this process's tensors are; it sees one GPU.
    """

    def __init__(self, meeting: Path, processes: int, process: int, device: torch.device) -> None:
        self.processes, self.process = processes, process
        on_gpu = device.type == "cuda"
        # The state is one for the whole process, which may have trained in a group before.
        PartialState._reset_state()
        with contextlib.ExitStack() as undo:
            undo.enter_context(patch_environment(**_environment(processes, process, on_gpu)))
            self._state = PartialState(
                cpu=not on_gpu,
                backend=_BOTH if on_gpu else "gloo",
                init_method=meeting.absolute().as_uri(),
                world_size=processes,
                rank=process,
                timeout=_PATIENCE,
            )
            self._undo = undo.pop_all()

    def total(self, values: Sequence[float]) -> list[float]:
        sums: Tensor = reduce(torch.tensor(values, dtype=torch.float64), "sum")
        return [float(value) for value in sums]

    def add_up(self, tensors: Sequence[Tensor]) -> None:
        for bucket in _buckets(tensors):
            flat: Tensor = reduce(torch.cat([tensor.reshape(-1) for tensor in bucket]), "sum")
            for tensor, part in zip(bucket, torch.split(flat, [tensor.numel() for tensor in bucket]), strict=True):
                tensor.copy_(part.view_as(tensor))

    def leave(self) -> None:
        self._state.destroy_process_group()
        PartialState._reset_state()
        self._undo.close()


def _environment(processes: int, process: int, on_gpu: bool) -> dict[str, str]:
    """What Accelerate and the libraries below it read there. Each process sees its GPU only, as number 0."""
    found = {
        "RANK": str(process),
        "WORLD_SIZE": str(processes),
        "LOCAL_RANK": "0" if on_gpu else str(process),
        "LOCAL_WORLD_SIZE": str(processes),
        "MASTER_PORT": "0",
        "OMP_NUM_THREADS": str(torch.get_num_threads()),
    }
    for name in _loopback():
        found |= {"GLOO_SOCKET_IFNAME": name, "NCCL_SOCKET_IFNAME": name}
    if on_gpu and not check_cuda_p2p_ib_support():
        found |= {"NCCL_P2P_DISABLE": "1", "NCCL_IB_DISABLE": "1"}
    return found


def _loopback() -> list[str]:
    return [name for _, name in socket.if_nameindex() if name in ("lo", "lo0")][:1]


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
