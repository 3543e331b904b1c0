"""Sees how results get their names: an inotify watch over folders, apart from anything the product says."""

from __future__ import annotations

import ctypes
import os
import secrets
import select
import struct
import threading
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

_CREATE, _MOVED_TO, _OVERFLOW = 0x100, 0x80, 0x4000
_EVENT = struct.Struct("iIII")


class Placing:
    """Counts how often each name was put in place while it watches.

    Attributes:
        moved: files that a rename put there whole, and how often.
        grown: files that were made under their final names, where others can see them before they are complete.
    """

    def __init__(self, folders: Iterable[Path]) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        self._file = libc.inotify_init1(os.O_CLOEXEC)
        if self._file < 0:
            raise OSError(ctypes.get_errno(), "inotify")
        self._folders: dict[int, Path] = {}
        for folder in folders:
            watch = libc.inotify_add_watch(self._file, os.fsencode(folder), _CREATE | _MOVED_TO)
            if watch < 0:
                raise OSError(ctypes.get_errno(), "inotify", str(folder))
            self._folders[watch] = folder
        self.moved: Counter[Path] = Counter()
        self.grown: Counter[Path] = Counter()
        self.is_blind = False
        self._seen, self._marker = threading.Event(), ""
        self._stop, self._wake = os.pipe()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def settle(self) -> None:
        """Wait until all that has happened so far is taken in."""
        marker = next(iter(self._folders.values())) / f".settled-{secrets.token_hex(4)}"
        self._seen.clear()
        self._marker = marker.name
        marker.touch()
        marker.unlink()
        self._seen.wait(10)

    def close(self) -> None:
        """End."""
        os.close(self._wake)
        self._thread.join()
        os.close(self._stop)
        os.close(self._file)

    def _read(self) -> None:
        while True:
            ready, _, _ = select.select([self._file, self._stop], [], [])
            if self._file in ready:
                self._take(os.read(self._file, 65536))
            else:
                return

    def _take(self, data: bytes) -> None:
        place = 0
        while place < len(data):
            watch, mask, _, length = _EVENT.unpack_from(data, place)
            name = os.fsdecode(data[place + _EVENT.size : place + _EVENT.size + length].rstrip(b"\0"))
            place += _EVENT.size + length
            self.is_blind = self.is_blind or bool(mask & _OVERFLOW)
            if name == self._marker:
                self._seen.set()
            if watch in self._folders and not name.startswith("."):
                (self.moved if mask & _MOVED_TO else self.grown)[self._folders[watch] / name] += 1
