"""What a safetensors file holds, from its head alone: names, types, shapes. Nothing is loaded, no library is needed."""

from __future__ import annotations

import math
import struct
from pathlib import Path
from typing import NamedTuple

import msgspec

from desktop.errors import UserError
from desktop.malformed import MALFORMED
from desktop.plain_files import check_plain

_MOST_HEAD = 100 << 20
_BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E4M3": 8, "F8_E5M2": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16,
    "I32": 32, "U32": 32, "F32": 32, "I64": 64, "U64": 64, "F64": 64,
}  # fmt: skip
FLOATS = ("F64", "F32", "F16", "BF16")


class Tensor(NamedTuple):
    """One tensor's type ("F32", ...) and shape."""

    dtype: str
    shape: tuple[int, ...]

    @property
    def numbers(self) -> int:
        """How many it holds."""
        return math.prod(self.shape)


class _Described(msgspec.Struct):
    dtype: str
    shape: list[int]
    data_offsets: tuple[int, int]


def read(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file by name.

    Raises:
        UserError: it is not one, or it is cut off or longer than its head says.
    """
    check_plain(path)
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(8)
            (length,) = struct.unpack("<Q", start) if len(start) == 8 else (0,)
            if not 2 <= length <= min(_MOST_HEAD, max(0, size - 8)):
                raise _damaged(path, "its head is not there")
            raw = msgspec.json.decode(file.read(length), type=dict[str, msgspec.Raw])
        raw.pop("__metadata__", None)
        found = {name: msgspec.json.decode(value, type=_Described) for name, value in raw.items()}
    except OSError as error:
        raise UserError(f"The weights cannot be read: {error.strerror}", path=path) from error
    except MALFORMED as error:
        raise _damaged(path, "its head cannot be read") from error
    _check_extent(found, size - 8 - length, path)
    return {name: Tensor(value.dtype, tuple(value.shape)) for name, value in found.items()}


def _check_extent(found: dict[str, _Described], room: int, path: Path) -> None:
    end = 0
    for name, value in found.items():
        start, stop = value.data_offsets
        bits = _BITS.get(value.dtype)
        if any(side < 0 for side in value.shape) or not 0 <= start <= stop:
            raise _damaged(path, f"{name[:80]} lies outside of the file")
        if bits is not None and (stop - start) * 8 != bits * math.prod(value.shape):
            raise _damaged(path, f"{name[:80]} has another size than its shape")
        end = max(end, stop)
    if end > room:
        raise _damaged(path, f"{end - room} bytes are missing at its end")
    if end < room:
        raise _damaged(path, f"it has {room - end} bytes too many")


def _damaged(path: Path, why: str) -> UserError:
    return UserError(f"The weights are damaged: {why}", path=path, remedy="Get the file again from where it came from.")
