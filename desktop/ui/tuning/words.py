"""Numbers, times and metrics in words."""

from __future__ import annotations

import time

from desktop.tuning.runs import Run, RunState

METRICS = {
    "loss": "Loss",
    "accuracy": "Accuracy",
    "macro_f1": "Macro F1",
    "exact_match": "Exact match",
    "rouge_l": "ROUGE-L",
}
"""Titles of the values on the validation rows."""
STATES = {
    RunState.RUNNING: "Running",
    RunState.PAUSED: "Paused",
    RunState.STOPPED: "Stopped",
    RunState.DONE: "Done",
    RunState.FAILED: "Failed",
}


def count(value: int) -> str:
    """A number with separators: "10,003"."""
    return f"{value:,}"


def counted(value: int, one: str, many: str = "") -> str:
    """A number and what is counted: "1 row", "10,003 rows"."""
    return f"{value:,} {one if value == 1 else many or one + 's'}"


def metric(name: str, value: float | None) -> str:
    """A value as it is read: shares in per cent, the rest with three digits; "–" when there is none."""
    if value is None or value != value:
        return "–"
    return f"{value:.1%}".replace("%", " %") if name in ("accuracy", "macro_f1", "exact_match", "rouge_l") else f"{value:.3f}"


def seconds(value: float) -> str:
    """A span: "40 s", "12 min", "3 h 20 min"."""
    if value < 90:
        return f"{max(1, round(value))} s"
    minutes = round(value / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def ago(at: float, now: float | None = None) -> str:
    """When something was: "just now", "5 min ago", "3 h ago", "12 Mar"."""
    since = (time.time() if now is None else now) - at
    if since < 60:
        return "just now"
    if since < 3600:
        return f"{round(since / 60)} min ago"
    if since < 86400:
        return f"{round(since / 3600)} h ago"
    return time.strftime("%d %b" if since < 300 * 86400 else "%b %Y", time.localtime(at))


def rate(value: float) -> str:
    """A learning rate: "0.05", "2e-4"."""
    if value >= 0.001:
        return f"{value:g}"
    mantissa, exponent = f"{value:.1e}".split("e")
    return f"{float(mantissa):g}e-{abs(int(exponent))}"


def run_title(run: Run) -> str:
    """What a run is called."""
    return run.name or f"Run {run.id[:4]}"
