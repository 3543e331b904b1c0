"""A head's training on the disk: one small file to go on from."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from desktop.errors import UserError
from desktop.malformed import MALFORMED_ARRAYS
from desktop.paths import atomic_write, make_folder

NAME = "head.npz"
_FACTS = "facts"
_FORMAT = 1

Arrays = Mapping[str, npt.NDArray[Any]]


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """Where a training stands.

    Attributes:
        identity: of the rows' values and the settings; another training's is refused.
        step: steps done. phase: which of the penalties it is at. inner: steps at that one.
        best_*: of the evaluations so far. phase_value: the lowest validation loss at this penalty. bad: penalties without a
            better one.
        elapsed: s of training.
    """

    format: int = _FORMAT
    identity: str
    step: int = 0
    phase: int = 0
    inner: int = 0
    best_value: float | None = None
    best_step: int | None = None
    best_phase: int = 0
    phase_value: float | None = None
    bad: int = 0
    is_over: bool = False
    elapsed: float = 0.0


def save(folder: Path, position: Position, arrays: Arrays) -> None:
    """Write both, in place of what was there; raises UserError when the disk is full."""
    buffer = BytesIO()
    facts = np.frombuffer(msgspec.json.encode(position), np.uint8)
    np.savez(buffer, allow_pickle=False, **{_FACTS: facts}, **arrays)
    with atomic_write(make_folder(folder) / NAME) as out:
        out.write(buffer.getbuffer())


def load(folder: Path, identity: str) -> tuple[Position, dict[str, npt.NDArray[Any]]] | None:
    """What was saved; None when there is nothing, or nothing that can be read: a head is trained again in seconds.

    Raises:
        UserError: it is of another training.
    """
    path = folder / NAME
    with contextlib.suppress(OSError, *MALFORMED_ARRAYS):
        with path.open("rb") as file, np.load(file, allow_pickle=False) as found:
            arrays = {name: found[name] for name in found.files}
        position = msgspec.json.decode(arrays.pop(_FACTS).tobytes(), type=Position)
        if position.format != _FORMAT:
            return None
        if position.identity != identity:
            raise UserError(
                "This run was begun with another base, other rows or other settings",
                path=path,
                remedy="Resume it with the settings it was begun with, or start a new run.",
            )
        return position, arrays
    return None
