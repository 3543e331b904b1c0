"""The score's jobs: a file to print or to open in a notation program, and pages for the screen."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from desktop.errors import UserError
from desktop.jobs.events import Progressed
from desktop.jobs.job import PagesJob, Result, ScoreJob
from desktop.jobs.progress import Progress
from desktop.paths import atomic_write, make_folder
from desktop.piano.cover import Cover
from desktop.piano.open_cover import open_cover
from desktop.piano.outputs import publish
from desktop.piano.score.build import build_score
from desktop.piano.score.engrave import Engraver, Page, paper, screen
from desktop.piano.score.model import Score
from desktop.piano.score.musicxml import compressed, to_musicxml
from desktop.piano.score.pdf import write_pdf
from desktop.piano.score.places import page_name, places
from desktop.piano.stages import Stages
from desktop.results import results_folder

PLACES = "places.json"


def run_score(job: ScoreJob, progress: Progress) -> Result:
    """Write a cover as a score in the format of the output's ending, whole or not at all.

    Raises UserError for a cover that cannot be read and a place that cannot be written.
    """
    output = Path(job.output)
    kind = output.suffix.lstrip(".").lower()
    stages = Stages()
    with results_folder(output.parent):
        progress.at(0.02, "Reading the cover")
        cover = open_cover(job.cover)
        with stages.stage("notation"):
            progress.at(0.1, "Writing notes")
            score = build_score(cover, chords=job.chords)
            document = to_musicxml(score)
        scratch = progress.scratch()
        if kind in ("musicxml", "mxl"):
            (scratch / "score").write_bytes(document if kind == "musicxml" else compressed(document))
            finished = {scratch / "score": output}
            count = 0
        else:
            with stages.stage("engraving"):
                pages = _engrave(document, job.paper, scratch, progress.part(0.2, 0.7))
            count = len(pages)
            if kind == "pdf":
                with stages.stage("pdf"):
                    progress.at(0.7, "Painting the PDF")
                    write_pdf(scratch, scratch / "score.pdf", cover.title, progress)
                finished = {scratch / "score.pdf": output}
            else:
                finished = {scratch / page_name(n): place for n, place in enumerate(svg_names(output, count))}
        progress.at(0.95, "Saving")
        _publish(finished)
    names = ["score"] if len(finished) == 1 else [f"page {n + 1}" for n in range(len(finished))]
    files = {name: str(place) for name, place in zip(names, finished.values(), strict=True)}
    for place in finished.values():
        progress.artifact("score", place, cover.title)
    progress.emit(Progressed(1.0, "Done"))
    return _summary(cover, score, stages, files, count)


def run_pages(job: PagesJob, progress: Progress) -> Result:
    """Engrave a cover for the screen; ``places.json`` (see ``places``) comes last, so that its presence means all is there."""
    stages = Stages()
    folder = make_folder(Path(job.folder))
    cover = open_cover(job.cover)
    with stages.stage("notation"):
        progress.at(0.1, "Writing notes")
        score = build_score(cover, chords=job.chords)
        document = to_musicxml(score)
    with stages.stage("engraving"):
        progress.at(0.3, "Engraving")
        engraver = Engraver(document, screen(job.width, job.height))
        pages = []
        for number, page in enumerate(engraver.pages()):
            progress.at(0.4 + 0.55 * number / engraver.count, f"Page {number + 1} of {engraver.count}")
            with atomic_write(folder / page_name(number)) as file:
                file.write(page.svg)
            pages.append(page)
    with atomic_write(folder / PLACES) as file:
        file.write(msgspec.json.encode(places(score, pages, cover.grid, job.width, job.height)))
    progress.emit(Progressed(1.0, "Done"))
    return _summary(cover, score, stages, {"places": str(folder / PLACES)}, len(pages))


def svg_names(output: Path, count: int) -> list[Path]:
    """Files for so many SVG pages: the one asked for, or numbered ones."""
    return [output] if count == 1 else [output.with_name(f"{output.stem}-{n + 1}{output.suffix}") for n in range(count)]


def _engrave(document: bytes, size: str, folder: Path, progress: Progress) -> list[Page]:
    progress.at(0.0, "Engraving")
    engraver = Engraver(document, paper(size))
    pages = []
    for number, page in enumerate(engraver.pages()):
        progress.at(0.3 + 0.7 * number / engraver.count, f"Page {number + 1} of {engraver.count}")
        (folder / page_name(number)).write_bytes(page.svg)
        pages.append(page)
    return pages


def _publish(finished: Mapping[Path, Path]) -> None:
    try:
        publish(finished)
    except UserError as error:
        held = next((place for place in finished.values() if place.exists() and not place.is_dir()), None)
        if held is not None and isinstance(error.__cause__, PermissionError):
            # Windows refuses to replace a file that a viewer shows.
            raise UserError(
                "The score could not be written: the file may be open in another program",
                path=held,
                remedy="Close it there, or choose another name.",
            ) from error
        raise
    except PermissionError as error:
        raise UserError(
            "The score could not be written: the file may be open in another program",
            path=next(iter(finished.values())),
            remedy="Close it there, or choose another name.",
        ) from error


def _summary(cover: Cover, score: Score, stages: Stages, files: dict[str, str], pages: int) -> Result:
    return {
        "files": files,
        "title": cover.title,
        "tempo": round(cover.grid.tempo, 2),
        "meter": cover.grid.meter,
        "key": cover.key.name,
        "bars": len(score.bars),
        "notes": len(score.notes),
        "pages": pages,
        "seconds": stages.seconds,
    }
