"""Imports that were made before, kept while the file stays as it is."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from desktop.alive import is_alive
from desktop.errors import UserError
from desktop.jobs.tuning_jobs import Records
from desktop.paths import cache_dir, make_folder
from desktop.tuning.records.imported import FACTS

FORMAT = 1
MOST, MOST_BYTES = 12, 4 << 30
"""Imports kept, and their size together; the newest stays however large it is."""

_HIDDEN = re.compile(r"^\..+\.(\d+)-[0-9a-f]{8}\.part$")


class Cache:
    """A folder per import; ``folder`` is where they lie."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = make_folder(folder or cache_dir() / "records")

    def key(self, records: Records) -> str:
        """Hash of all that an import depends on: the options, and path, size and time of each file."""
        options = msgspec.structs.replace(records, template="", system="")
        digest = hashlib.sha256(msgspec.json.encode([FORMAT, options]))
        for name in (records.source, records.validation_file, records.test_file):
            with contextlib.suppress(OSError, ValueError):
                found = Path(name).stat() if name else None
                digest.update(repr((os.path.abspath(name), found and (found.st_size, found.st_mtime_ns))).encode())  # noqa: PTH100
        return digest.hexdigest()[:32]

    def find(self, key: str) -> Path | None:
        """The import's folder, marked as used now; None when it is not there."""
        folder = self.folder / key
        if not (folder / FACTS).is_file():
            return None
        with contextlib.suppress(OSError):
            os.utime(folder)
        return folder

    @contextmanager
    def making(self, key: str) -> Iterator[Path]:
        """A hidden folder to fill; removed when that fails."""
        with _hidden(self.folder / key) as hidden:
            yield hidden

    def keep(self, key: str, hidden: Path) -> Path:
        """Put a filled folder in its place and forget the oldest others."""
        place = _put(hidden, self.folder / key)
        self._forget()
        return place

    def _forget(self) -> None:
        found = []
        for folder in self.folder.iterdir():
            with contextlib.suppress(OSError):
                if not folder.name.startswith("."):
                    found.append((folder.stat().st_mtime_ns, folder))
        size = 0
        for place, (_, folder) in enumerate(sorted(found, reverse=True)):
            with contextlib.suppress(OSError):
                size += sum(file.stat().st_size for file in folder.iterdir())
            if place and (place >= MOST or size > MOST_BYTES):
                shutil.rmtree(folder, ignore_errors=True)


def copied(folder: Path, into: Path) -> Path:
    """Make ``into`` hold the files of a finished import, as links where the disk can: nobody changes them any more.

    Raises:
        UserError: the disk is full, no permission, ...
    """
    make_folder(into.parent)
    with _hidden(into) as hidden:
        for file in sorted(folder.iterdir()):
            try:
                os.link(file, hidden / file.name)
            except OSError:
                _copy(file, hidden / file.name)
    return _put(hidden, into)


def _copy(source: Path, target: Path) -> None:
    try:
        shutil.copyfile(source, target)
        with target.open("rb") as file:
            os.fsync(file.fileno())
    except OSError as error:
        raise UserError(f"The rows could not be stored: {error.strerror}", path=target, remedy="Free some space.") from error


@contextmanager
def _hidden(place: Path) -> Iterator[Path]:
    _clear(place.parent)
    hidden = make_folder(place.with_name(f".{place.name}.{os.getpid()}-{secrets.token_hex(4)}.part"))
    try:
        yield hidden
    except BaseException:
        shutil.rmtree(hidden, ignore_errors=True)
        raise


def _clear(folder: Path) -> None:
    """Remove what imports left that died."""
    for entry in folder.glob(".*.part"):
        match = _HIDDEN.match(entry.name)
        if match and entry.is_dir() and not is_alive(int(match[1])):
            shutil.rmtree(entry, ignore_errors=True)


def _put(hidden: Path, place: Path) -> Path:
    """Rename a folder into its place; what another process put there meanwhile is as good."""
    try:
        hidden.replace(place)
    except OSError:
        if (place / FACTS).is_file():
            shutil.rmtree(hidden, ignore_errors=True)
        else:
            shutil.rmtree(place, ignore_errors=True)
            hidden.replace(place)
    return place
