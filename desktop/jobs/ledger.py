"""What a job was made of: its sources as they were while it ran, and a key by which the same work is known again."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import msgspec

from desktop.errors import UserError
from desktop.jobs.job import AnyJob
from desktop.paths import before_commit

_PLACES = frozenset({"output", "name", "device"})
"""Fields that say where a result goes or where it is made, not what it is."""

Signature = tuple[tuple[str, int, int], ...]


class Sources:
    """The files that a job reads, as they were when it began."""

    def __init__(self, job: AnyJob) -> None:
        self._noun = job.source_noun
        self._before = {path: _signature(path) for path in job.sources if path.exists()}

    def check(self, *, whole: bool = True) -> None:
        """Raise UserError when one has changed or vanished since; what folders hold is looked through if ``whole``."""
        for path, before in self._before.items():
            try:
                changed = (whole or not path.is_dir()) and _signature(path) != before
            except OSError:
                changed = True
            if changed:
                raise UserError(
                    f"The {self._noun} changed while it was read", path=path, remedy="Retry when nothing writes to it any more."
                )

    def hashes(self) -> dict[str, str]:
        """SHA-256 of each source's content, by its path."""
        return {str(path): content_hash(path) for path in self._before}


@contextmanager
def guarded(job: AnyJob) -> Iterator[Sources]:
    """Let no result of ``job`` get its final name once a source has changed; raises UserError when one has."""
    sources = Sources(job)
    with before_commit(lambda: sources.check(whole=False)):
        yield sources
    sources.check()


def content_hash(path: Path) -> str:
    """SHA-256 of a file, or of the names and contents of a folder's files; raises OSError."""
    return _hash(str(path), _signature(path))


def job_key(job: AnyJob, hashes: Mapping[str, str], revisions: Mapping[str, str]) -> str:
    """What makes the result of a job: its options, the content of its sources, and the models that it uses.

    Args:
        hashes: content of each source, by its path.
        revisions: of each model used, by its id or path.
    """
    sources = {str(path): hashes[str(path)] for path in job.sources if str(path) in hashes}
    fields = {
        name: sources.get(value, revisions.get(value, value)) if isinstance(value, str) else value
        for name, value in msgspec.to_builtins(job).items()
        if name not in _PLACES
    }
    known = [fields, sorted(sources.values()), sorted(revisions.items())]
    return hashlib.sha256(msgspec.json.encode(known, order="deterministic")).hexdigest()


def _signature(path: Path) -> Signature:
    files = sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]
    return tuple((os.fspath(one.relative_to(path)), *_stamp(one)) for one in files)


def _stamp(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_size, found.st_mtime_ns


@lru_cache(maxsize=4096)
def _hash(path: str, signature: Signature) -> str:
    if not Path(path).is_dir():
        return _file_hash(Path(path))
    lines = (f"{name}\0{_file_hash(Path(path, name))}\n" for name, *_ in signature)
    return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def _file_hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
