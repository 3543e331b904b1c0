"""What a tuned or base model is at this moment, told without making or fetching anything. Nothing heavy is imported here."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from desktop.models.catalog import OwnSource
from desktop.models.library import Library
from desktop.tuning.model_card import NAME, is_export
from desktop.tuning.runs import Runs

LABELLING = 1
"""Raised whenever the same model would label the same rows otherwise."""


def origin_of(model: str, weights: str, library: Library) -> str:
    """Names the weights that ``exports.onnx_of`` would use; "" when there are none.

    Args:
        model: exported folder, id or name of a run, or a base.
        weights: of a run, "best" or "last".
    """
    place = Path(model).expanduser()
    try:
        if place.is_dir():
            # The card holds the origin of an export's graphs.
            return hashlib.sha256((place / NAME).read_bytes()).hexdigest() if is_export(place) else of_base(place)
        runs = Runs()
        try:
            run = runs.find(model)
            if run is not None:
                return fingerprint(path for path in (runs.folder(run.id) / weights).iterdir() if path.is_file())
        finally:
            runs.close()
    except OSError:
        return ""
    for entry in library.entries():
        source = entry.sources[0]
        if entry.id == model or (isinstance(source, OwnSource) and source.place == f"hub:{model}"):
            return library.revision(entry.id)
    return ""


def of_base(folder: Path) -> str:
    """Of a base's weights and descriptions."""
    return fingerprint(path for path in folder.iterdir() if path.suffix in (".json", ".safetensors"))


def fingerprint(files: Iterable[Path]) -> str:
    """Of files by name, size and time of change; raises OSError."""
    digest = hashlib.sha256()
    for path in sorted(files):
        stat = path.stat()
        digest.update(f"{path.name}\0{stat.st_size}\0{stat.st_mtime_ns}\n".encode())
    return digest.hexdigest()
