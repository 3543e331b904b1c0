"""What the queue's list shows, line by line: batches, their files, single jobs. Read from the store a page at a time."""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, get_args

from desktop.errors import UserError
from desktop.jobs.batches import Batch, FailureGroup
from desktop.jobs.job import (
    AnyJob,
    AskJob,
    EstimateJob,
    FilmstripJob,
    FramesJob,
    InspectJob,
    ListenJob,
    PreviewJob,
    RecordsJob,
    RenderJob,
)
from desktop.jobs.rows import Row
from desktop.jobs.states import ENDED, State
from desktop.jobs.store import Store

PAGE = 50
FEW = 5
"""The files of so many failures for one reason are shown without being asked for."""
KEPT_PAGES = 8
ASIDE = (ListenJob, FramesJob, FilmstripJob, InspectJob, PreviewJob, RecordsJob, EstimateJob, AskJob)
HISTORY = tuple(str(kind.__struct_config__.tag) for kind in get_args(AnyJob) if kind not in ASIDE)
"""Tags of the jobs that are history when they are over."""
ASIDE_KINDS = (*(str(kind.__struct_config__.tag) for kind in ASIDE), str(RenderJob.__struct_config__.tag))
"""Tags of the jobs of which some only serve the window."""
ACTIVE = (State.RUNNING, State.PAUSED)
OVER = tuple(ENDED)


def is_aside(row: Row) -> bool:
    """Whether a job only serves the window (waveform, playback, frames) and is made again whenever it is needed."""
    return isinstance(row.job, ASIDE) or (isinstance(row.job, RenderJob) and "renders" in row.job.output)


Key = tuple[str, str, int]
"""Kind of a line, what tells it from others about the same (the reason that it stands below), number of its job or batch."""


@dataclass(frozen=True)
class Line:
    """A line of the list; what it is about is in one of ``row``, ``batch`` and ``group``.

    Attributes:
        key: the same for the same thing, wherever it stands.
        depth: 0, or 1 for what belongs to a batch.
        batch: for a line of its own, or of which ``group`` is a part.
    """

    key: Key
    depth: int = 0
    row: Row | None = None
    batch: Batch | None = None
    group: FailureGroup | None = None
    is_open: bool = False


class Pages:
    """Rows of one query, of which those looked at last are in memory; ``count`` where it is known how many there are."""

    def __init__(self, store: Store, depth: int = 0, where: str = "", *, count: int | None = None, **query: Any) -> None:
        self._store, self._query, self.depth, self._where = store, query, depth, where
        self._pages: OrderedDict[int, list[Row]] = OrderedDict()
        counted = {name: value for name, value in query.items() if name not in ("newest_first", "next_first")}
        self.count = store.count(**counted) if count is None else count

    def at(self, place: int) -> Row | None:
        """A row; None when there is none there any more."""
        number, inside = divmod(place, PAGE)
        page = self._pages.get(number)
        if page is None:
            page = self._pages[number] = self._store.page(offset=number * PAGE, limit=PAGE, **self._query)
            if len(self._pages) > KEPT_PAGES:
                self._pages.popitem(last=False)
        self._pages.move_to_end(number)
        return page[inside] if inside < len(page) else None

    def line(self, place: int) -> Line | None:
        """A row as a line of the list."""
        row = self.at(place)
        return None if row is None else Line(("job", self._where, row.id), self.depth, row)


