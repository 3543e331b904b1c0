"""One named file out of a zip archive, without trusting the archive."""

from __future__ import annotations

import lzma
import stat
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from desktop.errors import UserError
from desktop.jobs.progress import Progress
from desktop.models.catalog import ModelFile
from desktop.models.files import copy_verified

_ENCRYPTED = 0x1
# Which of these it is depends on where the damage lies, and on how the file was compressed.
_DAMAGE = (zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, lzma.LZMAError, NotImplementedError, EOFError)


def extract(archive: Path, members: Mapping[str, str], files: Sequence[ModelFile], folder: Path, progress: Progress) -> None:
    """Copy ``members[file.name]`` of a zip file to ``folder / file.name`` for each of ``files``, verified.

    Targets come from the catalog alone, never from a name inside the archive; sizes are bounded by the catalog's.

    Raises:
        UserError: not a zip file, a member is missing, linked, encrypted, damaged or not the expected file.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            for index, file in enumerate(files):
                part = progress.part(index / len(files), (index + 1) / len(files))
                _extract_one(opened, members[file.name], folder / file.name, file, part)
    except _DAMAGE as error:
        raise UserError(f"The archive is damaged: {error}", path=archive) from error


def _extract_one(opened: zipfile.ZipFile, member: str, target: Path, wanted: ModelFile, progress: Progress) -> None:
    try:
        info = opened.getinfo(member)
    except KeyError:
        raise UserError(f"The archive has no file {member}") from None
    mode = info.external_attr >> 16
    if info.is_dir() or info.flag_bits & _ENCRYPTED or (stat.S_IFMT(mode) and not stat.S_ISREG(mode)):
        raise UserError(f"{member} in the archive is not a plain file")
    if info.file_size != wanted.size:
        raise UserError(f"{member} in the archive has {info.file_size} bytes, the catalog expects {wanted.size}")
    with opened.open(info) as stream:
        copy_verified(stream, target, wanted, progress)
