"""A queue over real nodes and this computer: one behaviour, wherever a job runs."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop.jobs.cluster.executor import ClusterExecutor
from desktop.jobs.events import Measured, Previewed, Produced
from desktop.jobs.executors import local_slots
from desktop.jobs.job import CoverJob, ListenJob
from desktop.jobs.local import LocalExecutor
from desktop.jobs.queue import Queue, Row, Update
from desktop.jobs.states import State
from desktop.jobs.store import Store
from tests.jobs.cluster.cluster import Cluster, wait_until
from tests.waiting import PATIENCE_S, quickest


class Desk:
    """A queue whose jobs say by their title which runner they have."""

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        self.folder = folder
        self.store = Store()
        self.nodes = ClusterExecutor(cluster.address, cluster.keys)
        executors = [self.nodes, LocalExecutor(local_slots(1, gpus=0)[:1])]
        self.queue = Queue(self.store, executors=executors, runner_of=lambda job: f"tests.jobs.cluster.runners:{job.title}")
        self.updates: list[Update] = []
        self.queue.subscribe(self.updates.append)

    def submit(self, runner: str, *, rested: bool = False) -> int:
        """Queue a job; with ``rested`` when the node is free again, which it is a moment after its job's end."""
        source = self.folder / runner
        source.write_bytes(b"song")
        job = CoverJob(source=str(source), output=str(self.folder / "out"))
        if rested:
            wait_until(lambda: self.nodes.room_for(job, 0))
        return self.queue.submit(job)

    def at_work(self, number: int, node: str) -> Row:
        """A job that works on a node ("" for this computer)."""
        wait_until(lambda: self.queue.row(number).fraction > 0 and self.queue.row(number).node == node)
        return self.queue.row(number)

    def reached(self, number: int, state: State) -> None:
        wait_until(lambda: self.queue.row(number).state is state)

    def cancelled(self, number: int) -> float:
        """Cancel a job; returns after how many seconds it was over."""
        began = time.monotonic()
        self.queue.cancel(number)
        assert self.wait(number).state is State.CANCELLED
        return time.monotonic() - began

    def wait(self, number: int) -> Row:
        """A job when it is over and all are told of it."""
        row = self.queue.wait(number, 2 * PATIENCE_S)
        wait_until(lambda: any(update.row.id == number and update.row.state.is_over for update in self.updates))
        return row


@pytest.fixture
def desk(cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A queue over one node with one slot and one slot of this computer."""
    monkeypatch.setenv("REPRISE_EXTRA_RUNNERS", "tests.jobs.cluster.runners")
    cluster.join("one").said("Joined")
    desk = Desk(cluster, tmp_path)
    yield desk
    desk.queue.close()
    desk.store.close()


def test_jobs_are_the_same_here_and_there(desk: Desk, cluster: Cluster) -> None:
    there, here = desk.submit("waits"), desk.submit("waits")
    assert desk.at_work(there, "one").worker_pid != desk.at_work(here, "").worker_pid
    assert desk.store.row(there).node == "one"
    for number in (there, here):
        desk.queue.pause(number)
        desk.reached(number, State.PAUSED)
        assert desk.store.row(number).state is State.PAUSED
        desk.queue.resume(number)
        desk.reached(number, State.RUNNING)
    desk.queue.hold("test", "in the test", pause_running=True)
    for number in (there, here):
        desk.reached(number, State.PAUSED)
    desk.queue.release("test")
    for number, node in ((here, ""), (there, "one")):
        desk.reached(number, State.RUNNING)
        numbers = iter([number])

        def took(node: str = node, numbers: Iterator[int] = numbers) -> float:
            number = next(numbers, 0) or desk.submit("waits", rested=bool(node))
            desk.at_work(number, node)
            return desk.cancelled(number)

        assert quickest(took, 1.0) < 1.0

    rows = [desk.wait(number) for number in [desk.submit("steps", rested=True), desk.submit("steps")]]
    assert [(row.state, row.node, row.fraction) for row in rows] == [(State.DONE, "one", 1), (State.DONE, "", 1)]
    for row in rows:
        said = [update.event for update in desk.updates if update.row.id == row.id]
        assert len([event for event in said if isinstance(event, Measured)]) == 20
        assert [type(event) for event in said if isinstance(event, Previewed | Produced)] == [Previewed, Produced]
        assert len(desk.store.logs(row.id)) == 2
        # A queue that happens to look for work finds a job before it is told of it.
        states = list(dict.fromkeys(one.row.state for one in desk.updates if one.row.id == row.id))
        assert states[-2:] == [State.RUNNING, State.DONE] and states[:-2] in ([], [State.QUEUED])

    # What is about this computer is done here, though the node has room.
    number = desk.queue.submit(ListenJob(source="quick"))
    assert desk.wait(number).node == ""

    def killed_after() -> float:
        deaf = desk.submit("deaf", rested=True)
        desk.at_work(deaf, "one")
        return desk.cancelled(deaf)

    assert 1.9 < quickest(killed_after, 4.0) < 4.0
    killed = desk.submit("waits", rested=True)
    os.kill(desk.at_work(killed, "one").worker_pid, signal.SIGKILL)
    row = desk.wait(killed)
    assert row.state is State.FAILED and row.error and "SIGKILL" in row.error.message


@pytest.mark.slow
def test_when_the_cluster_is_lost_its_jobs_are_done_here(desk: Desk, cluster: Cluster) -> None:
    number = desk.submit("steps_slowly")
    desk.at_work(number, "one")
    cluster.scheduler.end(signal.SIGKILL)
    row = desk.wait(number)
    assert row.state is State.DONE and row.node == ""
    # A try that was on its way to the scheduler at that moment is given back as well.
    said = {line.text for _, line in desk.store.logs(number)}
    assert len(said) == 1 and "was lost; the job is done anew" in said.pop()


@pytest.mark.slow
def test_a_node_that_does_not_answer_does_not_hold_the_queue(desk: Desk, cluster: Cluster) -> None:
    stuck = desk.submit("waits")
    desk.at_work(stuck, "one")
    node = cluster.nodes["one"].process
    node.send_signal(signal.SIGSTOP)
    try:
        assert desk.cancelled(stuck) < 8
    finally:
        node.send_signal(signal.SIGCONT)
    # Nothing comes of it afterwards, and the node is of use again.
    wait_until(lambda: cluster.scratch_of("one") == [])
    assert desk.wait(desk.submit("steps")).state is State.DONE
