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
        part: of the menu, parted by lines.
    """

    what: str
    icon: str
    text: str
    in_row: bool = True
    part: int = 0


JOB = (
    Offer("pause", "pause", "Pause"),
    Offer("resume", "play", "Go on"),
    Offer("cancel", "close", "Cancel"),
    Offer("retry", "retry", "Try again"),
    Offer("result", "open", "Open the result", in_row=False, part=1),
    Offer("folder", "folder", "Show the result in its folder", part=1),
    Offer("first", "up", "Do it next", in_row=False, part=2),
    Offer("last", "down", "Do it after the others", in_row=False, part=2),
    Offer("source", "open", "Show the source in its folder", in_row=False, part=3),
    Offer("details", "log", "Details and log", part=3),
    Offer("copy", "copy", "Copy the reason", in_row=False, part=3),
    Offer("remove", "remove", "Remove from the history", part=4),
)
BATCH = (
    Offer("open", "right", "Show the files", in_row=False),
    Offer("pause", "pause", "Pause the batch", part=1),
    Offer("resume", "play", "Go on with the batch", part=1),
    Offer("cancel", "close", "Cancel the batch", part=1),
    Offer("retry", "retry", "Retry the failed ones", part=1),
    Offer("again", "play", "Go on with those that were cancelled", part=1),
    Offer("first", "up", "Do it next", in_row=False, part=2),
    Offer("last", "down", "Do it after the others", in_row=False, part=2),
    Offer("report", "table", "Open the report", part=3),
    Offer("write", "export", "Write a report…", in_row=False, part=3),
    Offer("folder", "folder", "Show the results in their folder", part=3),
    Offer("remove", "remove", "Remove the batch from the history", in_row=False, part=4),
)
GROUP = (
    Offer("open", "right", "Show the files", in_row=False),
    Offer("retry", "retry", "Retry these", part=1),
    Offer("copy", "copy", "Copy the reason", in_row=False, part=1),
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
