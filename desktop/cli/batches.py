"""``reprise batch``: thousands of files by one command, and the batches of the history."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from desktop.cli import batch_history, label_options, tuning_options, videos
from desktop.cli.batch_options import (
    Again,
    Cluster,
    ClusterKey,
    Failing,
    Ordered,
    Output,
    Report,
    Resume,
    Sources,
    Template,
    Watch,
    Workers,
)
from desktop.cli.batch_start import BatchRun, has_songs
from desktop.cli.covers import Beats, Composer, Difficulty, Engine, Style, absolute, beats_choice
from desktop.cli.options import Device, Json, SoundFont
from desktop.cli.running import settings
from desktop.cli.times import seconds
from desktop.errors import UsageError
from desktop.jobs.batches import OnError
from desktop.jobs.job import CoverJob, RestoreJob

app = typer.Typer(no_args_is_help=True, help="Work through thousands of files, and see what came of them.")
for name, command in (
    ("list", batch_history.list_all),
    ("show", batch_history.show),
    ("cancel", batch_history.cancel),
    ("retry", batch_history.retry),
    ("report", batch_history.report),
):
    app.command(name)(command)


@app.command()
def cover(
    songs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SONG|FOLDER|LIST",
            help="Songs, folders with songs (searched to the bottom), or lists: .txt and .m3u with a file a line, .csv with a "
            "column 'song' and, for what is to differ, style, difficulty, engine, composer, beats, name, output, audio, also.",
        ),
    ] = None,
    output: Output = "",
    style: Style = "",
    difficulty: Difficulty = "",
    engine: Engine = "sketch",
    composer: Composer = 1,
    beats: Beats = "auto",
    template: Template = "{title}",
    audio: Annotated[bool, typer.Option("--audio", help="Also play each cover into a WAV.")] = False,
    also: Annotated[str, typer.Option(metavar="ENDINGS", help="Also write musicxml, pdf, mp4; several with commas.")] = "",
    soundfont: SoundFont = "",
    order: Ordered = "given",
    on_error: Failing = OnError.CONTINUE,
    resume: Resume = True,
    watch: Watch = "",
    again: Again = False,
    report: Report = "",
    workers: Workers = 0,
    cluster: Cluster = None,
    cluster_key: ClusterKey = None,
    device: Device = "",
    json: Json = False,
) -> None:
    """Cover many songs, one after the other or several at a time, and write a table and a report of them.

    What is done is left alone when the command is given again. The report (HTML, CSV and JSON: tempo, key, notes, playability,
    time, what went wrong) is kept up to date while the songs are made.
    """
    from desktop.batch.plan import plan_covers
    from desktop.piano.batch.songs import Entry, extras, gather

    chosen = settings()
    goal = output or chosen.output
    common = Entry(
        style=style or chosen.style,
        difficulty=difficulty or chosen.difficulty,
        engine=engine,
        composer=composer,
        beats=beats_choice(beats),
        name=template,
        audio=audio,
        also=extras(also),
    )

    def plan(given: Sequence[Path]) -> list[CoverJob]:
        entries = gather(given, common)
        return plan_covers(entries, goal, soundfont=absolute(soundfont or chosen.soundfont), device=device or chosen.device)

    def look() -> list[CoverJob]:
        return plan([Path(watch)]) if has_songs(Path(watch)) else []

    run = BatchRun(
        "cover",
        songs,
        goal,
        order,
        on_error,
        resume,
        watch,
        again,
        report,
        workers,
        json,
        chosen,
        cluster,
        cluster_key,
    )
    raise typer.Exit(run.go(plan([Path(song) for song in run.given]) if run.given else [], look))


@app.command()
def restore(
    clips: Sources = None,
    output: Output = "",
    template: Template = "{title}-restored",
    restorer: videos.Restorer = "",
    fidelity: videos.Fidelity = None,
    background: videos.Background = "none",
    scale: videos.Scale = 1,
    start: videos.From = "",
    end: videos.To = "",
    deinterlace: videos.Deinterlace = "auto",
    faces: videos.Faces = "all",
    steadiness: videos.Steadiness = "",
    encoder: videos.Encoder = "",
    quality: videos.Quality = None,
    order: Ordered = "given",
    on_error: Failing = OnError.CONTINUE,
    resume: Resume = True,
    watch: Watch = "",
    again: Again = False,
    report: Report = "",
    workers: Workers = 0,
    cluster: Cluster = None,
    cluster_key: ClusterKey = None,
    device: Device = "",
    json: Json = False,
) -> None:
    """Restore the clips and images of whole folders, and write a table and a report with pairs of pictures."""
    from desktop.batch.plan import NOWHERE, plan_restores

    chosen = settings()
    pattern = RestoreJob(
        source=NOWHERE,
        output=NOWHERE,
        options=videos.restoring(
            chosen, restorer, fidelity, steadiness, background=background, scale=scale, deinterlace=deinterlace, faces=faces
        ),
        start=seconds(start, "--from"),
        end=seconds(end, "--to"),
        encoder=encoder or chosen.encoder,
        quality=quality,
        device=device or chosen.device,
    )
    run = BatchRun(
        "restore",
        clips,
        output,
        order,
        on_error,
        resume,
        watch,
        again,
        report,
        workers,
        json,
        chosen,
        cluster,
        cluster_key,
    )
    raise typer.Exit(run.go_with(lambda sources: plan_restores(sources, pattern, output, template)))


@app.command()
def label(
    files: Sources = None,
    model: Annotated[str, typer.Option("--model", "-m", metavar="MODEL", help="A run, an exported folder, or a base.")] = "",
    output: Output = "",
    template: Template = "{title}-labelled",
    inputs: tuning_options.Inputs = None,
    column: label_options.Column = "label",
    confidence: label_options.Confidence = "confidence",
    threshold: label_options.Threshold = None,
    other: label_options.Other = "",
    labels: label_options.Labels = None,
    encoding: tuning_options.Encoding = "auto",
    delimiter: tuning_options.Delimiter = "auto",
    rows: label_options.Rows = 0,
    max_answer: tuning_options.MaxAnswer = 0,
    weights: label_options.Weights = "best",
    precision: label_options.Precision = "fp32",
    order: Ordered = "given",
    on_error: Failing = OnError.CONTINUE,
    resume: Resume = True,
    watch: Watch = "",
    again: Again = False,
    report: Report = "",
    workers: Workers = 0,
    cluster: Cluster = None,
    cluster_key: ClusterKey = None,
    device: Device = "",
    json: Json = False,
) -> None:
    """Label every row of many files with a tuned model, and write a table and a report with the first answers."""
    from desktop.batch.plan import NOWHERE, plan_labels

    if not model:
        raise UsageError("Which model? Name it with --model")
    chosen = settings()
    pattern = label_options.labelling(
        model,
        NOWHERE,
        NOWHERE,
        inputs=inputs,
        column=column,
        confidence=confidence,
        threshold=threshold,
        other=other,
        labels=labels,
        encoding=encoding,
        delimiter=delimiter,
        batch=rows,
        max_answer=max_answer,
        weights=weights,
        precision=precision,
        device=device or chosen.device,
    )
    run = BatchRun(
        "label",
        files,
        output,
        order,
        on_error,
        resume,
        watch,
        again,
        report,
        workers,
        json,
        chosen,
        cluster,
        cluster_key,
    )
    raise typer.Exit(run.go_with(lambda sources: plan_labels(sources, pattern, output, template)))


@app.command(hidden=True)
def frames() -> None:
    """Answer requests for frames and lengths on stdin; a process of its own for the report."""
    import_module("desktop.batch.media").serve(sys.stdin, sys.stdout)
