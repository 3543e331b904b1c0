"""What was installed: a small file beside a model's files, and the cheap check against it."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from desktop.errors import UserError
from desktop.jobs.progress import Progress
from desktop.malformed import MALFORMED
from desktop.models.catalog import MANIFEST, Entry
from desktop.models.files import sha256_of
from desktop.paths import atomic_write

FORMAT = 1
_NEVER = -1


class InstalledFile(msgspec.Struct, frozen=True):
    """A file as it was when it was installed; ``mtime_ns`` is its time of change then."""

    name: str
    sha256: str
    size: int
    mtime_ns: int


class Manifest(msgspec.Struct, frozen=True):
    """An installed model; ``source`` says where it came from, ``installed`` when (ISO 8601)."""

    format: int
    id: str
    revision: str
    source: str
    installed: str
    files: list[InstalledFile]


def write(entry: Entry, folder: Path, source: str) -> None:
    """Describe the files in ``folder``, which have just been verified, and those that the export made."""
    hashes = {file.name: file.sha256 for file in entry.files}
    files = []
    for name in [*hashes, *entry.exported]:
        path = folder / name
        if not path.is_file():
            raise UserError(f"The export of {entry.title} did not write {name}", path=path)
        stat = path.stat()
        files.append(InstalledFile(name, hashes.get(name) or sha256_of(path), stat.st_size, stat.st_mtime_ns))
    _save(folder, Manifest(FORMAT, entry.id, entry.revision, source, datetime.now(UTC).isoformat(timespec="seconds"), files))


def read(folder: Path) -> Manifest | None:
    """The manifest in ``folder``; None when there is none that can be read."""
    try:
        found = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Manifest)
    except (OSError, *MALFORMED):
        return None
    return found if found.format == FORMAT else None


def problem(entry: Entry, folder: Path, *, thorough: bool = False, progress: Progress | None = None) -> str:
    """What is wrong with an installed model; empty when nothing is.

    Sizes and times of change are compared with the manifest; a file whose time differs is hashed (a copied or restored folder
    keeps its content), and with ``thorough`` every file is.
    """
    manifest = read(folder)
    if manifest is None:
        return f"{MANIFEST} is missing or damaged"
    recorded = {file.name: file for file in manifest.files}
    for wanted in entry.files:
        if wanted.name not in recorded or wanted.sha256 not in ("", recorded[wanted.name].sha256):
            return f"{wanted.name} is not the file that the catalog names"
    missing = [name for name in entry.exported if name not in recorded]
    if missing:
        return f"{missing[0]} is missing"
    times = {}
    for file in manifest.files:
        try:
            stat = (folder / file.name).stat()
            if stat.st_size != file.size:
                return f"{file.name} has {stat.st_size} bytes instead of {file.size}"
            times[file.name] = stat.st_mtime_ns
            if (thorough or stat.st_mtime_ns != file.mtime_ns) and sha256_of(folder / file.name, progress) != file.sha256:
                # With a time that no file has, cheap checks find it from now on, too.
                _record_times(folder, manifest, {file.name: _NEVER})
                return f"{file.name} was changed after it was installed"
        except OSError as error:
            return f"{file.name} cannot be read ({error.strerror})"
    _record_times(folder, manifest, times)
    return ""


def _record_times(folder: Path, manifest: Manifest, times: dict[str, int]) -> None:
    """Take over times of change where they differ; a read-only folder stays as it is."""
    files = [msgspec.structs.replace(file, mtime_ns=times.get(file.name, file.mtime_ns)) for file in manifest.files]
    if files != manifest.files:
        with contextlib.suppress(OSError, UserError):
            _save(folder, msgspec.structs.replace(manifest, files=files))


def _save(folder: Path, manifest: Manifest) -> None:
    with atomic_write(folder / MANIFEST) as out:
        out.write(msgspec.json.format(msgspec.json.encode(manifest)))
