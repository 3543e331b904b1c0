"""What a batch is made of: songs, folders of songs, and lists with settings of their own for each song."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from desktop.errors import UsageError, UserError
from desktop.folders import files_below
from desktop.jobs.base import choose
from desktop.jobs.piano_jobs import BEAT_CHANGES, DIFFICULTIES, ENGINES, EXTRAS, STYLES, check_composer
from desktop.piano.names import SOUNDS
from desktop.plain_files import check_name, named_in, read_plain

LISTS = (".csv", ".tsv", ".txt", ".m3u", ".m3u8")
_LARGEST_LIST = 64 << 20
_SONG = ("song", "source", "file", "path")
_COLUMNS = ("style", "difficulty", "engine", "composer", "beats", "name", "output", "audio", "also")
_YES = {"yes": True, "true": True, "1": True, "x": True, "no": False, "false": False, "0": False, "": False}


@dataclass(frozen=True)
class Entry:
    """A song of a batch and how it is to be covered; the fields are those of ``CoverJob``.

    Attributes:
        source: audio or video file.
        name: file name of the results without ending, or a template of one (see ``naming``).
        output: folder for the results; "" for the batch's.
        inside: folders below the given one in which the song was found, kept below the batch's folder too.
    """

    source: Path = Path()
    style: str = "pop"
    difficulty: str = "medium"
    engine: str = "sketch"
    composer: int = 1
    beats: str = "auto"
    name: str = "{title}"
    output: str = ""
    audio: bool = False
    also: tuple[str, ...] = ()
    inside: Path = Path()


def gather(given: Iterable[Path], common: Entry) -> list[Entry]:
    """The songs that ``given`` names, in order, each file once: files, folders (searched to the bottom, by name) and lists.

    Args:
        common: the settings of every song that has none of its own.

    Raises:
        UserError: a list cannot be read, or a folder has no songs.
        UsageError: a list has a column or a value that does not exist; the message names the line.
    """
    found: dict[Path, Entry] = {}
    for path in given:
        if path.is_dir():
            entries: Iterable[Entry] = _songs_in(path, common)
        elif path.suffix.lower() in LISTS:
            entries = _listed(path, common)
        else:
            entries = [replace(common, source=path.absolute())]
        for entry in entries:
            check_name(entry.source)
            found.setdefault(entry.source, entry)
    return list(found.values())


def _songs_in(folder: Path, common: Entry) -> list[Entry]:
    # Comparing paths themselves takes ten times as long.
    files = sorted((path for path in files_below(folder) if path.suffix.lower() in SOUNDS), key=lambda path: path.parts)
    if not files:
        raise UserError("There are no songs in this folder", path=folder, remedy=f"Songs end in {', '.join(SOUNDS[:8])}, ...")
    return [replace(common, source=path.absolute(), inside=path.parent.relative_to(folder)) for path in files]


def _listed(path: Path, common: Entry) -> Iterator[Entry]:
    text = _text(path)
    if path.suffix.lower() not in (".csv", ".tsv"):
        lines = (line.strip() for line in text.splitlines())
        yield from (replace(common, source=named_in(path, line)) for line in lines if line and not line.startswith("#"))
        return
    head = text.split("\n", 1)[0]
    reader = csv.reader(io.StringIO(text), delimiter=max("\t;,", key=head.count))
    rows = _rows(reader, path)
    names = [name.strip().casefold() for name in next(rows, [])]
    unknown = [name for name in names if name and name not in (*_SONG, *_COLUMNS)]
    if unknown:
        raise UsageError(
            f"{path.name}, line 1: there is no column '{unknown[0]}'", remedy=f"Columns: song, {', '.join(_COLUMNS)}."
        )
    if not set(names) & set(_SONG):
        raise UsageError(f"{path.name}, line 1: no column is called 'song'", remedy="Name the songs' files in such a column.")
    for cells in rows:
        row = {name: cell.strip() for name, cell in zip(names, cells, strict=False) if name}
        if any(row.values()):
            yield _entry(path, reader.line_num, row, common)


def _rows(reader: Iterator[list[str]], path: Path) -> Iterator[list[str]]:
    try:
        yield from reader
    except csv.Error as error:
        raise UserError(f"The list cannot be read: {error}", path=path, remedy="Save it as CSV or text in UTF-8.") from error


def _entry(path: Path, line: int, row: Mapping[str, str], common: Entry) -> Entry:
    song = next((row[name] for name in _SONG if row.get(name)), "")
    try:
        if not song:
            raise UsageError("the song is missing")
        entry = replace(common, source=named_in(path, song))
        words = {}
        for field, valid in (("style", STYLES), ("difficulty", DIFFICULTIES), ("engine", ENGINES)):
            words[field] = row.get(field, "").lower() or str(getattr(common, field))
            choose(field, words[field], valid)
        entry = replace(entry, style=words["style"], difficulty=words["difficulty"], engine=words["engine"])
        if composer := row.get("composer", ""):
            if not composer.isdecimal():
                raise UsageError(f"composer: '{composer}' is not a number")
            number = int(composer[:9])  # Nobody has more digits, and Python takes minutes for very many.
            check_composer(number)
            entry = replace(entry, composer=number)
        if beats := row.get("beats", ""):
            entry = replace(entry, beats=beats if beats in BEAT_CHANGES else str(named_in(path, beats)))
        if "audio" in row:
            choose("audio", row["audio"].lower(), tuple(_YES))
            entry = replace(entry, audio=_YES[row["audio"].lower()])
        if "also" in row:
            entry = replace(entry, also=extras(row["also"]))
        name, output = row.get("name") or common.name, row.get("output", "")
        return replace(entry, name=name, output=str(named_in(path, output)) if output else common.output)
    except UsageError as error:
        raise UsageError(f"{path.name}, line {line}: {error.message}", remedy=error.remedy) from error


def extras(text: str) -> tuple[str, ...]:
    """Endings of further results from "pdf, mp4"; raises UsageError for one that there is not."""
    found = tuple(dict.fromkeys(word.lower().lstrip(".") for word in text.replace(",", " ").split()))
    for ending in found:
        choose("also", ending, EXTRAS)
    return found


def _text(path: Path) -> str:
    try:
        data = read_plain(path, _LARGEST_LIST)
    except OSError as error:
        raise UserError(f"The list cannot be read: {error.strerror}", path=path) from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        from charset_normalizer import from_bytes

        best = from_bytes(data).best()
        if best is None:
            raise UserError("The list is not text", path=path, remedy="Save it as CSV or text in UTF-8.") from None
        return str(best)
