"""A file at one moment, for remembering what was found in it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from desktop.errors import UserError


class FileState(NamedTuple):
    """A file as it is now; it equals another state only when the file has not changed between.

    Attributes:
        path: the file.
        size: in bytes.
        changed_ns: when it was written last.
    """

    path: str
    size: int
    changed_ns: int

    @classmethod
    def of(cls, path: Path | str) -> FileState:
        """The state of a file now; raises UserError when it is not there or cannot be looked at."""
        path = Path(path)
        try:
            stat = path.stat()
        except OSError as error:
            reason = error.strerror or str(error)
            raise UserError(f"The file cannot be read: {reason}", path=path, remedy="Check the path.") from error
        return cls(str(path), stat.st_size, stat.st_mtime_ns)
