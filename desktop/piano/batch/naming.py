"""Names of a batch's results, from a template."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from desktop.jobs.piano_jobs import CoverJob
from desktop.names import distinct, fill
from desktop.piano.batch.songs import Entry

FIELDS = ("title", "number", "style", "difficulty", "engine", "composer", "folder")


def file_name(entry: Entry, number: int) -> str:
    """The file name, without ending, of a song's results.

    ``entry.name`` is a template: words in braces are replaced, "{number:03}" with leading zeros. ``FIELDS`` are known.

    Raises UsageError when the template cannot be filled.
    """
    values: dict[str, str | int] = {
        "title": entry.source.stem,
        "number": number,
        "style": entry.style,
        "difficulty": entry.difficulty,
        "engine": entry.engine,
        "composer": entry.composer,
        "folder": entry.source.parent.name,
    }
    return fill(entry.name, values, "name")


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
    names = distinct(places, [entry.source.suffix for entry in entries])
    jobs = []
    for entry, (folder, _), name in zip(entries, places, names, strict=True):
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
