"""The curves of one run: its points as they come, its scores on held-out rows. Numbers only, no widget."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from desktop.tuning.runs import Score
from desktop.ui.widgets.curve_axes import Axis
from desktop.ui.widgets.curve_data import Grown, Pyramid, Smoother, Values, speeds

LINES = ("loss", "rate", "speed", "memory", "norm")
"""Curves over the steps; "speed" is made of tokens and elapsed."""
SPANS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
"""Steps that smoothing may average over; 1 is none."""
RISING = ("accuracy", "macro_f1", "exact_match", "rouge_l")
"""Scores of which more is better."""


@dataclass(frozen=True)
class Scores:
    """One score on the held-out rows, by step."""

    name: str
    steps: Values
    values: Values

    @property
    def best(self) -> int:
        """Number of the best one; -1 when there is none."""
        if not len(self.values) or not np.isfinite(self.values).any():
            return -1
        return int(np.nanargmax(self.values) if self.name in RISING else np.nanargmin(self.values))


class RunCurves:
    """See the module's docstring.

    Attributes:
        id, name: of the run.
        number: which of the compared runs it is, from 0; chooses its colour.
        best_step: where the metric was best that decides; None before an evaluation.
        best_name: that metric.
    """

    def __init__(self, run: str, name: str, number: int = 0) -> None:
        self.id, self.name, self.number = run, name, number
        self.best_step: int | None = None
        self.best_name = ""
        self.scores: list[Scores] = []
        self._at = {axis: Grown() for axis in Axis}
        self._tokens = Grown()
        self._lines = {name: Pyramid() for name in LINES}
        self._span = 0
        self._smoother = Smoother(1.0)
        self._smooth = Pyramid()

    def __len__(self) -> int:
        return len(self._tokens)

    @property
    def last_step(self) -> int:
        """The newest step; 0 before the first."""
        steps = self.at(Axis.STEP)
        return int(steps[-1]) if len(steps) else 0

    @property
    def is_timed(self) -> bool:
        """Whether time has passed between its points, so that they can be shown over time."""
        elapsed = self.at(Axis.TIME)
        return len(elapsed) > 1 and bool(elapsed[-1] > elapsed[0])

    @property
    def at_time(self) -> Values:
        """Seconds of training at the points."""
        return self._at[Axis.TIME].values

    def at(self, axis: Axis) -> Values:
        """Where the points are on an axis, never falling."""
        return self._at[axis].values

    def line(self, name: str) -> Pyramid:
        """One of ``LINES``, or "smooth": the smoothed loss."""
        return self._smooth if name == "smooth" else self._lines[name]

    @property
    def span(self) -> int:
        """Steps that the smoothed loss averages over."""
        return max(1, self._span)

    def smooth_over(self, span: int) -> None:
        """Average the smoothed loss over so many steps; 0 chooses by the number of points."""
        span = span or self.usual_span
        if span == self._span:
            return
        self._span = span
        self._smoother = Smoother(span)
        self._smooth = Pyramid()
        self._smooth.extend(self._smoother.extend(self._lines["loss"].values))

    @property
    def usual_span(self) -> int:
        """A span that calms the curve and leaves its shape: the largest that is less than a fortieth of it."""
        return max((span for span in SPANS if span * 40 <= len(self)), default=1)

    def extend(self, points: Mapping[str, npt.NDArray[np.generic]]) -> None:
        """Add points: an array for each of ``desktop.tuning.runs.POINT_FIELDS``, all beyond the last step."""
        if not len(points["step"]):
            return
        begin = len(self)
        self._tokens.extend(np.asarray(points["tokens"], np.float64))
        for axis, values in self._at.items():
            before = values.values[-1] if begin else 0.0
            fresh = np.nan_to_num(np.asarray(points[axis.value], np.float64), nan=before)
            # Time may fall back by a little where a run went on from a checkpoint: the axis never does.
            values.extend(np.maximum(np.maximum.accumulate(fresh), before))
        for name in ("loss", "rate", "memory", "norm"):
            self._lines[name].extend(np.asarray(points[name], np.float64))
        self._lines["speed"].extend(speeds(self._tokens.values, self.at(Axis.TIME), begin))
        if self._span:
            self._smooth.extend(self._smoother.extend(np.asarray(points["loss"], np.float64)))
        else:
            self.smooth_over(0)

    def set_scores(self, scores: Sequence[Score]) -> None:
        """Show other scores."""
        names = sorted({score.name for score in scores}, key=lambda name: (name != "loss", name))
        self.scores = [
            Scores(
                name,
                np.array([score.step for score in scores if score.name == name], np.float64),
                np.array([score.value for score in scores if score.name == name], np.float64),
            )
            for name in names
        ]

    def score(self, name: str) -> Scores | None:
        """One of the scores."""
        return next((one for one in self.scores if one.name == name), None)

    def place(self, axis: Axis, steps: Values) -> Values:
        """Where steps are on an axis, between the points where need be."""
        if axis is Axis.STEP or not len(self):
            return steps
        return np.interp(steps, self.at(Axis.STEP), self.at(axis))

    def nearest(self, axis: Axis, value: float) -> int | None:
        """Number of the point nearest to a place on an axis; None when there is none."""
        places = self.at(axis)
        if not len(places):
            return None
        after = min(int(np.searchsorted(places, value)), len(places) - 1)
        before = max(0, after - 1)
        return before if value - places[before] <= places[after] - value else after

    def value(self, name: str, number: int) -> float:
        """Value of a line at a point; NaN where it has none."""
        values = self.line(name).values
        return float(values[number]) if number < len(values) else float("nan")


@dataclass(frozen=True)
class Shape:
    """What of a line is drawn: points, or where there are several on a pixel, the least and the greatest of each.

    Attributes:
        x: pixels, rising.
        low, high: values; the same array where each point is drawn.
    """

    x: Values
    low: Values
    high: Values

    @property
    def is_exact(self) -> bool:
        """Whether each point is drawn."""
        return self.low is self.high


@dataclass(frozen=True)
class Cut:
    """Which points are in view, and on which pixels: the same for all lines of a run.

    Attributes:
        low, high: first point, and one past the last.
        x: pixels of the points, or of the columns that have some.
        edges: first point of each column and one past the last; None where each point is drawn.
    """

    low: int
    high: int
    x: Values
    edges: npt.NDArray[np.int64] | None

    def of(self, line: Pyramid) -> Shape:
        """What to draw of a line."""
        if self.edges is None:
            values = line.values[self.low : self.high]
            return Shape(self.x, values, values)
        return Shape(self.x, *line.extremes(self.edges))


def cut(places: Values, start: float, end: float, width: float, ratio: float = 1.0) -> Cut:
    """The points from ``start`` to ``end`` on ``width`` pixels of which each is ``ratio`` pixels of the device.

    A point beyond either edge is kept, so that the line reaches it.
    """
    low = max(0, int(np.searchsorted(places, start)) - 1)
    high = min(len(places), int(np.searchsorted(places, end, "right")) + 1)
    columns = max(1, round(width * ratio))
    if high - low <= 2 * columns:
        return Cut(low, high, (places[low:high] - start) * (width / (end - start)), None)
    edges = np.searchsorted(places, start + (end - start) / columns * np.arange(columns + 1))
    edges[0], edges[-1] = low, high
    first = np.flatnonzero(np.diff(edges) > 0)
    return Cut(low, high, (first.astype(np.float64) + 0.5) / ratio, np.append(edges[first], high).astype(np.int64))
