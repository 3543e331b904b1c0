"""Safetensors, tensor by tensor, so that a model need not fit into memory twice. Format: github.com/huggingface/safetensors."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from desktop.jobs.progress import Progress
from desktop.models.files import explained_writes
from desktop.paths import atomic_write

_ALIGNED = 8


def write(
    path: Path,
    shapes: Mapping[str, tuple[int, ...]],
    tensors: Iterable[tuple[str, npt.NDArray[np.float32]]],
    progress: Progress,
) -> None:
    """Write float32 tensors; each of ``shapes`` comes once, in that order.

    Raises:
        ValueError: a tensor that was not expected, or of another shape.
        UserError: the disk is full, ...
    """
    head: dict[str, object] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, shape in shapes.items():
        start, end = end, end + 4 * math.prod(shape)
        head[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [start, end]}
    text = msgspec.json.encode(head)
    text += b" " * (-len(text) % _ALIGNED)
    expected, done = iter(shapes.items()), 0
    with explained_writes(path), atomic_write(path) as out:
        out.write(struct.pack("<Q", len(text)) + text)
        for (name, shape), (given, numbers) in zip(expected, tensors, strict=True):
            if (name, shape) != (given, numbers.shape):
                raise ValueError(f"{given} {numbers.shape} where {name} {shape} is expected")
            out.write(np.ascontiguousarray(numbers, "<f4").data)
            done += numbers.nbytes
            progress.at(done / end, f"Writing {path.name}")
