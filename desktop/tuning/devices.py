"""Which GPUs a training takes, by the names that ``CUDA_VISIBLE_DEVICES`` knows. Nothing heavy is imported here."""

from __future__ import annotations

import os


def gpu_names(processes: int, visible: str | None = None) -> list[str]:
    """The GPUs of a training's processes, the worker's own first.

    Args:
        visible: what the worker's environment shows it; read from there when None. It shows one GPU to each worker, so the
            others are found by counting.
    """
    shown = os.environ.get("CUDA_VISIBLE_DEVICES") if visible is None else visible
    own = [word.strip() for word in (shown or "").split(",") if word.strip()] or ["0"]
    if len(own) >= processes:
        return own[:processes]
    others = [str(number) for number in range(processes + len(own)) if str(number) not in own]
    return (own + others)[:processes]


def places(device: str, processes: int) -> list[str]:
    """Names of what a training keeps busy, in an order that all trainings share: "cpu", or "cuda-0", "cuda-1", ..."""
    return sorted(f"cuda-{name}" for name in gpu_names(processes)) if device == "cuda" else ["cpu"]
