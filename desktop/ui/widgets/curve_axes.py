"""Axes: round values to mark, numbers in few characters, which stretch of a curve is in view. Numbers only, no widget."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from desktop.ui.widgets.timecode import clock

LEAST_SHARE = 1e-5
"""The closest zoom: this share of the whole curve fills the view."""
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
_SECONDS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)


class Axis(StrEnum):
    """What lies along a curve's horizontal axis; the value is the name of the points' field."""

    STEP = "step"
    TIME = "elapsed"
    EPOCH = "epoch"


def round_step(span: float, count: int) -> float:
    """A round distance of marks (1, 2, 2.5 or 5 times a power of ten) so that about ``count`` fit into ``span``."""
    if span <= 0 or not math.isfinite(span):
        return 1.0
    rough = span / max(1, count)
    power = 10.0 ** math.floor(math.log10(rough))
    return next((step * power for step in _STEPS if step * power >= rough * 0.999), 10.0 * power)


def marks(low: float, high: float, count: int) -> list[float]:
    """Round values from ``low`` to ``high``, about ``count`` of them."""
    step = round_step(high - low, count)
    first = math.ceil(low / step - 1e-9)
    return [k * step for k in range(first, math.floor(high / step + 1e-9) + 1)]


def log_marks(low: float, high: float, count: int) -> list[float]:
    """Powers of ten from ``low`` to ``high`` (both over 0), with 2 and 5 times those where there is room, or round values."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    for factors in ((1.0, 2.0, 5.0), (1.0, 3.0), (1.0,)):
        made = [
            f * 10.0**k for k in range(first, last + 1) for f in factors if low <= f * 10.0**k * 1.0000001 and f * 10.0**k <= high
        ]
        if len(made) <= count + 1:
            break
    if len(made) > count + 1:
        made = made[:: -(-len(made) // count)]
    return made if len(made) >= 2 else marks(low, high, count)


def along(axis: Axis, low: float, high: float, count: int) -> list[float]:
    """Marks along the horizontal axis: whole steps, round times, epochs."""
    if axis is Axis.TIME:
        step = next((s for s in _SECONDS if s >= (high - low) / max(1, count)), 0)
        if step and high - low >= 3:
            return [float(k * step) for k in range(math.ceil(low / step), math.floor(high / step) + 1)]
    found = marks(low, high, count)
    return [value for value in found if value == round(value)] if axis is Axis.STEP else found


def along_text(axis: Axis, value: float) -> str:
    """A place on the horizontal axis in words: "1,200", "12:30", "1.5"."""
    if axis is Axis.TIME:
        return clock(value)
    if axis is Axis.STEP:
        return f"{round(value):,}"
    return f"{value:.3f}".rstrip("0").rstrip(".") or "0"


def number(value: float) -> str:
    """A number in at most about six characters: "0.0213", "1.25", "12.5 k", "2e-05"."""
    size = abs(value)
    if not math.isfinite(value):
        return "–"
    if size == 0:
        return "0"
    if size < 1e-3:
        mantissa, _, power = f"{value:.2e}".partition("e")
        return f"{mantissa.rstrip('0').rstrip('.')}e{int(power)}"
    for least, unit in ((1e9, " G"), (1e6, " M"), (1e4, " k")):
        if size >= least:
            return f"{value / (1e3 if unit == ' k' else least):.3g}{unit}"
    if size >= 100:
        return f"{value:.0f}" if size < 1000 else f"{value:,.0f}"
    return f"{value:.3g}" if size >= 1 else f"{value:.3f}".rstrip("0").rstrip(".") if size >= 0.01 else f"{value:.4f}"


def tick(value: float, step: float) -> str:
    """A value beside an axis whose marks are ``step`` apart: as many digits as tell them apart."""
    size = abs(value)
    if size < step * 1e-6:
        return "0"
    if size < 1e-3 or size >= 1e4:
        return number(value)
    digits = max(0, -math.floor(math.log10(step) + 1e-9)) if step > 0 else 2
    if step > 0 and abs(step * 10**digits - round(step * 10**digits)) > 1e-6:
        digits += 1
    return f"{value:.{min(6, digits)}f}"


def memory(value: float) -> str:
    """Bytes in words: "812 MB", "2.31 GB"."""
    if not math.isfinite(value):
        return "–"
    return f"{value / 1e9:.2f} GB" if abs(value) >= 1e9 else f"{value / 1e6:.0f} MB"


@dataclass
class View:
    """The stretch of the horizontal axis that is shown, of a curve that may still be growing from ``low`` to ``high``.

    Attributes:
        start, end: what is shown.
        whole: everything is shown, and stays so as the curve grows.
        follows: the end is shown, and the stretch moves along as the curve grows.
    """

    low: float = 0.0
    high: float = 1.0
    start: float = 0.0
    end: float = 1.0
    whole: bool = True
    follows: bool = False

    @property
    def span(self) -> float:
        """Length of what is shown."""
        return self.end - self.start

    def set_extent(self, low: float, high: float) -> None:
        """The curve reaches from ``low`` to ``high`` now."""
        high = high if high > low else low + 1.0
        moved = high - self.high
        self.low, self.high = low, high
        if self.whole:
            self.start, self.end = low, high
        elif self.follows and moved:
            self.start, self.end = self.start + moved, high

    def fit(self) -> None:
        """Show everything."""
        self.whole, self.follows = True, False
        self.start, self.end = self.low, self.high

    def show(self, start: float, end: float) -> None:
        """Show a stretch, kept within the curve; one that reaches its end follows that."""
        full = self.high - self.low
        span = min(full, max(full * LEAST_SHARE, end - start))
        start = min(max(start, self.low), self.high - span)
        self.whole = span >= full * 0.999
        if self.whole:
            self.fit()
            return
        self.start, self.end = start, start + span
        self.follows = self.end >= self.high - span * 1e-3

    def zoom(self, factor: float, at: float) -> None:
        """Show ``factor`` times as much detail; what is at ``at`` stays where it is."""
        span = self.span / factor
        share = (at - self.start) / self.span
        self.show(at - share * span, at - share * span + span)

    def pan(self, by: float) -> None:
        """Move by so much of the axis."""
        self.show(self.start + by, self.start + by + self.span)
