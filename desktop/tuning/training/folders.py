"""Folders that appear whole or not at all, and are replaced so that one of both is always to be found."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from desktop.errors import UserError
from desktop.paths import make_folder

_NEW, _OLD = "new", "old"
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@contextlib.contextmanager
def whole_folder(target: Path, what: str) -> Iterator[Path]:
    """A hidden folder to fill with synced files, which then takes ``target``'s place; removed when anything fails.

    Raises:
        UserError: the disk is full or cannot be written to; what was at ``target`` is as it was.
    """
    make_folder(target.parent)
    hidden = target.with_name(f".{target.name}.{_NEW}-{secrets.token_hex(4)}")
    aside = target.with_name(f".{target.name}.{_OLD}-{secrets.token_hex(4)}")
    try:
        hidden.mkdir()
        yield hidden
        sync(hidden)
        if target.exists():
            target.replace(aside)
        hidden.replace(target)
        sync(target.parent)
    except OSError as error:
        shutil.rmtree(hidden, ignore_errors=True)
        settle(target)
        full = error.errno in _FULL
        reason = "the disk is full" if full else (error.strerror or str(error))
        raise UserError(
            f"{what} could not be saved: {reason}",
            path=target.parent,
            remedy="Free some space, then resume the run: what was saved before is whole."
            if full
            else "Resume the run when the disk can be written to.",
        ) from error
    except BaseException:
        shutil.rmtree(hidden, ignore_errors=True)
        settle(target)
        raise
    shutil.rmtree(aside, ignore_errors=True)


def settle(target: Path) -> None:
    """Put right what a killed process left of ``whole_folder``: an old folder that was moved aside comes back."""
    if not target.parent.is_dir():
        return
    mine = re.compile(rf"^\.{re.escape(target.name)}\.({_NEW}|{_OLD})-[0-9a-f]{{8}}$")
    for entry in sorted(target.parent.iterdir()):
        match = mine.match(entry.name)
        if match is None:
            continue
        if match[1] == _OLD and not target.exists():
            entry.replace(target)
        else:
            shutil.rmtree(entry, ignore_errors=True)


def sync(folder: Path) -> None:
    """See names in a folder onto the disk, where folders can be synced (not on Windows)."""
    if os.name != "posix":
        return
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def link_or_copy(source: Path, target: Path) -> None:
    """The same file under another name: one more name for it where the disk can do that, else a synced copy."""
    try:
        os.link(source, target)
    except OSError:
        with source.open("rb") as read, target.open("xb") as written:
            shutil.copyfileobj(read, written, 16 << 20)
            written.flush()
            os.fsync(written.fileno())
