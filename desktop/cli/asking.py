"""``reprise evaluate``, ``export``, ``ask`` and ``label``: what a tuned model is good for."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from desktop.cli import label_options
from desktop.cli import tuning_options as options
from desktop.cli.label_options import Precision, Threshold, Weights
from desktop.cli.options import Device, Json
from desktop.cli.running import exit_code, run_jobs, settings
from desktop.cli.show import display
from desktop.cli.tuning_words import answered
from desktop.errors import UsageError
from desktop.jobs.job import AskJob, EvaluateJob, ExportJob
from desktop.jobs.tuning_jobs import SPLITS

Model = Annotated[
    str, typer.Argument(metavar="MODEL", help="A run (id or name), an exported folder, or a base as in `reprise tune new`.")
]


def evaluate(
    model: Model,
    on: Annotated[
        str, typer.Option("--on", metavar="FILE", help="Rows to score on.", show_default="the run's held-out rows")
    ] = "",
    split: Annotated[str, typer.Option(metavar="PART", help=f"Of the run's own rows: {', '.join(SPLITS)}.")] = "test",
    mmlu: Annotated[str, typer.Option("--mmlu", metavar="DIR", help="Folder with MMLU's dev and test: score on it.")] = "",
    shots: Annotated[int, typer.Option(metavar="N", help="Worked examples before each question of MMLU.")] = 5,
    inputs: options.Inputs = None,
    output: options.Answer = "",
    template: options.Template = "",
    outside: Annotated[
        list[str] | None,
        typer.Option(metavar="LABEL", help="A label of the file that means none of the model's; give it again for more."),
    ] = None,
    threshold: Threshold = None,
    baseline: Annotated[bool, typer.Option("--baseline", help="Score the untuned base beside it.")] = False,
    limit: options.Limit = 0,
    seed: options.Seed = 1,
    weights: Weights = "best",
    precision: Precision = "fp32",
    device: Device = "",
    json: Json = False,
) -> None:
    """Score a model on rows whose answers are known, or on MMLU."""
    if on and mmlu:
        raise UsageError("--on and --mmlu exclude each other")
    chosen = settings()
    mapped = bool(inputs or output or template)
    if mapped and not on:
        raise UsageError("--input, --output and --template belong to --on FILE")
    job = EvaluateJob(
        model=options.model(model),
        source=options.absolute(on),
        split=split,
        records=options.records(on, inputs, output, template=template, validation="0") if mapped else None,
        mmlu=options.absolute(mmlu),
        shots=shots,
        limit=limit,
        seed=seed,
        baseline=baseline,
        weights=weights,
        precision=precision,
        threshold=threshold,
        outside=tuple(outside or ()),
        device=device or chosen.device,
    )
    raise typer.Exit(exit_code(run_jobs([job], display(json=json), chosen=chosen, go_on=True)))


def export(
    model: Model,
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="DIR", help="Folder to write.", show_default="NAME-onnx here")
    ] = "",
    weights: Weights = "best",
    precision: Precision = "fp32",
    json: Json = False,
) -> None:
    """Write a run as checked ONNX, with all that is needed to use it."""
    place = output or f"{Path(model).name}-onnx"
    job = ExportJob(model=options.model(model), output=options.absolute(place), weights=weights, precision=precision)
    raise typer.Exit(exit_code(run_jobs([job], display(json=json))))


def ask(
    model: Model,
    texts: Annotated[list[str], typer.Argument(metavar="TEXT...", help="What to answer; - reads lines from standard input.")],
    baseline: Annotated[bool, typer.Option("--baseline", help="Let the untuned base answer beside it.")] = False,
    max_answer: options.MaxAnswer = 0,
    beams: Annotated[
        int, typer.Option(metavar="N", help="Answers followed at a time; 1 takes the likeliest word each time.")
    ] = 1,
    weights: Weights = "best",
    precision: Precision = "fp32",
    device: Device = "",
    json: Json = False,
) -> None:
    """Answer texts with a tuned model."""
    chosen = settings()
    asked = [line for text in texts for line in (_lines() if text == "-" else [text])]
    job = AskJob(
        model=options.model(model),
        texts=tuple(asked),
        baseline=baseline,
        max_answer=max_answer,
        beams=beams,
        weights=weights,
        precision=precision,
        device=device or chosen.device,
    )
    rows = run_jobs([job], display(json=json, quiet=not json), chosen=chosen)
    (row,) = rows
    if row.result is not None and not json:
        for line in answered(asked, row.result):
            typer.echo(line)
    raise typer.Exit(exit_code(rows))


def label(
    model: Model,
    source: Annotated[str, typer.Argument(metavar="IN", help="CSV, TSV, JSONL or Parquet file.")],
    output: Annotated[str, typer.Option("--output", "-o", metavar="OUT", help="File to write.", show_default="IN-labelled")] = "",
    inputs: options.Inputs = None,
    column: label_options.Column = "label",
    confidence: label_options.Confidence = "confidence",
    threshold: Threshold = None,
    other: label_options.Other = "",
    labels: label_options.Labels = None,
    encoding: options.Encoding = "auto",
    delimiter: options.Delimiter = "auto",
    batch: label_options.Rows = 0,
    max_answer: options.MaxAnswer = 0,
    weights: Weights = "best",
    precision: Precision = "fp32",
    device: Device = "",
    json: Json = False,
) -> None:
    """Add a model's answers to every row of a file; millions of rows take no more memory than a few.

    The same command given again goes on where it was stopped.
    """
    chosen = settings()
    path = Path(source)
    job = label_options.labelling(
        model,
        options.absolute(source),
        options.absolute(output) or str(path.absolute().with_name(f"{path.stem}-labelled{path.suffix}")),
        inputs=inputs,
        column=column,
        confidence=confidence,
        threshold=threshold,
        other=other,
        labels=labels,
        encoding=encoding,
        delimiter=delimiter,
        batch=batch,
        max_answer=max_answer,
        weights=weights,
        precision=precision,
        device=device or chosen.device,
    )
    raise typer.Exit(exit_code(run_jobs([job], display(json=json), chosen=chosen, go_on=True)))


def _lines() -> list[str]:
    return [line.strip() for line in sys.stdin if line.strip()]
