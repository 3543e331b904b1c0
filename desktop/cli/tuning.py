"""``reprise tune``: start, resume and end runs, and look at them."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from desktop.cli import tuning_options as options
from desktop.cli.options import Device, Json, Table
from desktop.cli.running import exit_code, run_jobs, settings
from desktop.cli.show import display
from desktop.cli.tables import print_json, print_table
from desktop.cli.tuning_words import compared, looked, run_facts, run_line, run_lines
from desktop.errors import UsageError, UserError
from desktop.jobs.job import CommitsJob, EstimateJob, Recipe, RecordsJob, TuneJob
from desktop.jobs.rows import Row
from desktop.jobs.states import State
from desktop.jobs.tuning_jobs import DEFAULT_BASE
from desktop.tuning.runs import FINISH, Run, Runs, new_id

app = typer.Typer(help="Fine-tune a small language model for one job.", no_args_is_help=True)

_RunWord = Annotated[str, typer.Argument(metavar="RUN", help="Id of a run, the beginning of one, or its name.")]
_RunWords = Annotated[list[str], typer.Argument(metavar="RUN...", help="Ids, beginnings of ids, or names.")]
_Name = Annotated[str, typer.Option("--name", "-n", help="What to call the run.")]


@app.command()
def new(
    data: options.Data,
    base: options.Base = DEFAULT_BASE,
    inputs: options.Inputs = None,
    output: options.Answer = "",
    template: options.Template = "",
    method: options.Method = "auto",
    name: _Name = "",
    system: options.System = "",
    epochs: options.Epochs = 0,
    steps: options.Steps = 0,
    batch: options.Batch = 0,
    accumulation: options.Accumulation = 1,
    rate: options.Rate = 0,
    schedule: options.Schedule = "cosine",
    warmup: options.Warmup = 0.05,
    max_tokens: options.MaxTokens = 0,
    max_answer: options.MaxAnswer = 0,
    rank: options.Rank = 8,
    alpha: options.Alpha = 16,
    eval_every: options.EvalEvery = 0,
    checkpoint_every: options.CheckpointEvery = 0,
    patience: options.Patience = 3,
    precision: options.Precision = "auto",
    gradient_checkpointing: options.Checkpointing = False,
    gpus: options.Gpus = 1,
    seed: options.Seed = 1,
    validation: options.Validation = "0.1",
    test: options.Test = "0",
    limit: options.Limit = 0,
    encoding: options.Encoding = "auto",
    delimiter: options.Delimiter = "auto",
    keep_duplicates: options.Duplicates = False,
    strict: options.Strict = False,
    resumed_from: Annotated[
        str, typer.Option("--from-run", metavar="RUN", help="Start from the weights of another run.", show_default="the base's")
    ] = "",
    device: Device = "",
    json: Json = False,
) -> None:
    """Fine-tune a model on a file of examples.

    Ctrl-C stops it; `reprise tune resume` goes on from the last checkpoint, and `reprise tune stop` ends it and keeps the best.
    """
    recipe = Recipe(
        base=options.model(base),
        method=method,
        epochs=epochs,
        max_steps=steps,
        batch=batch,
        accumulation=accumulation,
        learning_rate=rate,
        schedule=schedule,
        warmup=warmup,
        max_tokens=max_tokens,
        max_answer=max_answer,
        lora_rank=rank,
        lora_alpha=alpha,
        eval_every=eval_every,
        checkpoint_every=checkpoint_every,
        patience=patience,
        precision=precision,
        gradient_checkpointing=gradient_checkpointing,
        seed=seed,
        gpus=gpus,
    )
    given = options.records(
        data,
        inputs,
        output,
        template=template,
        system=system,
        encoding=encoding,
        delimiter=delimiter,
        validation=validation,
        test=test,
        seed=seed,
        limit=limit,
        keep_duplicates=keep_duplicates,
        strict=strict,
    )
    origin = _find(resumed_from).id if resumed_from else ""
    chosen = settings()
    job = TuneJob(run=new_id(), records=given, recipe=recipe, name=name, resumed_from=origin, device=device or chosen.device)
    _tune(job, json=json)


@app.command()
def resume(run: _RunWord, device: Device = "", json: Json = False) -> None:
    """Go on with a run from its last checkpoint."""
    found = _find(run)
    if not found.can_resume:
        raise UserError(f"The run {found.name or found.id} is {found.state}", remedy="Only a stopped or failed run can go on.")
    chosen = settings()
    job = TuneJob(
        run=found.id,
        records=found.records,
        recipe=found.recipe,
        name=found.name,
        resumed_from=found.resumed_from,
        device=device or chosen.device,
    )
    _tune(job, json=json)


@app.command()
def stop(runs: _RunWords) -> None:
    """End running runs after the step they are at, and keep the best weights."""
    with _history() as history:
        for word in runs:
            found = _find(word, history)
            if found.is_over:
                raise UserError(f"The run {found.name or found.id} is {found.state} already")
            history.ask(found.id, FINISH)
            typer.echo(f"{found.name or found.id} will end after this step and keep its best weights")


@app.command("list")
def list_runs(json: Table = False) -> None:
    """All runs, newest first."""
    with _history() as history:
        runs = history.all()
        if json:
            print_json([run_facts(run) for run in runs])
            return
        if not runs:
            typer.echo("There are no runs yet. Start one: reprise tune new DATA")
            return
        print_table(
            ["Id", "Name", "State", "Base", "Method", "Rows", "Step", "Best", "Loss", "Begun"],
            [run_line(run, history.sparkline(run.id)) for run in runs],
        )


@app.command()
def show(run: _RunWord, json: Table = False) -> None:
    """What a run was asked, how it went, and how it scored."""
    with _history() as history:
        found = _find(run, history)
        if json:
            scores = [{"step": one.step, "name": one.name, "value": one.value} for one in history.scores(found.id)]
            print_json({**run_facts(found), "scores": scores, "evaluations": history.evaluations(found.id)})
            return
        for line in run_lines(found, history):
            typer.echo(line)


@app.command()
def compare(runs: _RunWords, json: Table = False) -> None:
    """What differs between runs: settings and results."""
    with _history() as history:
        found = [_find(word, history) for word in runs]
        if len(found) < 2:
            raise UsageError("Give two runs or more to compare")
        if json:
            print_json([{**run_facts(run), "evaluations": history.evaluations(run.id)} for run in found])
            return
        print_table(*compared(found, history))


@app.command()
def note(run: _RunWord, text: Annotated[str, typer.Argument(help="Your words; empty removes them.")]) -> None:
    """Write something beside a run."""
    with _history() as history:
        history.update(_find(run, history).id, note=text)


@app.command()
def rename(run: _RunWord, name: Annotated[str, typer.Argument(help="The new name.")]) -> None:
    """Call a run something else."""
    with _history() as history:
        history.update(_find(run, history).id, name=name)


@app.command()
def delete(runs: _RunWords) -> None:
    """Remove runs with their weights. Exported folders elsewhere stay."""
    with _history() as history:
        for found in [_find(word, history) for word in runs]:
            history.delete(found.id)
            typer.echo(f"{found.name or found.id} was removed")


@app.command()
def look(
    data: options.Data,
    base: options.Base = "",
    inputs: options.Inputs = None,
    output: options.Answer = "",
    template: options.Template = "",
    system: options.System = "",
    validation: options.Validation = "0.1",
    test: options.Test = "0",
    encoding: options.Encoding = "auto",
    delimiter: options.Delimiter = "auto",
    limit: options.Limit = 0,
    seed: options.Seed = 1,
    max_tokens: options.MaxTokens = 0,
    json: Json = False,
) -> None:
    """Say what is in a file of examples: columns, bad rows, labels, lengths, and what a model would see."""
    given = options.records(
        data,
        inputs,
        output,
        template=template,
        system=system,
        encoding=encoding,
        delimiter=delimiter,
        validation=validation,
        test=test,
        limit=limit,
        seed=seed,
    )
    job = RecordsJob(records=given, base=options.model(base), max_tokens=max_tokens, rows=5)
    rows = run_jobs([job], display(json=json, quiet=not json))
    _print(rows, json, looked)
    raise typer.Exit(exit_code(rows))


@app.command()
def estimate(
    data: options.Data,
    base: options.Base = DEFAULT_BASE,
    inputs: options.Inputs = None,
    output: options.Answer = "",
    template: options.Template = "",
    method: options.Method = "auto",
    epochs: options.Epochs = 0,
    steps: options.Steps = 0,
    batch: options.Batch = 0,
    accumulation: options.Accumulation = 1,
    max_tokens: options.MaxTokens = 0,
    rank: options.Rank = 8,
    precision: options.Precision = "auto",
    gradient_checkpointing: options.Checkpointing = False,
    limit: options.Limit = 0,
    device: Device = "",
    json: Json = False,
) -> None:
    """Say what memory and time a run needs, before it is started."""
    chosen = settings()
    job = EstimateJob(
        records=options.records(data, inputs, output, template=template, limit=limit),
        recipe=Recipe(
            base=options.model(base),
            method=method,
            epochs=epochs,
            max_steps=steps,
            batch=batch,
            accumulation=accumulation,
            max_tokens=max_tokens,
            lora_rank=rank,
            precision=precision,
            gradient_checkpointing=gradient_checkpointing,
        ),
        device=device or chosen.device,
    )
    raise typer.Exit(exit_code(run_jobs([job], display(json=json), chosen=chosen)))


@app.command()
def commits(
    repository: Annotated[str, typer.Argument(metavar="REPOSITORY", help="A git repository of yours.")],
    output: Annotated[str, typer.Option("--output", "-o", metavar="OUT.jsonl", help="File to write.")] = "commits.jsonl",
    limit: Annotated[int, typer.Option(metavar="N", help="The newest commits only; 0 for all.")] = 0,
    json: Json = False,
) -> None:
    """Make examples of a repository's history: what a commit changed, and its subject line."""
    job = CommitsJob(repository=options.absolute(repository), output=options.absolute(output), limit=limit)
    raise typer.Exit(exit_code(run_jobs([job], display(json=json))))


