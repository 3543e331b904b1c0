"""Two nodes against one, on loopback, with real restorations of small clips: how much of the second computer is left of it?

    python tests/benchmarks/cluster.py [--clips 16] [--rounds 3] [--clip FILE]

Not part of the test run. The clip has nobody in it, so that its time goes into decoding, looking for faces and encoding. Every
node has one worker with one thread and, where the system allows it, a core of its own: as two computers with one core each. The
same queue, processes and messages as always; workers are warm. One node and two take turns, and the best of the rounds counts, as
others may use the computer.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from desktop.jobs.cluster.executor import ClusterExecutor  # noqa: E402
from desktop.jobs.job import RestoreJob  # noqa: E402
from desktop.jobs.queue import Queue  # noqa: E402
from desktop.jobs.states import State  # noqa: E402
from desktop.jobs.store import Store  # noqa: E402
from desktop.paths import models_dir  # noqa: E402
from tests.jobs.cluster.cluster import Cluster  # noqa: E402

CLIP = ROOT.parent / "shared" / "data" / "clips" / "no_face.mp4"


@dataclass(frozen=True)
class Turn:
    """Seconds by the clock, and of processor time: the workers' and that of scheduler, nodes and queue."""

    took: float
    worked: float
    carried: float


class Side:
    """A cluster with so many nodes, and a queue whose jobs all go there."""

    def __init__(self, home: Path, nodes: int) -> None:
        self.nodes = nodes
        self.cluster = Cluster(home)
        members = []
        for number in range(nodes):
            name = f"node-{number + 1}"
            config = home / name / "config"
            config.mkdir(parents=True)
            (config / "settings.json").write_text(json.dumps({"version": 1, "threads": 1}))
            with _on_core(number):
                members.append(self.cluster.join(name))
        for member in members:
            member.said("Joined")
        self.store = Store(home / "queue.sqlite")
        self.executor = ClusterExecutor(self.cluster.address, self.cluster.keys)
        self.queue = Queue(self.store, executors=[self.executor])

    def run(self, clip: Path, out: Path, count: int) -> Turn:
        """Restore ``count`` copies of the clip, each a file of its own, as those of a folder are."""
        out.mkdir()
        clips = [Path(shutil.copyfile(clip, out / f"clip {number:02}{clip.suffix}")) for number in range(count)]
        jobs = [RestoreJob(source=str(one), output=str(out / "new" / one.name)) for one in clips]
        before, began = self._busy(), time.perf_counter()
        rows = [self.queue.wait(number) for number in [self.queue.submit(job) for job in jobs]]
        took, after = time.perf_counter() - began, self._busy()
        bad = [row for row in rows if row.state is not State.DONE]
        assert not bad, bad[0].error
        assert len({row.node for row in rows}) == min(self.nodes, count), "every node must have done something"
        shutil.rmtree(out)
        return Turn(took, after[0] - before[0], after[1] - before[1])

    def _busy(self) -> tuple[float, float]:
        """Seconds of processor time so far: of the workers, and of all that only carries their jobs."""
        members = [psutil.Process(one.process.pid) for one in (self.cluster.scheduler, *self.cluster.nodes.values())]
        workers = [worker for member in members for worker in member.children()]
        return _seconds(workers), _seconds([*members, psutil.Process()])

    def close(self) -> None:
        self.queue.close()
        self.cluster.close()
        self.store.close()


@contextlib.contextmanager
def _on_core(number: int) -> Iterator[None]:
    """What is started meanwhile runs on one core; the first for 0."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {sorted(cores)[number % len(cores)]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def _seconds(processes: list[psutil.Process]) -> float:
    times = [process.cpu_times() for process in processes]
    return sum(one.user + one.system for one in times)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--clips", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clip", type=Path, default=CLIP)
    given = parser.parse_args()
    os.environ.setdefault("REPRISE_MODELS", str(models_dir()))
    with tempfile.TemporaryDirectory() as folder:
        os.environ["REPRISE_HOME"] = folder
        sides = [Side(Path(folder) / f"side-{nodes}", nodes) for nodes in (1, 2)]
        best = {1: float("inf"), 2: float("inf")}
        try:
            for side in sides:
                side.run(given.clip, Path(folder) / "out", side.nodes)
            for number in range(given.rounds):
                for side in sides:
                    turn = side.run(given.clip, Path(folder) / "out", given.clips)
                    best[side.nodes] = min(best[side.nodes], turn.took)
                    print(
                        f"round {number + 1}, nodes: {side.nodes}: {given.clips} clips in {turn.took:.2f} s; {turn.worked:.2f} s "
                        f"of work by processor time, {turn.carried:.2f} s to carry it",
                        flush=True,
                    )
        finally:
            for side in sides:
                side.close()
    print(f"two nodes are {best[1] / best[2]:.2f} times as fast as one (best: {best[1]:.2f} s and {best[2]:.2f} s)")


if __name__ == "__main__":
    main()
