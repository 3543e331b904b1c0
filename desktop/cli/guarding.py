"""The guards of a command's jobs: what they say goes where the jobs are shown."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from desktop.cli.show import Display
from desktop.jobs.batches import STOPPED
from desktop.jobs.guards import space
from desktop.jobs.guards.keeper import Keeper, Notice, is_work
from desktop.jobs.job import AnyJob
from desktop.jobs.joblogs import JobLogs
from desktop.jobs.queue import Queue
from desktop.jobs.rows import Row
from desktop.jobs.states import State
from desktop.jobs.store import Store
from desktop.settings import Settings

WhenDone = Callable[[Sequence[Row]], None]


@contextlib.contextmanager
def guarded(queue: Queue, store: Store, chosen: Settings, jobs: Sequence[AnyJob], show: Display) -> Iterator[WhenDone]:
    """Keep logs of a command's ``jobs`` and watch over those that are work.

    Jobs that only look at something run whatever the guards think, and nothing follows them. No jobs mean that they come later.

    Yields what is to be called with the jobs when they are over: it does what the user wants when all is done.
    """
    queue.subscribe(JobLogs(chosen.log_days).heard)
    work = [job for job in jobs if is_work(job)]
    if jobs and not work:
        yield lambda _rows: None
        return
    for sentence in space.shortages(work, chosen.free_space * space.GB):
        show.say(f"Warning: {sentence}")
    keeper = Keeper(queue, lambda: chosen, store=store, tell=lambda notice: show.say(_text(notice)), acts=False)
    try:
        yield lambda rows: None if _are_called_off(rows) else keeper.finish(Counter(row.state for row in rows))
    finally:
        keeper.close()


def _are_called_off(rows: Sequence[Row]) -> bool:
    """Whether the user ended the command, and so is there, rather than an error the batch."""
    return any(row.state is State.CANCELLED and row.message != STOPPED for row in rows)


def _text(notice: Notice) -> str:
    return f"{notice.text}{'' if notice.text.endswith('.') or not notice.remedy else '.'} {notice.remedy}".rstrip()
