"""The piano's jobs: cover a song, decode one for listening, play a saved cover into an audio file."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from desktop.jobs.events import Progressed
from desktop.jobs.job import CoverJob, ListenJob, RenderJob, Result
from desktop.jobs.piano_jobs import KINDS
from desktop.jobs.progress import Progress
from desktop.models.library import Library
from desktop.piano import versions
from desktop.piano.analysis import Analysis
from desktop.piano.audio import write_audio
from desktop.piano.cover import NOTE, Cover
from desktop.piano.engines import MODELS, EngineOptions, check_models, engine
from desktop.piano.extras import make_extras
from desktop.piano.listen import decode_for_playback
from desktop.piano.midi import write_midi
from desktop.piano.open_cover import open_cover
from desktop.piano.outputs import publish
from desktop.piano.playability import LIMITS, statistics
from desktop.piano.project import save_project
from desktop.piano.soundfont import chosen_soundfont
from desktop.piano.stages import Stages
from desktop.piano.synth import render
from desktop.results import results_folder

_RATE = 44100
_LISTENING = {"sketch": 1.0, "songbook": 0.9, "pop2piano": 0.3}
"""Share of listening in the time until an engine has written the notes."""


def run_cover(job: CoverJob, progress: Progress) -> Result:
    """Cover a song: MIDI, project and what else is asked for in the job's output folder, all of them or none.

    Previews while it runs: "grid" (beats in seconds, downbeat, meter, chords) and, bar by bar, "notes" (array of
    ``NOTE`` as bytes). Raises UserError for input, options and folders that will not do.
    """
    with results_folder(job.output):
        return _beside(job, progress) if job.project else _cover(job, progress)


def _cover(job: CoverJob, progress: Progress) -> Result:
    # Listening and playing need no networks, so only a cover loads what runs them.
    from desktop.piano.analysis import analyse

    stages = Stages()
    source = Path(job.source)
    if job.audio:
        chosen_soundfont(job.soundfont)
    make_cover = engine(job.engine)
    check_models(job.engine, Library())
    share = 0.3 if "mp4" in job.also else 0.8 if job.audio or job.also else 0.92
    with stages.stage("analysis"):
        heard = share * _LISTENING[job.engine]
        analysis = analyse(source, Library(), progress.part(0.0, heard), beats=job.beats, device=job.device)
    _preview_grid(analysis, progress)
    progress.at(heard, "Arranging for two hands")
    with stages.stage("arrangement"):
        options = EngineOptions(source, job.composer, job.device)
        part = progress.part(heard, share + 0.02)
        cover = make_cover(
            analysis, style=job.style, difficulty=job.difficulty, title=analysis.title, options=options, progress=part
        )
        cover.info.update(source=str(source.absolute()), beats=job.beats, warnings=list(analysis.warnings))
        cover = replace(cover, found=analysis.grid if job.beats == "auto" else None)
    _preview_notes(cover, progress)
    scratch = progress.scratch()
    with stages.stage("writing"):
        progress.at(share + 0.03, "Writing MIDI and project")
        write_midi(cover, scratch / "cover.mid")
        save_project(cover, scratch / "cover.reprise")
    made = {"midi": scratch / "cover.mid", "project": scratch / "cover.reprise"}
    made |= _further(job, cover, made["project"], job.results.keys() - made.keys(), stages, progress.part(share + 0.05, 0.97))
    files = _publish(job, cover, made, progress)
    listened = {f"analysis.{name}": s for name, s in analysis.seconds.items()}
    return {
        **_summary(job, cover, files),
        "seconds": {**listened, **stages.seconds},
        "warnings": list(analysis.warnings),
        "device": analysis.device,
        "models": _models(job, Library()),
    }


def _beside(job: CoverJob, progress: Progress) -> Result:
    """Make what is missing beside a cover that is there."""
    stages = Stages()
    project = Path(job.project)
    cover = open_cover(project)
    missing = {kind for kind, path in job.results.items() if not path.is_file()}
    made = _further(job, cover, project, missing - {"midi", "project"}, stages, progress.part(0.0, 0.97))
    if "midi" in missing:
        made["midi"] = progress.scratch() / "cover.mid"
        write_midi(cover, made["midi"])
    files = _publish(job, cover, made, progress)
    there = {kind: str(path) for kind, path in job.results.items()}
    return {
        **_summary(job, cover, {**there, **files}),
        "seconds": stages.seconds,
        "warnings": list(cover.info.get("warnings", [])),
        "device": "CPU",
    }


def _further(
    job: CoverJob, cover: Cover, project: Path, kinds: Collection[str], stages: Stages, progress: Progress
) -> dict[str, Path]:
    """Play the cover and make its score and its video, as far as they are among ``kinds``; the files, by kind."""
    scratch, made = progress.scratch(), {}
    endings = [ending for ending in job.also if KINDS[ending] in kinds]
    played = 0.0
    if "audio" in kinds:
        played = 0.15 if endings else 1.0
        made["audio"] = scratch / "cover.wav"
        with stages.stage("audio"):
            _play(cover, chosen_soundfont(job.soundfont), made["audio"], progress.part(0.0, played))
    if endings:
        with stages.stage("extras"):
            found = make_extras(project, endings, scratch, progress.part(played, 1.0), soundfont=job.soundfont)
        made |= {KINDS[ending]: path for ending, path in found.items()}
    return made


def _publish(job: CoverJob, cover: Cover, made: dict[str, Path], progress: Progress) -> dict[str, str]:
    """Put finished files in their places, all of them or none; the places, by kind."""
    progress.at(0.98, "Saving")
    places = {kind: Path(job.output) / job.results[kind].name for kind in made}
    publish({path: places[kind] for kind, path in made.items()})
    for kind, place in places.items():
        progress.artifact(kind, place, cover.title)
    for path in made.values():
        path.unlink(missing_ok=True)
    _done(progress)
    return {kind: str(place) for kind, place in places.items()}


def _models(job: CoverJob, library: Library) -> dict[str, str]:
    """Revisions of what makes a cover of a song, by name; "" for a network that listening would use but did not have."""
    own = {"reprise:listening": versions.LISTENING, f"reprise:{job.engine}": versions.ENGINES[job.engine]}
    used = {name: library.revision(name) for name in (*versions.LISTENERS, *MODELS[job.engine])}
    helps = {name: library.revision(name) if library.has(name) else "" for name in versions.HELPERS}
    return {name: str(version) for name, version in own.items()} | used | helps


def run_listen(job: ListenJob, progress: Progress) -> Result:
    """Decode a song for playback; see ``decode_for_playback``."""
    return decode_for_playback(Path(job.source), progress)


def run_render(job: RenderJob, progress: Progress) -> Result:
    """Play a saved cover into an audio file of the extension's format."""
    cover = open_cover(job.cover)
    output = Path(job.output)
    finished = progress.scratch() / f"render{output.suffix.lower()}"
    with results_folder(output.parent):
        if job.instrument:
            _play_instrument(cover, job.instrument, finished, progress.part(0.0, 0.97))
        else:
            _play(cover, chosen_soundfont(job.soundfont), finished, progress.part(0.0, 0.97))
        publish({finished: output})
    finished.unlink(missing_ok=True)
    progress.artifact("audio", output, cover.title)
    _done(progress)
    return {"files": {"audio": str(output)}, "title": cover.title, "duration": cover.duration}


