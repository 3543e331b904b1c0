"""How a plot of curves is laid out: panes one above the other with a common horizontal axis. Numbers only, no widget."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from desktop.ui.widgets.curve_axes import Axis, View, round_step
from desktop.ui.widgets.curve_data import Values
from desktop.ui.widgets.curve_run import RISING, Cut, RunCurves, Scores, Shape, cut

GUTTER, EDGE, HEAD, FOOT = 56, 14, 28, 24
"""Pixels left and right of the panes, above them (legend) and below (axis)."""
SMALL, MIDDLE, LOW, LEAST, GAP, TITLE = 52, 96, 84, 140, 8, 18
"""Heights: of a small pane, of that of scores, the least of the loss' beside that and beside others; of gaps and titles."""
SMALL_PANES = ("rate", "speed", "memory")
FEW, NARROW = 150, 0.05
"""Points of which none is a rare spike; the least range of values of scores."""
TITLES = {"loss": "Loss", "rate": "Learning rate", "speed": "Tokens/s", "memory": "Memory"}
SCORE_TITLES = {
    "accuracy": "Accuracy",
    "macro_f1": "Macro-F1",
    "exact_match": "Exact match",
    "rouge_l": "ROUGE-L",
    "loss": "Loss",
}


@dataclass(frozen=True)
class Scale:
    """From values to pixels: ``low`` is at the bottom of a pane, ``high`` at its top."""

    low: float
    high: float
    top: float
    height: float
    log: bool = False

    def y(self, values: Values) -> Values:
        """Heights in pixels; values that a logarithmic scale cannot show are NaN."""
        if self.log:
            safe = np.where(values > 0.0, values, np.nan)
            share = np.log(safe / self.low) / math.log(self.high / self.low)
        else:
            share = (values - self.low) / (self.high - self.low)
        return self.top + self.height * (1.0 - share)

    def at(self, y: float) -> float:
        """The value at a height."""
        share = 1.0 - (y - self.top) / self.height
        return self.low * (self.high / self.low) ** share if self.log else self.low + share * (self.high - self.low)


@dataclass(frozen=True)
class Line:
    """A run's line in a pane, ready to be drawn: ``raw`` with its noise, ``smooth`` without; None where there is none."""

    run: RunCurves
    raw: Shape | None
    smooth: Shape | None = None


@dataclass(frozen=True)
class Pane:
    """One of the plots: its name is that of its line, or "score"."""

    name: str
    title: str
    scale: Scale
    lines: tuple[Line, ...] = ()
    scores: tuple[tuple[RunCurves, Scores], ...] = ()


@dataclass
class Scene:
    """All that decides how the plot looks.

    Attributes:
        heights: values at the bottom and top of the loss that the user zoomed to; None lets the curve decide.
        details: the small plots are shown where there is room.
        width, height, ratio: of the whole, in pixels, and device pixels for each.
    """

    runs: list[RunCurves] = field(default_factory=list)
    axis: Axis = Axis.STEP
    view: View = field(default_factory=View)
    log: bool = False
    heights: tuple[float, float] | None = None
    details: bool = True
    width: float = 600.0
    height: float = 400.0
    ratio: float = 1.0

    @property
    def inner(self) -> float:
        """Width of the panes."""
        return max(10.0, self.width - GUTTER - EDGE)

    def x(self, value: float) -> float:
        """Pixel of a place on the horizontal axis."""
        return GUTTER + (value - self.view.start) / self.view.span * self.inner

    def xs(self, values: Values) -> Values:
        """Pixels of places on the horizontal axis."""
        return GUTTER + (values - self.view.start) / self.view.span * self.inner

    def at(self, x: float) -> float:
        """The place on the horizontal axis at a pixel."""
        return self.view.start + (x - GUTTER) / self.inner * self.view.span


def panes(scene: Scene) -> list[Pane]:
    """The panes of a scene from top to bottom, with what is to be drawn in them."""
    room = scene.height - HEAD - FOOT
    score = score_names(scene.runs)
    names: list[tuple[str, float]] = []
    if score and room - GAP >= 2 * LOW:
        names.append(("score", MIDDLE if room - MIDDLE - GAP >= LEAST else LOW))
    for name in (name for name in SMALL_PANES if scene.details and any(_says(run, name) for run in scene.runs)):
        if room - sum(height + GAP for _, height in names) - SMALL - GAP >= LEAST:
            names.append((name, SMALL))
    main = room - sum(height + GAP for _, height in names)
    view = scene.view
    cuts = {id(run): cut(run.at(scene.axis), view.start, view.end, scene.inner, scene.ratio) for run in scene.runs if len(run)}
    made = [_loss(scene, cuts, HEAD, main)]
    top = HEAD + main + GAP
    for name, height in names:
        within = (top + TITLE, height - TITLE)
        made.append(_scores(scene, score, *within) if name == "score" else _small(scene, cuts, name, *within))
        top += height + GAP
    return made


