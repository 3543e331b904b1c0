"""The user's own models: each one's entry lies beside its files, so that it comes and goes with them."""

from __future__ import annotations

import logging
import re
from collections.abc import Container
from pathlib import Path

import msgspec

from desktop.errors import UserError
from desktop.malformed import MALFORMED
from desktop.models import catalog
from desktop.models.catalog import Commercial, Entry, Licence, ModelFile, OwnSource
from desktop.paths import atomic_write

NAME = ".entry.json"
LICENCE = Licence(
    spdx="LicenseRef-Unknown",
    commercial=Commercial.UNCLEAR,
    text="unknown",
    note="You brought this model: what it may be used for is yours to check.",
)

_log = logging.getLogger(__name__)


def entries(root: Path, known: Container[str]) -> list[Entry]:
    """Entries of the user's models below the models' folder, by id; those with a ``known`` id are left out."""
    if not root.is_dir():
        return []
    places = sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith(".") and path.name not in known)
    return [found for place in places if (found := entry(root, place.name)) is not None]


def entry(root: Path, model: str) -> Entry | None:
    """The entry of one of the user's models; None when there is none that can be read."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,63}", model):
        return None
    for path in sorted((root / model).glob(f"*/{NAME}"), key=lambda path: path.stat().st_mtime_ns, reverse=True):
        try:
            found = _parsed(path.read_bytes())
        except (OSError, *MALFORMED) as error:
            _log.warning("%s is not an entry: %s", path, error)
            continue
        if found.id == model and found.revision == path.parent.name and found.is_own:
            return found
    return None


def write(found: Entry, folder: Path) -> None:
    """Write a model's entry into the folder with its files."""
    with atomic_write(folder / NAME) as out:
        out.write(msgspec.json.format(msgspec.json.encode(found)) + b"\n")


def make(model: str, title: str, task: str, pack: str, description: str, place: Path, files: list[ModelFile]) -> Entry:
    """Entry of a model that the user brought from ``place``; its revision is the beginning of the first file's hash.

    Raises:
        UserError: a file's name cannot be kept on every system.
    """
    found = Entry(
        id=model,
        title=title[:80],
        task=task,
        description=description,
        pack=pack,
        default=False,
        revision=files[0].sha256[:12],
        licence=LICENCE,
        files=files,
        sources=[OwnSource(str(place))],
    )
    try:
        return _parsed(msgspec.json.encode(found))
    except ValueError as error:
        raise UserError(f"The model cannot be kept: {error}", path=place) from error


def _parsed(data: bytes) -> Entry:
    (found,) = catalog.parse({"format": catalog.FORMAT, "model": [msgspec.json.decode(data)]})
    return found


def name_for(title: str, known: Container[str]) -> str:
    """An id for a model, made of its file's name; none that is ``known`` already."""
    plain = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:48].strip("-") or "restorer"
    return plain if plain not in known else f"{plain}-own"
