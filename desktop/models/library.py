"""Installed models: plain files in one folder per id and revision, checked before anyone loads them.

Nothing here imports numpy or ONNX Runtime, and nothing here uses the network except ``install``.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import shutil
from collections.abc import Callable
from enum import StrEnum
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from desktop.errors import UserError
from desktop.jobs.progress import Progress
from desktop.models import catalog as catalogs
from desktop.models import manifest, own, sources
from desktop.models.catalog import BundledSource, Catalog, Entry, ModelFile, PackageSource
from desktop.models.files import NoSpaceError, locked, matches, remembered_sha256
from desktop.models.sources import folder as own_files
from desktop.models.sources import inplace
from desktop.paths import make_folder, models_dir

_EXPORT_SHARE = 0.5


class Status(StrEnum):
    """What there is of a model on this computer."""

    MISSING = "missing"
    INSTALLED = "installed"
    CORRUPT = "corrupt"
    BUNDLED = "bundled"


class _Found(NamedTuple):
    status: Status
    folder: Path
    problem: str = ""


def is_offline() -> bool:
    """Whether the environment forbids the network (``REPRISE_OFFLINE``)."""
    return os.environ.get("REPRISE_OFFLINE", "").lower() in ("1", "true", "yes", "on")


class Library:
    """The models of a catalog below one folder (``models_dir()`` unless said otherwise).

    ``offline`` forbids every source that needs the network; None asks the environment.
    """

    def __init__(self, root: Path | None = None, catalog: Catalog | None = None, *, offline: bool | None = None) -> None:
        self._root = root if root is not None else models_dir()
        self._catalog = catalog if catalog is not None else catalogs.default()
        self._offline = is_offline() if offline is None else offline

    @property
    def root(self) -> Path:
        """The folder with one folder for each model."""
        return self._root

    def entries(self) -> list[Entry]:
        """All models of the catalog, then the user's own."""
        return [*self._catalog, *own.entries(self._root, self._catalog)]

    def entry(self, model: str) -> Entry:
        """One model; raises UserError for an unknown id."""
        found = None if model in self._catalog else own.entry(self._root, model)
        return found or self._catalog[model]

    def status(self, model: str) -> Status:
        """What there is of it; cheap (sizes and times) unless a file was touched."""
        return self._look(self.entry(model)).status

    def problem(self, model: str) -> str:
        """What is wrong with a corrupt model; empty otherwise."""
        return self._look(self.entry(model)).problem

    def folder(self, model: str) -> Path:
        """The folder with the model's files, fit to be loaded.

        Raises:
            UserError: it is missing or was damaged; the remedy names the command that installs it.
        """
        entry = self.entry(model)
        found = self._look(entry)
        if found.status in (Status.INSTALLED, Status.BUNDLED):
            return found.folder
        if found.status is Status.MISSING:
            raise UserError(f"The model {entry.title} is not installed", remedy=f"Run `reprise models install {model}`.")
        raise UserError(f"The model {entry.title} is damaged: {found.problem}", path=found.folder, remedy=_repair(entry))

    def ensure(self, model: str, progress: Progress) -> Path:
        """``folder``, after installing the model when it is missing. A damaged one raises, as in ``folder``."""
        if self.status(model) is Status.MISSING:
            return self.install(model, progress)
        return self.folder(model)

    def install(self, model: str, progress: Progress) -> Path:
        """Install from the catalog's sources, in their order; a model that is there and whole is left as it is.

        Raises:
            UserError: no source could give it; says what each of them said.
        """
        entry = self.entry(model)
        with self._locked(model, progress):
            found = self._look(entry, thorough=True, progress=progress)
            if found.status in (Status.INSTALLED, Status.BUNDLED):
                progress.at(1.0, f"{entry.title} is installed")
                return found.folder
            return self._install(entry, progress, lambda staging, part: self._fetch(entry, staging, part))

    def recognise(self, place: Path) -> str:
        """Id of the catalog's model that a file, or a folder's files, are by names and sizes; "" when they are none's."""
        try:
            found = [path for path in place.rglob("*") if path.is_file()] if place.is_dir() else [place]
            known = {(path.name, path.stat().st_size) for path in islice(found, own_files.MAX_FILES)}
        except OSError:
            return ""
        names = {entry.id: {(Path(file.name).name, file.size) for file in entry.files} for entry in self._catalog}
        return next((model for model, files in names.items() if files <= known), "")

    def import_folder(self, model: str, folder: Path, progress: Progress) -> Path:
        """Install from files that the user has: a folder, or one file; they are copied and verified.

        Raises:
            UserError: they are not the files that the catalog names.
        """
        entry = self.entry(model)

        def fetch(staging: Path, part: Progress) -> str:
            own_files.fetch(folder, entry.files, entry.sources, staging, part)
            return f"imported from {folder}"

        with self._locked(model, progress):
            return self._install(entry, progress, fetch)

    def adopt(self, entry: Entry, staging: Path, progress: Progress) -> Path:
        """Put a model of the user's in place of an older one of that id; ``staging`` holds its files and becomes its folder.

        Raises:
            UserError: the id is that of a model of the catalog.
        """
        if entry.id in self._catalog:
            raise UserError(f"'{entry.id}' is a model of the catalog", remedy="Choose another name for yours.")
        with self._lock(entry, progress):
            manifest.write(entry, staging, entry.sources[0].label)
            own.write(entry, staging)
            return self._put(entry, staging)

    def verify(self, model: str, progress: Progress | None = None) -> Status:
        """Hash every file; the status that this gives."""
        return self._look(self.entry(model), thorough=True, progress=progress or Progress()).status

    def remove(self, model: str, progress: Progress | None = None) -> None:
        """Delete all revisions of an installed model, and what an unfinished download left.

        Raises:
            UserError: it is part of Reprise or of a package it needs, or a file is in use.
        """
        entry = self.entry(model)
        place = self._root / entry.id
        with self._locked(model, progress or Progress()):
            if not place.exists():
                if self._look(entry).status is Status.BUNDLED:
                    raise UserError(f"{entry.title} comes with Reprise and cannot be removed")
                raise UserError(f"The model {entry.title} is not installed")
            try:
                shutil.rmtree(place)
            except OSError as error:
                raise UserError(
                    f"{entry.title} could not be removed: {error.strerror}",
                    path=error.filename or place,
                    remedy="Close the programs that use it and try again.",
                ) from error

    def revision(self, model: str) -> str:
        """Names the content of a model as the catalog has it: another one gives other results."""
        entry = self.entry(model)
        files = " ".join(file.sha256 for file in entry.files)
        return f"{entry.revision} {hashlib.sha256(files.encode()).hexdigest()[:16]}"

    def has(self, model: str) -> bool:
        """Whether a model can be loaded as it is."""
        return self.status(model) in (Status.INSTALLED, Status.BUNDLED)

    def revisions(self, model: str) -> list[str]:
        """Installed revisions; one that is not the catalog's is an old one, removed by the next install."""
        place = self._root / self.entry(model).id
        return sorted(path.name for path in place.iterdir() if _is_revision(path)) if place.is_dir() else []

    def _look(self, entry: Entry, *, thorough: bool = False, progress: Progress | None = None) -> _Found:
        installed = self._root / entry.id / entry.revision
        problem = ""
        if installed.is_dir():
            problem = manifest.problem(entry, installed, thorough=thorough, progress=progress)
            if not problem:
                return _Found(Status.INSTALLED, installed)
        for source in entry.sources:
            if isinstance(source, BundledSource | PackageSource):
                found = _in_place(entry, source, thorough=thorough)
                if found is not None and (found.status is Status.BUNDLED or not problem):
                    return found
        return _Found(Status.CORRUPT if problem else Status.MISSING, installed, problem)

    def _install(self, entry: Entry, progress: Progress, fetch: Callable[[Path, Progress], str]) -> Path:
        """Fetch into a staging folder, export, describe, and put it in place in one step."""
        place = make_folder(self._root / entry.id)
        staging = make_folder(place / f".{entry.revision}.staging")
        origin = fetch(staging, progress.part(0.0, _EXPORT_SHARE if entry.export else 1.0))
        if entry.export:
            module, _, name = entry.export.partition(":")
            getattr(import_module(module), name)(staging, progress.part(_EXPORT_SHARE, 1.0), **entry.options)
        _keep_only(staging, [file.name for file in entry.files] + entry.exported)
        manifest.write(entry, staging, origin)
        final = self._put(entry, staging)
        progress.at(1.0, f"{entry.title} is installed")
        return final

    def _put(self, entry: Entry, staging: Path) -> Path:
        """Make a finished folder the model's only one."""
        place = make_folder(self._root / entry.id)
        final = place / entry.revision
        _replace(staging, final)
        for old in place.iterdir():
            if old != final:
                shutil.rmtree(old, ignore_errors=True)
        return final

    def _fetch(self, entry: Entry, staging: Path, progress: Progress) -> str:
        """Try the sources in order; the label of the one that worked."""
        said: list[str] = []
        for source in entry.sources:
            try:
                sources.fetch(source, entry.files, staging, progress, offline=self._offline)
            except NoSpaceError:
                raise
            except UserError as error:
                said.append(f"{source.label}: {error}")
                progress.log(said[-1], "warning")
            else:
                wrong = [file.name for file in entry.files if not matches(staging / file.name, file)]
                if not wrong:
                    return source.label
                said.append(f"{source.label}: {wrong[0]} is not the expected file")
        raise UserError(
            f"The model {entry.title} could not be installed. " + ". ".join(line.rstrip(".") for line in said),
            remedy=_repair(entry) if entry.is_own else f"Or bring its files: `reprise models import {entry.id} FOLDER`.",
        )

    def _locked(self, model: str, progress: Progress) -> contextlib.AbstractContextManager[None]:
        return self._lock(self.entry(model), progress)

    def _lock(self, entry: Entry, progress: Progress) -> contextlib.AbstractContextManager[None]:
        message = f"Waiting for another Reprise that works on {entry.title}"
        return locked(make_folder(self._root) / ".locks" / f"{entry.id}.lock", progress, message)


