"""The runs as entries of the list: those of the history, and those that only have a job yet."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from desktop.jobs.job import TuneJob
from desktop.jobs.rows import Row
from desktop.jobs.states import State
from desktop.tuning.runs import Run, RunState
from desktop.ui.topbar import remaining
from desktop.ui.tuning import words
from desktop.ui.tuning.run_row import RunEntry

_MARKS = {
    RunState.RUNNING: ("play", "accent"),
    RunState.PAUSED: ("pause", "secondary"),
    RunState.STOPPED: ("stop", "warning"),
    RunState.DONE: ("done", "good"),
    RunState.FAILED: ("error", "error"),
}


def of_run(run: Run, job: Row | None, curve: Sequence[float], now: float | None = None) -> RunEntry:
    """A run of the history."""
    going = job is not None and not job.state.is_over
    state = _state(run, job)
    best = words.metric(run.best_name, run.best_value) if run.best_value is not None else ""
    rows = words.counted(run.train_rows, "row") if run.train_rows else ""
    about = "  ·  ".join(part for part in (run.base, rows) if part)
    icon, tone = ("waiting", "secondary") if job is not None and job.state is State.QUEUED else _MARKS[state]
    said = words.STATES[state]
    fraction = None
    if going and job is not None:
        fraction = job.fraction if job.state.is_active else None
        said = "Waiting" if job.state is State.QUEUED else f"{job.fraction:.0%}  ·  {remaining(job.remaining_s)}".rstrip(" ·")
        said = "Paused" if job.state is State.PAUSED else said
    when = said if going or not run.is_over else words.ago(run.ended or run.created, now)
    if state is RunState.STOPPED and not going:
        when = f"Stopped {when}"
    if state is RunState.FAILED:
        said = run.error or "Failed"
    lines = [words.run_title(run), said]
    if best:
        lines.append(f"{words.METRICS.get(run.best_name, run.best_name)}: {best} at step {words.count(run.best_step or 0)}")
    lines += [about, f"From {Path(run.records.source).name}", run.note]
    return RunEntry(
        run.id, words.run_title(run), best, about, said, when, icon, tone, fraction, tuple(curve), "\n".join(filter(None, lines))
    )


def of_job(row: Row) -> RunEntry:
    """A run that has not begun, or that failed before it began."""
    assert isinstance(row.job, TuneJob)
    failed = row.state is State.FAILED
    said = {State.QUEUED: "Waiting for its turn", State.FAILED: "Failed", State.INTERRUPTED: "Interrupted"}.get(
        row.state, row.message or "Starting"
    )
    if failed and row.error is not None:
        said = row.error.message
    icon, tone = ("error", "error") if failed else ("waiting", "secondary")
    name = row.job.name or Path(row.job.records.source).stem
    fraction = row.fraction if row.state.is_active else None
    return RunEntry(
        row.job.run, name, about=row.job.recipe.base, state=said, when=said, icon=icon, tone=tone, fraction=fraction,
        tip=f"{name}\n{said}", begun=False,
    )  # fmt: skip


def _state(run: Run, job: Row | None) -> RunState:
    """The job knows sooner than the history whether it goes on."""
    if job is not None and job.state is State.PAUSED:
        return RunState.PAUSED
    if job is not None and job.state.is_active:
        return RunState.RUNNING
    return run.state if run.is_over or job is None else RunState.STOPPED
