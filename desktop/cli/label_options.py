"""Options of labelling, and the job that they make."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from desktop.cli import tuning_options
from desktop.jobs.job import LabelJob
from desktop.jobs.tuning_jobs import EXPORT_PRECISIONS, WEIGHTS

Weights = Annotated[str, typer.Option(metavar="WHICH", help=f"Of a run: {' or '.join(WEIGHTS)}.")]
Precision = Annotated[
    str, typer.Option(metavar="KIND", help=f"{', '.join(EXPORT_PRECISIONS)}; int8 is smaller and a little less exact.")
]
Threshold = Annotated[
    float | None,
    typer.Option(metavar="0..1", help="Least confidence with which a label is given.", show_default="the model's"),
]
Column = Annotated[str, typer.Option(metavar="NAME", help="Column of the answers.")]
Confidence = Annotated[str, typer.Option(metavar="NAME", help="Column of the confidence, 0 to 1.")]
Other = Annotated[
    str, typer.Option(metavar="TEXT", help="Label of rows that the model is unsure of; without it all get its best one.")
]
Labels = Annotated[
    list[str] | None,
    typer.Option("--label", metavar="TEXT", help="An answer that a writing model may give; give it again for more."),
]
Rows = Annotated[int, typer.Option("--batch", metavar="N", help="Rows at once.", show_default="what is fast")]


def labelling(
    model: str,
    source: str,
    output: str,
    *,
    inputs: Sequence[str] | None = None,
    labels: Sequence[str] | None = None,
    delimiter: str = "auto",
    **more: Any,
) -> LabelJob:
    """The labelling that options mean; raises UsageError for a value that will not do."""
    return LabelJob(
        model=tuning_options.model(model),
        source=source,
        output=output,
        inputs=tuple(inputs or ()),
        labels=tuple(labels or ()),
        delimiter="\t" if delimiter == "\\t" else delimiter,
        **more,
    )
