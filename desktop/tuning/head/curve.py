"""What a head's training says while it runs: its curve in batches, scores, samples, a line for people."""

from __future__ import annotations

from collections.abc import Sequence
from time import monotonic
from typing import Any

from desktop.tuning.context import Context
from desktop.tuning.head.scores import Scores
from desktop.tuning.runs import Point, Sample

_EVERY_S = 0.5


class Curve:
    """Reports to the history of runs.

    Args:
        total: steps at most.
    """

    def __init__(self, context: Context, total: int) -> None:
        self._context, self._total = context, total
        self._points: list[Point] = []
        self._flushed = 0.0

    def point(self, point: Point, fraction: float) -> None:
        """Add a step; it is written half a second later at most. Raises Cancelled or blocks as ``Progress.at`` does."""
        self._points.append(point)
        if monotonic() - self._flushed > _EVERY_S:
            self.flush()
        self._context.progress.at(fraction, f"Step {point.step:,} of at most {self._total:,} · loss {point.loss:.3f}")

    def scores(self, step: int, scores: Scores) -> None:
        """Add values on the validation rows."""
        named = {name: value for name, value in scores._asdict().items() if value == value}
        self._context.runs.add_scores(self._context.run, step, named)
        for name, value in named.items():
            self._context.progress.metric(name, value, step)

    def samples(self, samples: Sequence[Sample]) -> None:
        """Add answers to held-out texts."""
        self._context.runs.add_samples(self._context.run, samples)

    def update(self, **fields: Any) -> None:
        """Set fields of the run."""
        self.flush()
        self._context.runs.update(self._context.run, **fields)

    def flush(self) -> None:
        """Write what waits."""
        self._flushed = monotonic()
        points, self._points = self._points, []
        if points:
            last = points[-1]
            self._context.runs.add_points(self._context.run, points)
            self._context.runs.update(self._context.run, step=last.step, tokens=last.tokens, seconds=last.elapsed)
