"""Where things are, and the one way to write them.

``REPRISE_HOME`` puts data, settings, cache and logs below one folder; ``REPRISE_MODELS`` puts the models elsewhere.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from desktop.alive import is_alive
from desktop.errors import UserError

_APP = "reprise"
_undiscarded: set[Path] = set()
"""Half-written files of this process that could not be removed."""
_LEFTOVER = re.compile(r"^\..*\.(\d+)-[0-9a-f]{8}\.part$", re.DOTALL)
_LEFTOVER_AGE_S = 600.0

_REASONS = {
    errno.ENOSPC: ("the disk is full", "Free some space or choose another folder."),
    errno.EDQUOT if hasattr(errno, "EDQUOT") else -1: ("your disk quota is used up", "Free some space or choose another folder."),
    errno.EFBIG: ("the file got larger than the system allows", "Choose another disk."),
    errno.EROFS: ("the disk is read-only", "Choose another folder."),
    errno.EACCES: ("there is no permission to write there", "Choose another folder or change its permissions."),
    errno.EPERM: ("there is no permission to write there", "Choose another folder or change its permissions."),
    errno.ENOENT: ("its folder does not exist", "Make the folder first or choose another one."),
    errno.ENOTDIR: ("part of its path is a file, not a folder", "Choose another folder."),
    errno.EISDIR: ("there is a folder with that name", "Choose another name."),
    errno.ENAMETOOLONG: ("the name is too long", "Choose a shorter name."),
    errno.EIO: ("the disk reports an error", "Check the disk or choose another one."),
}


def data_dir() -> Path:
    """Queue, projects' recovery files and other data of the user."""
    return _folder("data")


def config_dir() -> Path:
    """Settings."""
    return _folder("config")


def cache_dir() -> Path:
    """What can be made again: analyses, decoded audio, scratch folders of jobs."""
    return _folder("cache")


def log_dir() -> Path:
    """Logs and crash reports."""
    return _folder("log")


def models_dir() -> Path:
    """Installed models."""
    elsewhere = os.environ.get("REPRISE_MODELS")
    return make_folder(Path(elsewhere)) if elsewhere else make_folder(data_dir() / "models")


def resources() -> Path:
    """Files that come with Reprise: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).resolve().parent
    inside = package / "_resources"
    return inside if inside.is_dir() else package.parent / "resources"


def make_folder(path: Path) -> Path:
    """Make a folder with its parents; raises UserError when that cannot be done."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise UserError("This is a file, not a folder", path=path, remedy="Choose another folder.") from error
    except OSError as error:
        raise _explained(error, path, "The folder could not be made") from error
    return path


_checks: list[Callable[[], None]] = []


@contextlib.contextmanager
def before_commit(check: Callable[[], None]) -> Iterator[None]:
    """Call ``check`` right before any file gets its final name, on any thread; what it raises keeps that from happening."""
    _checks.append(check)
    try:
        yield
    finally:
        _checks.remove(check)


def check_commit() -> None:
    """What every writer calls that renames finished files into place itself."""
    for check in list(_checks):
        check()


@contextlib.contextmanager
def atomic_write(path: Path | str, mode: str = "wb") -> Iterator[IO[Any]]:
    """Write a file so that it is either complete or not there: hidden sibling, fsync, rename.

    Args:
        path: the file; its folder must exist. A link is followed, the permissions of an existing file stay.
        mode: "wb" or "w" (UTF-8, line ends as written); "w+b" and "w+" work too.

    Raises:
        UserError: the disk is full, no permission, ... The old content is kept then, as after any other exception.
    """
    target = _writable(Path(path))
    for left in [one for one in _undiscarded.copy() if one.parent == target.parent]:
        _discard(left)
    hidden = target.with_name(f".{_shortened(target.name)}.{os.getpid()}-{secrets.token_hex(4)}.part")
    text = {} if "b" in mode else {"encoding": "utf-8", "newline": ""}
    try:
        with hidden.open(mode.replace("w", "x"), **text) as file:  # type: ignore[call-overload]
            yield file
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            hidden.chmod(target.stat().st_mode & 0o7777)
        check_commit()
        hidden.replace(target)
        _sync_folder(target.parent)
    except OSError as error:
        _discard(hidden)
        if error.filename in (None, str(hidden)) and error.errno in _REASONS:
            raise _explained(error, target, "The file could not be written") from error
        raise
    except BaseException:
        _discard(hidden)
        raise


def clear_leftovers(folder: Path, *, pid: int | None = None) -> list[Path]:
    """Remove the hidden siblings that dead writers left in ``folder``.

    With ``pid``, only those of that process, known to be dead; else those of any dead process that nobody touched for ten minutes
    (the folder may be shared with another computer, whose process numbers say nothing here).
    """
    removed: list[Path] = []
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return removed
    for entry in entries:
        match = _LEFTOVER.match(entry.name)
        if match and _is_leftover(entry, int(match[1]), pid):
            with contextlib.suppress(OSError):
                Path(entry.path).unlink()
                removed.append(Path(entry.path))
    return removed


def _is_leftover(entry: os.DirEntry[str], writer: int, pid: int | None) -> bool:
    if pid is not None:
        return writer == pid
    try:
        old = time.time() - entry.stat().st_mtime > _LEFTOVER_AGE_S
    except OSError:
        return False
    return old and not is_alive(writer)


def _folder(kind: str) -> Path:
    home = os.environ.get("REPRISE_HOME")
    if home:
        return make_folder(Path(home).absolute() / kind)
    import platformdirs

    return make_folder(getattr(platformdirs, f"user_{kind}_path")(_APP, appauthor=False))


def _writable(path: Path) -> Path:
    """The file that writing to ``path`` means: what a link points to; raises UserError for a folder or an impossible name."""
    try:
        target = path.resolve() if path.is_symlink() else path
        if target.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    except OSError as error:
        raise _explained(error, path, "The file could not be written") from error
    return target


def _shortened(name: str) -> str:
    """Enough of ``name`` to recognise it, in at most 150 bytes so that any valid name stays valid with what is added."""
    return name.encode("utf-8", "surrogateescape")[:150].decode("utf-8", "ignore")


def _explained(error: OSError, path: Path, what: str) -> UserError:
    reason, remedy = _REASONS.get(error.errno or 0, (error.strerror or str(error), ""))
    return UserError(f"{what}: {reason}", path=path, remedy=remedy)


def _discard(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
        _undiscarded.discard(path)
    except OSError:
        # Where the folder may not be written any more; it may again when something else is to be written there.
        _undiscarded.add(path)


def _sync_folder(folder: Path) -> None:
    """Make the rename itself last through a power cut, where folders can be synced (not on Windows)."""
    if os.name != "posix":
        return
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