class Lines:
    """All lines, from the top: what is at work, what waits, what is over; an open batch is followed by its files.

    Attributes:
        search: words that jobs must have in them; "" for the whole list. Found jobs stand alone, without their batches.
        states: only jobs in these, and batches with such jobs; empty for all.
        opened: numbers of the batches whose files are shown.
        hidden_jobs, hidden_batches: numbers of what is left out.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self.search = ""
        self.states: tuple[State, ...] = ()
        self.opened: set[int] = set()
        self.hidden_jobs: set[int] = set()
        self.hidden_batches: set[int] = set()
        self._turned: set[tuple[int, str]] = set()
        self._live: dict[int, Row] = {}
        self._batches: dict[int, Batch] = {}
        self._groups: dict[int, tuple[object, list[FailureGroup]]] = {}
        self._starts: list[int] = []
        self._parts: list[Callable[[int], Line | None]] = []
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def is_narrowed(self) -> bool:
        """Whether only a part of the list is shown."""
        return bool(self.search or self.states)

    def turn(self, line: Line) -> None:
        """Show the files of a batch or of a reason, or hide them; effective with the next ``refresh``."""
        if line.group is not None and line.batch is not None:
            self._turned ^= {(line.batch.id, line.group.reason)}
        elif line.batch is not None:
            self.opened ^= {line.batch.id}

    def refresh(self) -> None:
        """Read anew how much there is of what; raises UserError where the store does."""
        self._starts, self._parts, self._count = [], [], 0
        self._live = {}
        self._batches = {batch.id: batch for batch in self._store.batches() if batch.id not in self.hidden_batches}
        shown = [batch for batch in self._batches.values() if self._is_wanted(batch)]
        if self.search:
            for batch in shown:
                if self.search.casefold() in batch.spec.title.casefold():
                    self._add_batch(batch)
            self._add_rows(self.states, where="found", search=self.search, kinds=HISTORY, without=self.hidden_jobs)
            return
        for batch in shown:
            if not batch.is_over:
                self._add_batch(batch)
        self._add_rows(ACTIVE, batch=0, without=self.hidden_jobs)
        self._add_rows((State.QUEUED,), batch=0, next_first=True, without=self.hidden_jobs)
        self._add_over([batch for batch in shown if batch.is_over])

    def line(self, place: int) -> Line | None:
        """A line; None for one that has gone meanwhile."""
        if not 0 <= place < self._count:
            return None
        part = bisect_right(self._starts, place) - 1
        line = self._parts[part](place - self._starts[part])
        if line is not None and line.row is not None and (live := self._live.get(line.row.id)) is not None:
            return replace(line, row=live)
        return line

    def take(self, row: Row) -> None:
        """A job as it is now; it stays where it is until the next ``refresh``."""
        self._live[row.id] = row

    def take_batch(self, batch: Batch) -> bool:
        """A batch as it is now; False when the list must be refreshed for it."""
        before = self._batches.get(batch.id)
        self._batches[batch.id] = batch
        return before is not None and before.is_over == batch.is_over and before.total == batch.total

    def _of(self, states: tuple[State, ...]) -> tuple[State, ...]:
        """Those of ``states`` that are to be shown."""
        return tuple(state for state in states if not self.states or state in self.states)

    def _is_wanted(self, batch: Batch) -> bool:
        found = bool(self._of(tuple(batch.counts)))
        return found or not self.states or bool(batch.skipped and State.DONE in self.states)

    def _add_over(self, batches: list[Batch]) -> None:
        """What is over, from the newest to the oldest: single jobs, and between them the batches of that time."""
        wanted = self._of(OVER)
        chosen: dict[str, Any] = {"states": wanted, "kinds": HISTORY, "without": self.hidden_jobs}
        made = self._store.made_at(**chosen) if wanted else []
        singles = Pages(self._store, count=len(made), batch=0, **chosen)
        begin = 0
        for batch in batches:
            end = bisect_right(made, -batch.created, begin, key=lambda created: -created)
            self._add(singles, begin, end)
            self._add_batch(batch)
            begin = end
        self._add(singles, begin)

    def _add_part(self, count: int, make: Callable[[int], Line | None]) -> None:
        if count > 0:
            self._starts.append(self._count)
            self._parts.append(make)
            self._count += count

    def _add(self, pages: Pages, begin: int = 0, end: int | None = None) -> None:
        last = pages.count if end is None else end
        self._add_part(last - begin, lambda place: pages.line(begin + place))

    def _add_rows(self, states: tuple[State, ...], depth: int = 0, where: str = "", **query: Any) -> None:
        """Jobs in those of ``states`` that are to be shown (in any, where both are empty)."""
        wanted = self._of(states) if states else self.states
        if wanted or not (states or self.states):
            self._add(Pages(self._store, depth, where, states=wanted, **query))

    def _add_batch(self, batch: Batch) -> None:
        number = batch.id
        is_open = number in self.opened
        self._add_part(1, lambda _: Line(("batch", "", number), batch=self._batches.get(number), is_open=is_open))
        if not is_open:
            return
        mine: dict[str, Any] = {"batch": number, "depth": 1, "without": self.hidden_jobs}
        self._add_rows(ACTIVE, newest_first=False, **mine)
        if self._of((State.FAILED,)):
            for group in self._groups_of(batch):
                self._add_group(batch, group)
        self._add_rows((State.INTERRUPTED,), newest_first=False, **mine)
        self._add_rows((State.QUEUED,), next_first=True, **mine)
        self._add_rows((State.DONE, State.CANCELLED), newest_first=False, **mine)

    def _add_group(self, batch: Batch, group: FailureGroup) -> None:
        number = batch.id
        is_open = ((number, group.reason) in self._turned) != (group.count <= FEW)
        key = ("group", group.reason, number)
        self._add_part(1, lambda _: Line(key, 1, batch=self._batches.get(number), group=group, is_open=is_open))
        if is_open:
            self._add(Pages(self._store, 2, group.reason, jobs=group.jobs, newest_first=False, without=self.hidden_jobs))

    def _groups_of(self, batch: Batch) -> list[FailureGroup]:
        """Why files of a batch failed, as of the last time that anything in it ended."""
        known, now = self._groups.get(batch.id), (batch.counts, batch.ended)
        if known is None or known[0] != now:
            found = self._store.failure_groups(batch.id) if State.FAILED in batch.counts else []
            known = self._groups[batch.id] = (now, found)
        return known[1]


def all_rows(store: Store, states: tuple[State, ...], kinds: tuple[str, ...] = ()) -> list[Row]:
    """Every job in one of ``states`` (and of ``kinds``), oldest first; [] where the store cannot be read."""
    try:
        return store.page(states=states, kinds=kinds, newest_first=False, limit=100_000)
    except UserError:
        return []
