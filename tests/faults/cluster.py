"""Faults of a cluster on this computer: a scheduler without slots and two nodes, real processes all."""

from __future__ import annotations

import contextlib
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.faults.processes import until
from tests.faults.world import World


@dataclass
class Cluster:
    """The processes, by their names."""

    scheduler: subprocess.Popen[bytes]
    nodes: dict[str, subprocess.Popen[bytes]]


def node_killed(world: World) -> None:
    """A node is ended by SIGKILL in the middle of a job; another one does it."""
    with _cluster(world) as cluster:
        child = world.work()
        world.until_done(0.2, child)
        until(lambda: _at("one", world) or child.poll() is not None, "the node has a job")
        world.again.update(row.id for row in world.running() if row.node == "one")
        cluster.nodes["one"].kill()
        cluster.nodes["one"].wait(30)
        assert world.finish(child) == 0, world.processes.said(child)[-2000:]
        assert _did_something(world, "two"), "the other node did nothing"


def scheduler_killed(world: World) -> None:
    """The scheduler is ended by SIGKILL; its jobs are given back, and this computer goes on alone."""
    with _cluster(world) as cluster:
        child = world.work()
        world.until_done(0.2, child)
        until(lambda: _busy(world) or child.poll() is not None, "the nodes have done something and are at more")
        world.again.update(row.id for row in world.running() if row.node)
        cluster.scheduler.kill()
        cluster.scheduler.wait(30)
        assert world.finish(child) == 0, world.processes.said(child)[-2000:]
        assert _did_something(world, "one", "two"), "the nodes did nothing"


@contextlib.contextmanager
def _cluster(world: World) -> Iterator[Cluster]:
    """A cluster that the queue's preferences name."""
    scheduler = _start(world, "scheduler", "start", "--address", "127.0.0.1:0", "--workers", "0")
    address = _said(world, scheduler, "listens at").split()[-1]
    key = world.folder / "scheduler" / "config" / "cluster" / "cluster.key"
    options = ("--key", key, "--workers", "1", "--name")
    nodes = {name: _start(world, name, "join", address, *options, name) for name in ("one", "two")}
    for node in nodes.values():
        _said(world, node, "Joined")
    world.settle(cluster_address=address, cluster_key=str(key))
    try:
        yield Cluster(scheduler, nodes)
    finally:
        world.settle()
        for member in (*nodes.values(), scheduler):
            if member.poll() is None:
                member.send_signal(signal.SIGTERM)
        for member in (*nodes.values(), scheduler):
            member.wait(60)


def _start(world: World, name: str, *words: str | Path) -> subprocess.Popen[bytes]:
    return world.processes.start("cluster", *words, extra={"REPRISE_HOME": str(world.folder / name)})


def _said(world: World, child: subprocess.Popen[bytes], text: str) -> str:
    """The line with the text, waited for."""

    def lines() -> list[str]:
        said = world.processes.said(child)
        assert child.poll() is None, said
        return [line for line in said.splitlines() if text in line]

    until(lines, text)
    return lines()[0]


def _at(node: str, world: World) -> bool:
    return any(row.node == node for row in world.running())


def _did_something(world: World, *nodes: str) -> bool:
    return any(row.node in nodes and row.state == "done" for row in world.rows())


def _busy(world: World) -> bool:
    return _did_something(world, "one", "two") and (_at("one", world) or _at("two", world))
