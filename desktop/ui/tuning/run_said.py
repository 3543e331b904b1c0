"""A run in words: where it is, its numbers, what would be kept. Pure functions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from desktop.jobs.rows import Row
from desktop.jobs.states import State
from desktop.tuning.runs import Run, RunState
from desktop.ui.topbar import remaining
from desktop.ui.tuning import words
from desktop.ui.widgets.curve_axes import memory, number
from desktop.ui.widgets.curve_run import RunCurves
from desktop.ui.widgets.timecode import clock


@dataclass(frozen=True)
class Headline:
    """Icon, its tone, and the words beside it."""

    icon: str
    tone: str
    text: str
    detail: str = ""


def going(run: Run | None, row: Row | None) -> bool:
    """Whether its job waits, runs or is paused, or somebody trains it whose job is not known here."""
    return not row.state.is_over if row is not None else run is not None and not run.is_over


def headline(run: Run | None, row: Row | None) -> Headline:
    """Where the run is."""
    if row is not None and row.state is State.QUEUED:
        return Headline("waiting", "secondary", "Waiting for its turn")
    if (row is not None and row.state is State.PAUSED) or (row is None and run is not None and run.state is RunState.PAUSED):
        return Headline("pause", "secondary", "Paused", _where(run))
    if going(run, row):
        starting = run is None or not run.step
        message, left = (row.message, remaining(row.remaining_s)) if row is not None else ("", "")
        detail = message if starting else "  ·  ".join(filter(None, (_where(run), left)))
        return Headline("play", "accent", "Starting" if starting else "Training", detail)
    if run is None:
        failed = row is not None and row.state is State.FAILED
        return Headline("error", "error", "Failed before it began") if failed else Headline("stop", "secondary", "Did not begin")
    took = f"in {words.seconds(run.seconds)}" if run.seconds else ""
    if run.state is RunState.DONE:
        early = "early, no better for a while" if run.total_steps and run.step < run.total_steps else ""
        return Headline("done", "good", "Done", "  ·  ".join(filter(None, (words.counted(run.step, "step"), took, early))))
    if run.state is RunState.FAILED:
        return Headline("error", "error", "Failed", _where(run))
    return Headline("stop", "warning", "Stopped", _where(run))


def _where(run: Run | None) -> str:
    if run is None or not run.step:
        return ""
    return f"step {run.step:,} of {run.total_steps:,}" if run.total_steps else f"step {run.step:,}"


def keeps(run: Run | None, row: Row | None) -> str:
    """What a user has who stops now, or what the run has left."""
    if run is None or not run.step:
        return ""
    name = words.METRICS.get(run.best_name, run.best_name).lower()
    value = words.metric(run.best_name, run.best_value)
    if going(run, row):
        if run.best_step is None:
            return f"If you stop now you keep step {run.step:,}; it has not been scored on held-out rows yet."
        return f"If you stop now you keep step {run.best_step:,} with {_article(name)} {name} of {value} on held-out rows."
    if run.best_step is None:
        return f"Its last weights are kept (step {run.step:,}); they were never scored on held-out rows."
    return f"Its best weights are those of step {run.best_step:,}, with {_article(name)} {name} of {value} on held-out rows."


def _article(name: str) -> str:
    return "an" if name[:1] in "aeiou" else "a"


def facts(run: Run, curves: RunCurves, row: Row | None) -> dict[str, tuple[str, str]]:
    """Caption -> (value, tooltip) of the numbers in the header."""
    last = len(curves) - 1
    smooth = curves.value("smooth" if curves.span > 1 else "loss", last) if last >= 0 else float("nan")
    found = {
        "Loss": (
            f"{smooth:.4f}" if np.isfinite(smooth) else "–",
            f"On the rows trained on, mean of {words.counted(curves.span, 'step')}",
        )
    }
    best_name = words.METRICS.get(run.best_name, run.best_name)
    at = f"{best_name} on held-out rows, at step {run.best_step:,}" if run.best_step is not None else "Nothing was scored yet"
    found["Best so far" if going(run, row) else "Best"] = (_best(run), at)
    if run.best_before is not None:
        found["Untuned"] = (words.metric(run.best_name, run.best_before), f"{best_name} of the base model on the same rows")
    speed = recent(curves, "speed")
    # A classifier on frozen embeddings reads its rows once.
    if speed != 0.0:
        found["Tokens/s"] = (number(speed) if np.isfinite(speed) else "–", "Tokens trained on in a second")
    used = recent(curves, "memory")
    found["Memory"] = (memory(used), "In use")
    found["Time"] = (clock(run.seconds or (float(curves.at_time[-1]) if last >= 0 else 0.0)), "Spent training, without pauses")
    found["Device"] = (run.device.upper() if run.device else "–", "What it is trained on")
    return found


def _best(run: Run) -> str:
    if run.best_value is None:
        return "–"
    value = words.metric(run.best_name, run.best_value)
    return f"{value} at {run.best_step:,}" if run.best_step is not None else value


def recent(curves: RunCurves, name: str, count: int = 20) -> float:
    """Median of a line's newest values; NaN when there is none."""
    values = curves.line(name).values[-count:]
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else float("nan")
