"""What a training says while it runs: points of its curves in batches, scores, samples, one line for people."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from time import monotonic
from typing import Any

from desktop.jobs.events import Progressed
from desktop.tuning.context import Context
from desktop.tuning.runs import Point, Sample

_EVERY_S = 0.5
_RATE_OVER_S = 10.0


class Reporter:
    """Reports to the history of runs and to the job's progress.

    Args:
        total: planned steps.
    """

    def __init__(self, context: Context, total: int) -> None:
        self._context, self._total = context, total
        self._points: list[Point] = []
        self._fields: dict[str, Any] = {}
        self._flushed = 0.0
        self._seen: deque[tuple[float, int]] = deque()

    def point(self, point: Point) -> None:
        """Add a step; it is written half a second later at most."""
        self._points.append(point)
        self._fields |= {"step": point.step, "tokens": point.tokens, "seconds": point.elapsed}
        words = [f"Step {point.step:,} of {self._total:,}", f"loss {point.loss:.3f}"]
        if (rate := self._rate(point)) is not None:
            words.append(f"{rate:,.0f} tokens/s")
        if monotonic() - self._flushed > _EVERY_S:
            self.flush()
        self.say(point.step, " · ".join(words))

    def say(self, step: int, sentence: str) -> None:
        """Show how far the run is. Unlike ``Progress.at`` this is no checkpoint: before one there is something to save."""
        self._context.progress.emit(Progressed(step / max(1, self._total), sentence))

    def scores(self, step: int, scores: Mapping[str, float]) -> None:
        """Add values on the validation rows."""
        self.flush()
        self._context.runs.add_scores(self._context.run, step, scores)
        for name, value in scores.items():
            self._context.progress.metric(name, value, step)

    def samples(self, samples: Sequence[Sample]) -> None:
        """Add answers to held-out prompts."""
        self._context.runs.add_samples(self._context.run, samples)

    def update(self, **fields: Any) -> None:
        """Set fields of the run."""
        self.flush()
        self._context.runs.update(self._context.run, **fields)

    def flush(self) -> None:
        """Write what waits."""
        self._flushed = monotonic()
        points, self._points = self._points, []
        fields, self._fields = self._fields, {}
        if points:
            self._context.runs.add_points(self._context.run, points)
        if fields:
            self._context.runs.update(self._context.run, **fields)

    def rest(self) -> None:
        """Time that passes now is no training."""
        self._seen.clear()

    def _rate(self, point: Point) -> float | None:
        """Tokens a second of late."""
        now = monotonic()
        self._seen.append((now, point.tokens))
        while len(self._seen) > 2 and now - self._seen[0][0] > _RATE_OVER_S:
            self._seen.popleft()
        (then, before), passed = self._seen[0], now - self._seen[0][0]
        return (point.tokens - before) / passed if passed > 0 and then < now else None
