"""What runs inside a node: Dask calls these functions, by task or by request."""

from __future__ import annotations

import os
import secrets
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from desktop.alive import is_alive
from desktop.jobs.cluster import wire
from desktop.jobs.cluster.errand import Errand
from desktop.jobs.cluster.pool import Pool, Unwanted
from desktop.jobs.cluster.wire import Made
from desktop.jobs.executors import Slot
from desktop.jobs.job import decode
from desktop.paths import cache_dir

_WANTED_STATES = ("executing", "long-running")


class Node:
    """This process as a node of a cluster.

    Attributes:
        name: for people.
        pool: its slots.
        shares_folders: whether files are used in place where this computer sees them.
    """

    def __init__(self, name: str, slots: Sequence[Slot], *, shares_folders: bool = True) -> None:
        self.name = name
        self.pool = Pool(slots)
        self.shares_folders = shares_folders
        self.errands: dict[str, Errand] = {}
        self.since: dict[str, float] = {}

    def perform(self, worker: Any, key: str, data: bytes) -> None:
        """Run a parcel to its end on the calling thread; raises Unwanted when it was taken back, ProtocolError for nonsense."""
        parcel = wire.parcel(data)
        attempt = secrets.token_hex(8)

        def is_unwanted() -> bool:
            task = worker.state.tasks.get(key)
            return worker.status.name != "running" or task is None or task.state not in _WANTED_STATES

        def tell(note: wire.AnyNote) -> None:
            worker.log_event(parcel.topic, wire.pack(note))

        folder = _root() / f"{os.getpid()}-{attempt}"
        errand = Errand(parcel, attempt, folder, tell, is_unwanted)
        errand.shares_folders = self.shares_folders
        self.errands[attempt], self.since[attempt] = errand, time.time()
        try:
            with self.pool.seat(decode(parcel.job), parcel.title, parcel.priority, is_unwanted) as seat:
                errand.run(seat, self.name, worker.address)
        finally:
            del self.errands[attempt], self.since[attempt]

    def report(self) -> dict[str, Any]:
        """Name, slots and what they have, as plain data."""
        slots = [
            {"name": seat.slot.name, "device": seat.slot.device, "job": seat.title, "pid": seat.pid} for seat in self.pool.seats
        ]
        return {"node": self.name, "pid": os.getpid(), "slots": slots}


_node: Node | None = None


def set_up(node: Node) -> None:
    """Make this process that node; what dead ones left behind is removed."""
    global _node
    _node = node
    for folder in list(_root().iterdir()) if _root().is_dir() else []:
        pid = folder.name.partition("-")[0]
        if pid.isdecimal() and not is_alive(int(pid)):
            shutil.rmtree(folder, ignore_errors=True)


def perform(data: bytes) -> None:
    """The task: see ``Node.perform``."""
    from distributed import Reschedule
    from distributed.worker import get_worker

    worker = get_worker()
    try:
        _here().perform(worker, worker.get_current_task(), data)
    except Unwanted:
        if worker.status.name != "running":
            # A return would count as the job's end.
            raise Reschedule from None


async def obey(attempt: str, request: str) -> bool:
    """Pass a request on to a job; returns whether it is here."""
    errand = _here().errands.get(attempt)
    if errand is not None:
        errand.obey(request)
    return errand is not None


async def put(attempt: str, index: int, offset: int, data: bytes) -> None:
    """Take a piece of a file for a job."""
    import asyncio

    await asyncio.to_thread(_here().errands[attempt].put, index, offset, data)


async def fetch(attempt: str, made: Made, offset: int) -> bytes:
    """A piece of a job's result."""
    import asyncio

    return await asyncio.to_thread(_here().errands[attempt].fetch, made, offset)


async def release(attempt: str) -> None:
    """The client has the results of a job."""
    errand = _here().errands.get(attempt)
    if errand is not None:
        errand.release()


async def report() -> dict[str, Any]:
    """What this node is and does."""
    return _here().report()


def _here() -> Node:
    if _node is None:
        raise RuntimeError("this process is not a node of Reprise")
    return _node


def _root() -> Path:
    return cache_dir() / "cluster"
