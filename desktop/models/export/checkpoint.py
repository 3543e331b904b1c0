"""Weights out of a PyTorch checkpoint that a stranger made: nothing in it is executed, nothing in it decides how much is read."""

from __future__ import annotations

import pickle
import re
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from desktop.errors import UserError
from desktop.plain_files import check_plain

_MOST_BYTES, _MOST_INDEX, _MOST_MEMBERS = 4 << 30, 32 << 20, 20_000
_WRAPPERS = ("params_ema", "params", "state_dict")
_PLAIN: list[Any] = [
    (kind, f"{module}.{kind.__name__}") for module in ("builtins", "__builtin__") for kind in (dict, list, int, float, str, bool)
]
_PLAIN += [(int, "__builtin__.long"), (defaultdict, "collections.defaultdict")]
_SHOWN = 3
_REMEDY = "Get the file again from its makers' page."
_GLOBAL = re.compile(r"GLOBAL ([\w.]+)|global(?:: | )`?([\w.]+)", re.IGNORECASE)


class Inert:
    """Stands in for a class of a program's settings: keeps nothing and does nothing."""

    def __init__(self, *_args: object) -> None:
        pass

    def __setstate__(self, _state: object) -> None:
        pass


def read(path: Path, settings: Sequence[str] = ()) -> dict[str, Tensor]:
    """The weights by name, as float32 on the CPU.

    Args:
        settings: full names of classes that lie beside the weights and are of no use; they are not imported.

    Raises:
        UserError: not a checkpoint, cut off, larger inside than outside, of a form that can run programs, or with something else
            than weights in it.
    """
    _check_archive(path)
    try:
        with torch.serialization.safe_globals([*_PLAIN, *((Inert, name) for name in settings)] if settings else []):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise _unpickling(error, path) from error
    except MemoryError:
        raise
    except Exception as error:
        # torch has no error class of its own for a damaged file; whatever it raises, the file is at fault.
        text = " ".join(str(error).split())[:200]
        raise UserError(f"The checkpoint is damaged: {text}", path=path, remedy=_REMEDY) from error
    weights = next((content[key] for key in _WRAPPERS if isinstance(content, dict) and key in content), content)
    if not isinstance(weights, Mapping) or not weights:
        raise UserError("The checkpoint holds no weights by name", path=path)
    for name, value in weights.items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            raise UserError(f"The checkpoint holds something else than weights: {str(name)[:80]}", path=path)
    return dict(weights)


def match(weights: Mapping[str, Tensor], wanted: Mapping[str, Tensor], network: str, path: Path) -> dict[str, Tensor]:
    """``weights`` as float32, after making sure that they are those of a network.

    Raises:
        UserError: some are missing, too many, of another shape, or no numbers; names the first of them.
    """
    missing = [name for name in wanted if name not in weights]
    extra = [name for name in weights if name not in wanted]
    wrong = [
        f"{name} is {list(weights[name].shape)} instead of {list(value.shape)}"
        for name, value in wanted.items()
        if name in weights and weights[name].shape != value.shape
    ]
    said = [
        f"{len(names)} of {total} weights {words} ({', '.join(names[:_SHOWN])}{', ...' if len(names) > _SHOWN else ''})"
        for names, total, words in (
            (missing, len(wanted), "are missing"),
            (wrong, len(wanted), "have another shape"),
            (extra, len(weights), "do not belong to it"),
        )
        if names
    ]
    if said:
        raise UserError(f"This checkpoint is not {network}: {'; '.join(said)}", path=path)
    found = {}
    for name, value in wanted.items():
        found[name] = weights[name].to(value.dtype)
        if not bool(torch.isfinite(found[name]).all()):
            raise UserError(f"The checkpoint is damaged: {name} holds values that are not numbers", path=path, remedy=_REMEDY)
    return found


def _check_archive(path: Path) -> None:
    """Raise UserError unless the file is a zip archive as torch writes it, which unpacks to no more than it takes."""
    try:
        check_plain(path)
        size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(4)
    except OSError as error:
        raise UserError(f"The checkpoint cannot be read: {error.strerror}", path=path) from error
    if not size:
        raise UserError("The checkpoint is empty", path=path, remedy=_REMEDY)
    if size > _MOST_BYTES:
        raise UserError("The checkpoint is too large", path=path)
    if start[:1] == b"\x80":
        raise UserError(
            "This checkpoint is a bare pickle, a form that can run programs when it is opened, so it was not opened",
            path=path,
            remedy="Save it again with PyTorch 1.6 or newer.",
        )
    if start != b"PK\x03\x04":
        raise UserError("This is not a PyTorch checkpoint", path=path)
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, zlib.error, OSError, ValueError, NotImplementedError) as error:
        raise UserError("The checkpoint is cut off or damaged", path=path, remedy=_REMEDY) from error
    index = sum(member.file_size for member in members if member.filename.endswith(".pkl"))
    if sum(member.file_size for member in members) > size or index > _MOST_INDEX or len(members) > _MOST_MEMBERS:
        raise UserError("The checkpoint claims to hold more than the file can, so it was not opened", path=path, remedy=_REMEDY)


def _unpickling(error: pickle.UnpicklingError, path: Path) -> UserError:
    found = _GLOBAL.search(str(error))
    name = next((group for group in found.groups() if group), "") if found else ""
    if name:
        return UserError(
            f"This checkpoint asks to run '{name}', which weights have no need of, so it was not opened",
            path=path,
            remedy="Do not open it with other programs either; get the file from its makers' page.",
        )
    return UserError("The checkpoint is damaged or holds something else than weights", path=path, remedy=_REMEDY)
