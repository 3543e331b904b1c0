"""What is known of a job in the queue or the history."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

from desktop.alive import is_alive, own_token
from desktop.jobs.batches import Batch
from desktop.jobs.events import AnyEvent, Failed, Produced
from desktop.jobs.job import AnyJob, DoctorJob
from desktop.jobs.states import State


@dataclass(frozen=True)
class Owner:
    """A process that queued a job or runs it: its number and start token."""

    pid: int
    token: str

    @classmethod
    def me(cls) -> Owner:
        """This process."""
        return cls(os.getpid(), own_token())

    @property
    def is_alive(self) -> bool:
        """Whether the process still runs."""
        return is_alive(self.pid, self.token)


@dataclass(frozen=True)
class Row:
    """A job and where it is. Times are seconds since 1970.

    Attributes:
        fraction: part of the work that is done, 0..1.
        message: what is going on.
        remaining_s: seconds left, None while that is not known.
        error: why it failed.
        result: what its run returned.
        artifacts: finished files.
        device: what it ran on, as its result says; "" before.
        priority: larger goes first.
        worker_pid: number of the process that runs or ran it, 0 before.
        batch: number of the batch that it belongs to, 0 for none.
        node: name of the computer that runs or ran it, "" for this one.
    """

    id: int
    job: AnyJob
    state: State
    owner: Owner
    fraction: float = 0.0
    message: str = ""
    remaining_s: float | None = None
    created: float = 0.0
    started: float | None = None
    ended: float | None = None
    error: Failed | None = None
    result: dict[str, Any] | None = None
    artifacts: list[Produced] = field(default_factory=list)
    device: str = ""
    priority: int = 0
    worker_pid: int = 0
    batch: int = 0
    node: str = ""


NO_ROW = Row(0, DoctorJob(), State.DONE, Owner(0, ""))
"""Stands in the row of an update that is about no job in particular."""


@dataclass(frozen=True)
class Update:
    """Something happened to a job, to a batch or to the whole queue.

    Attributes:
        row: the job as it is now (as it was, when removed); ``NO_ROW``, as removed, where it is about no single job.
        event: what its run said, None for a change of state or of another process's job.
        removed: it left the history.
        batch: a batch as it is now; told a few times a second at most.
        holds: who keeps the queue from beginning jobs, and why; None where nothing changed in that.
    """

    row: Row
    event: AnyEvent | None = None
    removed: bool = False
    batch: Batch | None = None
    holds: dict[str, str] | None = None
