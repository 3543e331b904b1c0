"""What can be done with a line of the queue now: its buttons and its menu are made from this."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from desktop.jobs.batches import Batch, FailureGroup
from desktop.jobs.rows import Row
from desktop.jobs.states import State
from desktop.ui.queue.lines import Line


@dataclass(frozen=True)
class Offer:
    """Something to do: its name, icon, and words.

    Attributes:
        in_row: whether it has a button; all of them are in the menu.
        apart: whether a line of the menu parts it from what comes before.
    """

    what: str
    icon: str
    text: str
    in_row: bool = True
    apart: bool = False


JOB = (
    Offer("pause", "pause", "Pause"),
    Offer("resume", "play", "Go on"),
    Offer("cancel", "close", "Cancel"),
    Offer("retry", "retry", "Try again"),
    Offer("result", "open", "Open the result", in_row=False),
    Offer("folder", "folder", "Show the result in its folder"),
    Offer("first", "up", "Do it next", in_row=False, apart=True),
    Offer("last", "down", "Do it after the others", in_row=False),
    Offer("source", "open", "Show the source in its folder", in_row=False, apart=True),
    Offer("details", "log", "Details and log"),
    Offer("copy", "copy", "Copy the reason", in_row=False),
    Offer("remove", "remove", "Remove from the history", apart=True),
)
BATCH = (
    Offer("open", "right", "Show the files", in_row=False),
    Offer("pause", "pause", "Pause the batch", apart=True),
    Offer("resume", "play", "Go on with the batch"),
    Offer("cancel", "close", "Cancel the batch"),
    Offer("retry", "retry", "Retry the failed ones"),
    Offer("again", "play", "Go on with those that were cancelled"),
    Offer("first", "up", "Do it next", in_row=False, apart=True),
    Offer("last", "down", "Do it after the others", in_row=False),
    Offer("report", "table", "Open the report", apart=True),
    Offer("write", "export", "Write a report…", in_row=False),
    Offer("folder", "folder", "Show the results in their folder"),
    Offer("remove", "remove", "Remove the batch from the history", in_row=False, apart=True),
)
GROUP = (
    Offer("open", "right", "Show the files", in_row=False),
    Offer("retry", "retry", "Retry these", apart=True),
    Offer("copy", "copy", "Copy the reason", in_row=False),
)


def of_job(row: Row) -> Iterator[Offer]:
    """What makes sense for a job as it is now."""
    state = row.state
    sensible = {
        "pause": state is State.RUNNING,
        "resume": state is State.PAUSED,
        "cancel": not state.is_over,
        "retry": state.can_retry,
        "result": state is State.DONE and bool(row.artifacts),
        "folder": state is State.DONE and bool(row.artifacts),
        "first": state is State.QUEUED and row.priority <= 0,
        "last": state is State.QUEUED and row.priority <= 0,
        "source": bool(source_of(row)),
        "details": True,
        "copy": row.error is not None,
        "remove": state.is_over,
    }
    for offer in JOB:
        if sensible[offer.what]:
            yield replace(offer, icon="play", text="Go on") if offer.what == "retry" and goes_on(row) else offer


def goes_on(row: Row) -> bool:
    """Whether trying again means to go on where the job was."""
    return row.job.resumable and row.state.can_retry and row.fraction > 0


def of_batch(batch: Batch) -> Iterator[Offer]:
    """What makes sense for a batch as it is now."""
    state, counts = batch.state, batch.counts
    has_failed = any(counts.get(one) for one in (State.FAILED, State.INTERRUPTED))
    sensible = {
        "open": bool(counts),
        "pause": not batch.is_over and state is not State.PAUSED,
        "resume": state is State.PAUSED,
        "cancel": not batch.is_over,
        "retry": has_failed,
        "again": batch.is_over and not has_failed and State.CANCELLED in counts,
        "first": State.QUEUED in counts,
        "last": State.QUEUED in counts,
        "report": report_of(batch) is not None,
        "write": bool(counts),
        "folder": batch.is_over and bool(batch.spec.output),
        "remove": batch.is_over,
    }
    return (offer for offer in BATCH if sensible[offer.what])


def of_group(group: FailureGroup) -> Iterator[Offer]:
    """What makes sense for files that failed for one reason."""
    retry = "Retry this one" if group.count == 1 else f"Retry these {group.count:,}"
    return (replace(offer, text=retry) if offer.what == "retry" else offer for offer in GROUP)


def of_line(line: Line) -> list[Offer]:
    """What makes sense for what a line is about."""
    if line.row is not None:
        return list(of_job(line.row))
    found = of_group(line.group) if line.group is not None else of_batch(line.batch) if line.batch is not None else ()
    turn = ("down", "Hide the files") if line.is_open else ("right", "Show the files")
    return [replace(offer, icon=turn[0], text=turn[1]) if offer.what == "open" else offer for offer in found]


def source_of(row: Row) -> str:
    """The file that a job works on, "" for one that has none."""
    return str(getattr(row.job, "source", ""))


def report_of(batch: Batch) -> Path | None:
    """The page that tells of the batch, if it has been written."""
    path = Path(f"{batch.spec.report}.html") if batch.spec.report else None
    return path if path is not None and path.is_file() else None