def _done(progress: Progress) -> None:
    """Say that all is done, without a checkpoint: what is in place can no longer be cancelled."""
    progress.emit(Progressed(1.0, "Done"))


def _play(cover: Cover, soundfont: Path, path: Path, progress: Progress) -> None:
    samples = render(cover, soundfont, _RATE, progress.part(0.0, 0.7))
    progress.at(0.7, "Writing the audio")
    write_audio(path, samples, _RATE)


def _play_instrument(cover: Cover, instrument: str, path: Path, progress: Progress) -> None:
    from desktop.piano.instrument import play

    samples = play(cover, instrument, _RATE, progress.part(0.0, 0.7))
    progress.at(0.7, "Writing the audio")
    write_audio(path, samples, _RATE)


def _preview_grid(analysis: Analysis, progress: Progress) -> None:
    grid = analysis.grid
    chords = [[c.start, c.end, c.root, c.quality, c.bass] for c in analysis.chords]
    times = grid.times.astype("<f8").tobytes()
    progress.preview("grid", {"times": times, "downbeat": grid.downbeat, "meter": grid.meter, "chords": chords})


def _preview_notes(cover: Cover, progress: Progress) -> None:
    """Send the notes bar by bar."""
    bars = np.floor((cover.notes["start"] - cover.grid.downbeat + 1e-6) / cover.grid.meter)
    for bar in np.unique(bars):
        progress.checkpoint()
        notes = np.ascontiguousarray(cover.notes[bars == bar], NOTE)
        progress.preview("notes", {"bar": int(bar), "notes": notes.tobytes()})


def _summary(job: CoverJob, cover: Cover, files: dict[str, str]) -> Result:
    numbers: dict[str, Any] = statistics(cover, LIMITS[job.difficulty])
    return {
        "files": files,
        "title": cover.title,
        "tempo": round(cover.grid.tempo, 2),
        "meter": cover.grid.meter,
        "beat_confidence": round(float(cover.grid.confidence), 3),
        "key": cover.key.name,
        "bars": cover.grid.bars,
        "duration": round(cover.duration, 3),
        "notes": numbers["notes"],
        "notes_per_second": numbers["notes_per_second"],
        "playability": numbers,
        "engine": job.engine,
        "style": job.style,
        "difficulty": job.difficulty,
    }
