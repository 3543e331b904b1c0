"""``reprise measure``."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from desktop.cli.bars import BARS, sparkline
from desktop.cli.options import Device, Json
from desktop.cli.running import exit_code, run_jobs, settings
from desktop.cli.show import display
from desktop.cli.tables import print_table
from desktop.jobs.job import MeasureJob
from desktop.video.comparison.measures import BY_KEY, Better

Before = Annotated[str, typer.Argument(metavar="BEFORE", help="The clip or image as it was.")]
After = Annotated[str, typer.Argument(metavar="AFTER", help="The same one restored.")]
Truth = Annotated[
    str,
    typer.Option(
        "--truth", metavar="FILE", help="What it should look like, where that is known; the others are compared with it."
    ),
]
Plot = Annotated[str, typer.Option("--plot", metavar="FILE.svg", help="Draw the measures over time.")]
Table = Annotated[str, typer.Option("--table", metavar="FILE.csv", help="Write the measures of every picture.")]


def measure(
    before: Before, after: After, truth: Truth = "", plot: Plot = "", table: Table = "", device: Device = "", json: Json = False
) -> None:
    """Compare a clip before and after in numbers, over time.

    Pictures are matched by their times; faces are found in the truth where it is given, else in BEFORE.
    """
    chosen = settings()
    files = {"before": before, "after": after, "truth": truth, "plot": plot, "table": table}
    job = MeasureJob(**{name: _absolute(path) for name, path in files.items()}, device=device or chosen.device)
    rows = run_jobs([job], display(json=json), chosen=chosen)
    (row,) = rows
    if row.result is not None and not json:
        print_table(*comparison(row.result, _bars_fit()))
    raise typer.Exit(exit_code(rows))


def comparison(result: Mapping[str, Any], bars: bool = True) -> tuple[list[str], list[list[str]]]:
    """Heads and lines of the table of a result; ``bars`` adds the course over time."""
    heads = ["Measure", "Before", "After", "Change", *(["Before over time", "After over time"] if bars else [])]
    lines = []
    for key, values in result["measures"].items():
        found = BY_KEY[key]
        before, after = values["before"], values["after"]
        beside = " to the clip before" if found.compared and result["reference"] == "before" else ""
        line = [found.title + beside, found.text(before), found.text(after), _change(key, before, after, result["better"][key])]
        if bars:
            line += _courses(result["curves"].get(key, {}))
        lines.append(line)
    return heads, lines


def _change(key: str, before: float | None, after: float | None, better: str) -> str:
    if before is None or after is None:
        return ""
    digits = BY_KEY[key].digits
    change = round(after - before, digits)
    if not change or better == Better.NEITHER:
        return f"{change:+.{digits}f}" if change else "same"
    return f"{change:+.{digits}f} {'better' if (change > 0) == (better == Better.HIGHER) else 'worse'}"


def _courses(curves: Mapping[str, Sequence[float | None]]) -> list[str]:
    """Before and after over time, on one scale."""
    values = [value for name in ("before", "after") for value in curves.get(name, []) if value is not None]
    if not values or len(curves.get("after", [])) < 2:
        return ["", ""]
    return [sparkline(curves.get(name, []), min(values), max(values)) for name in ("before", "after")]


def _bars_fit() -> bool:
    """Whether the terminal can show the bars."""
    try:
        BARS.encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _absolute(path: str) -> str:
    return str(Path(path).absolute()) if path else ""
