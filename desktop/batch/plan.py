"""The jobs of a batch, from its files and one pattern: what the window and the command line share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import msgspec

from desktop.batch.sources import Source
from desktop.errors import UsageError
from desktop.jobs.job import AnyJob, CoverJob, LabelJob, RestoreJob
from desktop.names import distinct, fill
from desktop.paths import make_folder
from desktop.piano.batch.naming import make_jobs
from desktop.piano.batch.songs import Entry
from desktop.video.names import AUTO, suffix_for

RESTORED = "{title}-restored"
LABELLED = "{title}-labelled"
Words = dict[str, str | int]
"""What a template knows, and what it becomes."""
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


def plan_restores(
    sources: Sequence[Source],
    pattern: RestoreJob | Sequence[RestoreJob],
    output: str = "",
    template: str = "",
    endings: Sequence[str] = (),
) -> list[RestoreJob]:
    """The restorations of clips, images and folders of images.

    Args:
        pattern: how all are restored, or how each; one with an output of its own keeps that.
        output: folder of the results; "" puts each beside its source.
        template: names of the results: {title}, {number}, {folder}, {restorer}, {scale}.
        endings: of each result, "" for what suits its source; none given mean that for all.

    Raises UsageError for a template that cannot be filled or that makes a result a source.
    """
    patterns = [pattern] * len(sources) if isinstance(pattern, RestoreJob) else list(pattern)
    more: list[Words] = [{"restorer": one.options.restorer, "scale": one.options.scale} for one in patterns]
    places = _places(sources, output, template or RESTORED, more)
    wanted = endings or [""] * len(sources)
    results = [
        Path(own.output) if own.output != NOWHERE else folder / f"{name}{ending or _ending(one.path)}"
        for one, own, (folder, name), ending in zip(sources, patterns, places, wanted, strict=True)
    ]
    # What ".auto" becomes for containers that we write is as good as always the clip's own ending.
    settled = [
        place.with_suffix(one.path.suffix) if place.suffix == AUTO else place for one, place in zip(sources, results, strict=True)
    ]
    _refuse_sources(sources, settled)
    return [
        msgspec.structs.replace(own, source=str(one.path), output=str(place))
        for one, own, place in zip(sources, patterns, results, strict=True)
    ]


def plan_labels(sources: Sequence[Source], pattern: LabelJob, output: str = "", template: str = "") -> list[LabelJob]:
    """The labelled files, as ``pattern`` says; likewise, with the words {title}, {number}, {folder} and {model}."""
    places = _places(sources, output, template or LABELLED, [{"model": Path(pattern.model).name}] * len(sources))
    results = [folder / f"{name}{one.path.suffix}" for one, (folder, name) in zip(sources, places, strict=True)]
    _refuse_sources(sources, results)
    return [
        msgspec.structs.replace(pattern, source=str(one.path), output=str(place))
        for one, place in zip(sources, results, strict=True)
    ]


def make_folders(jobs: Iterable[AnyJob]) -> None:
    """Make the folders that tables of a batch are labelled into; other jobs make theirs, as the folder is all they are given.

    Raises UserError when one cannot be made.
    """
    for folder in {Path(job.output).parent for job in jobs if isinstance(job, LabelJob)}:
        make_folder(folder)


def _places(sources: Sequence[Source], output: str, template: str, more: Sequence[Words]) -> list[tuple[Path, str]]:
    wanted = []
    for number, (one, words) in enumerate(zip(sources, more, strict=True), 1):
        folder = Path(output).absolute() / one.inside if output else one.path.parent
        values: Words = {"title": one.path.stem, "number": number, "folder": one.path.parent.name, **words}
        wanted.append((folder, fill(template, values)))
    names = distinct(wanted, [one.path.suffix for one in sources])
    return [(folder, name) for (folder, _), name in zip(wanted, names, strict=True)]


def _ending(source: Path) -> str:
    """Ending of a restored clip or image; a folder of images becomes one."""
    return "" if source.is_dir() else suffix_for(source)


def _refuse_sources(sources: Sequence[Source], results: Sequence[Path]) -> None:
    """No result may be one of the sources."""
    given = {one.path for one in sources}
    for place in results:
        if place in given:
            raise UsageError(f"{place} is both a source and a result", remedy="Choose another folder or template.")
