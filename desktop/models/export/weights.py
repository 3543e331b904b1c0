"""Weights of a model folder, read one at a time without torch: safetensors, whole or in shards.

The format: eight bytes with the length of a JSON header that says where each tensor lies, then the tensors
(github.com/huggingface/safetensors, "Format").
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from desktop.errors import UserError
from desktop.malformed import MALFORMED
from desktop.models.catalog import is_safe_name
from desktop.plain_files import check_plain, read_plain

SINGLE, INDEX = "model.safetensors", "model.safetensors.index.json"
_MOST_AXES = 32
_MAX_HEADER = 100 << 20
_DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}
_AGAIN = "Get the model again, or choose another one."

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class _Place:
    file: Path
    kind: str
    shape: tuple[int, ...]
    offset: int


class Weights:
    """The floating-point tensors of a folder in the hub's layout, by name.

    Args:
        folder: holds model.safetensors, or shards with their index; or a file of safetensors.

    Raises:
        UserError: there are none (or pickles only), a shard is missing, or a file is damaged.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._places: dict[str, _Place] = {}
        for file in weight_files(folder):
            self._places.update(_places(file))

    def __contains__(self, name: object) -> bool:
        return name in self._places

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def shape(self, name: str) -> tuple[int, ...]:
        """Raises UserError when there is no such tensor."""
        return self._place(name).shape

    def read(self, name: str, *shape: int) -> Floats:
        """A tensor as float32; mapped and read-only where the file has it so.

        Args:
            shape: what is expected; anything when left out.

        Raises:
            UserError: there is no such tensor, or its shape is another one.
        """
        place = self._place(name)
        if shape and place.shape != shape:
            raise UserError(f"The weight {name} has the shape {place.shape}, where {shape} was expected", path=place.file)
        if 0 in place.shape:
            return np.zeros(place.shape, np.float32)
        raw: npt.NDArray[Any] = np.memmap(place.file, _DTYPES[place.kind], "r", place.offset, place.shape or (1,))
        raw = raw.reshape(place.shape)
        if place.kind == "BF16":
            # The upper half of a float32.
            return (raw.astype(np.uint32) << 16).view(np.float32)
        return np.asarray(raw).astype(np.float32, copy=False)

    def _place(self, name: str) -> _Place:
        if name not in self._places:
            raise UserError(f"The model has no weight {name}", path=self.folder, remedy=_AGAIN)
        return self._places[name]


def weight_files(folder: Path) -> list[Path]:
    """The files of safetensors in a model's folder, each in the folder itself; raises UserError as ``Weights`` does."""
    if folder.is_file():
        return [folder]
    if (folder / INDEX).is_file():
        names = sorted(set(_index(folder / INDEX).values()))
        missing = [name for name in names if Path(name).name != name or not (folder / name).is_file()]
        if missing:
            raise UserError(
                f"{len(missing)} of the model's {len(names)} files with weights are missing: {', '.join(missing[:3])}",
                path=folder,
                remedy=_AGAIN,
            )
        return [folder / name for name in names]
    if (folder / SINGLE).is_file():
        return [folder / SINGLE]
    pickles = any(folder.glob("*.bin")) or any(folder.glob("*.pt")) or any(folder.glob("*.pth"))
    reason = "its weights are pickles, which can run programs and are not opened" if pickles else f"there is no {SINGLE}"
    raise UserError(
        f"The model cannot be read: {reason}", path=folder, remedy="Convert it to safetensors, or choose another one."
    )


def _index(path: Path) -> Mapping[str, str]:
    try:
        found = json.loads(read_plain(path))["weight_map"]
    except (OSError, *MALFORMED, KeyError, TypeError) as error:
        raise UserError(f"The list of the model's files cannot be read: {error}", path=path, remedy=_AGAIN) from error
    if isinstance(found, dict) and all(
        isinstance(name, str) and is_safe_name(name) and len(name) < 256 for name in found.values()
    ):
        return found
    raise UserError("The list of the model's files is damaged", path=path, remedy=_AGAIN)


def _places(path: Path) -> Iterator[tuple[str, _Place]]:
    """Each float tensor of a file; those of other types (masks, counters) are passed over."""
    check_plain(path)
    size = path.stat().st_size
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > min(size - 8, _MAX_HEADER):
                raise ValueError("its header is longer than the file")
            header = json.loads(file.read(length))
        for name, entry in header.items():
            if name == "__metadata__" or entry["dtype"] not in _DTYPES:
                continue
            shape, (start, end) = tuple(int(axis) for axis in entry["shape"]), entry["data_offsets"]
            wanted = math.prod(shape) * np.dtype(_DTYPES[entry["dtype"]]).itemsize
            fits = (
                len(shape) <= _MOST_AXES and all(0 <= axis <= size for axis in shape) and 0 <= start <= end <= size - 8 - length
            )
            if not fits or end - start != wanted:
                raise ValueError(f"the weight {name} does not lie within it")
            yield name, _Place(path, entry["dtype"], shape, 8 + length + start)
    except OSError as error:
        raise UserError(f"The weights cannot be read: {error.strerror}", path=path) from error
    except (*MALFORMED, OverflowError, KeyError, TypeError, struct.error, AttributeError) as error:
        raise UserError(f"The file of weights is damaged: {error}", path=path, remedy=_AGAIN) from error
