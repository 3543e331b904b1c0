"""The guards of a command's jobs: what they say goes where the jobs are shown."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator, Sequence

from desktop.cli.show import Display
from desktop.jobs.guards import space
from desktop.jobs.guards.keeper import Keeper, Notice, is_work
from desktop.jobs.job import AnyJob
from desktop.jobs.joblogs import JobLogs
from desktop.jobs.queue import Queue
from desktop.jobs.rows import Update
from desktop.jobs.states import State
from desktop.jobs.store import Store
from desktop.settings import Settings


@contextlib.contextmanager
def guarded(queue: Queue, store: Store, chosen: Settings, jobs: Sequence[AnyJob], show: Display) -> Iterator[None]:
    """Keep logs of a command's ``jobs`` and watch over those that are work; then do what the user wants when all is done.

    Jobs that only look at something run whatever the guards think, and nothing follows them.
    """
    queue.subscribe(JobLogs(chosen.log_days).heard)
    work = [job for job in jobs if is_work(job)]
    if not work:
        yield
        return
    for sentence in space.shortages(work, chosen.free_space * space.GB):
        show.say(f"Warning: {sentence}")
    ended: dict[int, State] = {}

    def heard(update: Update) -> None:
        if update.row.state.is_over:
            ended[update.row.id] = update.row.state

    unsubscribe = queue.subscribe(heard)
    keeper = Keeper(queue, lambda: chosen, store=store, tell=lambda notice: show.say(_text(notice)), acts=False)
    try:
        yield
        keeper.finish(Counter(ended.values()))
    finally:
        unsubscribe()
        keeper.close()


def _text(notice: Notice) -> str:
    return f"{notice.text}{'' if notice.text.endswith('.') or not notice.remedy else '.'} {notice.remedy}".rstrip()
