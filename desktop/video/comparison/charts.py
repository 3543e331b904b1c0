"""Curves over time as an SVG picture: panels stacked over one time axis, in the light theme's colours."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from xml.sax.saxutils import escape

import numpy as np
from numpy.typing import NDArray

CANVAS, TEXT, SECONDARY, HAIRLINE = "#FFFFFF", "#1B1C1E", "#5F6368", "#DADCE0"
BEFORE, AFTER = "#E2762B", "#3D6DF2"

_WIDTH, _LEFT, _RIGHT = 880, 64, 24
_TOP, _BOTTOM = 48, 44
_PLOT, _HEAD = 96, 36
_FONT = "-apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif"
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
_TIME_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200)


@dataclass(frozen=True)
class Line:
    """A curve: values [n] at the chart's times, NaN where there is none."""

    name: str
    values: NDArray[np.floating]
    colour: str


@dataclass(frozen=True)
class Panel:
    """Curves on a common scale. ``note`` stands at the right end of the title's line: the unit, and which way is better."""

    title: str
    note: str
    lines: tuple[Line, ...]


def draw_chart(title: str, times: NDArray[np.floating], panels: Sequence[Panel], cuts: Sequence[float] = ()) -> str:
    """The chart as SVG text.

    Args:
        times: rising seconds [n], n >= 1.
        panels: at least one; a legend of the first panel's lines stands on top.
        cuts: seconds where a new shot begins, marked by dotted lines.
    """
    span = _span(times)
    height = _TOP + len(panels) * (_HEAD + _PLOT) + _BOTTOM
    size = f'width="{_WIDTH}" height="{height}" viewBox="0 0 {_WIDTH} {height}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="{_FONT}" font-size="11" fill="{SECONDARY}" role="img">',
        f"<title>{escape(title)}</title>",
        f'<rect width="100%" height="100%" fill="{CANVAS}"/>',
        f'<text x="{_LEFT}" y="26" font-size="15" fill="{TEXT}">{escape(_elided(title))}</text>',
        *_legend(panels),
    ]
    for number, panel in enumerate(panels):
        parts += _panel(panel, times, span, cuts, _TOP + number * (_HEAD + _PLOT) + _HEAD)
    parts += _time_axis(span, height - _BOTTOM)
    return "\n".join([*parts, "</svg>"]) + "\n"


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """At most ``most`` + 1 round numbers that enclose or fill low..high, low < high."""
    raw = (high - low) / most
    scale = 10.0 ** math.floor(math.log10(raw))
    step = next(s * scale for s in _STEPS if s * scale >= raw * (1.0 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    return [round(i * step, 12) for i in range(first, math.floor(high / step + 1e-9) + 1)]


def _panel(panel: Panel, times: NDArray[np.floating], span: tuple[float, float], cuts: Sequence[float], top: int) -> list[str]:
    low, high = _limits(panel)
    bottom, right = top + _PLOT, _WIDTH - _RIGHT

    def place(value: float) -> float:
        return bottom - (value - low) / (high - low) * _PLOT

    parts = [
        f'<text x="{_LEFT}" y="{top - 10}" font-size="13" fill="{TEXT}">{escape(panel.title)}</text>',
        f'<text x="{right}" y="{top - 10}" text-anchor="end">{escape(panel.note)}</text>',
    ]
    marks = ticks(low, high)
    digits = _digits(marks)
    for mark in marks:
        y = place(mark)
        parts.append(f'<path d="M{_LEFT} {y:.1f}H{right}" stroke="{HAIRLINE}" fill="none"/>')
        parts.append(f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{mark:.{digits}f}</text>')
    for cut in cuts:
        if span[0] < cut < span[1]:
            parts.append(
                f'<path d="M{_across(cut, span):.1f} {top}V{bottom}" stroke="{SECONDARY}" stroke-dasharray="1 3" fill="none"/>'
            )
    for line in panel.lines:
        parts += _curve(line, times, span, place)
    return parts


def _curve(line: Line, times: NDArray[np.floating], span: tuple[float, float], place: Callable[[float], float]) -> list[str]:
    style = f'stroke="{line.colour}" stroke-width="1.5" stroke-linejoin="round" fill="none"'
    parts = []
    for run in _runs(line.values):
        x, y = _thinned(times[run], np.asarray(line.values[run], np.float64))
        points = [f"{_across(float(a), span):.1f} {place(float(b)):.1f}" for a, b in zip(x, y, strict=True)]
        if len(points) == 1:
            cx, cy = points[0].split()
            parts.append(f'<circle cx="{cx}" cy="{cy}" r="2.5" fill="{line.colour}"/>')
        else:
            parts.append(f'<path d="M{"L".join(points)}" {style}/>')
    return parts


def _runs(values: NDArray[np.floating]) -> list[slice]:
    """Where values follow one another without a gap."""
    known = np.concatenate([[False], np.isfinite(values), [False]])
    edges = np.flatnonzero(known[1:] != known[:-1])
    return [slice(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _thinned(x: NDArray[np.floating], y: NDArray[np.float64]) -> tuple[NDArray[np.floating], NDArray[np.float64]]:
    """No more points than can be told apart: the least and the greatest of every stretch, in their order."""
    stretches = _WIDTH
    if len(x) <= 2 * stretches:
        return x, y
    bounds = np.linspace(0, len(x), stretches + 1).astype(int)
    keep = [sorted({a + int(y[a:b].argmin()), a + int(y[a:b].argmax())}) for a, b in pairwise(bounds)]
    chosen = np.array([i for pair in keep for i in pair])
    return x[chosen], y[chosen]


def _time_axis(span: tuple[float, float], y: int) -> list[str]:
    parts = [f'<path d="M{_LEFT} {y + 6}H{_WIDTH - _RIGHT}" stroke="{SECONDARY}" fill="none"/>']
    for mark in _time_marks(*span):
        x = _across(mark, span)
        parts.append(f'<path d="M{x:.1f} {y + 6}v4" stroke="{SECONDARY}" fill="none"/>')
        parts.append(f'<text x="{x:.1f}" y="{y + 23}" text-anchor="middle">{_clock(mark, span)}</text>')
    return parts


def _time_marks(start: float, end: float) -> list[float]:
    if end - start < 8.0:
        return ticks(start, end, 8)
    step = next((s for s in _TIME_STEPS if (end - start) / s <= 8), _TIME_STEPS[-1] * math.ceil((end - start) / 8 / 7200))
    return [float(t) for t in range(math.ceil(start / step) * step, math.floor(end) + 1, step)]


def _clock(seconds: float, span: tuple[float, float]) -> str:
    if span[1] - span[0] < 8.0:
        return f"{seconds:g} s"
    whole = round(seconds)
    if span[1] < 60.0:
        return f"{whole} s"
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02}:{whole % 60:02}" if span[1] >= 3600.0 else f"{minutes}:{whole % 60:02}"


def _legend(panels: Sequence[Panel]) -> list[str]:
    lines = {line.name: line.colour for panel in panels for line in panel.lines}
    parts = []
    x = _WIDTH - _RIGHT
    for name, colour in reversed(lines.items()):
        x -= 6 * len(name) + 2
        parts.append(f'<text x="{x}" y="26" fill="{TEXT}">{escape(name)}</text>')
        parts.append(f'<path d="M{x - 24} 22h18" stroke="{colour}" stroke-width="2.5" fill="none"/>')
        x -= 44
    return parts


def _limits(panel: Panel) -> tuple[float, float]:
    """Lower and upper end of a panel's scale, with room around what it shows."""
    known = [np.asarray(line.values)[np.isfinite(line.values)] for line in panel.lines]
    values = np.concatenate(known) if known else np.empty(0)
    if not values.size:
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    room = 0.08 * (high - low) or max(abs(high) * 0.1, 0.5)
    return (0.0 if low >= 0.0 and low - room < 0.25 * high else low - room), high + room


def _span(times: NDArray[np.floating]) -> tuple[float, float]:
    start, end = float(times[0]), float(times[-1])
    return (start, end) if end > start else (start - 0.5, start + 0.5)


def _across(time: float, span: tuple[float, float]) -> float:
    return _LEFT + (time - span[0]) / (span[1] - span[0]) * (_WIDTH - _LEFT - _RIGHT)


def _digits(marks: Sequence[float]) -> int:
    """Decimals that tell the marks apart."""
    return next((d for d in range(6) if all(abs(round(m, d) - m) < 1e-9 for m in marks)), 6)


def _elided(title: str, most: int = 70) -> str:
    return title if len(title) <= most else f"{title[: most // 2 - 1]}…{title[-most // 2 :]}"
