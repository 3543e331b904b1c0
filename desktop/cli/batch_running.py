"""A batch in the foreground of a command: run here, its report kept up to date, a folder watched for more."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from queue import Empty, SimpleQueue
from time import monotonic

from desktop.batch.done import done_before
from desktop.batch.keeping import Kept
from desktop.batch.plan import make_folders
from desktop.batch.table import SKIPPED, made_line
from desktop.cli.guarding import guarded
from desktop.cli.quantities import duration
from desktop.cli.running import interrupts, listen, open_executors, open_queue, open_store
from desktop.cli.show import Display
from desktop.errors import UserError
from desktop.jobs.batches import BatchSpec, OnError
from desktop.jobs.events import Logged
from desktop.jobs.executor import JobExecutor
from desktop.jobs.job import AnyJob, encode
from desktop.jobs.queue import Queue
from desktop.jobs.rows import Owner, Row, Update
from desktop.jobs.states import State
from desktop.jobs.store import Store
from desktop.settings import Settings

_ALL = 10_000_000
_LOOK_S = 1.0

More = Callable[[], Sequence[AnyJob]]
"""New jobs of a watched folder; called every second."""


@dataclass
class Request:
    """What is to be run.

    Attributes:
        again: also what was done before.
        resume: go on with the newest unfinished batch of this very kind, title and folder, if there is one.
        more: brings further jobs; the batch goes on until it is cancelled then.
        must_reach: fail where the cluster does not answer, rather than let this computer work alone until it does.
    """

    spec: BatchSpec
    jobs: Sequence[AnyJob]
    again: bool = False
    resume: bool = True
    more: More | None = None
    must_reach: bool = False


def run_batch(request: Request, kept: Kept, show: Display, chosen: Settings) -> list[Row]:
    """Run what is not done yet and show it to its end; returns the jobs as they ended."""
    with open_store(chosen) as store:
        waiting = _waiting(request, store, kept, show.say)
        kept.write(0)
        if not waiting and request.more is None:
            return []
        with open_executors(chosen, show, must_reach=request.must_reach) as executors:
            number = _entered(request, store, waiting, skipped=len(request.jobs) - len(waiting))
            return _follow(number, request, waiting, store, executors, kept, show, chosen)


def retry_batch(number: int, kept: Kept, show: Display, chosen: Settings, *, must_reach: bool = False) -> list[Row]:
    """Run the jobs of a batch again that failed, were cancelled or interrupted, or wait for a process that has died."""
    with open_store(chosen) as store:
        spec = store.batch(number).spec
        kept.load(store.page(batch=number, newest_first=False, limit=_ALL))
        with open_executors(chosen, show, must_reach=must_reach) as executors:
            jobs = _taken_up(store, number)
            if not jobs:
                raise UserError(f"Nothing of batch {number} is left to be done")
            return _follow(number, Request(spec, jobs), jobs, store, executors, kept, show, chosen)


def _follow(
    number: int,
    request: Request,
    waiting: Sequence[AnyJob],
    store: Store,
    executors: Sequence[JobExecutor],
    kept: Kept,
    show: Display,
    chosen: Settings,
) -> list[Row]:
    """Run the waiting jobs of a batch that is in the store to their end."""
    with open_queue(store, chosen, executors) as queue:
        runner = _Runner(queue, store, number, request, kept, show)
        with guarded(queue, store, chosen, waiting, show) as when_done:
            rows = runner.follow()
            when_done(rows)
            return rows


def _waiting(request: Request, store: Store, kept: Kept, tell: Callable[[str], None]) -> list[AnyJob]:
    """What is to be done of the request; the rest is noted as skipped."""
    found = done_before(store, request.jobs, again=request.again, tell=tell)
    for place in range(len(request.jobs)):
        if place in found.done:
            job, result = found.done[place]
            kept.skip(job, made_line(job, SKIPPED, result))
        else:
            kept.expect([found.left[place]])
    make_folders(found.left.values())
    return list(found.left.values())


def _entered(request: Request, store: Store, waiting: Sequence[AnyJob], *, skipped: int) -> int:
    """The number of the batch, of which the waiting jobs are queued."""
    found = _unfinished(store, request.spec) if request.resume and not request.again else None
    if found is None:
        return store.add_batch(request.spec, waiting, Owner.me(), skipped=skipped)
    wanted = {encode(job) for job in waiting}
    had = {encode(row.job) for row in store.page(batch=found, limit=_ALL)}
    _taken_up(store, found, wanted)
    store.extend_batch(found, [job for job in waiting if encode(job) not in had], Owner.me())
    return found


def _unfinished(store: Store, spec: BatchSpec) -> int | None:
    """The newest batch that asked for the same, if its process has died before its end."""
    same = next((batch for batch in store.batches() if batch.spec == spec), None)
    if same is None or not {State.QUEUED, State.INTERRUPTED} & same.counts.keys():
        return None
    queued = store.page(batch=same.id, states=[State.QUEUED, State.RUNNING, State.PAUSED], limit=_ALL)
    return None if any(row.owner.is_alive for row in queued) else same.id


def _taken_up(store: Store, batch: int, wanted: set[bytes] | None = None) -> list[AnyJob]:
    """Queue again, as this process's, what of a batch has ended otherwise than done or waits for a dead process."""
    me = Owner.me()
    jobs: list[AnyJob] = []
    for row in store.page(batch=batch, newest_first=False, limit=_ALL):
        if wanted is not None and encode(row.job) not in wanted:
            continue
        if row.state.can_retry:
            store.requeue(row.id, me)
            jobs.append(row.job)
        elif row.state is State.QUEUED and store.take_over(row, me):
            jobs.append(row.job)
    return jobs


