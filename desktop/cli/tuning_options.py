"""Options of the commands about examples and recipes, and the jobs' parts that they make."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from desktop.errors import UsageError
from desktop.jobs.job import Records
from desktop.jobs.tuning_jobs import METHODS, PRECISIONS, SCHEDULES

Data = Annotated[str, typer.Argument(metavar="DATA", help="CSV, TSV, JSONL, JSON or Parquet file of examples.")]
Base = Annotated[
    str,
    typer.Option(
        metavar="MODEL", help="Model to start from: an id of `reprise models list`, a folder, or owner/name on the model hub."
    ),
]
Inputs = Annotated[
    list[str] | None,
    typer.Option("--input", "-i", metavar="COL", help="Column of the prompt; give it again for more.", show_default="found"),
]
Answer = Annotated[
    str, typer.Option("--output", "-o", metavar="COL", help="Column of the answer or label.", show_default="found")
]
Template = Annotated[
    str, typer.Option("--template", "-t", metavar="T", help="Jinja template of the prompt: 'Reply to {{ text }}', or @FILE.")
]
System = Annotated[str, typer.Option(metavar="TEXT", help="System message, for models that chat.")]
Encoding = Annotated[str, typer.Option(metavar="NAME", help="Encoding of the file, as Python calls it.")]
Delimiter = Annotated[str, typer.Option(metavar="CHAR", help="What parts the fields of a CSV file.")]
Validation = Annotated[
    str, typer.Option(metavar="SHARE|FILE", help="Rows held out to steer the training: a share, or a file with the same columns.")
]
Test = Annotated[str, typer.Option(metavar="SHARE|FILE", help="Rows held out for the evaluation.")]
Limit = Annotated[int, typer.Option(metavar="N", help="Use at most so many rows; 0 for all.")]
Seed = Annotated[int, typer.Option(metavar="N", help="Of the split, the order and all chance.")]
Duplicates = Annotated[bool, typer.Option("--keep-duplicates", help="Keep rows that are there twice.")]
Strict = Annotated[bool, typer.Option("--strict", help="End at the first bad row rather than leave it out.")]

Method = Annotated[str, typer.Option(metavar="HOW", help=f"{', '.join(METHODS)}.")]
Epochs = Annotated[float, typer.Option(metavar="N", help="Passes over the rows.", show_default="the method's")]
Steps = Annotated[int, typer.Option("--steps", metavar="N", help="End after so many steps.", show_default="by epochs")]
Batch = Annotated[int, typer.Option(metavar="N", help="Rows at once.", show_default="what fits")]
Accumulation = Annotated[int, typer.Option(metavar="N", help="Batches to a step.")]
Rate = Annotated[float, typer.Option("--rate", metavar="X", help="Highest learning rate.", show_default="the method's")]
Schedule = Annotated[str, typer.Option(metavar="FORM", help=f"Of the learning rate: {', '.join(SCHEDULES)}.")]
Warmup = Annotated[float, typer.Option(metavar="SHARE", help="Of the steps, in which the rate rises.")]
MaxTokens = Annotated[int, typer.Option(metavar="N", help="Longest prompt and answer together.", show_default="the data's")]
MaxAnswer = Annotated[int, typer.Option(metavar="N", help="Longest answer.", show_default="the data's")]
Rank = Annotated[int, typer.Option(metavar="N", help="Of LoRA's matrices.")]
Alpha = Annotated[int, typer.Option(metavar="N", help="Weight of LoRA's matrices, over the rank.")]
EvalEvery = Annotated[int, typer.Option(metavar="STEPS", help="Between evaluations.", show_default="a tenth of the run")]
CheckpointEvery = Annotated[int, typer.Option(metavar="STEPS", help="Between checkpoints.", show_default="by their cost")]
Patience = Annotated[int, typer.Option(metavar="N", help="Evaluations without a better one before it ends; 0 never.")]
Precision = Annotated[str, typer.Option(metavar="KIND", help=f"{', '.join(PRECISIONS)}.")]
Checkpointing = Annotated[bool, typer.Option("--gradient-checkpointing", help="Less memory, a third more time.")]
Gpus = Annotated[int, typer.Option(metavar="N", help="GPUs that train together.")]


def records(
    source: str,
    inputs: list[str] | None,
    output: str,
    *,
    template: str = "",
    system: str = "",
    encoding: str = "auto",
    delimiter: str = "auto",
    validation: str = "0.1",
    test: str = "0",
    seed: int = 1,
    limit: int = 0,
    keep_duplicates: bool = False,
    strict: bool = False,
) -> Records:
    """The examples that options mean; raises UsageError for a share that is none."""
    validation_share, validation_file = _held_out("--validation", validation)
    test_share, test_file = _held_out("--test", test)
    return Records(
        source=absolute(source),
        inputs=tuple(inputs or ()),
        output=output,
        template=_text(template),
        system=_text(system),
        encoding=encoding,
        delimiter="\t" if delimiter == "\\t" else delimiter,
        validation=validation_share,
        test=test_share,
        validation_file=validation_file,
        test_file=test_file,
        seed=seed,
        limit=limit,
        keep_duplicates=keep_duplicates,
        strict=strict,
    )


def absolute(path: str) -> str:
    """A path that means the same in the worker; "" stays."""
    return str(Path(path).absolute()) if path else ""


def model(word: str) -> str:
    """A model as the worker is to find it: a folder that exists as an absolute path, anything else as it was said."""
    return absolute(word) if word and Path(word).is_dir() else word


def _held_out(option: str, value: str) -> tuple[float, str]:
    try:
        return float(value), ""
    except ValueError:
        if Path(value).is_file():
            return 0.0, absolute(value)
    raise UsageError(f"{option}: '{value}' is neither a share nor a file")


def _text(value: str) -> str:
    """The text itself, or that of the file after an @."""
    if not value.startswith("@"):
        return value
    try:
        return Path(value[1:]).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"'{value[1:]}' cannot be read: {error}") from error
