"""Files that the user has: in a folder, alone, or inside a wheel that was brought along."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fnmatch import fnmatch
from itertools import islice
from pathlib import Path

from desktop.errors import UserError
from desktop.jobs.progress import Progress
from desktop.models.catalog import AnySource, ModelFile, WheelSource
from desktop.models.files import check_space, copy_verified, matches, sha256_of
from desktop.models.sources import archive

MAX_FILES = 10_000


def fetch(place: Path, files: Sequence[ModelFile], sources: Sequence[AnySource], folder: Path, progress: Progress) -> None:
    """Copy ``files`` from ``place`` (a file or a folder, searched with its subfolders) into ``folder``, verified.

    A file is known by its name and hash, or by its size and hash when it was renamed; where nobody knows its hash, by its names.
    A wheel among them counts as what it holds.

    Raises:
        UserError: nothing there, or what bears a wanted name is another file.
    """
    if not place.exists():
        raise UserError("There is no such file or folder", path=place)
    candidates = list(islice(_plain_files(place), MAX_FILES))
    check_space(folder, sum(file.size for file in files))
    found = {file.name: _find(file, candidates, progress) for file in files}
    missing = [file for file in files if found[file.name] is None]
    for index, file in enumerate(files):
        path = found[file.name]
        if path is not None:
            with path.open("rb") as stream:
                copy_verified(stream, folder / file.name, file, progress.part(index / len(files), (index + 1) / len(files)))
    if missing and not _from_wheel(candidates, missing, sources, folder, progress):
        raise _explain(place, missing, candidates)


def _plain_files(place: Path) -> Iterator[Path]:
    if place.is_file():
        yield place
    else:
        yield from (path for path in sorted(place.rglob("*")) if path.is_file())


def _find(wanted: ModelFile, candidates: Sequence[Path], progress: Progress) -> Path | None:
    """The candidate with the wanted content, those with the wanted name first."""
    name = Path(wanted.name).name
    if not wanted.sha256:
        names = [name, *wanted.also]
        return next((path for known in names for path in candidates if fnmatch(path.name, known) and matches(path, wanted)), None)
    for path in sorted(candidates, key=lambda path: path.name != name):
        try:
            if path.stat().st_size == wanted.size and sha256_of(path, progress) == wanted.sha256:
                return path
        except OSError:
            continue
    return None


def _from_wheel(
    candidates: Sequence[Path], files: Sequence[ModelFile], sources: Sequence[AnySource], folder: Path, progress: Progress
) -> bool:
    for source in sources:
        if isinstance(source, WheelSource):
            for path in candidates:
                if path.suffix == ".whl" and path.stat().st_size <= source.size and sha256_of(path, progress) in source.sha256:
                    archive.extract(path, source.members, files, folder, progress)
                    return True
    return False


def _explain(place: Path, missing: Sequence[ModelFile], candidates: Sequence[Path]) -> UserError:
    first = missing[0]
    for path in candidates:
        if path.name == Path(first.name).name:
            size = path.stat().st_size
            if not first.sha256:
                return UserError(f"{path.name} has {size} bytes where about {first.size} are expected", path=path)
            differs = f"it has {size} bytes instead of {first.size}" if size != first.size else "its SHA-256 differs"
            return UserError(f"{path.name} is not the file that the catalog expects: {differs}", path=path)
    if place.is_file():
        return UserError(f"{place.name} is not {first.name}, which the catalog expects", path=place)
    names = ", ".join(" or ".join([file.name, *file.also]) for file in missing)
    return UserError(f"Not found in the folder, under any name: {names}", path=place)