def _tune(job: TuneJob, *, json: bool) -> None:
    rows = run_jobs([job], display(json=json), go_on=True)
    (row,) = rows
    if not json and row.state is State.DONE:
        typer.echo(f'Next: reprise evaluate {job.run}, reprise ask {job.run} "...", reprise export {job.run}')
    elif not json and (row.state is State.CANCELLED or row.error is not None):
        _say_how_to_go_on(job.run)
    raise typer.Exit(exit_code(rows))


def _say_how_to_go_on(run: str) -> None:
    with _history() as history:
        if any(found.id == run and found.can_resume and found.step for found in history.all()):
            typer.echo(f"Go on with: reprise tune resume {run}", err=True)


def _print(rows: list[Row], json: bool, words: Any) -> None:
    (row,) = rows
    if row.result is not None and not json:
        for line in words(row.result):
            typer.echo(line)


class _history:
    """The history of runs, opened and closed."""

    def __enter__(self) -> Runs:
        self._runs = Runs()
        if self._runs.note:
            typer.echo(f"Warning: {self._runs.note}", err=True)
        return self._runs

    def __exit__(self, *_: object) -> None:
        self._runs.close()


def _find(word: str, history: Runs | None = None) -> Run:
    if history is None:
        with _history() as opened:
            return _find(word, opened)
    found = history.find(word)
    if found is None:
        raise UserError(f"There is no run '{word}'", remedy="`reprise tune list` shows all.")
    return found
