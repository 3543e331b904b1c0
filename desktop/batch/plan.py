"""The jobs of a batch, from its files and one pattern: what the window and the command line share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import msgspec

from desktop.batch.sources import Source
from desktop.errors import UsageError
from desktop.jobs.job import CoverJob, LabelJob, RestoreJob
from desktop.names import distinct, fill
from desktop.piano.batch.naming import make_jobs
from desktop.piano.batch.songs import Entry
from desktop.video.names import suffix_for

RESTORED = "{title}-restored"
LABELLED = "{title}-labelled"
NOWHERE = "."
"""Source and output of a pattern, which has none."""


def plan_covers(
    entries: Sequence[Entry], output: str = "", template: str = "", *, soundfont: str = "", device: str = "auto"
) -> list[CoverJob]:
    """The covers of songs with settings of their own; ``template`` names those that have no name of their own.

    See ``desktop.piano.batch.naming`` for the words that a template knows. Raises UsageError for others.
    """
    named = [replace(one, name=template) if template and one.name == Entry.name else one for one in entries]
    return make_jobs(named, output, soundfont=soundfont, device=device)


def plan_restores(sources: Sequence[Source], pattern: RestoreJob, output: str = "", template: str = "") -> list[RestoreJob]:
    """The restorations of clips and images, as ``pattern`` says.

    Args:
        output: folder of the results; "" puts each beside its source.
        template: names of the results: {title}, {number}, {folder}, {restorer}, {scale}.

    Raises UsageError for a template that cannot be filled or that makes a result a source.
    """
    more: dict[str, str | int] = {"restorer": pattern.options.restorer, "scale": pattern.options.scale}
    places = _places(sources, output, template or RESTORED, more)
    # What ".auto" becomes for containers that we write is as good as always the clip's own ending.
    results = [folder / f"{name}{suffix_for(one.path)}" for one, (folder, name) in zip(sources, places, strict=True)]
    _refuse_sources(sources, [place.with_suffix(one.path.suffix) for one, place in zip(sources, results, strict=True)])
    return [
        msgspec.structs.replace(pattern, source=str(one.path), output=str(place))
        for one, place in zip(sources, results, strict=True)
    ]


def plan_labels(sources: Sequence[Source], pattern: LabelJob, output: str = "", template: str = "") -> list[LabelJob]:
    """The labelled files, as ``pattern`` says; likewise, with the words {title}, {number}, {folder} and {model}."""
    places = _places(sources, output, template or LABELLED, {"model": Path(pattern.model).name})
    results = [folder / f"{name}{one.path.suffix}" for one, (folder, name) in zip(sources, places, strict=True)]
    _refuse_sources(sources, results)
    return [
        msgspec.structs.replace(pattern, source=str(one.path), output=str(place))
        for one, place in zip(sources, results, strict=True)
    ]


def _places(sources: Sequence[Source], output: str, template: str, more: dict[str, str | int]) -> list[tuple[Path, str]]:
    wanted = []
    for number, one in enumerate(sources, 1):
        folder = Path(output).absolute() / one.inside if output else one.path.parent
        values: dict[str, str | int] = {"title": one.path.stem, "number": number, "folder": one.path.parent.name, **more}
        wanted.append((folder, fill(template, values)))
    names = distinct(wanted, [one.path.suffix for one in sources])
    return [(folder, name) for (folder, _), name in zip(wanted, names, strict=True)]


def _refuse_sources(sources: Sequence[Source], results: Sequence[Path]) -> None:
    """No result may be one of the sources."""
    given = {one.path for one in sources}
    for place in results:
        if place in given:
            raise UsageError(f"{place} is both a source and a result", remedy="Choose another folder or template.")
