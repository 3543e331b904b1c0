"""Checkpoints: all that a training needs to go on, in one folder that is whole or not there.

Each holds the trained weights in the hub's layout (``weights/``), the optimiser's moments, and ``state.json``, written last, with
every file's size and SHA-256. The order of rows and the random numbers follow from the seed and the step.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec
from torch import Tensor

from desktop.errors import UserError
from desktop.malformed import MALFORMED
from desktop.tuning.training import tensors
from desktop.tuning.training.folders import settle, whole_folder
from desktop.tuning.training.tensors import Written

KEPT = 2
"""So many are kept: should the last be damaged, the one before is used."""

WEIGHTS = "weights"
_STATE, _OPTIMISER = "state.json", "optimiser.safetensors"
_FORMAT = 1
_PREFIX = "step-"


class State(msgspec.Struct, frozen=True, kw_only=True):
    """Where a training stands after a step.

    Attributes:
        identity: of the base, the rows and the settings that decide the curve; another training's checkpoint is refused.
        batch: rows at once, which a lack of memory may have made smaller.
        evaluated: the last step that was evaluated; -1 for none.
        best_value, best_step: of the evaluations so far, as patience sees them.
        bad: evaluations since then.
        elapsed: s of training. tokens: seen.
        files: what belongs to it, by path.
        check: SHA-256 of all the rest.
    """

    format: int = _FORMAT
    identity: str
    step: int
    batch: int
    evaluated: int
    best_value: float | None
    best_step: int | None
    bad: int
    tokens: int
    elapsed: float
    files: dict[str, tuple[int, str]] = {}
    check: str = ""


class Loaded(NamedTuple):
    """A checkpoint that was found whole."""

    folder: Path
    state: State
    weights: Path
    optimiser: dict[str, Tensor]


def save(
    folder: Path,
    state: State,
    *,
    weights: Callable[[Path], Mapping[str, Written]],
    optimiser: Mapping[str, Tensor],
) -> Path:
    """Write a checkpoint below ``folder`` and remove those that are too old; the folder written.

    Args:
        weights: fills an empty folder with the weights' files and says what it wrote.

    Raises:
        UserError: the disk is full, ...; the checkpoints before are as they were.
    """
    target = folder / f"{_PREFIX}{state.step:08d}"
    with whole_folder(target, "The checkpoint") as hidden:
        (hidden / WEIGHTS).mkdir()
        files = {f"{WEIGHTS}/{name}": written for name, written in weights(hidden / WEIGHTS).items()}
        files[_OPTIMISER] = tensors.write_tensors(hidden / _OPTIMISER, optimiser)
        listed = msgspec.structs.replace(state, files={name: tuple(written) for name, written in files.items()})
        signed = msgspec.structs.replace(listed, check=_checksum(listed))
        tensors.write_bytes(hidden / _STATE, msgspec.json.format(msgspec.json.encode(signed)))
    keep(folder, KEPT)
    return target


def keep(folder: Path, count: int) -> None:
    """Remove all checkpoints but the newest ``count``."""
    for old in _folders(folder)[:-count]:
        shutil.rmtree(old, ignore_errors=True)


def newest(folder: Path) -> Path:
    """The last checkpoint's folder; there must be one."""
    return _folders(folder)[-1]


def load(folder: Path, identity: str, say: Callable[[str], None]) -> Loaded | None:
    """The last whole checkpoint; None when there is none at all.

    Args:
        say: is told of each that is damaged and passed over.

    Raises:
        UserError: all are damaged, or they are of another training.
    """
    damaged = 0
    for place in _all(folder)[::-1]:
        try:
            return _read(place, identity)
        except _Damaged as error:
            damaged += 1
            say(f"The checkpoint {place.name} is damaged ({error}); going on from the one before.")
    if damaged:
        raise UserError(
            "No checkpoint of this run is whole", path=folder, remedy="Begin a new run; the best weights so far may be usable."
        )
    return None


def load_one(place: Path, identity: str) -> Loaded:
    """A certain checkpoint; raises UserError when it is damaged or of another training."""
    try:
        return _read(place, identity)
    except _Damaged as error:
        raise UserError(f"The checkpoint is damaged: {error}", path=place) from error


class _Damaged(Exception):
    pass


def _read(place: Path, identity: str) -> Loaded:
    try:
        state = msgspec.json.decode((place / _STATE).read_bytes(), type=State)
    except (OSError, *MALFORMED) as error:
        raise _Damaged(f"{_STATE}: {error}") from error
    if state.format != _FORMAT:
        raise UserError(f"This checkpoint is of format {state.format}", path=place, remedy="Update Reprise.")
    if state.check != _checksum(state):
        raise _Damaged(f"{_STATE} has other content than was written")
    for name, (size, sha256) in state.files.items():
        _check(place / name, size, sha256)
    if state.identity != identity:
        raise UserError(
            "This run was begun with another base, other rows or other settings",
            path=place,
            remedy="Resume it with the settings it was begun with, or start a new run.",
        )
    try:
        optimiser = tensors.read_tensors(place / _OPTIMISER)
    except UserError as error:
        raise _Damaged(error.message) from error
    return Loaded(place, state, place / WEIGHTS, optimiser)


def _checksum(state: State) -> str:
    return hashlib.sha256(msgspec.json.encode(msgspec.structs.replace(state, check=""))).hexdigest()


def _check(path: Path, size: int, sha256: str) -> None:
    try:
        found = path.stat().st_size
        if found != size:
            raise _Damaged(f"{path.name} has {found} bytes instead of {size}")
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
                raise _Damaged(f"{path.name} has other content than was written")
    except OSError as error:
        raise _Damaged(f"{path.name}: {error.strerror}") from error


def _all(folder: Path) -> list[Path]:
    """All checkpoints, the oldest first, after putting right what a killed process left."""
    if not folder.is_dir():
        return []
    for entry in list(folder.iterdir()):
        if entry.name.startswith(f".{_PREFIX}"):
            settle(folder / entry.name.removeprefix(".").rpartition(".")[0])
    return _folders(folder)


def _folders(folder: Path) -> list[Path]:
    return sorted(entry for entry in folder.iterdir() if entry.name.startswith(_PREFIX))
