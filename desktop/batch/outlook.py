"""What a batch will be, before it starts: its files in order, which are done already, the time and the room that it needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median

from desktop.batch.done import done_before
from desktop.batch.order import BatchJob, Order, arrange
from desktop.batch.pictures import lengths
from desktop.batch.table import SKIPPED, Line, made_line
from desktop.jobs.guards import space
from desktop.jobs.job import AnyJob, CoverJob, RestoreJob
from desktop.jobs.rows import Row
from desktop.jobs.states import State
from desktop.jobs.store import Store

_ALL = 10_000_000
_KNOWN = 200
"""So many of the newest jobs of a kind say how long one takes."""
_LIKE = 20


@dataclass(frozen=True)
class Outlook:
    """A batch that has not begun.

    Attributes:
        jobs: all of it, in the order in which they are done.
        done: places in ``jobs`` of what was done before, with their lines of the table.
        waiting: what will be run; a job may differ from the one that was asked for, see ``done_before``.
        again: whether what is done is made once more.
        seconds: about how long the rest takes, None while nothing like it was ever done here.
        bytes: about how much the rest writes.
        shortages: a sentence for each disk on which it will probably not fit.
    """

    jobs: tuple[AnyJob, ...] = ()
    done: Mapping[int, Line] = field(default_factory=dict)
    waiting: tuple[AnyJob, ...] = ()
    again: bool = False
    seconds: float | None = None
    bytes: int = 0
    shortages: tuple[str, ...] = ()

    @property
    def skipped(self) -> dict[str, Line]:
        """What will be left alone: source -> its line."""
        return {} if self.again else {line.source: line for line in self.done.values()}


def look_over(
    store: Store,
    jobs: Sequence[BatchJob],
    *,
    order: Order = Order.GIVEN,
    again: bool = False,
    free_space: int = 0,
    at_once: int = 1,
) -> Outlook:
    """What the batch of ``jobs`` will be. Reads files and the history, which may take seconds.

    Args:
        free_space: bytes that are to stay free on a disk.
        at_once: jobs that run at a time.
    """
    known = lengths(job.source for job in jobs) if order is Order.SHORTEST and jobs else None
    ordered = tuple(arrange(jobs, order, lengths=known))
    done, waiting = sort_out(store, ordered, again=again)
    plain = Outlook(ordered, done, tuple(waiting), again)
    if not waiting:
        return plain
    like = store.page(states=[State.DONE], kinds=[_kind(waiting[0])], limit=_KNOWN)
    return replace(
        plain,
        seconds=estimate(waiting, like, at_once),
        bytes=sum(size for job in waiting for folder, size in space.needed(job).items() if folder in job.folders),
        shortages=tuple(space.shortages(waiting, free_space)),
    )


def sort_out(store: Store, jobs: Sequence[AnyJob], *, again: bool = False) -> tuple[dict[int, Line], list[AnyJob]]:
    """Which of ``jobs`` are done already (place -> line of the table), and what is to be run: with ``again`` all of it."""
    found = done_before(store, jobs)
    done = {place: made_line(one.job, SKIPPED, one.result) for place, one in found.done.items()}
    left = done_before(store, jobs, again=True).left if again else found.left
    return done, [job for _, job in sorted(left.items())]


def estimate(jobs: Sequence[AnyJob], history: Sequence[Row], at_once: int = 1) -> float | None:
    """Seconds that ``jobs`` take, judged by finished ones that were made likewise; None when there are none.

    Songs count alike; clips and tables by their size.
    """
    costs: dict[object, list[float]] = {}
    for row in history:
        amount = _amount(row.job)
        if row.started and row.ended and amount:
            costs.setdefault(_manner(row.job), []).append((row.ended - row.started) / amount)
    known = {manner: median(found[:_LIKE]) for manner, found in costs.items()}
    if any(_manner(job) not in known for job in jobs):
        return None
    return sum(known[_manner(job)] * _amount(job) for job in jobs) / max(1, min(at_once, len(jobs)))


def _manner(job: AnyJob) -> object:
    """What of a job decides on its speed."""
    if isinstance(job, CoverJob):
        return job.engine
    if isinstance(job, RestoreJob):
        return job.options.restorer, job.options.background, job.options.scale, job.device
    return getattr(job, "model", "")


def _amount(job: AnyJob) -> float:
    if isinstance(job, CoverJob):
        return 1.0
    try:
        return float(Path(str(getattr(job, "source", ""))).stat().st_size)
    except OSError:
        return 0.0


def _kind(job: AnyJob) -> str:
    return str(job.__struct_config__.tag)
