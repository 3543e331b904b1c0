"""Jobs in the foreground of a command: run here, shown here, ended by Ctrl-C."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from queue import Empty, SimpleQueue
from types import FrameType
from typing import Any

from desktop.cli import CANCELLED, DONE, FAILED, USAGE
from desktop.cli.guarding import guarded
from desktop.cli.show import Display
from desktop.jobs.cluster.open import executors
from desktop.jobs.executor import JobExecutor
from desktop.jobs.job import AnyJob, encode
from desktop.jobs.queue import Queue
from desktop.jobs.recovery import recover
from desktop.jobs.rows import Row, Update
from desktop.jobs.scratch import scratch_folder
from desktop.jobs.states import State
from desktop.jobs.store import Store
from desktop.settings import Settings, load

Finish = Callable[[dict[str, Any]], str]


def settings() -> Settings:
    """The user's settings, with warnings on stderr, made known to the workers."""
    found = load(warn=lambda text: print(f"Warning: {text}", file=sys.stderr))
    found.apply()
    return found


@contextlib.contextmanager
def open_store(chosen: Settings) -> Iterator[Store]:
    """The list of jobs, tidied up."""
    store = Store()
    try:
        if store.note:
            print(f"Warning: {store.note}", file=sys.stderr)
        recover(store)
        store.prune(chosen.history_days)
        yield store
    finally:
        store.close()


def run_jobs(
    jobs: Sequence[AnyJob],
    show: Display,
    *,
    chosen: Settings | None = None,
    finish: Finish | None = None,
    go_on: bool = False,
) -> list[Row]:
    """Queue ``jobs``, run them in this process and show them to their end; returns them as they ended.

    The window and other commands leave them alone meanwhile. Ctrl-C cancels them; once more ends the workers at once.

    ``finish`` is given every result when all is done, may add to it, and returns what the user should know, or "".
    With ``go_on`` a job that was begun and not finished, and whose unfinished work is still there, is taken up again.
    """
    chosen = chosen or settings()
    with open_store(chosen) as store, open_queue(store, chosen) as queue:
        inbox = listen(queue)
        begun = _begun(store.rows()) if go_on else {}
        with guarded(queue, store, chosen, jobs, show) as when_done:
            numbers = [queue.retry(begun[encode(job)]) if encode(job) in begun else queue.submit(job) for job in jobs]
            rows = _follow(queue, numbers, inbox, show, finish)
            when_done(rows)
            return rows


def _begun(rows: Sequence[Row]) -> dict[bytes, int]:
    """Jobs that can go on where they stopped, with their numbers; the latest of equal ones."""
    unfinished = [row for row in rows if row.job.resumable and row.state.can_retry and scratch_folder(row.id).is_dir()]
    return {encode(row.job): row.id for row in unfinished}


def retry_jobs(numbers: Sequence[int], show: Display) -> list[Row]:
    """Run ended jobs of the list again, as ``run_jobs`` does."""
    chosen = settings()
    with open_store(chosen) as store, open_queue(store, chosen) as queue:
        inbox = listen(queue)
        with guarded(queue, store, chosen, [store.row(number).job for number in numbers], show) as when_done:
            rows = _follow(queue, [queue.retry(number) for number in numbers], inbox, show)
            when_done(rows)
            return rows


def exit_code(rows: Sequence[Row]) -> int:
    """The command's exit code for how its jobs ended."""
    if any(row.state is State.CANCELLED for row in rows):
        return CANCELLED
    failed = [row for row in rows if row.state is not State.DONE]
    if not failed:
        return DONE
    return USAGE if all(row.error is not None and row.error.usage for row in failed) else FAILED


@contextlib.contextmanager
def open_queue(store: Store, chosen: Settings, executors: Sequence[JobExecutor] | None = None) -> Iterator[Queue]:
    queue = Queue(store, workers=chosen.workers, threads=chosen.threads, adopt=False, executors=executors)
    try:
        yield queue
    finally:
        queue.close()


@contextlib.contextmanager
def open_executors(chosen: Settings, show: Display, *, must_reach: bool) -> Iterator[Sequence[JobExecutor]]:
    """This computer and, where the settings name one, a cluster; with ``must_reach`` UserError when that does not answer."""
    found = executors(
        chosen.cluster_address,
        chosen.cluster_key,
        workers=chosen.workers,
        threads=chosen.threads,
        say=None if must_reach else show.say,
    )
    try:
        yield found
    finally:
        for one in found:
            one.shutdown(cancel_futures=True)


Inbox = SimpleQueue[Update | None]
"""Updates of the queue; None when the user wants it to end."""


def listen(queue: Queue) -> Inbox:
    inbox: Inbox = SimpleQueue()
    queue.subscribe(inbox.put)
    return inbox


def _follow(queue: Queue, numbers: list[int], inbox: Inbox, show: Display, finish: Finish | None = None) -> list[Row]:
    waiting, asked = set(numbers), False
    try:
        with interrupts(inbox):
            while waiting:
                try:
                    # With a time-out, as Windows lets no Ctrl-C through otherwise.
                    update = inbox.get(timeout=0.2)
                except Empty:
                    continue
                if update is None:
                    _cancel(queue, waiting, show, at_once=asked)
                    asked = True
                elif update.row.id in waiting:
                    show.update(update)
                    # One that was told late may be of an earlier try.
                    if update.removed or (update.row.state.is_over and queue.row(update.row.id).state.is_over):
                        waiting.discard(update.row.id)
    finally:
        rows = [row for row in queue.rows() if row.id in numbers]
        for row in rows:
            said = finish(row.result) if finish is not None and row.result is not None else ""
            if said:
                show.say(said)
        show.close(rows)
    return rows


def _cancel(queue: Queue, numbers: set[int], show: Display, *, at_once: bool) -> None:
    if not at_once:
        show.say("Cancelling; once more to end at once.")
    for number in sorted(numbers, reverse=True):
        queue.cancel(number, at_once=at_once)


@contextlib.contextmanager
def interrupts(inbox: Inbox) -> Iterator[None]:
    """Put None into ``inbox`` for Ctrl-C and the signals by which systems end programs."""

    def interrupt(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the signature of signal handlers
        inbox.put(None)

    names = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
    signals = [getattr(signal, name) for name in names if hasattr(signal, name)]
    before = {one: signal.signal(one, interrupt) for one in signals}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
