"""``reprise batch``: thousands of files by one command, and the batches of the history."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from desktop.cli import tuning_options, videos
from desktop.cli.asking import Precision, Threshold, Weights
from desktop.cli.covers import Beats, Composer, Difficulty, Engine, Style, absolute, beats_choice
from desktop.cli.options import Device, Json, SoundFont, Table
from desktop.cli.quantities import duration
from desktop.cli.running import exit_code, open_store, settings
from desktop.cli.tables import print_json, print_table
from desktop.cli.times import seconds
from desktop.errors import UsageError, UserError
from desktop.jobs.base import choose
from desktop.jobs.batches import Batch, BatchSpec, OnError
from desktop.jobs.job import CoverJob, LabelJob, RestoreJob
from desktop.jobs.states import State
from desktop.settings import Settings

if TYPE_CHECKING:
    from desktop.batch.sources import Source
    from desktop.batch.table import Line
    from desktop.jobs.job import AnyJob

app = typer.Typer(no_args_is_help=True, help="Work through thousands of files, and see what came of them.")

_ORDERS = ("given", "name", "size", "newest", "oldest", "shortest", "random")
_Kind = TypeVar("_Kind", CoverJob, RestoreJob, LabelJob)

Sources = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="FILE|FOLDER|LIST", help="Files, folders (searched to the bottom), or .txt and .m3u with a file a line."
    ),
]
Output = Annotated[
    str, typer.Option("--output", "-o", metavar="DIR", help="Folder for the results.", show_default="each file's own")
]
Template = Annotated[
    str,
    typer.Option(
        "--template", "--name", metavar="NAME", help="Names of the results: {title}, {number}, {folder} and others are filled in."
    ),
]
Workers = Annotated[
    int, typer.Option("--workers", "--jobs", metavar="N", min=0, max=64, help="Files at a time; 0 for the preferences'.")
]
Ordered = Annotated[str, typer.Option("--order", metavar="ORDER", help=f"What comes first: {', '.join(_ORDERS)}.")]
Failing = Annotated[OnError, typer.Option("--on-error", help="Whether a file that fails ends the batch.")]
Resume = Annotated[
    bool, typer.Option("--resume/--anew", help="Go on with the batch of the same folder that was cut short, or begin another.")
]
Watch = Annotated[
    str, typer.Option(metavar="FOLDER", help="Also take what comes into this folder, once it is complete, until Ctrl-C.")
]
Again = Annotated[bool, typer.Option("--again", help="Also make what is there already.")]
Report = Annotated[
    str,
    typer.Option(
        "--report", "--summary", metavar="FILE", help="Table and report, without ending.", show_default="in the results' folder"
    ),
]
Number = Annotated[int, typer.Argument(metavar="BATCH", help="Number of a batch; `reprise batch list` shows them.")]


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
        return plan([Path(watch)]) if _has_songs(Path(watch)) else []

    given = _given(songs, watch)
    run = _Run("cover", given, goal, order, on_error, resume, watch, again, report, workers, json, chosen)
    raise typer.Exit(run.go(plan([Path(song) for song in given]) if given else [], look, _cover_line))


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
    run = _Run("restore", _given(clips, watch), output, order, on_error, resume, watch, again, report, workers, json, chosen)
    raise typer.Exit(run.go_with(lambda sources: plan_restores(sources, pattern, output, template)))


@app.command()
def label(
    files: Sources = None,
    model: Annotated[str, typer.Option("--model", "-m", metavar="MODEL", help="A run, an exported folder, or a base.")] = "",
    output: Output = "",
    template: Template = "{title}-labelled",
    inputs: tuning_options.Inputs = None,
    column: Annotated[str, typer.Option(metavar="NAME", help="Column of the answers.")] = "label",
    confidence: Annotated[str, typer.Option(metavar="NAME", help="Column of the confidence, 0 to 1.")] = "confidence",
    threshold: Threshold = None,
    other: Annotated[str, typer.Option(metavar="TEXT", help="Label of rows that the model is unsure of.")] = "",
    labels: Annotated[
        list[str] | None,
        typer.Option("--label", metavar="TEXT", help="An answer that a writing model may give; may be repeated."),
    ] = None,
    encoding: tuning_options.Encoding = "auto",
    delimiter: tuning_options.Delimiter = "auto",
    rows: Annotated[int, typer.Option("--batch", metavar="N", help="Rows at once.", show_default="what is fast")] = 0,
    max_answer: tuning_options.MaxAnswer = 0,
    weights: Weights = "best",
    precision: Precision = "fp32",
    order: Ordered = "given",
    on_error: Failing = OnError.CONTINUE,
    resume: Resume = True,
    watch: Watch = "",
    again: Again = False,
    report: Report = "",
    workers: Workers = 0,
    device: Device = "",
    json: Json = False,
) -> None:
    """Label every row of many files with a tuned model, and write a table and a report with the first answers."""
    from desktop.batch.plan import NOWHERE, plan_labels

    if not model:
        raise UsageError("Which model? Name it with --model")
    chosen = settings()
    pattern = LabelJob(
        model=tuning_options.model(model),
        source=NOWHERE,
        output=NOWHERE,
        inputs=tuple(inputs or ()),
        column=column,
        confidence=confidence,
        threshold=threshold,
        other=other,
        labels=tuple(labels or ()),
        encoding=encoding,
        delimiter="\t" if delimiter == "\\t" else delimiter,
        batch=rows,
        max_answer=max_answer,
        weights=weights,
        precision=precision,
        device=device or chosen.device,
    )
    run = _Run("label", _given(files, watch), output, order, on_error, resume, watch, again, report, workers, json, chosen)
    raise typer.Exit(run.go_with(lambda sources: plan_labels(sources, pattern, output, template)))


@app.command("list")
def list_batches(json: Table = False) -> None:
    """Show all batches, the newest first."""
    with open_store(settings()) as store:
        found = store.batches()
    if json:
        print_json([_facts(batch) for batch in found])
    elif not found:
        typer.echo("No batches.")
    else:
        rows = [
            (str(one.id), str(one.state), f"{one.fraction:.0%}", str(one.total), one.spec.title, _counts(one)) for one in found
        ]
        print_table(("BATCH", "STATE", "DONE", "FILES", "TITLE", "WHAT"), rows)


@app.command()
def show(number: Number, json: Table = False) -> None:
    """Show how far a batch is, and what went wrong, by reason."""
    with open_store(settings()) as store:
        batch, groups = store.batch(number), store.failure_groups(number)
    if json:
        failures = [{"reason": one.reason, "count": one.count, "jobs": one.jobs, "remedy": one.remedy} for one in groups]
        print_json({**_facts(batch), "failures": failures})
        return
    rate = f", {batch.rate_per_h:.0f} an hour" if batch.rate_per_h else ""
    left = f", {duration(batch.remaining_s)} left" if batch.remaining_s is not None else ""
    typer.echo(f"{batch.spec.title}: {batch.state}, {batch.fraction:.0%} of {batch.total} ({_counts(batch)}){rate}{left}")
    for one in groups:
        typer.echo(f"{one.count:>6} x {one.reason}" + (f" {one.remedy}" if one.remedy else ""))


@app.command()
def cancel(number: Number) -> None:
    """End a batch, also one of the window or of another command."""
    with open_store(settings()) as store:
        store.batch(number)
        waiting = store.cancel_queued(number, "Cancelled")
        running = store.page(batch=number, states=[State.RUNNING, State.PAUSED])
        for row in running:
            store.ask(row.id, "cancel")
    typer.echo(f"Batch {number}: {waiting} that waited are cancelled, {len(running)} that ran are asked to end")


@app.command()
def retry(number: Number, workers: Workers = 0, json: Json = False) -> None:
    """Run again what failed, was cancelled or was cut short, here and now."""
    from desktop.batch.keeping import Kept
    from desktop.cli.batch_running import retry_batch

    chosen = settings()
    with open_store(chosen) as store:
        spec = store.batch(number).spec
    kept = Kept(Path(spec.report or f"batch-{number}").absolute(), spec.title)
    rows = retry_batch(number, kept, _display(kept, json=json), _at_once(chosen, workers))
    kept.close()
    if not json:
        typer.echo("\n".join(kept.words()))
    raise typer.Exit(exit_code(rows))


@app.command()
def report(
    number: Number,
    output: Annotated[str, typer.Option("--output", "-o", metavar="FILE", help="Where to, without ending.")] = "",
) -> None:
    """Write table and report of a batch (HTML, CSV and JSON)."""
    from desktop.batch.keeping import Kept

    with open_store(settings()) as store:
        spec = store.batch(number).spec
        kept = Kept(Path(output or f"batch-{number}").absolute(), spec.title)
        kept.load(store.page(batch=number, newest_first=False, limit=10_000_000))
    kept.close()
    typer.echo("\n".join(kept.words()))


@app.command(hidden=True)
def frames() -> None:
    """Answer requests for frames and lengths on stdin; a process of its own for the report."""
    import_module("desktop.batch.media").serve(sys.stdin, sys.stdout)


class _Run:
    """A batch as the three commands start it."""

    def __init__(
        self,
        kind: str,
        given: Sequence[str],
        output: str,
        order: str,
        on_error: OnError,
        resume: bool,
        watch: str,
        again: bool,
        report: str,
        workers: int,
        json: bool,
        chosen: Settings,
    ) -> None:
        choose("order", order, _ORDERS)
        first = Path(given[0] if given else watch).absolute()
        place = Path(output).absolute() if output else first if first.is_dir() else first.parent
        name = {"cover": "covers", "restore": "restored", "label": "labelled"}[kind]
        path = Path(report).absolute() if report else place / name
        path = path.with_suffix("") if path.suffix.lower() in (".csv", ".json", ".html") else path
        self._spec = BatchSpec(
            title=f"{first.name}{f' and {len(given) - 1} more' if len(given) > 1 else ''}",
            kind=kind,
            output=str(Path(output).absolute()) if output else "",
            on_error=on_error,
            report=str(path),
            watch=absolute(watch),
        )
        self._given, self._watch, self._order = given, watch, order
        self._again, self._resume, self._workers, self._json, self._chosen = again, resume, workers, json, chosen

    def go_with(self, plan: Callable[[Sequence[Source]], list[_Kind]]) -> int:
        """Run the files that are found, by their plan."""
        from desktop.batch.sources import files_in, gather

        kind, without = self._spec.kind, Path(self._spec.output) if self._spec.output else None
        jobs = plan(gather(self._given, kind, without=without)) if self._given else []
        return self.go(jobs, lambda: plan(files_in(Path(self._spec.watch), kind, without=without)))

    def go(
        self,
        jobs: Sequence[_Kind],
        look: Callable[[], Sequence[_Kind]],
        earlier: Callable[[AnyJob], Line | None] | None = None,
    ) -> int:
        """Run the jobs, and what ``look`` finds in the watched folder; returns the exit code."""
        from desktop.batch.keeping import Kept
        from desktop.batch.order import Order, arrange
        from desktop.batch.pictures import lengths
        from desktop.cli.batch_running import Request, run_batch

        order = Order(self._order)
        ordered = arrange(jobs, order, lengths=lengths(job.source for job in jobs) if order is Order.SHORTEST else None)
        more = _watching(look, ordered) if self._watch else None
        kept = Kept(Path(self._spec.report), self._spec.title)
        request = Request(self._spec, ordered, self._again, self._resume, more, earlier)
        rows = run_batch(request, kept, _display(kept, json=self._json), _at_once(self._chosen, self._workers, len(ordered)))
        kept.close()
        if not self._json:
            typer.echo("\n".join(kept.words()))
        return exit_code(rows)


def _watching(look: Callable[[], Sequence[_Kind]], known: Sequence[_Kind]) -> Callable[[], list[_Kind]]:
    """What gives the jobs of new files."""
    from desktop.batch.sources import Source
    from desktop.batch.watch import Watcher

    watcher = Watcher(Path(job.source) for job in known)

    def more() -> list[_Kind]:
        jobs = {Path(job.source): job for job in look()}
        return [jobs[source.path] for source in watcher.ready(Source(path) for path in jobs)]

    return more


def _display(kept: Any, *, json: bool) -> Any:
    from desktop.cli.batch_running import BatchLines
    from desktop.cli.show import display

    return display(json=True) if json else BatchLines(kept.waiting)


def _given(given: list[str] | None, watch: str) -> list[str]:
    if not given and not watch:
        raise UsageError("Which files? Name them, or a folder with --watch")
    if watch and not Path(watch).is_dir():
        raise UserError("There is no such folder to watch", path=watch)
    return given or []


def _has_songs(folder: Path) -> bool:
    from desktop.piano.names import SOUNDS

    return any(path.suffix.lower() in SOUNDS for path in folder.rglob("*"))


def _cover_line(job: AnyJob) -> Line | None:
    """The line of a cover that is there already, made as ``job`` would make it."""
    from desktop.batch.table import SKIPPED, made_line
    from desktop.piano.batch.done import finished, result_files
    from desktop.piano.batch.summary import line_of_cover

    assert isinstance(job, CoverJob)
    found = finished(job)
    if found is None:
        return None
    files = result_files(job)
    line = line_of_cover(job, found, files["project"])
    numbers = {name: getattr(line, name) for name in ("tempo", "meter", "key", "bars", "notes", "notes_per_second", "duration")}
    playable = {"playability": {"violations": line.violations}}
    return made_line(job, SKIPPED, {**numbers, **playable, "files": {kind: str(path) for kind, path in files.items()}})


def _at_once(chosen: Settings, wanted: int, files: int = 64) -> Settings:
    """On the CPU as many files as cores are quicker than one on all of them."""
    count = wanted or max(chosen.workers, (os.cpu_count() or 1) if chosen.device != "cuda" else 1)
    return replace(chosen, workers=max(1, min(count, files or 1, 16)))


def _counts(batch: Batch) -> str:
    parts = [f"{count} {state}" for state, count in batch.counts.items()]
    return ", ".join([*parts, *([f"{batch.skipped} done before"] if batch.skipped else [])])


def _facts(batch: Batch) -> dict[str, Any]:
    return {
        "batch": batch.id,
        "title": batch.spec.title,
        "kind": batch.spec.kind,
        "state": batch.state,
        "fraction": batch.fraction,
        "total": batch.total,
        "skipped": batch.skipped,
        "counts": {str(state): count for state, count in batch.counts.items()},
        "rate_per_h": batch.rate_per_h,
        "remaining_s": batch.remaining_s,
        "output": batch.spec.output,
        "report": batch.spec.report,
        "watch": batch.spec.watch,
    }
