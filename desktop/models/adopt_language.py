"""Language models that the user has, or that come from the hub: checked, completed, and put into the library.

A model is a folder in the hub's layout (``desktop.models.hub_folder``). What belongs to it is copied; pickles and other formats
that may lie beside it are left.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from fnmatch import fnmatch
from importlib import import_module
from pathlib import Path

import msgspec

from desktop.errors import UsageError, UserError
from desktop.jobs.progress import Progress
from desktop.models import hub_folder, own
from desktop.models.catalog import Entry, Licence, ModelFile, is_safe_name
from desktop.models.files import BLOCK, check_space, explained_writes, sha256_of
from desktop.models.hub_folder import HubFolder
from desktop.models.library import Library
from desktop.paths import make_folder

TASK, PACK = "text-", "tuning"
_NOTE = "Its makers' card says so; what it may be used for is yours to check."


def adopt(library: Library, folder: Path, model: str, progress: Progress, *, place: str = "") -> Entry:
    """Install a language model from a folder of the user's.

    Args:
        model: the id it is to have; made of the folder's name when empty.
        place: where it is from, when that is not the folder itself.

    Raises:
        UserError: the folder is not a whole model of a known architecture, or the disk is full.
        UsageError: the id is that of a model of the catalog.
    """
    found = hub_folder.read(folder)
    with staged(library, model or folder.name, forced=bool(model)) as (name, staging):
        names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
        parts = [folder / part for part in names if is_part(part, found)]
        check_space(staging, sum(path.stat().st_size for path in parts))
        with explained_writes(staging):
            for index, path in enumerate(parts):
                part = progress.part(0.8 * index / len(parts), 0.8 * (index + 1) / len(parts))
                _copy(path, staging / path.relative_to(folder), part)
        return install(library, name, model or folder.name, place or str(folder), staging, progress.part(0.8, 1.0))


def install(library: Library, name: str, title: str, place: str, staging: Path, progress: Progress) -> Entry:
    """Make a staged folder a model of the library: its tokenizer is completed, everything is checked and hashed.

    Raises:
        UserError: it is not a whole model.
    """
    found = hub_folder.read(staging)
    if not found.has_tokenizer:
        progress.at(0.0, f"Converting the tokenizer of {title}")
        complete(found, staging)
    paths = [path for path in sorted(staging.rglob("*")) if path.is_file()]
    # The weights come first: their hash names the revision.
    paths.sort(key=lambda path: path not in found.weights)
    files = []
    for index, path in enumerate(paths):
        progress.at(index / len(paths), f"Checking {path.name}")
        files.append(ModelFile(path.relative_to(staging).as_posix(), sha256_of(path, progress), path.stat().st_size))
    description = f"Your own {found.family} ({found.architecture}), {millions(found.parameters)} parameters."
    entry = own.make(name, title, f"{TASK}{found.family}", PACK, description, Path(place), files)
    entry = msgspec.structs.replace(entry, sources=[msgspec.structs.replace(entry.sources[0], place=place)])
    if found.spdx != own.LICENCE.spdx:
        licence = Licence(found.spdx, found.commercial, "README.md", note=_NOTE)
        entry = msgspec.structs.replace(entry, licence=licence)
    library.adopt(entry, staging, progress)
    return entry


def complete(found: HubFolder, folder: Path) -> None:
    """Write ``tokenizer.json`` into ``folder``, made of the SentencePiece model that ``found`` has instead."""
    # By name, as the window reads this module and must not learn of tokenizers.
    convert = import_module("desktop.models.export.sentencepiece").convert
    source = next(path for name in hub_folder.SENTENCEPIECE if (path := found.folder / name).is_file())
    made = convert(source, seq2seq=found.family is hub_folder.Family.SEQ2SEQ)
    made.save(str(folder / hub_folder.TOKENIZER))


@contextlib.contextmanager
def staged(library: Library, wanted: str, *, forced: bool) -> Iterator[tuple[str, Path]]:
    """An id for a new model of the user's, and a folder for its files that goes when nothing came of it.

    Args:
        forced: the user chose the id.

    Raises:
        UsageError: it is that of a model of the catalog.
    """
    known = [entry.id for entry in library.entries() if not entry.is_own]
    name = own.name_for(wanted, () if forced else known)
    if name in known:
        raise UsageError(f"'{name}' is a model of the catalog; choose another name for yours")
    home = make_folder(library.root / name)
    staging = Path(tempfile.mkdtemp(prefix=".own-", dir=home))
    try:
        yield name, staging
    finally:
        shutil.rmtree(staging, ignore_errors=True)
        with contextlib.suppress(OSError):
            home.rmdir()


def is_part(name: str, found: HubFolder | None = None) -> bool:
    """Whether a file of a folder or repository, by its path there, belongs to a model; of the weights only those in use do."""
    if not is_safe_name(name):
        return False
    if name.endswith(".safetensors") and found is not None:
        return name in {path.name for path in found.weights}
    return any(fnmatch(name, pattern) and name.count("/") == pattern.count("/") for pattern in hub_folder.PARTS)


def millions(parameters: int) -> str:
    """ "23 M", "1.1 B"."""
    return f"{parameters / 1e9:.1f} B" if parameters >= 1e9 else f"{parameters / 1e6:.0f} M"


def _copy(source: Path, target: Path, progress: Progress) -> None:
    make_folder(target.parent)
    size, done = max(1, source.stat().st_size), 0
    try:
        with source.open("rb") as file, target.open("xb") as out:
            while block := file.read(BLOCK):
                out.write(block)
                done += len(block)
                progress.at(done / size, f"Copying {source.name}")
    except PermissionError as error:
        raise UserError(f"The file cannot be read: {error.strerror}", path=source) from error
