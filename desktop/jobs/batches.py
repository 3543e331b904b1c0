"""Batches: many jobs that were asked for together, and what is known of them as a whole."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from desktop.errors import UsageError
from desktop.jobs.events import Failed
from desktop.jobs.states import State

STOPPED = "stopped after an error"
"""What the queue says of jobs that were not begun because another one of their batch had failed."""

_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|„[^“]*“|“[^”]*”|‘[^’]*’")
_PATH = re.compile(r"(?<!\w)(?:[A-Za-z]:)?[/\\][^\s:;,]+")
_NUMBER = re.compile(r"(?:0x[0-9a-f]+|\d+(?:[.,]\d+)*)", re.IGNORECASE)


class OnError(StrEnum):
    """What happens to the rest of a batch when one of its jobs fails."""

    CONTINUE = "continue"
    STOP = "stop"


class BatchSpec(msgspec.Struct, frozen=True, kw_only=True):
    """What a batch is.

    Attributes:
        title: what the queue shows.
        kind: tag of its jobs: "cover", "restore", "label", ...
        output: folder of the results; "" for one beside each source.
        on_error: what a failed job means for those that wait.
        report: path of the table and report files without their ending; "" for none.
        watch: folder whose new files join the batch; "" for none.
    """

    title: str
    kind: str
    output: str = ""
    on_error: OnError = OnError.CONTINUE
    report: str = ""
    watch: str = ""

    def __post_init__(self) -> None:
        for field in ("title", "kind"):
            if not getattr(self, field).strip():
                raise UsageError(f"{field}: must not be empty")


@dataclass(frozen=True)
class Batch:
    """A batch and where it is. Times are seconds since 1970.

    Attributes:
        ended: when its last job ended, None before.
        counts: jobs in each state that any is in.
        skipped: what was not queued because it had been done before.
        fraction: part of the work that is done, 0..1; running jobs count with theirs.
        rate_per_h: jobs an hour of late, None while none has ended.
        remaining_s: seconds left at this rate, None while that is not known or nothing runs.
        is_paused: its queued jobs wait until it is resumed.
    """

    id: int
    spec: BatchSpec
    created: float
    ended: float | None
    counts: dict[State, int]
    skipped: int = 0
    fraction: float = 0.0
    rate_per_h: float | None = None
    remaining_s: float | None = None
    is_paused: bool = False

    @property
    def total(self) -> int:
        """All that was asked for, with what was skipped."""
        return sum(self.counts.values()) + self.skipped

    @property
    def is_over(self) -> bool:
        """Whether none of its jobs waits or runs. A watched folder may still bring more."""
        return all(state.is_over for state in self.counts)

    @property
    def state(self) -> State:
        """The batch as if it were one job: the worst end when it is over."""
        if self.is_over:
            return next(
                (state for state in (State.FAILED, State.CANCELLED, State.INTERRUPTED) if state in self.counts), State.DONE
            )
        if self.is_paused or (State.PAUSED in self.counts and State.RUNNING not in self.counts):
            return State.PAUSED
        return State.QUEUED if set(self.counts) == {State.QUEUED} else State.RUNNING


@dataclass(frozen=True)
class FailureGroup:
    """Jobs of a batch that failed for the same reason.

    Attributes:
        reason: the message, with "…" for paths, names and numbers where they differ.
        count: how many there are.
        jobs: their numbers.
        remedy: what to do, as the first one says.
    """

    reason: str
    count: int
    jobs: tuple[int, ...]
    remedy: str = ""


def summary(
    number: int,
    spec: BatchSpec,
    created: float,
    counts: dict[State, int],
    *,
    skipped: int = 0,
    paused: bool = False,
    begun: float = 0.0,
    recent: tuple[int, float] = (0, 0.0),
    ended: float | None = None,
) -> Batch:
    """A batch from what the database holds.

    Args:
        begun: sum of the fractions of running jobs.
        recent: how many jobs ended of late, and in how many seconds.
        ended: when the last job that is over ended.
    """
    batch = Batch(number, spec, created, None, counts, skipped=skipped, is_paused=paused)
    over = sum(count for state, count in counts.items() if state.is_over)
    fraction = (over + skipped + begun) / batch.total if batch.total else 1.0
    done, seconds = recent
    rate = 3600.0 * done / seconds if done and seconds > 0 else None
    waiting = sum(counts.values()) - over - begun
    is_moving = State.RUNNING in counts
    return Batch(
        number,
        spec,
        created,
        (ended or created) if batch.is_over else None,
        counts,
        skipped=skipped,
        fraction=min(1.0, fraction),
        rate_per_h=rate,
        remaining_s=3600.0 * waiting / rate if rate and is_moving else None,
        is_paused=paused and not batch.is_over,
    )


def group_failures(failures: Iterable[tuple[int, Failed]]) -> list[FailureGroup]:
    """Failures by their reason, the most frequent first; numbers of jobs come with them."""
    groups: dict[str, list[tuple[int, Failed]]] = {}
    for number, failed in failures:
        groups.setdefault(_mask(failed), []).append((number, failed))
    found = [
        FailureGroup(
            reason=reason if len({failed.message for _, failed in group}) > 1 else group[0][1].message,
            count=len(group),
            jobs=tuple(number for number, _ in group),
            remedy=group[0][1].remedy,
        )
        for reason, group in groups.items()
    ]
    return sorted(found, key=lambda group: (-group.count, group.jobs))


def merged(counts: Mapping[str, int]) -> dict[State, int]:
    """Counts by state, in the order of the states, without those that no job is in."""
    return {state: counts[state] for state in State if counts.get(state)}


def _mask(failed: Failed) -> str:
    text = failed.message
    for known in (failed.path, failed.path.replace("\\", "/").rsplit("/", 1)[-1]):
        if known:
            text = re.sub(rf"(?<!\w){re.escape(known)}(?!\w)", "…", text)
    for pattern in (_QUOTED, _PATH, _NUMBER):
        text = pattern.sub("…", text)
    return text
