"""Telling whether unfinished work still belongs to its clip and its models."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import msgspec

from desktop import __version__
from desktop.errors import UserError
from desktop.jobs.job import RestoreJob
from desktop.models.library import Library

FORMAT = 1
"""Raised whenever finished segments of an earlier state of this version would not fit those of this one."""

_PIECE = 1 << 20
_PIECES = 16


def of_source(path: Path) -> str:
    """Digest of a file's size, time of change and contents (16 pieces of 1 MB, evenly spread); UserError when unreadable."""
    digest = hashlib.sha256()
    try:
        stat = path.stat()
        digest.update(f"{stat.st_size} {stat.st_mtime_ns} ".encode())
        with path.open("rb") as file:
            step = max(_PIECE, stat.st_size // _PIECES)
            for place in range(0, stat.st_size, step):
                file.seek(place)
                digest.update(file.read(_PIECE))
            file.seek(max(0, stat.st_size - _PIECE))
            digest.update(file.read(_PIECE))
    except OSError as error:
        raise UserError(f"The clip cannot be read: {error.strerror}", path=path) from error
    return digest.hexdigest()


def of_model(library: Library, name: str) -> str:
    """A model's id and revision; "none" stays."""
    return name if name == "none" else f"{name} {library.revision(name)}"


def models(job: RestoreJob, library: Library, detector: str) -> dict[str, str]:
    """Revisions of what makes a restoration's pictures, by name."""
    used = [detector, job.options.restorer, job.options.background]
    return {"reprise:restoring": str(FORMAT)} | {name: library.revision(name) for name in used if name != "none"}


def of_file(path: Path) -> str:
    """SHA-256 of all of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def facts(job: RestoreJob, library: Library, detector: str) -> dict[str, str]:
    """Everything that the pictures of a result depend on, by what the user would call it; a folder's files aside."""
    source = Path(job.source)
    return {
        "program": f"{__version__} {FORMAT}",
        "clip": str(source) if source.is_dir() else of_source(source),
        "restorer": of_model(library, job.options.restorer),
        "background": of_model(library, job.options.background),
        "detector": of_model(library, detector),
        "options": _text({"options": msgspec.to_builtins(job.options), "start": job.start, "end": job.end, "device": job.device}),
        "encoder": _text({"encoder": job.encoder, "quality": job.quality, "container": Path(job.output).suffix.lower()}),
    }


def _text(value: dict[str, Any]) -> str:
    return json.dumps(value, sort_keys=True)
