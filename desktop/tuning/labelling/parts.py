"""Finished parts on the disk, written so that a killed process leaves the truth.

scratch/labelling.json     what the work belongs to
scratch/parts/000003.part  a window's rows, labelled
scratch/parts/000003.json  that it is finished; written after it
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import msgspec

from desktop.errors import UserError
from desktop.malformed import MALFORMED
from desktop.paths import atomic_write, make_folder

MOST_BAD = 100
MOST_LABELS = 10_000
_FORMAT = 1


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """What parts belong to.

    Attributes:
        source: path, size and time of change of the source. settings: hash of model, job and form.
    """

    format: int = _FORMAT
    source: tuple[str, int, int]
    settings: str


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A finished part.

    Attributes:
        position: of the source, after its rows.
        bad: line and reason of the first rows that could not be read; bad_total: all of them.
        counts: rows by label.
        digest: SHA-256 of its file.
    """

    number: int
    position: int
    rows: int
    declined: int
    bad: list[tuple[int, str]]
    bad_total: int
    counts: dict[str, int]
    digest: str = ""


def source_facts(path: Path) -> tuple[str, int, int]:
    """Path, size and time of change; raises UserError when it is gone."""
    try:
        stat = path.stat()
    except OSError as error:
        raise UserError(f"The file cannot be read: {error.strerror}", path=path) from error
    return str(path.resolve()), stat.st_size, stat.st_mtime_ns


class Parts:
    """The finished parts in a scratch folder.

    Raises:
        UserError: there are some of the same source, which has changed since.
    """

    def __init__(self, scratch: Path, work: Work) -> None:
        self._folder = scratch / "parts"
        self._manifest = scratch / "labelling.json"
        before = self._before()
        if before is not None and before.source[0] == work.source[0] and before.source != work.source and self.finished():
            shutil.rmtree(self._folder, ignore_errors=True)
            raise UserError(
                "The file has changed since its labelling began, so the rows done do not belong to the others",
                path=work.source[0],
                remedy="Start again: it begins with the first row.",
            )
        if before != work:
            shutil.rmtree(self._folder, ignore_errors=True)
            make_folder(self._folder)
            with atomic_write(self._manifest) as out:
                out.write(msgspec.json.encode(work))
        make_folder(self._folder)

    def add(self, part: Part, data: bytes) -> None:
        """Keep a part; raises UserError when the disk is full."""
        with atomic_write(self.file(part.number)) as out:
            out.write(data)
        listed = msgspec.structs.replace(part, digest=hashlib.sha256(data).hexdigest())
        with atomic_write(self._record(part.number)) as out:
            out.write(msgspec.json.encode(listed))

    def finished(self) -> list[Part]:
        """The parts from the first on without a gap, whose files are whole."""
        found: list[Part] = []
        while True:
            number = len(found)
            try:
                part = msgspec.json.decode(self._record(number).read_bytes(), type=Part)
                with self.file(number).open("rb") as file:
                    whole = hashlib.file_digest(file, "sha256").hexdigest() == part.digest
            except (OSError, *MALFORMED):
                return found
            if not whole or part.number != number:
                return found
            found.append(part)

    def file(self, number: int) -> Path:
        """Where a part's rows are."""
        return self._folder / f"{number:06d}.part"

    def clear(self) -> None:
        """Remove all of it."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._manifest.unlink(missing_ok=True)

    def _record(self, number: int) -> Path:
        return self._folder / f"{number:06d}.json"

    def _before(self) -> Work | None:
        try:
            return msgspec.json.decode(self._manifest.read_bytes(), type=Work)
        except (OSError, *MALFORMED):
            return None
