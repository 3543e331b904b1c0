"""Some bars of a saved cover written anew: one take, or auditions of several choices to compare by ear."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from desktop.errors import UserError
from desktop.jobs.job import AuditionJob, Result, TakeJob
from desktop.jobs.piano_choices import choice_in
from desktop.jobs.progress import Progress
from desktop.models.library import Library
from desktop.names import file_stem
from desktop.piano.analysis_data import Analysis
from desktop.piano.audio import write_audio
from desktop.piano.cover import Cover, Grid, Notes
from desktop.piano.engines import check_models
from desktop.piano.outputs import publish
from desktop.piano.project import load_project
from desktop.piano.regridding import on_grid
from desktop.piano.soundfont import chosen_soundfont
from desktop.piano.synth import render
from desktop.results import results_folder

_RATE = 44100

Stretch = tuple[Notes, Notes]
"""Notes and pedals."""


def run_take(job: TakeJob, progress: Progress) -> Result:
    """Write a stretch anew; the cover's file stays as it is.

    Raises:
        UserError: the cover or its song cannot be read, or the engine's model is missing.
        UsageError: the stretch lies outside of what the engine hears.
    """
    check_models(job.engine, Library())
    cover = load_project(job.cover)
    source, analysis = _heard(cover, job.cover, job.device, progress.part(0.0, 0.4))
    choice = choice_in(job)
    [stretch] = _written(job, [choice], source, analysis, progress.part(0.4, 0.98))
    if not len(stretch[0]):
        progress.log("Nothing is played in this stretch", "warning")
    progress.at(1.0, "Done")
    return {**_plain(stretch), "choice": choice, "engine": job.engine}


def run_audition(job: AuditionJob, progress: Progress) -> Result:
    """Let each choice write the stretch, and play what it wrote into a WAV named after it; all sounds appear together.

    Raises: as ``run_take`` does; UserError, too, for a folder or a SoundFont that will not do.
    """
    check_models(job.engine, Library())
    cover = load_project(job.cover)
    soundfont = chosen_soundfont(job.soundfont)
    with results_folder(job.folder) as folder:
        source, analysis = _heard(cover, job.cover, job.device, progress.part(0.0, 0.3))
        written = _written(job, job.choices, source, analysis, progress.part(0.3, 0.7))
        takes: list[dict[str, Any]] = []
        finished: dict[Path, Path] = {}
        scratch = progress.scratch()
        for number, (choice, stretch) in enumerate(zip(job.choices, written, strict=True)):
            progress.at(0.7 + 0.27 * number / len(written), f"Playing {choice}")
            name = f"{file_stem(choice)}.wav"
            alone = _alone(cover, stretch, job.first, job.last)
            write_audio(scratch / name, render(alone, soundfont, _RATE), _RATE)
            finished[scratch / name] = folder / name
            takes.append({"choice": choice, **_plain(stretch), "audio": str(folder / name)})
        publish(finished)
    for path in finished:
        path.unlink(missing_ok=True)
    progress.at(1.0, "Done")
    return {"takes": takes, "engine": job.engine}


def _heard(cover: Cover, place: str, device: str, progress: Progress) -> tuple[Path, Analysis]:
    """The cover's song, and what is known of it, on the cover's own grid."""
    from desktop.piano.analysis import analyse

    source = Path(str(cover.info.get("source", "")))
    if not cover.info.get("source") or not source.is_file():
        raise UserError(
            f"The song that this cover was made from is not there any more: {source.name or 'its name is not known'}",
            path=source if cover.info.get("source") else place,
            remedy="Put it back where it was, or make the cover again from where it is now.",
        )
    beats = str(cover.info.get("beats", "auto"))
    # A list of beats may be gone by now; the cover's own grid takes its place in any case.
    if not Path(beats).is_file() and beats not in ("x2", "half", "shift"):
        beats = "auto"
    analysis = analyse(source, Library(), progress, beats=beats, device=device)
    if analysis.source_hash != cover.info.get("source_hash", analysis.source_hash):
        progress.log(f"{source.name} has changed since the cover was made", "warning")
    return source, on_grid(analysis, cover)


def _written(
    job: TakeJob | AuditionJob, choices: Sequence[str], source: Path, analysis: Analysis, progress: Progress
) -> list[Stretch]:
    """What each choice plays in the stretch."""
    found = _WRITERS[job.engine](job, choices, source, analysis, progress)
    return [on_stretch(*pair, job.first, job.last) for pair in found]


# An engine is imported when it writes: networks take time to load.


def _by_sketch(
    job: TakeJob | AuditionJob, choices: Sequence[str], _source: Path, analysis: Analysis, progress: Progress
) -> list[Stretch]:
    from desktop.piano.arrange import arrange

    found = []
    for number, style in enumerate(choices):
        progress.at(number / len(choices), f"Arranging: {style}")
        found.append(arrange(analysis, style, job.difficulty))
    return found


def _by_songbook(
    job: TakeJob | AuditionJob, choices: Sequence[str], _source: Path, analysis: Analysis, progress: Progress
) -> list[Stretch]:
    from desktop.piano.songbook.compose import compose
    from desktop.piano.songbook.network import Songbook

    songbook = Songbook.open(Library(), job.device)
    found = []
    for number, difficulty in enumerate(choices):
        part = progress.part(number / len(choices), (number + 1) / len(choices))
        part.at(0.0, f"Arranging: {difficulty}")
        found.append(compose(songbook, analysis, difficulty, part))
    return found


def _by_pop2piano(
    job: TakeJob | AuditionJob, choices: Sequence[str], source: Path, analysis: Analysis, progress: Progress
) -> list[Stretch]:
    from desktop.piano.engines.pop2piano import Player

    player = Player.open(Library(), job.device)
    composers = [int(choice) for choice in choices]
    played = player.play(source, analysis, composers, job.difficulty, progress, beats=(job.first, job.last))
    return [(one.notes, one.pedals) for one in played]


_WRITERS = {"sketch": _by_sketch, "songbook": _by_songbook, "pop2piano": _by_pop2piano}
"""What writes a whole song by each choice, or what an engine can of it around the stretch."""


def on_stretch(notes: Notes, pedals: Notes, first: float, last: float) -> Stretch:
    """Notes that begin between two beats and the pedals there, none of them longer than the stretch."""
    chosen = notes[(notes["start"] >= first - 1e-6) & (notes["start"] < last - 1e-6)].copy()
    chosen["end"] = np.minimum(chosen["end"], last)
    held = pedals[(pedals["up"] > first) & (pedals["down"] < last)].copy()
    held["down"], held["up"] = np.maximum(held["down"], first), np.minimum(held["up"], last)
    return chosen, held


def _alone(cover: Cover, stretch: Stretch, first: float, last: float) -> Cover:
    """The stretch as a cover of its own that begins at once."""
    grid = cover.grid
    start, end = grid.seconds([first, last])
    notes, pedals = stretch
    moved = Grid(grid.times - start, grid.downbeat, grid.meter, grid.confidence)
    return replace(cover, notes=notes, pedals=pedals, grid=moved, chords=(), duration=float(end - start))


def _plain(stretch: Stretch) -> dict[str, Any]:
    """Notes and pedals as results of jobs have them."""
    notes, pedals = stretch
    names = ("start", "end", "pitch", "velocity", "hand")
    return {
        "notes": [[note[name].item() for name in names] for note in notes],
        "pedals": [[float(one["down"]), float(one["up"])] for one in pedals],
    }
