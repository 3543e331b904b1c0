"""Hashing, verified copying, locking and disk space: what every way of installing a model shares."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import shutil
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from desktop.errors import UserError
from desktop.jobs.progress import Progress
from desktop.models.catalog import ModelFile
from desktop.paths import atomic_write, make_folder

BLOCK = 1 << 20
SPARE_BYTES = 16 << 20
_LOCK_POLL_S = 0.1

_known: dict[tuple[str, int, int], str] = {}
_known_guard = threading.Lock()


class NoSpaceError(UserError):
    """The disk is full: no other source can help."""


def megabytes(size: float) -> str:
    """Size for people: "230 kB", "5.99 MB", "1.20 GB"."""
    if size < 1e6:
        return f"{size / 1e3:.0f} kB"
    return f"{size / 1e6:.2f} MB" if size < 1e9 else f"{size / 1e9:.2f} GB"


def sha256_of(path: Path, progress: Progress | None = None) -> str:
    """SHA-256 of a file in hexadecimal, read in blocks with a checkpoint at each."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
            if progress is not None:
                progress.checkpoint()
    return digest.hexdigest()


def remembered_sha256(path: Path) -> str:
    """SHA-256 of a file, computed once per process for each size and time of change."""
    stat = path.stat()
    key = (str(path), stat.st_size, stat.st_mtime_ns)
    with _known_guard:
        found = _known.get(key)
    if found is None:
        found = sha256_of(path)
        with _known_guard:
            _known[key] = found
    return found


def matches(path: Path, wanted: ModelFile) -> bool:
    """Whether ``path`` is a plain file with the wanted size and hash; with a size that may be where there is no hash."""
    try:
        if not wanted.sha256:
            return path.is_file() and 0 < path.stat().st_size <= wanted.most
        return path.is_file() and path.stat().st_size == wanted.size and sha256_of(path) == wanted.sha256
    except OSError:
        return False


def copy_verified(stream: IO[bytes], target: Path, wanted: ModelFile, progress: Progress) -> None:
    """Write a stream to ``target``, which exists afterwards only if size and hash are the wanted ones.

    Never writes more than ``wanted.most`` bytes. Raises UserError when the content is another one.
    """
    make_folder(target.parent)
    digest, size = hashlib.sha256(), 0
    with explained_writes(target), atomic_write(target) as out:
        while block := stream.read(BLOCK):
            size += len(block)
            if size > wanted.most:
                raise UserError(f"{wanted.name} is larger than the {wanted.most} bytes that the catalog expects")
            digest.update(block)
            out.write(block)
            progress.at(size / wanted.size, f"Copying {wanted.name}")
        if not wanted.sha256:
            return
        if size != wanted.size:
            raise UserError(f"{wanted.name} has {size} bytes, the catalog expects {wanted.size}")
        if digest.hexdigest() != wanted.sha256:
            raise UserError(f"{wanted.name} is not the file that the catalog expects: its SHA-256 differs")


def check_space(folder: Path, needed: int) -> None:
    """Raise NoSpaceError unless ``folder``'s disk can take ``needed`` more bytes."""
    free = shutil.disk_usage(folder).free
    if free < needed + SPARE_BYTES:
        raise NoSpaceError(
            f"Not enough space on the disk: {megabytes(needed)} are needed, {megabytes(free)} are free",
            path=folder,
            remedy="Free some space, or set REPRISE_MODELS to a folder on another disk.",
        )


@contextlib.contextmanager
def explained_writes(path: Path) -> Iterator[None]:
    """Turn a failing write (full disk, no permission) into a UserError about ``path``."""
    try:
        yield
    except OSError as error:
        raise explain_write(error, path) from error
    except UserError as error:
        if isinstance(error.__cause__, OSError) and _is_full(error.__cause__):
            raise explain_write(error.__cause__, path) from error
        raise


def explain_write(error: OSError, path: Path) -> UserError:
    """UserError for an operating system error while writing ``path``."""
    if _is_full(error):
        return NoSpaceError(
            "The disk is full", path=path.parent, remedy="Free some space, or set REPRISE_MODELS to a folder on another disk."
        )
    return UserError(f"The file could not be written: {error.strerror or error}", path=path)


def _is_full(error: OSError) -> bool:
    return error.errno in (errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC))


@contextlib.contextmanager
def locked(path: Path, progress: Progress, message: str) -> Iterator[None]:
    """Hold an exclusive lock on the file ``path`` (made when absent, never removed); says ``message`` while it waits.

    Works between processes and between threads; the system frees it when its holder dies.
    """
    make_folder(path.parent)
    waiting = threading.Event()
    with path.open("a+b") as file:
        told = False
        while not _try_lock(file):
            if not told:
                progress.at(0.0, message)
                told = True
            progress.checkpoint()
            waiting.wait(_LOCK_POLL_S)
        try:
            yield
        finally:
            _unlock(file)


if sys.platform == "win32":
    import msvcrt

    def _try_lock(file: IO[bytes]) -> bool:
        file.seek(0)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _unlock(file: IO[bytes]) -> None:
        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _try_lock(file: IO[bytes]) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _unlock(file: IO[bytes]) -> None:
        fcntl.flock(file, fcntl.LOCK_UN)
