"""Stages of work as threads, joined by bounded pipes: one end of the user's patience, however many threads."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from time import monotonic
from typing import Generic, TypeVar

_Item = TypeVar("_Item")
_Out = TypeVar("_Out")

_TICK_S = 0.04
_PATIENCE_S = 0.6
"""Without a sign of the main thread for so long, the stages stand still: it is held, as the job is paused."""


class Stopped(Exception):
    """The flow has come to an end before its work was done; ends the stage that it is raised in."""


class Flow:
    """Runs stages, each in a thread of its own, until all are done, one fails, or the caller's tick raises.

    The caller's thread only ticks: it reports progress, obeys cancel and is held by a pause; the stages stand still with it.

    Args:
        interrupt: ends long calls that stages are in; called again and again until they have ended.
    """

    def __init__(self, interrupt: Callable[[], None] = lambda: None) -> None:
        self._interrupt = interrupt
        self._changed = threading.Condition()
        self._threads: list[threading.Thread] = []
        self._busy: dict[str, float] = {}
        self._local = threading.local()
        self._stopping = False
        self._error: BaseException | None = None
        self._beat = monotonic()

    def pipe(self, capacity: int) -> Pipe[_Item]:
        """A pipe between two stages that holds at most ``capacity`` items."""
        return Pipe(self, self._changed, capacity)

    def stage(self, name: str, work: Callable[[], None]) -> None:
        """Add a stage; ``work`` runs once, to its end."""
        self._threads.append(threading.Thread(target=self._run, args=(name, work), name=f"stage-{name}", daemon=True))

    def run(self, tick: Callable[[], None]) -> None:
        """Run all stages; ``tick`` is called about 25 times a second. No thread is left when this returns or raises.

        Raises:
            what ``tick`` raises, or the first error of a stage.
        """
        for thread in self._threads:
            thread.start()
        try:
            while any(thread.is_alive() for thread in self._threads) and self._error is None:
                self._beat = monotonic()
                tick()
                self._beat = monotonic()
                with self._changed:
                    self._changed.wait_for(self._is_over, _TICK_S)
        finally:
            self._stop()
        if self._error is not None:
            raise self._error

    @property
    def seconds(self) -> dict[str, float]:
        """Seconds that each stage has worked, without the time it waited for others."""
        return dict(self._busy)

    def check(self) -> None:
        """Stand still while the job is paused; raise Stopped when the flow has ended. For long loops inside a stage."""
        if self._stopping:
            raise Stopped
        if monotonic() - self._beat > _PATIENCE_S:
            began = monotonic()
            with self._changed:
                while monotonic() - self._beat > _PATIENCE_S and not self._stopping:
                    self._changed.wait(0.1)
            self.waited(monotonic() - began)
            if self._stopping:
                raise Stopped

    def waited(self, seconds: float) -> None:
        """Count time that the current stage has waited."""
        self._local.waited = getattr(self._local, "waited", 0.0) + seconds

    def wait(self, is_ready: Callable[[], bool]) -> None:
        """Wait, with the flow's lock held, until ``is_ready`` or the end of the flow (raises Stopped)."""
        if not is_ready() and not self._stopping:
            began = monotonic()
            self._changed.wait_for(lambda: self._stopping or is_ready())
            self.waited(monotonic() - began)
        if self._stopping:
            raise Stopped

    def _is_over(self) -> bool:
        return self._error is not None or not any(thread.is_alive() for thread in self._threads)

    def _run(self, name: str, work: Callable[[], None]) -> None:
        began = monotonic()
        try:
            work()
        except Stopped:
            pass
        except BaseException as error:  # also a library's SystemExit must reach the caller
            with self._changed:
                if not self._stopping and self._error is None:
                    self._error = error
        finally:
            spent = monotonic() - began - getattr(self._local, "waited", 0.0)
            with self._changed:
                self._busy[name] = self._busy.get(name, 0.0) + spent
                self._changed.notify_all()

    def _stop(self) -> None:
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        while any(thread.is_alive() for thread in self._threads):
            self._interrupt()
            for thread in self._threads:
                thread.join(0.02)


class Pipe(Generic[_Item]):
    """A bounded queue from one stage to the next."""

    def __init__(self, flow: Flow, changed: threading.Condition, capacity: int) -> None:
        self._flow = flow
        self._changed = changed
        self._capacity = max(1, capacity)
        self._items: deque[_Item] = deque()
        self._closed = False

    def put(self, item: _Item) -> None:
        """Hand on an item, waiting for room; raises Stopped at the end of the flow."""
        self._flow.check()
        with self._changed:
            self._flow.wait(lambda: len(self._items) < self._capacity)
            self._items.append(item)
            self._changed.notify_all()

    def close(self) -> None:
        """Say that nothing more comes."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def __iter__(self) -> Iterator[_Item]:
        """Items as they come, until ``close``; raises Stopped at the end of the flow."""
        while True:
            self._flow.check()
            with self._changed:
                self._flow.wait(lambda: bool(self._items) or self._closed)
                if not self._items:
                    return
                item = self._items.popleft()
                self._changed.notify_all()
            yield item


def apart(work: Callable[[], _Item], tick: Callable[[], None], interrupt: Callable[[], None]) -> _Item:
    """Do ``work`` in a thread of its own while the caller ticks, so that a cancel reaches it in the middle of a long call."""
    results: list[_Item] = []
    flow = Flow(interrupt)
    flow.stage("work", lambda: results.append(work()))
    flow.run(tick)
    return results[0]


def spread(items: Iterator[_Item], work: Callable[[_Item], _Out], workers: int) -> Generator[_Out, None, None]:
    """``work`` done on each item, in order, by several threads where there are processors to spare.

    Close it when it is left early, so that its threads end.
    """
    if workers <= 1:
        yield from map(work, items)
        return
    waiting: deque[Future[_Out]] = deque()
    with ThreadPoolExecutor(workers, "stage-worker") as pool:
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) >= workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for one in waiting:
                one.cancel()