def _in_place(entry: Entry, source: BundledSource | PackageSource, *, thorough: bool) -> _Found | None:
    """What there is of a model outside the library; None when this source has nothing of use."""
    places = inplace.locate(source, entry.files)
    folder = inplace.common_folder(places) if len(places) == len(entry.files) else None
    if folder is None or entry.export or not any(path.exists() for path in places.values()):
        return None
    problem = next(filter(None, (_difference(places[file.name], file, thorough=thorough) for file in entry.files)), "")
    if not problem:
        return _Found(Status.BUNDLED, folder)
    # Another release of a package may hold other files; our own resources may not.
    return _Found(Status.CORRUPT, folder, problem) if isinstance(source, BundledSource) else None


def _difference(path: Path, wanted: ModelFile, *, thorough: bool) -> str:
    try:
        if path.stat().st_size == wanted.size:
            right = matches(path, wanted) if thorough else remembered_sha256(path) == wanted.sha256
            return "" if right else f"{path.name} is not the file that came with Reprise"
    except OSError as error:
        return f"{path.name} cannot be read ({error.strerror})"
    return f"{path.name} has {path.stat().st_size} bytes instead of {wanted.size}"


def _repair(entry: Entry) -> str:
    if all(isinstance(source, BundledSource) for source in entry.sources):
        return "Install Reprise again."
    if entry.is_own:
        return f"Import it again: `reprise models import FILE --as {entry.id}`."
    return f"Run `reprise models install {entry.id}`."


def _is_revision(path: Path) -> bool:
    return path.is_dir() and not path.name.startswith(".")


def _keep_only(folder: Path, names: list[str]) -> None:
    """Remove scratch files, so that an installed model is what its entry says and nothing else."""
    wanted = {folder / name for name in names}
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and not path.is_symlink():
            with contextlib.suppress(OSError):
                path.rmdir()
        elif path not in wanted:
            path.unlink()


def _replace(staging: Path, final: Path) -> None:
    """Put a finished folder in place; the one before goes only after the new one has its name."""
    old = final.with_name(f".{final.name}.{secrets.token_hex(4)}.old")
    try:
        if final.exists():
            final.rename(old)
        staging.rename(final)
    except OSError as error:
        if old.exists() and not final.exists():
            old.rename(final)
        raise UserError(
            f"The model could not be put in place: {error.strerror}",
            path=final,
            remedy="Close the programs that use it and try again.",
        ) from error
    shutil.rmtree(old, ignore_errors=True)
