"""Names of a batch's results, from a template."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from string import Formatter

from desktop.errors import UsageError
from desktop.jobs.piano_jobs import CoverJob
from desktop.piano.batch.songs import Entry
from desktop.piano.outputs import file_stem

FIELDS = ("title", "number", "style", "difficulty", "engine", "composer", "folder")


def file_name(entry: Entry, number: int) -> str:
    """The file name, without ending, of a song's results.

    ``entry.name`` is a template: words in braces are replaced, "{number:03}" with leading zeros. ``FIELDS`` are known.

    Raises UsageError when the template cannot be filled.
    """
    values = {
        "title": entry.source.stem,
        "number": number,
        "style": entry.style,
        "difficulty": entry.difficulty,
        "engine": entry.engine,
        "composer": entry.composer,
        "folder": entry.source.parent.name,
    }
    try:
        parts = list(Formatter().parse(entry.name))
        unknown = [field for _, field, _, _ in parts if field is not None and field not in values]
        if unknown:
            raise UsageError(f"name: there is no {{{unknown[0]}}}", remedy=f"Known are {', '.join(f'{{{f}}}' for f in FIELDS)}.")
        return file_stem(entry.name.format(**values))
    except ValueError as error:
        raise UsageError(f"name: '{entry.name}' is not a template: {error}") from error


def make_jobs(entries: Sequence[Entry], output: str, *, soundfont: str = "", device: str = "auto") -> list[CoverJob]:
    """The covers to be made, no two with the same files.

    Args:
        output: folder of the results of entries that name none; "" for the folder of each song.

    Results that would have the same name get the ending of their song, or a number, behind it.
    """
    places = []
    for number, entry in enumerate(entries, 1):
        folder = Path(entry.output) if entry.output else Path(output) / entry.inside if output else entry.source.parent
        places.append((folder.absolute(), file_name(entry, number)))
    taken = Counter((folder, name.casefold()) for folder, name in places)
    used: set[tuple[Path, str]] = set()
    jobs = []
    for entry, (folder, plain) in zip(entries, places, strict=True):
        name = plain
        if taken[folder, plain.casefold()] > 1:
            name = plain = f"{plain} ({entry.source.suffix.lstrip('.').lower()})"
        count = 1
        while (folder, name.casefold()) in used:
            count += 1
            name = f"{plain} {count}"
        used.add((folder, name.casefold()))
        jobs.append(
            CoverJob(
                source=str(entry.source),
                output=str(folder),
                name=name,
                engine=entry.engine,
                style=entry.style,
                difficulty=entry.difficulty,
                composer=entry.composer,
                beats=entry.beats,
                audio=entry.audio,
                also=entry.also,
                soundfont=soundfont,
                device=device,
            )
        )
    return jobs
