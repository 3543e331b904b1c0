"""Curves as numbers for a spreadsheet, and as a picture."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PySide6.QtCore import QBuffer, QIODevice
from PySide6.QtGui import QImage

from desktop.errors import UserError
from desktop.paths import atomic_write
from desktop.ui.widgets.curve_axes import Axis
from desktop.ui.widgets.curve_data import Values
from desktop.ui.widgets.curve_run import RunCurves, Scores

HEADINGS = {
    "step": "step", "elapsed": "seconds", "epoch": "epoch", "loss": "loss", "smooth": "smoothed_loss", "rate": "learning_rate",
    "norm": "gradient_norm", "speed": "tokens_per_second", "memory": "memory_bytes",
}  # fmt: skip


@dataclass(frozen=True)
class Table:
    """A run's numbers, copied, so that they can be written while the run goes on."""

    name: str
    columns: dict[str, Values]
    scores: tuple[Scores, ...]


def table(run: RunCurves) -> Table:
    """The numbers of a run as they are now."""
    columns = {axis.value: run.at(axis).copy() for axis in Axis}
    columns |= {name: run.line(name).values.copy() for name in HEADINGS if name not in columns}
    return Table(run.name, columns, tuple(run.scores))


def write_csv(path: Path, tables: Sequence[Table]) -> None:
    """Write a line for each step (with the run's name first when there are several); scores stand at the steps they were made.

    Raises:
        UserError: the file cannot be written.
    """
    names = sorted({one.name for each in tables for one in each.scores})
    several = len(tables) > 1
    with atomic_write(path) as file:
        text = io.TextIOWrapper(file, "utf-8", newline="", write_through=True)
        writer = csv.writer(text)
        writer.writerow([*(["run"] if several else []), *HEADINGS.values(), *(f"held_out_{name}" for name in names)])
        for each in tables:
            for row in _rows(each, names):
                writer.writerow([each.name, *row] if several else row)
        text.flush()
        text.detach()


def _rows(each: Table, names: Sequence[str]) -> Iterator[list[str]]:
    scores = [
        {int(s): v for one in each.scores if one.name == name for s, v in zip(one.steps, one.values, strict=True)}
        for name in names
    ]
    columns = [each.columns[name].tolist() for name in HEADINGS]
    for values in zip(*columns, strict=True):
        step = int(values[0])
        yield [str(step), *(_text(value) for value in values[1:]), *(_text(found.get(step, np.nan)) for found in scores)]


def _text(value: float) -> str:
    return f"{value:.9g}" if np.isfinite(value) else ""


def write_picture(path: Path, image: QImage) -> None:
    """Write a PNG file.

    Raises:
        UserError: the file cannot be written.
    """
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    if not image.save(buffer, "PNG"):  # type: ignore[call-overload]
        raise UserError("The picture could not be made", path=path)
    with atomic_write(path) as file:
        file.write(buffer.data().data())
