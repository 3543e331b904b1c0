"""Worker processes as an executor: who waits in line, what ends with it; and several executors below one queue."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from desktop.alive import is_alive
from desktop.errors import UserError
from desktop.jobs.events import AnyEvent, Done, Failed, Logged
from desktop.jobs.executor import GivenBack, JobExecutor, JobFuture, Listen, Task
from desktop.jobs.executors import local_slots
from desktop.jobs.failures import failure
from desktop.jobs.job import AnyJob, CoverJob
from desktop.jobs.local import LocalExecutor
from desktop.jobs.messages import AnyReply, Begun, Going, Held
from desktop.jobs.progress import Cancelled, Progress
from desktop.jobs.queue import Queue
from desktop.jobs.states import State
from desktop.jobs.store import Store
from desktop.jobs.worker import find_runner
from tests.jobs.bench import Bench, runner_of
from tests.waiting import until


def task(runner: str, source: str = "song") -> Task:
    return Task(1, CoverJob(source=source, output="out"), f"tests.jobs.runners:{runner}", Path("scratch"), 0)


def ignore(future: JobFuture, reply: AnyReply) -> None:
    """Hear nothing."""


@pytest.fixture
def alone(home: Path, extra_runners: None) -> Iterator[LocalExecutor]:
    """An executor with one slot and no queue."""
    executor = LocalExecutor(local_slots(1, gpus=0)[:1])
    yield executor
    executor.shutdown(cancel_futures=True)


def test_jobs_wait_in_line_for_a_slot_and_share_its_worker(alone: LocalExecutor) -> None:
    futures = [alone.submit(None, task("steps"), ignore) for _ in range(3)]
    assert futures[0].running() and not futures[1].running() and not alone.room_for(task("steps").job, 0)
    futures[1].cancel_job()
    assert futures[2].cancel(), "one in line can be cancelled as any future"
    last = alone.submit(None, task("quick"), ignore).result(20)
    assert isinstance(last, Done) and last.result["pid"] == futures[0].worker_pid
    assert isinstance(futures[0].result(), Done) and futures[1].result() == Failed("Cancelled", cancelled=True)
    alone.shutdown()
    assert not is_alive(futures[0].worker_pid) and not alone.room_for(task("quick").job, 0)
    with pytest.raises(RuntimeError, match="after shutdown"):
        alone.submit(None, task("quick"), ignore)


def test_jobs_in_line_are_done_before_the_end_even_when_it_is_not_waited_for(alone: LocalExecutor) -> None:
    futures = [alone.submit(None, task("prints_then_dies"), ignore), alone.submit(None, task("quick"), ignore)]
    alone.shutdown(wait=False)
    assert isinstance(futures[1].result(20), Done), "a new worker is started for it, as the first has died"
    until(lambda: not is_alive(futures[1].worker_pid))


class Threads(JobExecutor):
    """Jobs on threads of this process: an executor that is neither this computer's nor a cluster's."""

    def __init__(self, places: int, name: str = "threads") -> None:
        self.name = name
        self.is_open = True
        self._pool = ThreadPoolExecutor(places)
        self._places, self._busy = places, set[JobFuture]()

    def room_for(self, job: AnyJob, priority: int) -> bool:
        return self.is_open and len(self._busy) < self._places

    def submit(self, perform: Any, task: Task, listen: Listen) -> JobFuture:  # type: ignore[override]
        if "refused" in task.runner:
            raise UserError("There is no thread for this", remedy="Choose another one.")
        future = ThreadFuture(listen)
        self._busy.add(future)
        future.add_done_callback(self._busy.discard)
        self._pool.submit(future.perform, task, self.name)
        return future

    def lose(self) -> None:
        """As if the connection had broken: what is at work is given back."""
        self.is_open = False
        for future in list(self._busy):
            future.set_exception(GivenBack("The threads were lost"))

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._pool.shutdown(wait=False)


class ThreadFuture(JobFuture, Progress):
    """A job on a thread, which has no worker that could be killed."""

    def __init__(self, listen: Listen) -> None:
        super().__init__()
        self._listen = listen
        self._cancelled, self._going = threading.Event(), threading.Event()
        self._going.set()

    def perform(self, task: Task, name: str) -> None:
        self.node, self.worker_pid = name, 1
        self._listen(self, Begun())
        try:
            self.end(Done(find_runner(task.runner)(task.job, self)))
        except BaseException as error:
            self.end(failure(error))

    def emit(self, event: AnyEvent) -> None:
        self._listen(self, event)

    def checkpoint(self) -> None:
        if not self._going.is_set():
            self._listen(self, Held())
            self._going.wait()
            self._listen(self, Going())
        if self._cancelled.is_set() or self.done():
            raise Cancelled

    def cancel_job(self) -> None:
        self._cancelled.set()
        self._going.set()

    def pause(self) -> None:
        self._going.clear()

    def resume(self) -> None:
        self._going.set()

    def kill(self) -> None:
        """Threads cannot be killed."""


@pytest.fixture
def store(home: Path, extra_runners: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setenv("REPRISE_EXTRA_RUNNERS", "tests.jobs.runners")
    store = Store()
    yield store
    store.close()


def two_queue(store: Store, *executors: JobExecutor) -> Bench:
    bench = Bench(store, Queue(store, runner_of=runner_of, executors=executors))
    bench.queue.subscribe(bench.updates.append)
    return bench


def reach(bench: Bench, number: int, state: State) -> None:
    """Wait until a job is in a state."""
    until(lambda: bench.queue.row(number).state is state)


def test_a_queue_over_threads_and_processes(store: Store, tmp_path: Path) -> None:
    """Same states, events, pause, resume and cancel; the first with room is the first choice."""
    bench = two_queue(store, Threads(1), LocalExecutor(local_slots(1, gpus=0)))
    there, here = (bench.submit("long", str(tmp_path / name)) for name in ("there", "here"))
    assert (bench.running(there, "working").node, bench.running(here, "working").node) == ("threads", "")
    for number in (there, here):
        bench.queue.pause(number)
        reach(bench, number, State.PAUSED)
        bench.queue.resume(number)
        reach(bench, number, State.RUNNING)
        began = time.monotonic()
        bench.queue.cancel(number)
        row = bench.wait(number)
        assert row.state is State.CANCELLED and time.monotonic() - began < 20, "its end was not waited for"
    assert store.row(there).node == "threads" and store.row(here).worker_pid > 1
    seen = []
    for _ in range(2):
        number = bench.submit("steps", str(tmp_path / "song"))
        assert bench.wait(number).result == {"steps": 20} and bench.queue.row(number).fraction == 1
        assert len(store.metrics(number)) == 20 and len(store.logs(number)) == 2
        seen.append(bench.queue.row(number).node)
        bench.queue.use([LocalExecutor(local_slots(1, gpus=0))])
    assert seen == ["threads", ""], "jobs go where the queue is told to have them done"
    bench.queue.close()


def test_a_job_that_is_given_back_is_done_elsewhere_and_stays_paused(store: Store, tmp_path: Path) -> None:
    first, second = Threads(1, "first"), Threads(1, "second")
    second.is_open = False
    bench = two_queue(store, first, second)
    number = bench.submit("long", str(tmp_path / "out"))
    bench.running(number, "working")
    bench.queue.pause(number)
    reach(bench, number, State.PAUSED)
    first.lose()
    reach(bench, number, State.QUEUED)
    second.is_open = True
    second.changed()
    until(lambda: bench.queue.row(number).node == "second" and bench.queue.row(number).state is State.PAUSED)
    assert [line.text for _, line in store.logs(number) if line.level == "warning"] == [
        "The threads were lost; the job is done anew as soon as there is room"
    ]
    bench.queue.cancel(number)
    assert bench.wait(number).state is State.CANCELLED
    bench.queue.close()


def test_what_an_executor_refuses_or_cannot_end_does_not_hold_the_queue(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("desktop.jobs.run.KILL_GRACE_S", 0.3)
    monkeypatch.setattr("desktop.jobs.runs.CANCEL_GRACE_S", 0.3)
    bench = two_queue(store, Threads(2))
    row = bench.run("refused")
    assert row.state is State.FAILED and row.error == Failed(
        "There is no thread for this", remedy="Choose another one.", details=row.error.details if row.error else ""
    )
    number = bench.submit("naps", str(tmp_path / "nap"))
    bench.running(number, "asleep")
    bench.queue.cancel(number)
    assert bench.wait(number).state is State.CANCELLED
    assert bench.run("steps", str(tmp_path / "song")).state is State.DONE
    assert not [update for update in bench.updates if update.row.id == number and isinstance(update.event, Logged)]
    bench.queue.close()
