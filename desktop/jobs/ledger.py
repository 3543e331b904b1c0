"""What a job was made of and what it left behind, so that the same work is known again.

A job is known by its place, its recipe (options without paths), the content of its sources and the revisions of its models.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from stat import S_ISDIR
from typing import Any, NamedTuple

import msgspec

from desktop.errors import UserError
from desktop.jobs.job import AnyJob, CoverJob
from desktop.paths import before_commit

_OUTDATED = "of other work"
"""The manner of a file that Reprise has made and that nobody asks for as it is: no job's own."""
_SAID_ELSEWHERE = ("sources", "stamps", "models")
_BLOCK = 1 << 20
_KNOWN = 4096

Listing = tuple[tuple[str, int, int], ...]
"""Name, size and time of change of the files that a path stands for: itself, or all below it."""


class Left(msgspec.Struct, frozen=True):
    """A result as it was left: where, in which state (``Seen``), and what else it depends on (``Job.manners``)."""

    path: str
    state: str
    manner: str = ""


class Made(msgspec.Struct, frozen=True):
    """What is remembered of a finished job.

    Attributes:
        recipe: hash of its options.
        sources: hash of the content of each source, in their order.
        sizes: bytes of each; another size saves reading.
        models: revision of each model that was used, "" for one that would have been but was not there.
        files: what it left, by kind.
        result: what its run returned.
    """

    recipe: str
    sources: tuple[str, ...]
    sizes: tuple[int, ...]
    models: dict[str, str]
    files: dict[str, Left]
    result: dict[str, Any]


class Fate(StrEnum):
    """What has become of a result since it was left."""

    INTACT = "intact"
    GONE = "gone"
    ALTERED = "altered"


def made_by(job: AnyJob, result: Mapping[str, Any], before: Made | None) -> Made | None:
    """What is to be remembered of a job that has just ended with ``result``; None when its result does not say enough.

    What ``before`` knows of other files at the same place stays.
    """
    hashes, models = result.get("sources"), result.get("models")
    goes_on = isinstance(job, CoverJob) and bool(job.project)
    if goes_on and before is not None:
        # What is new was made of what was there, so it is the work of the same models.
        models = before.models
    if not (job.is_remembered and job.place and isinstance(hashes, dict) and isinstance(models, dict)):
        return None
    sources, manners = [str(path) for path in job.sources], job.manners
    try:
        files = {
            str(kind): Left(str(Path(path).absolute()), see(Path(path)).state, manners.get(str(kind), ""))
            for kind, path in dict(result.get("files") or {}).items()
        }
        made = Made(
            recipe=recipe_of(job),
            sources=tuple(str(hashes[path]) for path in sources),
            sizes=tuple(see(Path(path)).size for path in sources),
            models={str(name): str(revision) for name, revision in models.items()},
            files=files,
            result={name: value for name, value in result.items() if name not in _SAID_ELSEWHERE},
        )
    except (OSError, KeyError, TypeError, ValueError):
        return None
    if not files:
        return None
    if before is None or not job.results:
        return made
    is_same = (before.recipe, before.sources, before.models) == (made.recipe, made.sources, made.models)
    if goes_on and not is_same:
        # The song has changed since: what was there is of another one.
        return None
    others = before.files if is_same else {kind: Left(one.path, one.state, _OUTDATED) for kind, one in before.files.items()}
    return msgspec.structs.replace(made, files={**others, **files})


def recipe_of(job: AnyJob) -> str:
    """Hash of what a job asks for, whatever its files are called and wherever they are."""
    roles = {str(path): f"source {number}" for number, path in enumerate(job.sources)}
    fields = {
        name: roles.get(value, value) if isinstance(value, str) else value
        for name, value in msgspec.to_builtins(job).items()
        if name not in job.incidental
    }
    return hashlib.sha256(msgspec.json.encode(fields, order="deterministic")).hexdigest()


def fate_of(left: Left) -> Fate:
    """What has become of a result."""
    try:
        return Fate.INTACT if see(Path(left.path)).state == left.state else Fate.ALTERED
    except FileNotFoundError:
        return Fate.GONE
    except OSError:
        return Fate.ALTERED


