"""Base models: what can be tuned, found by id, by folder, or by its name on the hub. Nothing heavy is imported here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from desktop.errors import UserError
from desktop.jobs.progress import Progress
from desktop.models import hub_folder
from desktop.models.catalog import Entry
from desktop.models.hub_folder import Family, HubFolder
from desktop.models.library import Library, Status

TASKS = {f"text-{family}": family for family in Family}
_HUB_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*$")


@dataclass(frozen=True, kw_only=True)
class Base:
    """A base model that lies on this computer, whole.

    Attributes:
        id: of the library; else its folder.
        folder: in the hub's layout: config.json, safetensors, tokenizer.json.
        family: "encoder", "decoder" or "seq2seq".
        architecture: ``model_type`` of its configuration.
        parameters: numbers in its weights. bytes: of the weights' files.
        context: most tokens at a time; None without a limit.
        licence: SPDX identifier. commercial: "yes", "no" or "unclear".
        has_chat: it has a template of a conversation.
        layers: of the decoder, and as many of the encoder. hidden: width. heads: of attention. vocabulary: tokens.
    """

    id: str
    title: str
    folder: Path
    family: str
    architecture: str
    parameters: int
    bytes: int
    context: int | None
    licence: str
    commercial: str
    has_chat: bool
    layers: int
    hidden: int
    heads: int
    vocabulary: int


@dataclass(frozen=True, kw_only=True)
class BaseCard:
    """A base model to choose, installed or not.

    Attributes:
        family: as in ``Base``.
        size: bytes of its files. download: bytes still to be fetched; 0 when it is here.
        is_own: the user brought it.
        base: what is known of an installed one; None otherwise.
        problem: why an installed one cannot be used; "" otherwise.
    """

    id: str
    title: str
    description: str
    family: str
    licence: str
    commercial: str
    size: int
    download: int
    status: Status
    is_own: bool
    base: Base | None = None
    problem: str = ""


def find_base(name: str, library: Library, progress: Progress) -> Base:
    """The base model that a recipe names, on this computer, after fetching it when it is missing.

    Args:
        name: id of the library, folder in the hub's layout, or "owner/name" of the hub.

    Raises:
        UserError: there is none, it cannot be fetched, or the folder is not a whole model of a known architecture.
    """
    place = Path(name).expanduser()
    if entry := _entry(name, library):
        return _of_entry(entry, library.ensure(entry.id, progress))
    if place.is_dir() or place.is_file():
        return _of_folder(place.resolve(), progress)
    if _HUB_NAME.match(name):
        from desktop.tuning import hub_bases

        entry = hub_bases.fetch(name, library, progress)
        return _of_entry(entry, library.folder(entry.id))
    known = ", ".join(card.id for card in _entries(library))
    if re.search(r"[/\\]", name):
        raise UserError("There is no such folder", path=place, remedy=f"Name a folder, or one of: {known}.")
    raise UserError(
        f"There is no base model '{name}'", remedy=f"Name one of: {known}; a folder; or OWNER/NAME of the Hugging Face hub."
    )


def known_bases(library: Library) -> list[BaseCard]:
    """Base models to choose from: the catalog's and the user's own, without fetching anything."""
    return [_card(entry, library) for entry in _entries(library)]


def base_in(folder: Path) -> Base:
    """The base in a folder of the user's, which is only looked at.

    Raises:
        UserError: it is not a whole model of a known architecture.
    """
    found = hub_folder.read(folder)
    return _base(str(folder), folder.name, found, found.spdx, found.commercial)


def _entries(library: Library) -> list[Entry]:
    return [entry for entry in library.entries() if entry.task in TASKS]


def _entry(name: str, library: Library) -> Entry | None:
    return next((entry for entry in _entries(library) if entry.id == name), None)


def _card(entry: Entry, library: Library) -> BaseCard:
    status = library.status(entry.id)
    base, problem = None, ""
    if status in (Status.INSTALLED, Status.BUNDLED):
        try:
            base = _of_entry(entry, library.folder(entry.id))
        except UserError as error:
            problem = str(error)
    elif status is Status.CORRUPT:
        problem = library.problem(entry.id)
    return BaseCard(
        id=entry.id,
        title=entry.title,
        description=entry.description,
        family=TASKS[entry.task],
        licence=entry.licence.spdx,
        commercial=entry.licence.commercial,
        size=entry.size,
        download=0 if base else entry.download,
        status=status,
        is_own=entry.is_own,
        base=base,
        problem=problem,
    )


def _of_entry(entry: Entry, folder: Path) -> Base:
    return _base(entry.id, entry.title, hub_folder.read(folder), entry.licence.spdx, entry.licence.commercial)


def _of_folder(folder: Path, progress: Progress) -> Base:
    found = hub_folder.read(folder)
    if found.has_tokenizer:
        return base_in(folder)
    from desktop.tuning import own_tokenizer

    completed = hub_folder.read(own_tokenizer.completed(found, progress))
    return _base(str(folder), folder.name, completed, found.spdx, found.commercial)


def _base(name: str, title: str, found: HubFolder, licence: str, commercial: str) -> Base:
    return Base(
        id=name,
        title=title,
        folder=found.folder,
        family=found.family.value,
        architecture=found.architecture,
        parameters=found.parameters,
        bytes=found.size,
        context=found.context,
        licence=licence,
        commercial=str(commercial),
        has_chat=bool(found.chat_template),
        layers=found.layers,
        hidden=found.hidden,
        heads=found.heads,
        vocabulary=found.vocabulary,
    )