def _says(run: RunCurves, name: str) -> bool:
    """Whether a line has something to say: one whose newest values are all 0 has not."""
    newest = run.line(name).values[-20:]
    return name == "rate" or not len(newest) or bool((np.nan_to_num(newest, nan=0.0) != 0.0).any())


def score_names(runs: Iterable[RunCurves]) -> list[str]:
    """Scores other than the loss: all of one run; of several the one that decides, or the first."""
    runs = list(runs)
    found = [one.name for run in runs for one in run.scores if one.name != "loss"]
    names = sorted(set(found), key=lambda name: RISING.index(name) if name in RISING else 99)
    if len(runs) < 2 or not names:
        return names
    deciding = [run.best_name for run in runs if run.best_name in names]
    return deciding[:1] or names[:1]


def _loss(scene: Scene, cuts: dict[int, Cut], top: float, height: float) -> Pane:
    # Of many runs the noise would hide the curves.
    noisy = len(scene.runs) <= 2
    lines = []
    for run in (run for run in scene.runs if len(run)):
        within = cuts[id(run)]
        raw = within.of(run.line("loss")) if noisy or run.span == 1 else None
        lines.append(Line(run, raw, within.of(run.line("smooth")) if run.span > 1 else None))
    scores = tuple((run, one) for run in scene.runs if (one := run.score("loss")) is not None)
    if scene.heights is not None:
        low, high = scene.heights
    else:
        low, high = _extent([*_main_values(lines), *(_seen(scene, run, one) for run, one in scores)], scene.log)
    return Pane("loss", TITLES["loss"], Scale(low, high, top, height, scene.log), tuple(lines), scores)


def _main_values(lines: Iterable[Line]) -> list[Values]:
    """Values that must be in view: of the smoothed loss all, of the noise all but rare spikes."""
    found = []
    for line in lines:
        if line.smooth is not None:
            found += [line.smooth.low, line.smooth.high]
        if line.raw is not None:
            for values in (line.raw.low, line.raw.high):
                known = _known(values)
                if len(known):
                    found.append(np.percentile(known, [1.0, 99.0]) if len(known) > FEW else known)
    return found


def _extent(values: Iterable[Values], log: bool) -> tuple[float, float]:
    """Round least and greatest values that leave a little air; they move seldom while a curve grows."""
    kept = [one[np.isfinite(one) & ((one > 0) | (not log))] for one in values]
    known = np.concatenate([one for one in kept if len(one)] or [np.array([0.1 if log else 0.0, 1.0])])
    low, high = float(known.min()), float(known.max())
    if log:
        return low / 1.12, max(high, low * 1.2) * 1.12
    if high - low < 1e-9 * max(1.0, abs(high)):
        low, high = low - 0.5 * max(abs(low), 1e-6), high + 0.5 * max(abs(high), 1e-6)
    step = round_step(high - low, 8)
    bottom = math.floor((low - 0.02 * (high - low)) / step) * step
    return max(0.0, bottom) if low >= 0 else bottom, math.ceil((high + 0.02 * (high - low)) / step) * step


def _seen(scene: Scene, run: RunCurves, scores: Scores) -> Values:
    places = run.place(scene.axis, scores.steps)
    return scores.values[(places >= scene.view.start) & (places <= scene.view.end)]


def _scores(scene: Scene, names: list[str], top: float, height: float) -> Pane:
    shown = tuple((run, one) for run in scene.runs for one in run.scores if one.name in names)
    low, high = _extent([_seen(scene, run, one) for run, one in shown], False)
    if high - low < NARROW:
        middle = min(1.0 - NARROW / 2, max(NARROW / 2, (high + low) / 2)) if high <= 1.0 else (high + low) / 2
        low, high = middle - NARROW / 2, middle + NARROW / 2
    title = SCORE_TITLES.get(names[0], names[0]) if len(names) == 1 else "On held-out rows"
    return Pane("score", title, Scale(max(0.0, low), min(1.0, high) if high <= 1.2 else high, top, height), (), shown)


def _small(scene: Scene, cuts: dict[int, Cut], name: str, top: float, height: float) -> Pane:
    lines = tuple(Line(run, cuts[id(run)].of(run.line(name))) for run in scene.runs if len(run))
    highest = [
        float(np.percentile(known, 99.5)) for line in lines if line.raw is not None and len(known := _known(line.raw.high))
    ]
    high = max(highest, default=1.0)
    return Pane(name, TITLES[name], Scale(0.0, high * 1.12 if high > 0 else 1.0, top, height), lines)


def _known(values: Values) -> Values:
    return values[np.isfinite(values)]