class Seen(NamedTuple):
    """What a look at a file, or at all that is below a folder, says of it.

    Attributes:
        size: bytes.
        state: size and time of change; of a folder a hash of names, sizes and times.
        stamp: that with the file's number on its disk: where it is the same, so is the content.
    """

    size: int
    state: str
    stamp: str


def see(path: Path) -> Seen:
    """Look at a file or folder without reading it; raises OSError."""
    found = path.stat()
    if not S_ISDIR(found.st_mode):
        state = f"{found.st_size} {found.st_mtime_ns}"
        return Seen(found.st_size, state, f"{state} {found.st_ino}")
    listing = _listing(path)
    state = hashlib.sha256(repr(listing).encode("utf-8", "backslashreplace")).hexdigest()
    return Seen(sum(size for _, size, _ in listing), state, f"{state} {found.st_ino}")


def content_hash(path: Path) -> str:
    """SHA-256 of a file, or of the names and contents of a folder's files; raises OSError."""
    return _hash(str(path), _listing(path))


def stamps_of(job: AnyJob) -> dict[str, str]:
    """The stamp of each source that is there, by its path."""
    return {str(path): see(path).stamp for path in job.sources if path.exists()}


class Sources:
    """The files that a job reads, as they were when it began."""

    def __init__(self, job: AnyJob) -> None:
        self._noun = job.source_noun
        self._before = {path: _listing(path) for path in job.sources if path.exists()}
        self._stamps = stamps_of(job)
        self._hashes: dict[str, str] = {}
        self._over = threading.Event()
        self._reader = threading.Thread(target=self._read, name="sources", daemon=True)

    def read(self) -> None:
        """Begin to hash them beside the work, at the lowest priority."""
        self._reader.start()

    def leave(self) -> None:
        """Let nothing more be read: the work has come to nothing."""
        self._over.set()

    def check(self, *, whole: bool = True) -> None:
        """Raise UserError when one has changed or vanished since; what folders hold is looked through if ``whole``."""
        for path, before in self._before.items():
            try:
                changed = (whole or not path.is_dir()) and _listing(path) != before
            except OSError:
                changed = True
            if changed:
                raise UserError(
                    f"The {self._noun} changed while it was read", path=path, remedy="Retry when nothing writes to it any more."
                )

    def facts(self) -> dict[str, dict[str, str]]:
        """SHA-256 of each one's content ("sources") and the stamp that it had ("stamps"), by its path; waits for the reading."""
        self._reader.join()
        return {"sources": self._hashes, "stamps": self._stamps} if self._hashes else {}

    def _read(self) -> None:
        with suppress(OSError, AttributeError):
            # Of this thread alone, where the system can do that.
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)
        with suppress(OSError):
            # One that cannot be read to its end is told of by ``check``, or the work is not remembered.
            hashes = {str(path): _content(path, before, self._over) for path, before in self._before.items()}
            self._hashes = {} if self._over.is_set() else hashes


@contextmanager
def guarded(job: AnyJob) -> Iterator[Sources]:
    """Let no result of ``job`` get its final name once a source has changed; raises UserError when one has."""
    sources = Sources(job)
    sources.read()
    try:
        with before_commit(lambda: sources.check(whole=False)):
            yield sources
        sources.check()
    finally:
        sources.leave()


def _listing(path: Path) -> Listing:
    if not path.is_dir():
        found = path.stat()
        return (("", found.st_size, found.st_mtime_ns),)
    listed = []
    for one in sorted(one for one in path.rglob("*") if one.is_file()):
        found = one.stat()
        listed.append((os.fspath(one.relative_to(path)), found.st_size, found.st_mtime_ns))
    return tuple(listed)


@lru_cache(maxsize=_KNOWN)
def _hash(path: str, listing: Listing) -> str:
    return _content(Path(path), listing, threading.Event())


def _content(path: Path, listing: Listing, over: threading.Event) -> str:
    if not path.is_dir():
        return _file_hash(path, over)
    lines = (f"{name}\0{_file_hash(path / name, over)}\n" for name, *_ in listing)
    return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def _file_hash(path: Path, over: threading.Event) -> str:
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        while not over.is_set() and (block := file.read(_BLOCK)):
            digest.update(block)
    return digest.hexdigest()
