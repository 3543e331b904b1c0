"""Folders of exported models: written whole or not at all, and never over anything else."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from desktop.alive import is_alive
from desktop.errors import UserError
from desktop.jobs.progress import Progress
from desktop.paths import atomic_write, make_folder
from desktop.tuning.model_card import is_export

_BLOCK = 8 << 20
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def check_place(target: Path) -> None:
    """Raise UserError unless ``target`` may be written: it does not exist, is empty, or holds an exported model."""
    if target.is_dir():
        if not is_export(target) and any(target.iterdir()):
            raise UserError(
                "This folder holds something else than an exported model", path=target, remedy="Choose another folder."
            )
    elif target.exists() or target.is_symlink():
        raise UserError("This is a file, not a folder", path=target, remedy="Choose another folder.")


@contextlib.contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """A hidden folder beside ``target`` to fill, which then takes its place; after any exception all is as it was.

    Raises:
        UserError: ``target`` must not be written, or cannot be.
    """
    check_place(target)
    make_folder(target.parent)
    hidden, aside = (target.with_name(f".{target.name}.{os.getpid()}-{secrets.token_hex(4)}.{kind}") for kind in ("part", "old"))
    with _explained(target):
        _clear(target)
        hidden.mkdir()
    try:
        yield hidden
        with _explained(target):
            _sync(hidden)
            _put(hidden, target, aside)
    finally:
        shutil.rmtree(hidden, ignore_errors=True)
        if target.exists():
            shutil.rmtree(aside, ignore_errors=True)


def _put(hidden: Path, target: Path, aside: Path) -> None:
    """Let ``hidden`` take the place of ``target``, or leave that as it was."""
    if target.exists():
        target.replace(aside)
    try:
        hidden.replace(target)
    except OSError:
        with contextlib.suppress(OSError):
            aside.replace(target)
        raise
    _sync(target.parent)


@contextlib.contextmanager
def _explained(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = "the disk is full" if error.errno in _FULL else (error.strerror or str(error))
        raise UserError(
            f"The model could not be written: {reason}", path=target, remedy="Free some space or choose another folder."
        ) from error


def copy_into(folder: Path, files: Iterable[Path], progress: Progress | None = None) -> None:
    """Copy files into ``folder`` under their names, synced; raises UserError when the disk is full."""
    for file in files:
        with file.open("rb") as source, atomic_write(folder / file.name) as out:
            while block := source.read(_BLOCK):
                out.write(block)
                if progress is not None:
                    progress.checkpoint()


def _clear(target: Path) -> None:
    """Remove what killed writers of ``target`` left, and bring back what one had moved aside."""
    mine = re.compile(rf"^\.{re.escape(target.name)}\.(\d+)-[0-9a-f]{{8}}\.(part|old)$")
    for entry in sorted(target.parent.iterdir()):
        match = mine.match(entry.name)
        if match is None or is_alive(int(match[1])):
            continue
        if match[2] == "old" and not target.exists():
            entry.replace(target)
        else:
            shutil.rmtree(entry, ignore_errors=True)


def _sync(folder: Path) -> None:
    """See names in a folder onto the disk, where folders can be synced (not on Windows)."""
    if os.name != "posix":
        return
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