class _Runner:
    """Follows a batch to its end."""

    def __init__(self, queue: Queue, store: Store, number: int, request: Request, kept: Kept, show: Display) -> None:
        self._queue, self._store, self._number = queue, store, number
        self._request, self._kept, self._show = request, kept, show
        self._inbox: SimpleQueue[Update | None] = listen(queue)
        self._more = request.more
        self._next_look = 0.0
        self._asked = False
        self._waiting = {row.id for row in self._rows() if not row.state.is_over}
        self._mine = set(self._waiting)

    def follow(self) -> list[Row]:
        """Until all is over, or the user ends it; returns the jobs as they ended."""
        try:
            with interrupts(self._inbox):
                while self._waiting or self._more is not None:
                    try:
                        # With a time-out, as Windows lets no Ctrl-C through otherwise.
                        update = self._inbox.get(timeout=0.2)
                    except Empty:
                        self._look()
                        continue
                    if update is None:
                        self._cancel()
                    else:
                        self._heard(update)
                    self._look()
        finally:
            rows = [row for row in self._rows() if row.id in self._mine]
            self._kept.load(rows)
            self._show.close(rows)
        return rows

    def _rows(self) -> list[Row]:
        return self._store.page(batch=self._number, newest_first=False, limit=_ALL)

    def _heard(self, update: Update) -> None:
        row = update.row
        if update.batch is not None and update.batch.id == self._number and update.batch.is_over:
            # Jobs that are cancelled together are not told one by one.
            self._waiting &= {one.id for one in self._rows() if not one.state.is_over}
        if row.id not in self._waiting:
            return
        self._show.update(update)
        if not (update.removed or (row.state.is_over and self._queue.row(row.id).state.is_over)):
            return
        self._waiting.discard(row.id)
        try:
            self._kept.take(row)
        except UserError as error:
            # The report must not stop the files; it is written again at the end.
            self._show.say(str(error))
        if row.state is State.FAILED and self._request.spec.on_error is OnError.STOP:
            self._more = None

    def _look(self) -> None:
        """Queue what is new in the watched folder."""
        if self._more is None or monotonic() < self._next_look:
            return
        self._next_look = monotonic() + _LOOK_S
        try:
            jobs = self._more()
        except (OSError, UserError) as error:
            self._show.say(f"The folder cannot be looked through: {error}")
            return
        if jobs:
            waiting = _waiting(replace(self._request, jobs=jobs), self._store, self._kept, self._show.say)
            numbers = self._queue.extend_batch(self._number, waiting) if waiting else []
            self._waiting.update(numbers)
            self._mine.update(numbers)

    def _cancel(self) -> None:
        self._more = None
        if not self._asked:
            self._asked = True
            self._show.say("Cancelling; once more to end at once.")
            self._queue.cancel_batch(self._number)
            return
        for number in self._waiting:
            self._queue.cancel(number, at_once=True)


class BatchLines:
    """A line for each file that has ended, with how many there are and the time left."""

    def __init__(self, total: Callable[[], int]) -> None:
        self._total = total
        self._over = 0
        self._began = monotonic()

    def update(self, update: Update) -> None:
        row = update.row
        if isinstance(update.event, Logged) and update.event.level != "info":
            self.say(f"{row.job.title}: {update.event.text}")
        if not row.state.is_over:
            return
        self._over += 1
        left = (monotonic() - self._began) / self._over * max(0, self._total() - self._over)
        why = f": {row.error.message}" if row.error is not None else ""
        after = f" ({duration(left)} left)" if self._over < self._total() else ""
        where = f" ({row.node})" if row.node else ""
        self.say(f"{self._over}/{self._total()} {row.state}  {row.job.title}{where}{why}{after}")

    def say(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    def close(self, rows: list[Row]) -> None:
        pass
