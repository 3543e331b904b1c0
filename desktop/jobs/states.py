"""The states of a job and the ways between them."""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """Where a job is in its life."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"

    @property
    def is_active(self) -> bool:
        """Whether a worker has the job."""
        return self in (State.RUNNING, State.PAUSED)

    @property
    def is_over(self) -> bool:
        """Whether nothing more happens unless the user asks."""
        return self in ENDED

    @property
    def can_retry(self) -> bool:
        """Whether the job may be queued again."""
        return State.QUEUED in TRANSITIONS[self]


ENDED = frozenset({State.DONE, State.FAILED, State.CANCELLED, State.INTERRUPTED})

TRANSITIONS: dict[State, frozenset[State]] = {
    State.QUEUED: frozenset({State.RUNNING, State.CANCELLED}),
    State.RUNNING: frozenset({State.PAUSED, *ENDED}),
    State.PAUSED: frozenset({State.RUNNING, *ENDED}),
    State.DONE: frozenset(),
    State.FAILED: frozenset({State.QUEUED}),
    State.CANCELLED: frozenset({State.QUEUED}),
    State.INTERRUPTED: frozenset({State.QUEUED}),
}


class InvalidTransition(Exception):
    """A job cannot go from the one state to the other."""

    def __init__(self, before: State, after: State) -> None:
        super().__init__(f"a job cannot go from {before} to {after}")


def advance(before: State, after: State) -> State:
    """``after``, if a job may go there from ``before``; raises InvalidTransition otherwise."""
    if after not in TRANSITIONS[before]:
        raise InvalidTransition(before, after)
    return after
