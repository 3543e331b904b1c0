"""Work that is not saved yet, on disk: sidecars that outlive a crash, and states of a cover for jobs. No Qt.

A sidecar's name tells what was open and which process wrote it, so that two windows on the same file do not overwrite each
other's, and one that is still written is not taken for lost work.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import threading
from dataclasses import dataclass
from pathlib import Path

from desktop.alive import own_token, start_token
from desktop.errors import UserError
from desktop.paths import atomic_write, cache_dir, data_dir, make_folder
from desktop.piano.cover import Cover
from desktop.piano.project import SUFFIX, encode_project, load_project, save_project

KEPT_STATES = 200


@dataclass(frozen=True)
class Unsaved:
    """Lost work that was found: its state, when it was written (seconds since 1970), and the file that holds it."""

    cover: Cover
    when: float
    file: Path

    def discard(self) -> None:
        """Remove the file."""
        with contextlib.suppress(OSError):
            self.file.unlink()


class Sidecar:
    """The file beside an open document that holds its unsaved state. Safe to use from several threads: an older state
    never replaces a newer one.

    Attributes:
        path: the file; it exists only while there is something unsaved.
    """

    def __init__(self, opened: Path) -> None:
        name = f"{_mark(str(opened.absolute()))}-{os.getpid()}-{_mark(own_token(), 8)}-{secrets.token_hex(4)}{SUFFIX}"
        self.path = _folder() / name
        self._lock = threading.Lock()
        self._turn = 0

    def write(self, cover: Cover, turn: int) -> None:
        """Keep a state unless a later turn has been kept already; raises UserError when it cannot be written."""
        with self._lock:
            if turn > self._turn:
                save_project(cover, self.path)
                self._turn = turn

    def remove(self, turn: int) -> None:
        """All is saved."""
        with self._lock:
            if turn > self._turn:
                self._turn = turn
                self.path.unlink(missing_ok=True)


def find_unsaved(opened: Path, current: Cover | None = None, own: Path | None = None) -> Unsaved | None:
    """The newest work on ``opened`` that was never saved.

    Args:
        current: what the file holds; work that is the same is no loss, and is removed.
        own: the sidecar in use, which is none.
    """
    found: list[Unsaved] = []
    same = encode_project(current) if current is not None else b""
    for path in _folder().glob(f"{_mark(str(opened.absolute()))}-*{SUFFIX}"):
        with contextlib.suppress(OSError, UserError, ValueError):
            if path == own or _is_written(path):
                continue
            if path.read_bytes() == same:
                path.unlink()
                continue
            found.append(Unsaved(load_project(path), path.stat().st_mtime, path))
    return max(found, key=lambda unsaved: unsaved.when, default=None)


def write_state(cover: Cover, stem: str) -> Path:
    """A project file of ``cover`` for a job to read: the same file for the same content, never changed afterwards."""
    data = encode_project(cover)
    folder = make_folder(cache_dir() / "states" / hashlib.sha256(data).hexdigest()[:20])
    path = folder / f"{stem}{SUFFIX}"
    if path.exists():
        with contextlib.suppress(OSError):
            os.utime(path)
    else:
        with atomic_write(path) as file:
            file.write(data)
        _prune()
    return path


def _prune() -> None:
    found = []
    for path in (cache_dir() / "states").glob(f"*/*{SUFFIX}"):
        with contextlib.suppress(OSError):
            found.append((path.stat().st_mtime, path))
    for _, path in sorted(found, reverse=True)[KEPT_STATES:]:
        with contextlib.suppress(OSError):
            path.unlink()
            path.parent.rmdir()


def _is_written(path: Path) -> bool:
    """Whether another process that lives holds this sidecar."""
    _, pid, token, _ = path.stem.split("-")
    if int(pid) == os.getpid():
        return False
    now = start_token(int(pid))
    return now is not None and _mark(now, 8) == token


def _mark(text: str, length: int = 16) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:length]


def _folder() -> Path:
    return make_folder(data_dir() / "unsaved")
