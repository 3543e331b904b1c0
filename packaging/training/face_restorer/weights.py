"""Read and carry over weights: from checkpoints, safetensors or a shipped ONNX file, also into a larger network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn


def read_weights(path: Path) -> dict[str, Tensor]:
    """Return named float32 tensors from a checkpoint (.pt, averaged weights), .safetensors or .onnx file."""
    if path.suffix == ".onnx":
        import onnx
        from onnx import numpy_helper

        graph = onnx.load(str(path)).graph
        arrays = {i.name: np.array(numpy_helper.to_array(i)) for i in graph.initializer}
        return {n: torch.from_numpy(a).float() for n, a in arrays.items() if a.dtype in (np.float16, np.float32)}
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        return {n: t.float() for n, t in load_file(str(path)).items()}
    return torch.load(path, map_location="cpu", weights_only=True)["average"]


def _renamed(name: str) -> str:
    """Give the tensors of the very first network (a repair alone, no prefix) their names in this one."""
    if name.split(".")[0] in ("inp", "enc", "down", "pos", "mid", "up", "dec", "out"):
        name = f"repair.{name}"
        if name.startswith("repair.up."):
            name = name.replace(".weight", ".conv.weight").replace(".bias", ".conv.bias")
    return name


def _fits(small: torch.Size, large: torch.Size) -> bool:
    return len(small) == len(large) and all(a <= b for a, b in zip(small, large, strict=True))


def carry_over(model: nn.Module, weights: dict[str, Tensor]) -> list[str]:
    """Copy weights into a model of the same or a larger shape; return the names that were not found.

    Where the model is wider, the old values keep their rows and columns.  New rows stay as they were initialised, and what
    old rows read from new columns is zero: the model starts by computing what the old one computed.  New residual blocks
    start as the identity by themselves.  Only a wider bottom level (16 px) changes it a little, because the attention there
    normalises over all channels.
    """
    weights = {_renamed(name): value for name, value in weights.items()}
    missing = []
    with torch.no_grad():
        for name, target in model.named_parameters():
            source = weights.get(name)
            if source is None or not _fits(source.shape, target.shape):
                missing.append(name)
                continue
            if source.dim() > 1 and name.endswith("weight"):
                target[: source.shape[0]] = 0.0
            target[tuple(slice(0, n) for n in source.shape)] = source
    return missing
