"""The user's file: opened read-only, told apart from what is no data, and watched for changes while it is read."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from desktop.errors import UserError
from desktop.tuning.records.facts import SourceFile

_NO_DATA = (
    (b"\x1f\x8b", "a gzip archive", "Unpack it first and choose the file inside."),
    (b"BZh", "a bzip2 archive", "Unpack it first and choose the file inside."),
    (b"\xfd7zXZ\x00", "an xz archive", "Unpack it first and choose the file inside."),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive", "Unpack it first and choose the file inside."),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", "Unpack it first and choose the file inside."),
    (b"Rar!\x1a\x07", "a RAR archive", "Unpack it first and choose the file inside."),
    (b"\xd0\xcf\x11\xe0", "an old Office document", "Save the sheet as CSV (UTF-8) and choose that."),
    (b"%PDF-", "a PDF", ""),
    (b"SQLite format 3\x00", "an SQLite database", "Export the table as CSV and choose that."),
    (b"ARROW1\x00\x00", "an Arrow file", "Save the table as Parquet and choose that."),
)
_OFFICE = {".xlsx": "an Excel workbook", ".xlsm": "an Excel workbook", ".ods": "a spreadsheet", ".docx": "a Word document"}
_TAKEN = "CSV, TSV, JSONL, JSON and Parquet files can be read."
PARQUET = b"PAR1"
_CHUNK = 1 << 20


@contextmanager
def open_source(path: Path) -> Iterator[BinaryIO]:
    """Open a file of rows for reading.

    Raises:
        UserError: it is not there, a folder, not readable, empty, or plainly something else (an archive, a workbook).
    """
    try:
        if stat.S_ISDIR(path.stat().st_mode):
            raise UserError("This is a folder, not a file of records", path=path, remedy=_TAKEN)
        if not path.is_file():
            raise UserError("This is not a file", path=path, remedy=_TAKEN)
        file = path.open("rb", buffering=0)
    except FileNotFoundError as error:
        raise UserError("The file is not there", path=path, remedy="Check its name, or choose another one.") from error
    except PermissionError as error:
        raise UserError("There is no permission to read the file", path=path, remedy="Change its permissions.") from error
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    with file:
        try:
            _refuse_no_data(path, file.read(4096))
            file.seek(0)
            yield file
        except OSError as error:
            raise _unreadable(path, error) from error


def _refuse_no_data(path: Path, head: bytes) -> None:
    if not head:
        raise UserError("The file is empty", path=path, remedy="Choose a file with rows.")
    for magic, what, remedy in _NO_DATA:
        if head.startswith(magic):
            raise UserError(f"This is {what}, not a file of records", path=path, remedy=remedy or _TAKEN)
    if head.startswith(b"PK\x03\x04"):
        what = _OFFICE.get(path.suffix.lower(), "a zip archive")
        remedy = "Unpack it first and choose the file inside." if what == "a zip archive" else "Save the sheet as CSV (UTF-8)."
        raise UserError(f"This is {what}, not a file of records", path=path, remedy=remedy)


def _unreadable(path: Path, error: Exception) -> UserError:
    reason = getattr(error, "strerror", None) or str(error)
    return UserError(f"The file could not be read: {reason}", path=path, remedy="Check the disk, or choose another file.")


def blocks(file: BinaryIO, size: int = _CHUNK) -> Iterator[bytes]:
    """The rest of a file, in blocks."""
    while block := file.read(size):
        yield block


class Watch:
    """Whether a file stays the same, and the hash of its content."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._hash = hashlib.sha256()
        self._before = self._state()

    def _state(self) -> tuple[int, int, int]:
        try:
            found = self.path.stat()
        except OSError:
            return (-1, -1, -1)
        return found.st_size, found.st_mtime_ns, found.st_ino

    def see(self, block: bytes) -> None:
        """Take a block of the content into the hash; all blocks, in order."""
        self._hash.update(block)

    def hash_all(self, file: BinaryIO) -> None:
        """Take the whole file into the hash, for readers that jump about in it."""
        place = file.tell()
        file.seek(0)
        for block in blocks(file):
            self.see(block)
        file.seek(place)

    def finish(self) -> SourceFile:
        """The file's facts.

        Raises:
            UserError: it is not as it was at the beginning.
        """
        if self._state() != self._before:
            remedy = "Wait until it is complete, then try again."
            raise UserError("The file was changed while it was read", path=self.path, remedy=remedy)
        size, changed, _ = self._before
        return SourceFile(path=os.fspath(self.path.absolute()), size=size, mtime_ns=changed, sha256=self._hash.hexdigest())
