"""Tensors in safetensors files, written as a stream and hashed on the way; no pickle anywhere.

The format: eight bytes with the header's length, a JSON header (name -> dtype, shape, place), the numbers.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

import torch

from desktop.errors import UserError

_NAMES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.bfloat16: "BF16",
    torch.float16: "F16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}
DTYPES = {name: dtype for dtype, name in _NAMES.items()}
_BLOCK = 16 << 20


class Written(NamedTuple):
    """A finished file: its bytes and their SHA-256."""

    size: int
    sha256: str


class Planned(NamedTuple):
    """A tensor to come."""

    name: str
    dtype: torch.dtype
    shape: Sequence[int]

    @property
    def size(self) -> int:
        """Its bytes."""
        count = 1
        for length in self.shape:
            count *= length
        return count * self.dtype.itemsize


def write_tensors(path: Path, tensors: Mapping[str, torch.Tensor], metadata: Mapping[str, str] | None = None) -> Written:
    """Write a new file and see it onto the disk; raises OSError as the system does."""
    planned = [Planned(name, tensor.dtype, tuple(tensor.shape)) for name, tensor in tensors.items()]
    return write_stream(path, planned, tensors.__getitem__, metadata)


def write_stream(
    path: Path,
    planned: Iterable[Planned],
    make: Callable[[str], torch.Tensor],
    metadata: Mapping[str, str] | None = None,
) -> Written:
    """Like ``write_tensors``, with tensors that ``make`` brings one after another, so that one at a time is in memory."""
    planned = list(planned)
    header: dict[str, object] = {"__metadata__": {"format": "pt", **(metadata or {})}}
    place = 0
    for item in planned:
        header[item.name] = {
            "dtype": _NAMES[item.dtype],
            "shape": list(item.shape),
            "data_offsets": [place, place + item.size],
        }
        place += item.size
    head = json.dumps(header, separators=(",", ":")).encode()
    head += b" " * (-len(head) % 8)
    with path.open("xb") as file:
        sink = _Hashed(file)
        sink.write(len(head).to_bytes(8, "little") + head)
        for item in planned:
            tensor = make(item.name)
            if tensor.dtype != item.dtype or tuple(tensor.shape) != tuple(item.shape):
                raise ValueError(f"{item.name}: {tensor.dtype} {tuple(tensor.shape)} where {item} was planned")
            sink.tensor(tensor)
        file.flush()
        os.fsync(file.fileno())
    return Written(8 + len(head) + place, sink.sha256)


def write_bytes(path: Path, data: bytes) -> Written:
    """Write a new small file and see it onto the disk."""
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return Written(len(data), hashlib.sha256(data).hexdigest())


def read_tensors(path: Path) -> dict[str, torch.Tensor]:
    """All tensors of a file, on the CPU.

    Raises:
        UserError: it cannot be read, or is no safetensors file.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise UserError(f"The weights cannot be read: {error}", path=path) from error


class _Hashed:
    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._digest = hashlib.sha256()

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    def write(self, data: bytes | memoryview) -> None:
        self._file.write(data)
        self._digest.update(data)

    def tensor(self, tensor: torch.Tensor) -> None:
        plain = tensor.detach().to("cpu").contiguous().reshape(-1)
        if not plain.numel():
            return
        data = memoryview(plain.view(torch.uint8).numpy().data)
        for start in range(0, len(data), _BLOCK):
            self.write(data[start : start + _BLOCK])
