"""Files of a batch: named ones, folders searched to the bottom, and lists with a file a line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from desktop.errors import UserError
from desktop.folders import files_below
from desktop.plain_files import check_name, is_name, named_in, read_plain
from desktop.video.names import CLIPS, IMAGES

LISTS = (".txt", ".m3u", ".m3u8")
"""Endings of lists: a file a line, "#" begins a remark, relative names are relative to the list."""

LARGEST_LIST = 64 << 20
"""Bytes of a list: some hundred thousand files."""

ENDINGS: Mapping[str, frozenset[str]] = {
    "restore": CLIPS | IMAGES,
    "label": frozenset((".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")),
}
"""What is looked for in folders, by kind of job."""

RESULTS = {"restore": "-restored", "label": "-labelled"}
"""How results that lie beside their sources are called: such are no sources themselves."""

_WORDS = {"restore": "clips or images", "label": "CSV, TSV, JSONL or Parquet files"}


@dataclass(frozen=True)
class Source:
    """A file of a batch.

    Attributes:
        path: absolute.
        inside: folders below the given one in which it was found, kept below the results' folder too.
    """

    path: Path
    inside: Path = Path()


def gather(given: Iterable[Path | str], kind: str, *, without: Path | None = None) -> list[Source]:
    """The files that ``given`` names, in order, each once.

    Args:
        kind: "restore" or "label", says what is looked for in folders.
        without: folder of the results; nothing below it is a source, unless it is given by name or the sources' own folder.

    Raises:
        UserError: a folder holds none of them, a list cannot be read, or the name of a file is no text.
    """
    found: dict[Path, Source] = {}
    for one in given:
        path = Path(one).absolute()
        if path.is_dir():
            sources = _found_in(path, kind, without)
            if not sources:
                raise UserError(f"There are no {_WORDS[kind]} in this folder", path=path)
        elif path.suffix.lower() in LISTS:
            sources = [Source(place) for place in _listed(path)]
        else:
            sources = [Source(path)]
        for source in sources:
            check_name(source.path)
            found.setdefault(source.path, source)
    return list(found.values())


def files_in(folder: Path, kind: str, *, without: Path | None = None) -> list[Source]:
    """The files of a folder and all below it, by name: none hidden, no results beside sources, no names that are no text."""
    return [source for source in _found_in(folder, kind, without) if is_name(source.path)]


def _found_in(folder: Path, kind: str, without: Path | None) -> list[Source]:
    below = without.absolute() if without is not None and without.absolute() not in (folder, *folder.parents) else None
    taken = (path for path in files_below(folder) if path.suffix.lower() in ENDINGS[kind])
    # Comparing paths themselves takes ten times as long.
    paths = sorted((path for path in taken if below is None or below not in path.parents), key=lambda path: path.parts)
    results = {path.parent / f"{name}{RESULTS[kind]}" for path in paths for name in (path.stem, path.name)}
    return [Source(path, path.parent.relative_to(folder)) for path in paths if path.with_suffix("") not in results]


def _listed(path: Path) -> Iterator[Path]:
    try:
        text = read_plain(path, LARGEST_LIST).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"The list cannot be read: {error}", path=path, remedy="It must be text in UTF-8.") from error
    lines = (line.strip() for line in text.splitlines())
    yield from (named_in(path, line) for line in lines if line and not line.startswith("#"))
