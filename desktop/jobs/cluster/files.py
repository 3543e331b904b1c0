"""A job's files on several computers: what it reads, where it writes, and its paths in another computer's terms."""

from __future__ import annotations

import contextlib
import hashlib
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from desktop.errors import UserError
from desktop.jobs.cluster.wire import Made, SourceFile, TargetFolder
from desktop.jobs.job import AnyJob, CoverJob, LabelJob, RestoreJob, decode
from desktop.jobs.ledger import content_hash
from desktop.paths import atomic_write, clear_leftovers, make_folder

SOURCE_FIELDS = ("source", "cover", "project", "soundfont", "beats")
"""Fields of jobs that may name a file to be read."""

_NETWORKS = ("songbook", "pop2piano")
"""Engines that are networks; the id of its model is an engine's name. One that comes with the program is there at once."""

_BLOCK = 1 << 20


def sources_of(job: AnyJob) -> tuple[SourceFile, ...]:
    """The files that a job reads, hashed; those of a folder one by one. Raises UserError for one that cannot be read."""
    fields = [getattr(job, field, "") for field in SOURCE_FIELDS]
    if isinstance(job, LabelJob):
        fields.append(job.model)
    declared = [str(path) for path in getattr(job, "sources", ())]
    found: dict[str, SourceFile] = {}
    for name in dict.fromkeys([*declared, *fields]):
        if not name:
            continue
        root = Path(name)
        for path in [root] if root.is_file() else sorted(root.rglob("*")) if root.is_dir() else []:
            if path.is_file():
                found[str(path)] = _described(path, name)
    return tuple(found.values())


def models_of(job: AnyJob) -> tuple[str, ...]:
    """Ids of the models that must be installed for a job beside those that its run installs by itself."""
    if isinstance(job, RestoreJob):
        return tuple(name for name in (job.options.restorer, job.options.background) if name != "none")
    if isinstance(job, CoverJob) and job.engine in _NETWORKS:
        return (job.engine,)
    return ()


def targets_of(job: AnyJob) -> tuple[TargetFolder, ...]:
    """The folders that a job writes into, made when absent, each with a probe for the nodes to look for.

    Of folders inside one another only the outermost counts. ``remove_probes`` takes the probes away.
    """
    found: list[TargetFolder] = []
    for folder in sorted(set(job.folders)):
        if any(folder.is_relative_to(other.path) for other in found):
            continue
        probe, secret = f".reprise-probe-{secrets.token_hex(6)}", secrets.token_hex(16)
        with contextlib.suppress(OSError):
            (make_folder(folder) / probe).write_text(secret)
        found.append(TargetFolder(str(folder), probe, secret))
    return tuple(found)


def remove_probes(targets: tuple[TargetFolder, ...]) -> None:
    """Take the probes away."""
    for target in targets:
        with contextlib.suppress(OSError):
            (Path(target.path) / target.probe).unlink(missing_ok=True)


def is_here(source: SourceFile) -> bool:
    """Whether the same file is at the same place on this computer."""
    path = Path(source.path)
    try:
        return path.is_file() and path.stat().st_size == source.size and content_hash(path) == source.sha256
    except OSError:
        return False


def is_shared(target: TargetFolder) -> bool:
    """Whether this computer sees the client's folder itself."""
    try:
        return (Path(target.path) / target.probe).read_text() == target.secret
    except (OSError, ValueError):
        return False


def moved(value: Any, places: Mapping[str, str]) -> Any:
    """Plain data with every text that is a path in ``places``, or below one, moved to its new place; the longest match counts."""
    if isinstance(value, str):
        return _moved_text(value, places)
    if isinstance(value, list | tuple):
        return [moved(one, places) for one in value]
    if isinstance(value, dict):
        return {_moved_text(key, places) if isinstance(key, str) else key: moved(one, places) for key, one in value.items()}
    return value


def moved_job(job: AnyJob, places: Mapping[str, str]) -> AnyJob:
    """The job in another computer's paths."""
    return decode(msgspec.json.encode(moved(msgspec.to_builtins(job), places)))


def made_in(folder: Path, target: str) -> tuple[Made, ...]:
    """The finished files below ``folder``, which stands for the client's ``target``."""
    clear_leftovers(folder)
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return tuple(Made(target, path.relative_to(folder).as_posix(), path.stat().st_size, content_hash(path)) for path in files)


def landing(made: Made, allowed: tuple[TargetFolder, ...]) -> Path:
    """Where a node's result belongs; raises UserError unless that is below a folder that the job writes into."""
    parts = Path(made.name).parts
    known = {target.path for target in allowed}
    if made.target not in known or not parts or ".." in parts or Path(made.name).is_absolute() or {"\\", "\0"} & set(made.name):
        raise UserError("A node sent a result that does not belong to the job", path=made.name)
    return Path(made.target, *parts)


def receive(path: Path, made: Made, chunks: Any) -> None:
    """Write a result as its ``chunks`` come; it gets its name only when all is there and has the right hash."""
    digest, size = hashlib.sha256(), 0
    with atomic_write(path) as file:
        for chunk in chunks:
            digest.update(chunk)
            size += len(chunk)
            file.write(chunk)
        if size != made.size or digest.hexdigest() != made.sha256:
            raise UserError("A result was damaged on its way from the node", path=path, remedy="Retry.")


def _moved_text(text: str, places: Mapping[str, str]) -> str:
    for old in sorted(places, key=len, reverse=True):
        if text == old:
            return places[old]
        rest = text.removeprefix(old)
        if rest != text and rest[0] in "/\\":
            return str(Path(places[old], *rest.replace("\\", "/").strip("/").split("/")))
    return text


def _described(path: Path, root: str) -> SourceFile:
    try:
        return SourceFile(str(path), root, path.stat().st_size, content_hash(path))
    except OSError as error:
        raise UserError(f"The file could not be read: {error.strerror}", path=path) from error
